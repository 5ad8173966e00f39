// Refunds by an admin's call. The row reserves its amount before Stripe is called, so concurrent refunds never exceed what was captured.
// Its id is Stripe's idempotency key, so a lost answer never makes two refunds.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import type { Refund, RefundInput } from "#shared/contracts/payments";
import { StaleWrite, mustChange } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { fingerprint } from "#shared/hash";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { replayOrRefuse } from "#shared/retry";
import { refusalOf } from "../domain/refunds.ts";
import type { RefundRow } from "../schema.ts";
import type { ChangeCause } from "../store/payments.ts";
import { refundInsert, refundRefused, refundSelect } from "../store/refunds.ts";
import type { NewRefund } from "../store/refunds.ts";
import { byId, loadView, viewQueries, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { intentIdOf, reconcile } from "./reconcile.ts";
import { renderRefund } from "./render.ts";
import { createStripeRefund } from "./stripe/client.ts";
import { StripeRefused, withCallDeadline } from "./stripe/failures.ts";

interface RefundRequest {
  readonly view: View | undefined;
  /** The refund under this caller's key, or the one that this call wrote. */
  readonly refund: RefundRow | undefined;
  readonly isNew: boolean;
}

/** Writes the refund and reads it with its payment in one round trip. If its amount is too large or its key used, a second one reads. */
async function openRequest(deps: PaymentsDeps, call: Call, refund: NewRefund): Promise<RefundRequest> {
  const { id, paymentId, amount, reason } = refund;
  const now = deps.now();
  const entry = { action: "payment.refund", subject: paymentId, details: { refundId: id, amount, reason } };
  const reads = { found: refundSelect(refund), ...viewQueries(byId(paymentId)) };
  try {
    const { found, payments, refunds } = await save(deps, {
      inserted: [refundInsert(refund, now), mustChange()],
      audit: isUser(call.actor) ? [auditInsert(call, now, entry)] : [],
      ...reads,
    });
    return { refund: found.rows[0], view: viewsOf(payments.rows, refunds.rows)[0], isNew: true };
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    const { found, payments, refunds } = await save(deps, reads);
    return { refund: found.rows[0], view: viewsOf(payments.rows, refunds.rows)[0], isNew: false };
  }
}

/** Stripe's reasons against a refund that are not about its amount. */
const DISPUTED_CODES: readonly string[] = ["charge_disputed", "refund_disputed_payment", "charge_not_refundable"];

const NOT_REFUNDABLE = fail("payment_not_refundable", "The payment cannot be refunded in its present state.");
const EXCEEDS = fail("amount_exceeds_captured", "The amount is over what was captured and not refunded yet.");

/** @throws StripeUnavailable; the row then stays pending, and a sweep or the next call with its key resumes it */
export async function executeRefund(
  deps: PaymentsDeps,
  view: View,
  refund: RefundRow,
  cause: ChangeCause,
  { isRepeated }: { readonly isRepeated: boolean },
): Promise<Outcome<RefundRow>> {
  const paymentId = view.row.id;
  try {
    await createStripeRefund(deps.stripe, refund, intentIdOf(view), { isRepeated });
  } catch (error) {
    if (!(error instanceof StripeRefused)) throw error;
    log("warn", "Stripe refuses a refund", { refundId: refund.id, code: error.code });
    await save(deps, { refused: refundRefused(refund.id, deps.now()) });
    // Money may have been refunded in Stripe's dashboard without a webhook yet.
    await reconcile(deps, await loadView(deps.db, paymentId), cause);
    return DISPUTED_CODES.includes(error.code) ? NOT_REFUNDABLE : EXCEEDS;
  }
  await reconcile(deps, view, cause);
  const after = await loadView(deps.db, paymentId);
  return ok(after.refunds.find(({ id }) => id === refund.id) ?? refund);
}

/** See PaymentsContract.refund. */
export async function refund(
  deps: PaymentsDeps,
  call: Call,
  { paymentId, amount, reason, idempotencyKey }: z.output<typeof RefundInput>,
): Promise<Outcome<{ readonly refund: Refund; readonly replayed: boolean }>> {
  const print = await fingerprint("refund", { paymentId, amount, reason });
  const {
    view,
    refund: row,
    isNew,
  } = await openRequest(deps, call, {
    id: newId("rfd"),
    paymentId,
    amount: amount ?? null,
    reason: reason ?? null,
    actor: call.actor.id,
    idempotency: idempotencyKey === undefined ? undefined : { key: idempotencyKey, fingerprint: print },
  });
  const used = isNew || row === undefined ? undefined : replayOrRefuse(row, print, () => row);
  if (used?.ok === false) return used;
  if (view === undefined) return fail("not_found", "There is no such payment.");
  if (row === undefined) {
    return refusalOf(view.row, view.refunds, view.disputes) === "exceeds" ? EXCEEDS : NOT_REFUNDABLE;
  }
  if (row.stripeRefundId !== null) return ok({ refund: renderRefund(row), replayed: true });
  return await withCallDeadline(deps, async () => {
    const cause = { actor: call.actor.id, reason: "refund", traceparent: call.traceparent };
    const done = await executeRefund(deps, view, row, cause, { isRepeated: !isNew });
    return done.ok ? ok({ refund: renderRefund(done.value), replayed: false }) : done;
  });
}
