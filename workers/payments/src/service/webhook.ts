// Stripe's webhook: verified over the bytes as they came, stored once, answered, and processed after the answer. Nothing in the
// body is believed but which intent it is about: the state is read from Stripe.
import { sql } from "drizzle-orm";
import { Stripe } from "stripe";
import { z } from "zod";
import { findingInsert } from "#shared/findings";
import { newId } from "#shared/ids";
import { log, withInvocation } from "#shared/logger";
import { save } from "#shared/outbox";
import {
  MAX_WEBHOOK_BYTES,
  WEBHOOK_PATH,
  WEBHOOK_RETRY_AFTER_SECONDS,
  WEBHOOK_TOLERANCE_SECONDS,
} from "../constants.ts";
import { stripeEvents } from "../schema.ts";
import { fromRow } from "../store/rows.ts";
import { eventInsert, eventUnprocessed } from "../store/stripe-events.ts";
import { byIntent, viewStatements, viewsOf } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { answerHeaders, problem } from "./problems.ts";
import { processEvent, processStored } from "./stripe/events.ts";
import { StripeEvent, subjectOf } from "./stripe/event-subject.ts";

/** The body's text, or undefined when it is over the limit; it is read no further than that. */
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

/** Stripe's event, if Stripe signed these bytes not long ago. */
async function verified(deps: PaymentsDeps, body: string, signature: string): Promise<unknown> {
  return await deps.stripe.webhooks.constructEventAsync(body, signature, deps.webhookSecret, WEBHOOK_TOLERANCE_SECONDS);
}

/** An event of test mode at an endpoint of live mode, or the reverse: the endpoint is set up at the wrong place. */
function isOtherMode(deps: PaymentsDeps, { livemode }: StripeEvent): boolean {
  return livemode !== undefined && livemode !== deps.livemode;
}

/**
 * Takes note of an event that cannot be about this shop's money. It is acknowledged: Stripe would only repeat it, and in the end
 * switch the endpoint off.
 */
async function refuseMode(deps: PaymentsDeps, event: StripeEvent): Promise<void> {
  const { id, type, livemode } = event;
  log("error", "a webhook of Stripe's other mode", { stripeEventId: id, type, livemode });
  const details = { type, livemode, expected: deps.livemode };
  await save(deps, [findingInsert(deps.now(), { kind: "webhook_other_mode", subject: id, outcome: "open", details })]);
}

/** Stores the event and reads its payment in one round trip; a copy of a processed event has nothing left to do. */
async function accept(deps: PaymentsDeps, event: StripeEvent, payload: string): Promise<void> {
  const subject = subjectOf(event);
  const { results } = await save(deps, [
    eventInsert({ id: event.id, type: event.type, payload }, subject !== undefined, deps.now()),
    eventUnprocessed(event.id, payload),
    ...viewStatements(subject === undefined ? sql`false` : byIntent(subject.intentId, subject.paymentId)),
  ]);
  const rows = (index: number): Record<string, unknown>[] => results[index]?.results ?? [];
  const [unprocessed] = rows(1);
  if (unprocessed === undefined) return;
  const stored = fromRow(stripeEvents, unprocessed);
  if (unprocessed["differs"] === 1 || subject === undefined) {
    // An id has one event: what was stored first. Stripe counts its deliveries in the body, so that alone is nothing to tell.
    deps.waitUntil(processStored(deps, stored));
    return;
  }
  deps.waitUntil(processEvent(deps, stored, subject, viewsOf(rows(2), rows(3))));
}

async function receive(request: Request, deps: PaymentsDeps, requestId: string): Promise<Response> {
  const body = await readText(request);
  if (body === undefined) {
    return problem("payload_too_large", `The body is over ${String(MAX_WEBHOOK_BYTES)} bytes.`, requestId);
  }
  const signature = request.headers.get("stripe-signature");
  if (signature === null) return problem("invalid_signature", "The Stripe-Signature header is missing.", requestId);
  let parsed: unknown;
  try {
    parsed = await verified(deps, body, signature);
  } catch (error) {
    if (error instanceof SyntaxError) return problem("malformed_json", "The body is not JSON.", requestId);
    if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
    log("warn", "a webhook's signature was refused", { reason: error.message.split("\n")[0] });
    return problem("invalid_signature", "The signature does not match the body, or is too old.", requestId);
  }
  const event = StripeEvent.safeParse(parsed);
  if (!event.success) return problem("validation_failed", "The body is not an event of Stripe's.", requestId);
  if (isOtherMode(deps, event.data)) await refuseMode(deps, event.data);
  else await accept(deps, event.data, body);
  return Response.json({ received: true }, { headers: { "cache-control": "no-store", ...answerHeaders(requestId) } });
}

/** A request id that came with the request, when it is sane; the gateway's rule. */
const RequestId = z.string().regex(/^[A-Za-z0-9._-]{1,100}$/);

/** Answers the one public route of this Worker: POST /api/webhooks/stripe. */
export async function handleWebhook(request: Request, deps: PaymentsDeps): Promise<Response> {
  const requestId = RequestId.safeParse(request.headers.get("x-request-id")).data ?? newId("req");
  const { worker, logLevel: level } = deps;
  const path = new URL(request.url).pathname;
  if (path !== WEBHOOK_PATH) return problem("not_found", "There is nothing here.", requestId);
  if (request.method !== "POST") {
    return problem("method_not_allowed", "Only POST is allowed here.", requestId, { allow: "POST" });
  }
  return await withInvocation(
    { worker, operation: "webhook", correlationId: requestId, requestId, level },
    async () => {
      try {
        return await receive(request, deps, requestId);
      } catch (error) {
        // Nothing is stored, so Stripe sends it again.
        log("error", "a webhook could not be taken", { error });
        return problem("service_unavailable", "The event could not be stored; send it again.", requestId, {
          "retry-after": String(WEBHOOK_RETRY_AFTER_SECONDS),
        });
      }
    },
  );
}
