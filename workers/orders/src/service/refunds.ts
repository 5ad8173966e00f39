// Refunds of lines. The row takes the quantities before payments is asked, so refunds at once never give back more than was
// ordered; its id is the key under which payments is asked, always in the name of who asked first, so that a lost answer and
// any number of tries make one refund. What payments answers settles it; until it does, a sweep goes on asking.
import type { z } from "zod";
import type { Call } from "#shared/call";
import { isAdmin, systemCall } from "#shared/call";
import type { OrderRefund, RefundLinesInput } from "#shared/contracts/orders";
import { StaleWrite, UniqueViolation, commit } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { findingInsert } from "#shared/findings";
import type { Finding } from "#shared/findings";
import { fingerprint } from "#shared/hash";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { MAX_REFUND_RETRIES, REFUND_REPORT_AFTER_TRIES } from "../constants.ts";
import { draftRefund } from "../domain/refunds.ts";
import type { RefundDraft } from "../domain/refunds.ts";
import { findOrder } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import { claimAttempt, findRefund, findRefundByKey, insertRefund, markDone, markRefused } from "../store/refunds.ts";
import type { StoredRefund } from "../store/refunds.ts";
import { openOrder } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";

const ROUTE = "POST /api/orders/{orderId}/refunds";

type Input = z.output<typeof RefundLinesInput>;
type Refunded = Outcome<{ readonly refund: OrderRefund; readonly replayed: boolean }>;

/** How a try ended; `waiting` when payments gave no answer that settles anything. */
export type Tried =
  | { readonly kind: "done" | "waiting"; readonly refund: OrderRefund }
  | { readonly kind: "refused"; readonly failure: Outcome<never> };

/** Payments' answers after which there will be no refund. */
const FINAL: readonly string[] = ["payment_not_refundable", "amount_exceeds_captured", "not_found"];
const NOT_REFUNDABLE = fail("payment_not_refundable", "The payment cannot be refunded in its present state.");

