// Capturing an authorization, by an admin's call or for an order's shipment. Stripe lets an intent be captured once, which is what
// makes a repeated capture harmless: it is refused as an unexpected state, and the state is then read.
import type { Stripe } from "stripe";
import { eq } from "drizzle-orm";
import type { z } from "zod";
import { auditInsert } from "#shared/audit";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import type { CaptureInput, CaptureOrderInput, Payment } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { fingerprint } from "#shared/hash";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { isOpen } from "../domain/payment.ts";
import { captures, payments } from "../schema.ts";
import type { CaptureRow, PaymentRow } from "../schema.ts";
import { captureDone, captureInsert, captureRefused, captureSelect } from "../store/captures.ts";
import { scheduleCheck } from "../store/payments.ts";
import type { Change } from "../store/payments.ts";
import { fromRow } from "../store/rows.ts";
import { byId, byOrder, loadView, loadViews, viewStatements, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { withCallDeadline } from "./stripe/failures.ts";
import { reconcile } from "./reconcile.ts";
import { readPayments } from "./render.ts";
import { EXPAND_CHARGE, StripeRefused, ask } from "./stripe/client.ts";

const NOT_CAPTURABLE = fail("payment_not_capturable", "The payment has no authorization that can be captured.");

function changeOf(call: Call): Change {
  return { actor: call.actor.id, reason: "capture", traceparent: call.traceparent };
}

/** A row that says the buyer has not paid may only not have heard of it yet. */
async function upToDate(deps: PaymentsDeps, view: View): Promise<View> {
  if (!isOpen(view.row.status) || view.row.stripePaymentIntentId === null) return view;
  await reconcile(deps, view, { actor: "stripe", reason: "seen before a capture" });
  return await loadView(deps.db, view.row.id);
}

interface Captured {
  readonly row: PaymentRow;
  /** Stripe captured for this call, and not for another one before it. */
  readonly mine: boolean;
}

/** Before Stripe is asked: who asks is on record, and a sweep finds out what came of it if this process does not. */
async function begin(deps: PaymentsDeps, call: Call, { row }: View, amount: number, change: Change): Promise<void> {
  const now = deps.now();
  const details = { orderId: row.orderId, amount, authorized: row.amountCapturable, reason: change.reason };
  const audit = isUser(call.actor)
    ? [auditInsert(call, now, { action: "payment.capture", subject: row.id, details })]
    : [];
  await save(deps, [scheduleCheck(byId(row.id), now), ...audit]);
}

/**
 * Captures at Stripe and writes what came of it, or what is there instead when the intent's state did not allow it.
 * @throws StripeUnavailable
 */
async function captureAtStripe(
  deps: PaymentsDeps,
  call: Call,
  view: View,
  amount: number,
  change: Change,
  key?: CaptureRow,
): Promise<Captured> {
  const intentId = view.row.stripePaymentIntentId ?? "";
  await begin(deps, call, view, amount, change);
  let answer: Stripe.PaymentIntent | undefined;
  try {
    // No idempotency key of ours: the intent's state lets it be captured once, and a key would repeat an old failure.
    answer = await ask(() =>
      deps.stripe.paymentIntents.capture(intentId, { amount_to_capture: amount, ...EXPAND_CHARGE }),
    );
  } catch (error) {
    // Captured or cancelled meanwhile, or the authorization has lapsed: what Stripe holds now decides.
    if (!(error instanceof StripeRefused)) throw error;
  }
  const also = answer === undefined || key === undefined ? [] : [captureDone(key, deps.now())];
  return { row: await reconcile(deps, view, change, { answer, also }), mine: answer !== undefined };
}

async function readPayment(deps: PaymentsDeps, paymentId: string): Promise<Payment> {
  const [payment] = await readPayments(deps, eq(payments.id, paymentId));
  if (payment === undefined) throw new Error(`payment ${paymentId} is gone`);
  return payment;
}

interface Asked {
  readonly view: View | undefined;
  /** The row under this caller's key, and whether it was written just now. */
  readonly key: CaptureRow | undefined;
  readonly isNew: boolean;
}

type Input = z.output<typeof CaptureInput>;

/** Writes the key where there is one, and reads the payment, in one round trip. */
async function askedFor(deps: PaymentsDeps, call: Call, input: Input, print: string): Promise<Asked> {
  const { paymentId, idempotencyKey, amount } = input;
  const views = viewStatements(byId(paymentId));
  if (idempotencyKey === undefined) {
    const [view] = await loadViews(deps.db, byId(paymentId));
    return { view, key: undefined, isNew: false };
  }
  const key = { actor: call.actor.id, idempotencyKey, fingerprint: print, paymentId };
  const { results } = await save(deps, [captureInsert(key, amount ?? null, deps.now()), captureSelect(key), ...views]);
  const rows = (index: number): Record<string, unknown>[] => results[index]?.results ?? [];
  const [found] = rows(1);
  const [view] = viewsOf(rows(2), rows(3));
  return {
    view,
    key: found === undefined ? undefined : fromRow(captures, found),
    isNew: (results[0]?.meta.changes ?? 0) > 0,
  };
}

/** An order's closing takes its money back; capturing it first would only make a refund of a void. */
function capturable(view: View): boolean {
  return view.closed === null && view.row.status === "AUTHORIZED";
}

/** What to capture, or why not. A capture under the same key whose answer was lost finds its own amount captured. */
async function runCapture(
  deps: PaymentsDeps,
  call: Call,
  view: View,
  amountAsked: number | undefined,
  key: CaptureRow | undefined,
): Promise<Outcome<PaymentRow>> {
  const amount = amountAsked ?? (key === undefined ? view.row.amountCapturable : key.amount);
  if (!capturable(view)) {
    return key !== undefined && view.row.amountCaptured === key.amount ? ok(view.row) : NOT_CAPTURABLE;
  }
  if (amount > view.row.amountCapturable) {
    return fail("amount_exceeds_authorized", "The amount is over what was authorized.");
  }
  const { row, mine } = await captureAtStripe(deps, call, view, amount, changeOf(call), key);
  return mine || (key !== undefined && row.amountCaptured === key.amount) ? ok(row) : NOT_CAPTURABLE;
}

/** A key can be kept only with an authorization: one that was not heard of is asked for first. */
async function askedUpToDate(deps: PaymentsDeps, call: Call, input: Input, print: string): Promise<Asked> {
  const asked = await askedFor(deps, call, input, print);
  const { view, key } = asked;
  if (view === undefined || key !== undefined || !isOpen(view.row.status)) return asked;
  return (await upToDate(deps, view)) === view ? asked : await askedFor(deps, call, input, print);
}

type CaptureAnswer = Outcome<{ readonly payment: Payment; readonly replayed: boolean }>;

/** See PaymentsContract.capture. */
export async function capture(deps: PaymentsDeps, call: Call, input: Input): Promise<CaptureAnswer> {
  const { paymentId, amount } = input;
  const print = await fingerprint("capture", { paymentId, amount });
  return await withCallDeadline(deps, async (): Promise<CaptureAnswer> => {
    const { view, key, isNew } = await askedUpToDate(deps, call, input, print);
    if (key !== undefined && key.fingerprint !== print) {
      return fail("idempotency_key_reused", "This Idempotency-Key was used for another request.");
    }
    if (view === undefined) return fail("not_found", "There is no such payment.");
    const replayed = !isNew && key !== undefined && key.capturedAt !== null;
    if (replayed) return ok({ payment: await readPayment(deps, paymentId), replayed });
    const captured = await runCapture(deps, call, view, amount, key);
    if (!captured.ok) {
      if (key !== undefined) await save(deps, [captureRefused(key)]);
      return captured;
    }
    if (key !== undefined) await save(deps, [captureDone(key, deps.now())]);
    return ok({ payment: await readPayment(deps, paymentId), replayed });
  });
}

/** The states of a payment whose money was captured and is not all gone: shipping may go on. */
const SHIPPABLE: readonly PaymentRow["status"][] = ["CAPTURED", "PARTIALLY_REFUNDED"];

/** See PaymentsContract.captureOrder. */
export async function captureOrder(
  deps: PaymentsDeps,
  call: Call,
  { orderId }: z.output<typeof CaptureOrderInput>,
): Promise<Outcome<Payment>> {
  const views = await loadViews(deps.db, byOrder(orderId));
  const live = views.find(({ row }) => row.status !== "VOIDED");
  if (live === undefined) return NOT_CAPTURABLE;
  return await withCallDeadline(deps, async () => {
    const change = { ...changeOf(call), reason: "shipment" };
    const current = await upToDate(deps, live);
    if (capturable(current)) {
      const { row } = await captureAtStripe(deps, call, current, current.row.amountCapturable, change);
      if (!SHIPPABLE.includes(row.status)) return NOT_CAPTURABLE;
    } else if (current.closed !== null || !SHIPPABLE.includes(current.row.status)) {
      return NOT_CAPTURABLE;
    }
    return ok(await readPayment(deps, live.row.id));
  });
}
