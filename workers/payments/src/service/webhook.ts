// Stripe's webhook: verified over the raw body, processed, stored once with its result, and answered. The body is only trusted to name
// the intent it is about; the state is read from Stripe.
import type { SQL } from "drizzle-orm";
import { Stripe } from "stripe";
import * as z from "zod";
import { readAll } from "#shared/database";
import type { ErrorCode } from "#shared/errors";
import { findingInsert } from "#shared/findings";
import { newId } from "#shared/ids";
import { log, withInvocation } from "#shared/logger";
import { save } from "#shared/outbox";
import { problemResponse } from "#shared/problems";
import { CONTENT_SECURITY_POLICY, SECURITY_HEADERS } from "#shared/security-headers";
import { withTimeout } from "#shared/timeout";
import {
  MAX_WEBHOOK_BYTES,
  WEBHOOK_PATH,
  WEBHOOK_PATIENCE_MS,
  WEBHOOK_RETRY_MS,
  WEBHOOK_TOLERANCE_SECONDS,
} from "../constants.ts";
import { stripeEventInsert, receivedEvent } from "../store/stripe-events.ts";
import { byIntent, viewQueries, viewsOf } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { StripeEvent, processEvent, processStored, subjectOf } from "./stripe/events.ts";

/** The body's text, or undefined when it is over the limit; no more than the limit is read. */
async function readText(request: Request): Promise<string | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_WEBHOOK_BYTES) return undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_WEBHOOK_BYTES) return undefined;
    chunks.push(chunk);
  }
  return await new Blob(chunks).text();
}

/** Records an event of the other mode. It is acknowledged all the same, because Stripe would repeat it and disable the endpoint. */
async function recordOtherMode(deps: PaymentsDeps, { id, type, livemode }: StripeEvent): Promise<void> {
  log("error", "a webhook of Stripe's other mode", { stripeEventId: id, type, livemode });
  const details = { type, livemode, expected: deps.livemode };
  const finding = { kind: "webhook_other_mode", subject: id, outcome: "open", details } as const;
  await save(deps, { finding: findingInsert(deps.now(), finding) });
}

/**
 * Processes the event and stores it with the result. Stripe repeats a webhook whose answer is late, so one that takes long is stored before
 * the answer and processed after it, as is the copy of one that failed. For a copy of a processed event nothing is left to do.
 */
async function accept(deps: PaymentsDeps, event: StripeEvent, payload: string): Promise<void> {
  const subject = subjectOf(event);
  const { id, type } = event;
  const insert = (processAt: number | null): SQL =>
    stripeEventInsert({ id, type, payload }, { processAt, now: deps.now() });
  if (subject === undefined) {
    await save(deps, { stored: insert(null) });
    return;
  }
  const { received, payments, refunds } = await readAll(deps.db, {
    received: receivedEvent(id),
    ...viewQueries(byIntent(subject.intentId, subject.paymentId)),
  });
  const [stored] = received;
  if (stored !== undefined) {
    // The first body of an id counts. Copies differ, because Stripe counts its deliveries in the body.
    if (stored.processedAt === null) deps.waitUntil(processStored(deps, stored));
    return;
  }
  const processing = processEvent(deps, { id, type, payload, attempts: 0 }, subject, viewsOf(payments, refunds));
  const isInTime = await withTimeout(
    processing.then(() => true),
    WEBHOOK_PATIENCE_MS,
    () => false,
  );
  if (isInTime) return;
  await save(deps, { stored: insert(deps.now() + WEBHOOK_RETRY_MS) });
  deps.waitUntil(processing);
}

/** The headers of every answer. Stripe calls this Worker directly, so it sets the headers that the gateway sets elsewhere. */
function answerHeaders(requestId: string): Readonly<Record<string, string>> {
  return { ...SECURITY_HEADERS, "content-security-policy": CONTENT_SECURITY_POLICY, "x-request-id": requestId };
}

function problem(
  code: ErrorCode,
  detail: string,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return problemResponse({ code, detail }, requestId, { ...answerHeaders(requestId), ...headers });
}

async function receive(request: Request, deps: PaymentsDeps, requestId: string): Promise<Response> {
  const body = await readText(request);
  if (body === undefined) {
    return problem("payload_too_large", `The body is over ${String(MAX_WEBHOOK_BYTES)} bytes.`, requestId);
  }
  const signature = request.headers.get("stripe-signature");
  if (signature === null) return problem("invalid_signature", "The Stripe-Signature header is missing.", requestId);
  const { stripe, webhookSecret, livemode } = deps;
  let parsed: unknown;
  try {
    parsed = await stripe.webhooks.constructEventAsync(body, signature, webhookSecret, WEBHOOK_TOLERANCE_SECONDS);
  } catch (error) {
    if (error instanceof SyntaxError) return problem("malformed_json", "The body is not JSON.", requestId);
    if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
    log("warn", "a webhook's signature was refused", { reason: error.message.split("\n")[0] });
    return problem("invalid_signature", "The signature does not match the body, or is too old.", requestId);
  }
  const { data: event } = StripeEvent.safeParse(parsed);
  if (event === undefined) return problem("validation_failed", "The body is not an event of Stripe's.", requestId);
  if (event.livemode !== undefined && event.livemode !== livemode) await recordOtherMode(deps, event);
  else await accept(deps, event, body);
  return Response.json({ received: true }, { headers: { "cache-control": "no-store", ...answerHeaders(requestId) } });
}

/** Accepted request ids, as in the gateway. */
const RequestId = z.string().regex(/^[A-Za-z0-9._-]{1,100}$/);

/** Answers the one public route of this Worker: POST /api/webhooks/stripe. */
export async function handleWebhook(request: Request, deps: PaymentsDeps): Promise<Response> {
  const requestId = RequestId.safeParse(request.headers.get("x-request-id")).data ?? newId("req");
  if (new URL(request.url).pathname !== WEBHOOK_PATH) {
    return problem("not_found", "There is nothing here.", requestId);
  }
  if (request.method !== "POST") {
    return problem("method_not_allowed", "Only POST is allowed here.", requestId, { allow: "POST" });
  }
  const { worker, logLevel: level } = deps;
  const invocation = { worker, operation: "webhook", correlationId: requestId, requestId, level };
  return await withInvocation(invocation, async () => {
    try {
      return await receive(request, deps, requestId);
    } catch (error) {
      // Nothing is stored, so Stripe sends the event again.
      log("error", "a webhook could not be stored", { error });
      return problem("service_unavailable", "The event could not be stored; send it again.", requestId);
    }
  });
}
