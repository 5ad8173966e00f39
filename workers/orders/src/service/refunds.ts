// Refunds of lines. The row reserves the quantities before payments is called, so concurrent refunds never refund more than was
// ordered. Its id is the idempotency key of every call to payments, always in the name of the first caller, so that a lost answer
// and any number of attempts make one refund. A sweep repeats the call until payments gives a final answer.
import type * as z from "zod";
import type { Call } from "#shared/call";
import { isAdmin, systemCall } from "#shared/call";
import type { RefundLinesInput } from "#shared/contracts/orders-staff";
import type { OrderRefund } from "#shared/contracts/orders";
import { StaleWrite, UniqueViolation, commit } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { findingInsert } from "#shared/findings";
import type { Finding } from "#shared/findings";
import { fingerprint } from "#shared/hash";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { replayOrRefuse, retryOnStale } from "#shared/retry";
import { sweepEach } from "#shared/sweep";
import {
  EVERYTHING_LIMIT,
  MAX_REFUND_RETRIES,
  REFUND_REPORT_AFTER_TRIES,
  SWEEP_BATCH,
  SWEEP_CONCURRENCY,
} from "../constants.ts";
import { draftRefund } from "../domain/refunds.ts";
import { findOrder } from "../store/orders.ts";
import {
  claimAttempt,
  dueRefunds,
  findRefund,
  findRefundByKey,
  insertRefund,
  markDone,
  markRefused,
} from "../store/refunds.ts";
import type { StoredRefund } from "../store/refunds.ts";
import { openOrder } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";

const ROUTE = "POST /api/orders/{orderId}/refunds";

type Input = z.output<typeof RefundLinesInput>;
type Refunded = Outcome<{ readonly refund: OrderRefund; readonly replayed: boolean }>;

/** How an attempt ended; `waiting` without a final answer of payments. */
type Attempt =
  | { readonly kind: "done" | "waiting"; readonly refund: OrderRefund }
  | { readonly kind: "refused"; readonly failure: Outcome<never> };

/** Answers of payments after which the refund cannot succeed any more. */
const FINAL: readonly string[] = ["payment_not_refundable", "amount_exceeds_captured", "not_found"];
const NOT_REFUNDABLE = fail("payment_not_refundable", "The payment cannot be refunded in its present state.");

async function callPayments(deps: OrdersDeps, { refund, actor, correlationId }: StoredRefund): Promise<Attempt> {
  const { id, paymentId, amount, reason } = refund;
  if (paymentId === undefined || amount === 0) return { kind: "done", refund };
  // Payments' keys belong to an actor, so every attempt uses the first caller's name, the sweep's too.
  const answer = await deps.payments.refund(systemCall(actor, correlationId), {
    paymentId,
    amount,
    ...(reason === null ? {} : { reason }),
    idempotencyKey: id,
  });
  if (!answer.ok) {
    if (FINAL.includes(answer.error.code)) return { kind: "refused", failure: answer };
    log("warn", "a refund waits for payments", { refundId: id, code: answer.error.code });
    return { kind: "waiting", refund };
  }
  const { status } = answer.value.refund;
  if (status === "succeeded") return { kind: "done", refund };
  return status === "pending" ? { kind: "waiting", refund } : { kind: "refused", failure: NOT_REFUNDABLE };
}

/** Another attempt finished this refund first; return its result. If payments paid but the row says refused, record a finding. */
async function resultOfOther(deps: OrdersDeps, own: Attempt, id: string): Promise<Attempt> {
  const stored = await findRefund(deps.db, id);
  if (stored === undefined) throw new Error(`refund ${id} is gone`);
  const { refund } = stored;
  if (refund.status === "requested") return { kind: "waiting", refund };
  if (refund.status === "done") return { kind: "done", refund };
  if (own.kind === "refused") return own;
  const { orderId, amount } = refund;
  const details = { orderId, amount };
  const finding = { kind: "refund_paid_but_refused", subject: id, outcome: "open", details } as const;
  await commit(deps.db, { finding: findingInsert(deps.now(), finding) });
  return { kind: "refused", failure: NOT_REFUNDABLE };
}

/** One attempt at a requested refund, its result written. `findingOf` gives what to record when it finishes the refund. */
async function executeRefund(
  deps: OrdersDeps,
  stored: StoredRefund,
  findingOf?: (outcome: Finding["outcome"]) => Finding,
): Promise<Attempt> {
  const { refund } = stored;
  let attempt: Attempt;
  try {
    attempt = await callPayments(deps, stored);
  } catch (error) {
    log("warn", "a refund waits for payments", { refundId: refund.id, error });
    return { kind: "waiting", refund };
  }
  if (attempt.kind === "waiting") return attempt;
  try {
    if (attempt.kind === "refused") {
      await markRefused(deps, stored, findingOf?.("open"));
      return attempt;
    }
    const order = await findOrder(deps.db, refund.orderId);
    if (order === undefined) throw new Error(`order ${refund.orderId} is gone`);
    await markDone(deps, stored, order.reservationOwner, findingOf?.("mended"));
    return { kind: "done", refund: { ...refund, status: "done" } };
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    return await resultOfOther(deps, attempt, refund.id);
  }
}