async function ask(deps: OrdersDeps, { refund, actor, correlationId }: StoredRefund): Promise<Tried> {
  const { id, paymentId, amount, reason } = refund;
  if (paymentId === undefined || amount === 0) return { kind: "done", refund };
  // Payments' keys belong to an actor, so every try asks in the same name, the sweep's too.
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

/** Somebody else has settled the refund, or is at it. What they came to stands, but money that went is not kept quiet. */
async function overtaken(deps: OrdersDeps, mine: Tried, id: string): Promise<Tried> {
  const now = await findRefund(deps.db, id);
  if (now === undefined) throw new Error(`refund ${id} is gone`);
  const { refund } = now;
  if (refund.status === "requested") return { kind: "waiting", refund };
  if (refund.status === "done") return { kind: "done", refund };
  if (mine.kind === "refused") return mine;
  const { orderId, amount } = refund;
  const details = { orderId, amount };
  await commit(deps.db, [
    findingInsert(deps.now(), { kind: "refund_paid_but_refused", subject: id, outcome: "open", details }),
  ]);
  return { kind: "refused", failure: NOT_REFUNDABLE };
}

/** One try of a requested refund, and what came of it written. `report` says what a sweep that finishes it has to tell. */
async function executeRefund(
  deps: OrdersDeps,
  stored: StoredRefund,
  report?: (outcome: Finding["outcome"]) => Finding,
): Promise<Tried> {
  const { refund } = stored;
  let tried: Tried;
  try {
    tried = await ask(deps, stored);
  } catch (error) {
    log("warn", "a refund waits for payments", { refundId: refund.id, error });
    return { kind: "waiting", refund };
  }
  if (tried.kind === "waiting") return tried;
  try {
    if (tried.kind === "refused") {
      await markRefused(deps, stored, report?.("open"));
      return tried;
    }
    const order = await findOrder(deps.db, refund.orderId);
    if (order === undefined) throw new Error(`order ${refund.orderId} is gone`);
    await markDone(deps, stored, order.reservationOwner, report?.("mended"));
    return { kind: "done", refund: { ...refund, status: "done" } };
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    return await overtaken(deps, tried, refund.id);
  }
}

/** A sweep's try of a refund that is still open. True when it is settled. What a call could not finish is reported. */
export async function resumeRefund(deps: OrdersDeps, stored: StoredRefund): Promise<boolean> {
  const next = await claimAttempt(deps, stored);
  if (next === undefined) return false;
  const { id, orderId, amount } = next.refund;
  const details = { orderId, amount, tries: next.attempts };
  const report = (outcome: Finding["outcome"]): Finding => ({
    kind: "refund_unfinished",
    subject: id,
    outcome,
    details,
  });
  const tried = await executeRefund(deps, next, report);
  if (tried.kind !== "waiting") return true;
  if (next.attempts >= REFUND_REPORT_AFTER_TRIES) await commit(deps.db, [findingInsert(deps.now(), report("open"))]);
  return false;
}

/** The payment that the order's money is in. Fails when there is none that money could come back from. */
async function paymentOf(deps: OrdersDeps, call: Call, orderId: string): Promise<Outcome<string>> {
  const payments = await deps.payments.listPayments(call, { orderId });
  if (!payments.ok) return payments;
  // Which of these can still give something back, and how much, payments decides when it is asked to.
  const paid = payments.value.items.find(({ amountCaptured }) => amountCaptured > 0);
  return paid === undefined ? NOT_REFUNDABLE : ok(paid.id);
}

function newRefund(
  { order }: StoredOrder,
  { amount, shipping, lines }: RefundDraft,
  paymentId: string | undefined,
  reason: string | undefined,
  now: number,
): OrderRefund {
  return {
    id: newId("rfd"),
    orderId: order.id,
    ...(paymentId === undefined ? {} : { paymentId }),
    amount,
    shipping,
    currency: order.currency,
    status: "requested",
    lines: [...lines],
    reason: reason ?? null,
    createdAt: new Date(now).toISOString(),
  };
}

/** Reckons the refund on the order as it is now and writes it. @throws StaleWrite, UniqueViolation */
async function request(
  deps: OrdersDeps,
  call: Call,
  input: Input,
  print: string,
  paymentId: () => Promise<Outcome<string>>,
): Promise<Outcome<StoredRefund>> {
  const { lines, includeShipping, reason, idempotencyKey } = input;
  const visible = await openOrder(deps, call, input);
  if (!visible.ok) return visible;
  if (!isAdmin(call.actor)) return fail("forbidden", "Only an admin gives money back.");
  const { stored } = visible.value;
  const draft = draftRefund(stored.order, lines, includeShipping);
  if (!draft.ok) return draft;
  if (stored.order.status === "CANCELLED") {
    return fail("payment_not_refundable", "The order is cancelled; its money goes back by itself.");
  }
  const payment = draft.value.amount === 0 ? ok(undefined) : await paymentId();
  if (!payment.ok) return payment;
  const refund = newRefund(stored, draft.value, payment.value, reason, deps.now());
  const { correlationId, actor } = call;
  const row = { refund, actor: actor.id, fingerprint: print, correlationId, attempts: 1 };
  await insertRefund(deps, call, stored, row, idempotencyKey);
  return ok(row);
}

async function requestOnce(deps: OrdersDeps, call: Call, input: Input, print: string): Promise<Outcome<StoredRefund>> {
  let asked: Promise<Outcome<string>> | undefined;
  // Once: an order's captured payment stays the same, and asking again would only lose the next race as well.
  const paymentId = (): Promise<Outcome<string>> => (asked ??= paymentOf(deps, call, input.orderId));
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request(deps, call, input, print, paymentId);
    } catch (error) {
      // Refused by a copy of this request, whose refund the caller reads.
      if (error instanceof UniqueViolation)
        return fail(
          "idempotency_in_progress",
          "The first request with this Idempotency-Key is still being worked on; try again in a moment.",
        );
      if (!(error instanceof StaleWrite) || attempt === MAX_REFUND_RETRIES) throw error;
    }
  }
}

function answer(tried: Tried, replayed: boolean): Refunded {
  return tried.kind === "refused" ? tried.failure : ok({ refund: tried.refund, replayed });
}

/** The refund of an earlier copy of the request, which this one helps along when it is still open. */
async function replay(deps: OrdersDeps, made: StoredRefund, print: string): Promise<Refunded> {
  if (made.fingerprint !== print) {
    return fail("idempotency_key_reused", "This request was made before with another body.");
  }
  const next = made.refund.status === "requested" ? await claimAttempt(deps, made) : undefined;
  if (next !== undefined) return answer(await executeRefund(deps, next), true);
  const { refund } = (await findRefund(deps.db, made.refund.id)) ?? made;
  // Refused since it was read, it is no success to repeat, and its key is free.
  return refund.status === "refused" ? NOT_REFUNDABLE : ok({ refund, replayed: true });
}

/** See OrdersContract.refundLines. */
export async function refundLines(deps: OrdersDeps, call: Call, input: Input): Promise<Refunded> {
  const { idempotencyKey, ...asked } = input;
  const print = await fingerprint(ROUTE, asked);
  const requested = await requestOnce(deps, call, input, print);
  if (requested.ok) return answer(await executeRefund(deps, requested.value), false);
  if (idempotencyKey === undefined) return requested;
  // The first of these requests may have taken what this one asks for.
  const made = await findRefundByKey(deps.db, call.actor.id, idempotencyKey);
  return made === undefined ? requested : await replay(deps, made, print);
}
