// Refunds by an admin's call. The row takes its amount out of what is left before Stripe is asked, so refunds at once never
// exceed what was captured; its id is Stripe's idempotency key, so a lost answer never makes two.
import { sql } from "drizzle-orm";
import type { z } from "zod";
import { auditInsert } from "#shared/audit";
import { isUser } from "#shared/call";
import type { Call } from "#shared/call";
import type { Refund, RefundInput } from "#shared/contracts/payments";
import { StaleWrite, mustChange } from "#shared/database";
import type { Statement } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { fingerprint } from "#shared/hash";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { isUnderDispute, refundable } from "../domain/payment.ts";
import { refunds } from "../schema.ts";
import type { RefundRow } from "../schema.ts";
import type { Change } from "../store/payments.ts";
import { refundInsert, refundRefused } from "../store/refunds.ts";
import { fromRow } from "../store/rows.ts";
import { byId, loadView, viewStatements, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { withCallDeadline } from "./stripe/failures.ts";
import { reconcile } from "./reconcile.ts";
import { createStripeRefund } from "./stripe/refunds.ts";
import { renderRefund } from "./render.ts";
import { StripeRefused } from "./stripe/client.ts";

type Input = z.output<typeof RefundInput>;

interface Asked {
  readonly view: View | undefined;
  /** The refund under this caller's key, or the one just written. */
  readonly refund: RefundRow | undefined;
  readonly isNew: boolean;
}

/**
 * Writes the refund where it fits, with who asked for it, and reads what is there, in one round trip. Where it does not fit, or its
 * key is used, nothing is written and a second round trip reads.
 */
async function askedFor(deps: PaymentsDeps, call: Call, input: Input, print: string): Promise<Asked> {
  const { paymentId, amount, reason, idempotencyKey } = input;
  const id = newId("rfd");
  const now = deps.now();
  const actor = call.actor.id;
  const idempotency = idempotencyKey === undefined ? undefined : { key: idempotencyKey, fingerprint: print };
  const details = { refundId: id, amount: amount ?? null, reason: reason ?? null };
  const reads = [
    sql`SELECT * FROM refunds WHERE id = ${id} OR (actor = ${actor} AND idempotency_key = ${idempotencyKey ?? null})`,
    ...viewStatements(byId(paymentId)),
  ];
  const writes = [
    refundInsert({ id, paymentId, amount: amount ?? null, reason: reason ?? null, actor, idempotency }, now),
    mustChange(),
    ...(isUser(call.actor) ? [auditInsert(call, now, { action: "payment.refund", subject: paymentId, details })] : []),
  ];
  const askedOf = async (before: readonly Statement[]): Promise<Asked> => {
    const { results } = await save(deps, [...before, ...reads]);
    const [found = [], payments = [], ofPayment = []] = results.slice(before.length).map((result) => result.results);
    const [row] = found;
    const [view] = viewsOf(payments, ofPayment);
    return { view, refund: row === undefined ? undefined : fromRow(refunds, row), isNew: before.length > 0 };
  };
  try {
    return await askedOf(writes);
  } catch (error) {
    if (error instanceof StaleWrite) return await askedOf([]);
    throw error;
  }
}

/** Stripe's reasons against a refund that have nothing to do with its amount. */
const DISPUTED_CODES: readonly string[] = ["charge_disputed", "refund_disputed_payment", "charge_not_refundable"];

const NOT_REFUNDABLE = fail("payment_not_refundable", "The payment cannot be refunded in its present state.");
const EXCEEDS = fail("amount_exceeds_captured", "The amount is over what was captured and not refunded yet.");

/** Why no row could be written. */
function refusalOf({ row, refunds: ofPayment, disputes }: View): Outcome<never> {
  const { status, amountCaptured } = row;
  if (status === "DISPUTED") {
    return !isUnderDispute(row) && refundable(amountCaptured, ofPayment, disputes) > 0 ? EXCEEDS : NOT_REFUNDABLE;
  }
  return amountCaptured > 0 ? EXCEEDS : NOT_REFUNDABLE;
}

/**
 * Takes a refund to Stripe and writes what came of it.
 * @throws StripeUnavailable; the row then stays pending, and a sweep or the next call with the key goes on with it.
 */
export async function executeRefund(
  deps: PaymentsDeps,
  view: View,
  refund: RefundRow,
  change: Change,
  firstTry: boolean,
): Promise<Outcome<RefundRow>> {
  const { stripePaymentIntentId } = view.row;
  if (stripePaymentIntentId === null) throw new Error(`refund ${refund.id} of a payment that has no intent`);
  try {
    await createStripeRefund(deps, refund, stripePaymentIntentId, firstTry);
  } catch (error) {
    if (!(error instanceof StripeRefused)) throw error;
    log("warn", "Stripe refuses a refund", { refundId: refund.id, code: error.code });
    await save(deps, [refundRefused(refund.id, deps.now())]);
    // Money may have gone back in Stripe's dashboard without our having heard.
    await reconcile(deps, await loadView(deps.db, view.row.id), change);
    return DISPUTED_CODES.includes(error.code) ? NOT_REFUNDABLE : EXCEEDS;
  }
  await reconcile(deps, view, change);
  const after = await loadView(deps.db, view.row.id);
  return ok(after.refunds.find(({ id }) => id === refund.id) ?? refund);
}

/** See PaymentsContract.refund. */
export async function refund(
  deps: PaymentsDeps,
  call: Call,
  input: Input,
): Promise<Outcome<{ readonly refund: Refund; readonly replayed: boolean }>> {
  const { paymentId, amount, reason } = input;
  const print = await fingerprint("refund", { paymentId, amount, reason });
  const { view, refund: row, isNew } = await askedFor(deps, call, input, print);
  if (row !== undefined && !isNew && row.fingerprint !== print) {
    return fail("idempotency_key_reused", "This Idempotency-Key was used for another request.");
  }
  if (view === undefined) return fail("not_found", "There is no such payment.");
  if (row === undefined) return refusalOf(view);
  if (row.stripeRefundId !== null) return ok({ refund: renderRefund(row), replayed: true });
  return await withCallDeadline(deps, async () => {
    const change = { actor: call.actor.id, reason: "refund", traceparent: call.traceparent };
    const done = await executeRefund(deps, view, row, change, isNew);
    return done.ok ? ok({ refund: renderRefund(done.value), replayed: false }) : done;
  });
}