/** The sweep's attempt at a refund that its request did not finish, recorded as a finding. True when it is finished. */
async function resumeRefund(deps: OrdersDeps, stored: StoredRefund): Promise<boolean> {
  const claimed = await claimAttempt(deps, stored);
  if (claimed === undefined) return false;
  const { id, orderId, amount } = claimed.refund;
  const details = { orderId, amount, tries: claimed.attempts };
  const findingOf = (outcome: Finding["outcome"]): Finding => ({
    kind: "refund_unfinished",
    subject: id,
    outcome,
    details,
  });
  const attempt = await executeRefund(deps, claimed, findingOf);
  if (attempt.kind !== "waiting") return true;
  if (claimed.attempts >= REFUND_REPORT_AFTER_TRIES) {
    await commit(deps.db, { finding: findingInsert(deps.now(), findingOf("open")) });
  }
  return false;
}

/** The sweep of requested refunds. Returns how many it finished. */
export async function resumeRefunds(
  deps: OrdersDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const due = await dueRefunds(deps.db, {
    dueBy: everything ? undefined : deps.now(),
    limit: everything ? EVERYTHING_LIMIT : SWEEP_BATCH,
  });
  return await sweepEach(due, { concurrency: SWEEP_CONCURRENCY, idOf: ({ refund }) => refund.id }, (stored) =>
    resumeRefund(deps, stored),
  );
}

/** The payment that the order's money is in. Fails with payment_not_refundable without captured money. */
async function paymentOf(deps: OrdersDeps, call: Call, orderId: string): Promise<Outcome<string>> {
  const payments = await deps.payments.listPayments(call, { orderId });
  if (!payments.ok) return payments;
  // How much it can still refund is decided by payments, in the refund itself.
  const paid = payments.value.items.find(({ amountCaptured }) => amountCaptured > 0);
  return paid === undefined ? NOT_REFUNDABLE : ok(paid.id);
}

/** Computes the refund on the order as it is now and writes it. @throws StaleWrite, UniqueViolation */
async function writeRequest(
  deps: OrdersDeps,
  call: Call,
  input: Input,
  requestFingerprint: string,
  paymentId: () => Promise<Outcome<string>>,
): Promise<Outcome<StoredRefund>> {
  const { lines, includeShipping, reason, idempotencyKey } = input;
  const visible = await openOrder(deps, call, input);
  if (!visible.ok) return visible;
  if (!isAdmin(call.actor)) return fail("forbidden", "Only an admin refunds money.");
  const { stored } = visible.value;
  const { order } = stored;
  const draft = draftRefund(order, lines, { includeShipping });
  if (!draft.ok) return draft;
  if (order.status === "CANCELLED") {
    return fail("payment_not_refundable", "The order is cancelled; its money is refunded by itself.");
  }
  const payment = draft.value.amount === 0 ? ok(undefined) : await paymentId();
  if (!payment.ok) return payment;
  const refund: OrderRefund = {
    id: newId("rfd"),
    orderId: order.id,
    ...(payment.value === undefined ? {} : { paymentId: payment.value }),
    amount: draft.value.amount,
    shipping: draft.value.shipping,
    currency: order.currency,
    status: "requested",
    lines: [...draft.value.lines],
    reason: reason ?? null,
    createdAt: new Date(deps.now()).toISOString(),
  };
  const { correlationId, actor } = call;
  const row = { refund, actor: actor.id, fingerprint: requestFingerprint, correlationId, attempts: 1 };
  await insertRefund(deps, call, stored, row, idempotencyKey);
  return ok(row);
}

async function requestRefund(
  deps: OrdersDeps,
  call: Call,
  input: Input,
  requestFingerprint: string,
): Promise<Outcome<StoredRefund>> {
  let found: Promise<Outcome<string>> | undefined;
  // Once: an order's captured payment stays the same, and another call would only lose the next race as well.
  const paymentId = (): Promise<Outcome<string>> => (found ??= paymentOf(deps, call, input.orderId));
  try {
    return await retryOnStale(() => writeRequest(deps, call, input, requestFingerprint, paymentId), {
      attempts: MAX_REFUND_RETRIES,
    });
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    // A copy of this request was first; the caller reads its refund.
    return fail(
      "idempotency_in_progress",
      "The first request with this Idempotency-Key is still being worked on; try again in a moment.",
    );
  }
}

function resultOf(attempt: Attempt, { replayed }: { readonly replayed: boolean }): Refunded {
  return attempt.kind === "refused" ? attempt.failure : ok({ refund: attempt.refund, replayed });
}

/** Replays the refund of an earlier copy of the request, with another attempt if it is still open. */
async function replay(deps: OrdersDeps, made: StoredRefund, requestFingerprint: string): Promise<Refunded> {
  const earlier = replayOrRefuse(made, requestFingerprint, () => made);
  if (!earlier.ok) return earlier;
  const claimed = made.refund.status === "requested" ? await claimAttempt(deps, made) : undefined;
  if (claimed !== undefined) return resultOf(await executeRefund(deps, claimed), { replayed: true });
  const { refund } = (await findRefund(deps.db, made.refund.id)) ?? made;
  // It may have been refused since it was read: then its key is free again.
  return refund.status === "refused" ? NOT_REFUNDABLE : ok({ refund, replayed: true });
}

/** See OrdersContract.refundLines. */
export async function refundLines(deps: OrdersDeps, call: Call, input: Input): Promise<Refunded> {
  const { idempotencyKey, ...body } = input;
  const requestFingerprint = await fingerprint(ROUTE, body);
  const requested = await requestRefund(deps, call, input, requestFingerprint);
  if (requested.ok) return resultOf(await executeRefund(deps, requested.value), { replayed: false });
  if (idempotencyKey === undefined) return requested;
  // A copy of this request may have reserved the very quantities that this one wants.
  const made = await findRefundByKey(deps.db, call.actor.id, idempotencyKey);
  return made === undefined ? requested : await replay(deps, made, requestFingerprint);
}
