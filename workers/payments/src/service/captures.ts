// Captures an authorization, by an admin's call or for an order's shipment. Stripe allows one capture of an intent. A repeated capture is
// refused for the intent's state, which is then read.
import type { Stripe } from "stripe";
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import type { CaptureInput, CaptureOrderInput, Payment } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { fingerprint } from "#shared/hash";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { replayOrRefuse } from "#shared/retry";
import { isOpen, isShippable } from "../domain/payment.ts";
import type { CaptureRow, PaymentRow } from "../schema.ts";
import { captureDone, captureInsert, captureRefused, captureSelect } from "../store/captures.ts";
import { scheduleCheck } from "../store/payments.ts";
import type { ChangeCause } from "../store/payments.ts";
import { byId, byOrder, loadView, loadViews, viewQueries, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { intentIdOf, reconcile } from "./reconcile.ts";
import { readPayment } from "./render.ts";
import { captureIntent } from "./stripe/client.ts";
import { StripeRefused, withCallDeadline } from "./stripe/failures.ts";

const NOT_CAPTURABLE = fail("payment_not_capturable", "The payment has no authorization that can be captured.");

/** An open payment may have been paid without a webhook yet: reads it again from Stripe. */
async function refreshed(deps: PaymentsDeps, view: View): Promise<View> {
  if (!isOpen(view.row.status) || view.row.stripePaymentIntentId === null) return view;
  await reconcile(deps, view, { actor: "stripe", reason: "seen before a capture" });
  return await loadView(deps.db, view.row.id);
}

/** A closed order's money is returned, so it is not captured. */
function isCapturable({ row, closed }: View): boolean {
  return closed === null && row.status === "AUTHORIZED";
}

interface Capture {
  readonly amount: number;
  /** Why, for the payment's history: `capture` or `shipment`. */
  readonly reason: string;
  readonly key?: CaptureRow | undefined;
}

/** Before Stripe is called: records who captures, and has a sweep look at the payment in case this process dies. */
async function announce(deps: PaymentsDeps, call: Call, { row }: View, { amount, reason }: Capture): Promise<void> {
  const now = deps.now();
  const details = { orderId: row.orderId, amount, authorized: row.amountCapturable, reason };
  const entry = { action: "payment.capture", subject: row.id, details };
  await save(deps, {
    check: scheduleCheck(byId(row.id), now),
    audit: isUser(call.actor) ? [auditInsert(call, now, entry)] : [],
  });
}

/** `isOwn`: Stripe captured for this call, not for an earlier one. @throws StripeUnavailable */
async function captureAtStripe(
  deps: PaymentsDeps,
  call: Call,
  view: View,
  capture: Capture,
): Promise<{ readonly row: PaymentRow; readonly isOwn: boolean }> {
  const { amount, reason, key } = capture;
  await announce(deps, call, view, capture);
  let answer: Stripe.PaymentIntent | undefined;
  try {
    answer = await captureIntent(deps.stripe, intentIdOf(view), amount);
  } catch (error) {
    // It was captured or cancelled already, or has expired: what Stripe holds now decides.
    if (!(error instanceof StripeRefused)) throw error;
  }
  const cause: ChangeCause = { actor: call.actor.id, reason, traceparent: call.traceparent };
  const also = answer === undefined || key === undefined ? [] : [captureDone(key, deps.now())];
  return { row: await reconcile(deps, view, cause, { answer, also }), isOwn: answer !== undefined };
}

type Input = z.output<typeof CaptureInput>;

interface KeyedRequest {
  readonly view: View | undefined;
  /** The row under this caller's key, and whether this call wrote it. */
  readonly key: CaptureRow | undefined;
  readonly isNew: boolean;
}

/** Writes the key, if there is one, and reads the payment, in one round trip. */
async function openRequest(deps: PaymentsDeps, call: Call, input: Input, print: string): Promise<KeyedRequest> {
  const { paymentId, idempotencyKey, amount } = input;
  if (idempotencyKey === undefined) {
    const [view] = await loadViews(deps.db, byId(paymentId));
    return { view, key: undefined, isNew: false };
  }
  const key = { actor: call.actor.id, idempotencyKey, fingerprint: print, paymentId };
  const { inserted, stored, payments, refunds } = await save(deps, {
    inserted: captureInsert(key, amount ?? null, deps.now()),
    stored: captureSelect(key),
    ...viewQueries(byId(paymentId)),
  });
  const [view] = viewsOf(payments.rows, refunds.rows);
  return { view, key: stored.rows[0], isNew: inserted.changes > 0 };
}

/** A key is stored only with an authorization. If the payment is still open here, it is refreshed and the key written again. */
async function openRefreshed(deps: PaymentsDeps, call: Call, input: Input, print: string): Promise<KeyedRequest> {
  const opened = await openRequest(deps, call, input, print);
  const { view, key } = opened;
  if (view === undefined || key !== undefined || !isOpen(view.row.status)) return opened;
  return (await refreshed(deps, view)) === view ? opened : await openRequest(deps, call, input, print);
}

/** Captures, or finds that an earlier call under the same key, whose answer was lost, captured its amount. */
async function runCapture(
  deps: PaymentsDeps,
  call: Call,
  view: View,
  { amount: requested, key }: { readonly amount: number | undefined; readonly key: CaptureRow | undefined },
): Promise<Outcome<PaymentRow>> {
  const amount = requested ?? key?.amount ?? view.row.amountCapturable;
  const isAmountOfKey = (row: PaymentRow): boolean => key !== undefined && row.amountCaptured === key.amount;
  if (!isCapturable(view)) return isAmountOfKey(view.row) ? ok(view.row) : NOT_CAPTURABLE;
  if (amount > view.row.amountCapturable) {
    return fail("amount_exceeds_authorized", "The amount is over what was authorized.");
  }
  const { row, isOwn } = await captureAtStripe(deps, call, view, { amount, reason: "capture", key });
  return isOwn || isAmountOfKey(row) ? ok(row) : NOT_CAPTURABLE;
}

type CaptureAnswer = Outcome<{ readonly payment: Payment; readonly replayed: boolean }>;

/** See PaymentsContract.capture. */
export async function capture(deps: PaymentsDeps, call: Call, input: Input): Promise<CaptureAnswer> {
  const { paymentId, amount } = input;
  const print = await fingerprint("capture", { paymentId, amount });
  return await withCallDeadline(deps, async (): Promise<CaptureAnswer> => {
    const { view, key, isNew } = await openRefreshed(deps, call, input, print);
    const used = key && replayOrRefuse(key, print, () => key.capturedAt !== null);
    if (used?.ok === false) return used;
    if (view === undefined) return fail("not_found", "There is no such payment.");
    const replayed = !isNew && used?.value === true;
    if (!replayed) {
      const captured = await runCapture(deps, call, view, { amount, key });
      if (key !== undefined) {
        await save(deps, { key: captured.ok ? captureDone(key, deps.now()) : captureRefused(key) });
      }
      if (!captured.ok) return captured;
    }
    return ok({ payment: await readPayment(deps, paymentId), replayed });
  });
}

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
    const view = await refreshed(deps, live);
    if (view.closed !== null) return NOT_CAPTURABLE;
    const capture = { amount: view.row.amountCapturable, reason: "shipment" };
    const row = isCapturable(view) ? (await captureAtStripe(deps, call, view, capture)).row : view.row;
    return isShippable(row.status) ? ok(await readPayment(deps, row.id)) : NOT_CAPTURABLE;
  });
}
