// Refunds of lines: the batch that takes the quantities before payments is asked, and the batches that settle it. A refund is
// settled once, because each of them moves it out of `requested`.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import { OrderRefundLine } from "#shared/contracts/orders";
import type { OrderRefund } from "#shared/contracts/orders";
import { commit, insertInto, mustChange } from "#shared/database";
import type { Database, Statement } from "#shared/database";
import { makeEvent } from "#shared/events/envelope";
import { findingInsert } from "#shared/findings";
import type { Finding } from "#shared/findings";
import { outboxInsertFrom, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { z } from "zod";
import { REFUND_RETRY_MAX_MS, REFUND_RETRY_MS } from "../constants.ts";
import { restocked, retryAfterMs } from "../domain/refunds.ts";
import { orderRefunds } from "../schema.ts";
import type { StoredOrder } from "./orders.ts";

const insertRow = insertInto(orderRefunds);

/** A refund as it is stored: what the API shows, and what the next try needs beside it. */
export interface StoredRefund {
  readonly refund: OrderRefund;
  /** Who asked, and in whose name payments is asked. */
  readonly actor: string;
  readonly fingerprint: string;
  readonly correlationId: string;
  readonly attempts: number;
}

const Row = z.object({
  id: z.string(),
  order_id: z.string(),
  payment_id: z.string().nullable(),
  amount: z.int(),
  shipping: z.int(),
  currency: z.string(),
  status: z.enum(["requested", "done", "refused"]),
  lines: z.string(),
  reason: z.string().nullable(),
  actor: z.string(),
  fingerprint: z.string(),
  correlation_id: z.string(),
  attempts: z.int(),
  created_at: z.int(),
});

function stored(row: unknown): StoredRefund {
  const { id, order_id, payment_id, lines, created_at, ...rest } = Row.parse(row);
  const { amount, shipping, currency, status, reason } = rest;
  return {
    refund: {
      id,
      orderId: order_id,
      ...(payment_id === null ? {} : { paymentId: payment_id }),
      amount,
      shipping,
      currency,
      status,
      lines: z.array(OrderRefundLine).parse(JSON.parse(lines)),
      reason,
      createdAt: new Date(created_at).toISOString(),
    },
    actor: rest.actor,
    fingerprint: rest.fingerprint,
    correlationId: rest.correlation_id,
    attempts: rest.attempts,
  };
}

async function readWhere(db: Database, condition: SQL): Promise<StoredRefund[]> {
  return (await db.all(sql`SELECT * FROM order_refunds WHERE ${condition}`)).map(stored);
}

export async function findRefund(db: Database, id: string): Promise<StoredRefund | undefined> {
  return (await readWhere(db, sql`id = ${id}`))[0];
}

/** The refund that this caller has asked for under this key, unless it was refused. */
export async function findRefundByKey(db: Database, actor: string, key: string): Promise<StoredRefund | undefined> {
  return (await readWhere(db, sql`actor = ${actor} AND idempotency_key = ${key}`))[0];
}

/** Refunds to go on with, the longest waiting first; each try puts one off for twice as long, so none keeps the others. */
export async function dueRefunds(
  db: Database,
  now: number,
  everything: boolean,
  limit: number,
): Promise<readonly StoredRefund[]> {
  const due = everything ? sql`next_attempt_at IS NOT NULL` : sql`next_attempt_at <= ${now}`;
  return await readWhere(db, sql`${due} ORDER BY next_attempt_at LIMIT ${limit}`);
}

/** Adds the refund's quantities to what its lines have refunded, or takes them off again. */
function moveQuantities(orderId: string, lines: SQL, sign: 1 | -1): SQL {
  return sql`UPDATE order_items SET refunded_quantity = refunded_quantity + ${sign} *
      (SELECT sum(value ->> 'quantity') FROM json_each(${lines}) WHERE value ->> 'itemId' = order_items.id)
    WHERE order_id = ${orderId} AND id IN (SELECT value ->> 'itemId' FROM json_each(${lines}))`;
}

function touchOrder(orderId: string, now: number): SQL {
  return sql`UPDATE orders SET version = version + 1, updated_at = ${now} WHERE id = ${orderId}`;
}

/**
 * That nothing a refund is reckoned on has changed: refunds come and are refused, neither of which goes back, and the order may be
 * cancelled. The order's version would count what has nothing to do with it too, each settled refund for one.
 */
function asReckoned({ order }: StoredOrder): SQL {
  const seen = order.refunds.length + order.refunds.filter(({ status }) => status === "refused").length;
  return sql`status <> 'CANCELLED'
    AND (SELECT count(*) + count(*) FILTER (WHERE status = 'refused') FROM order_refunds WHERE order_id = orders.id) = ${seen}`;
}

/**
 * Writes a refund that was reckoned on the order as it was read, and takes its quantities.
 * @throws StaleWrite when a refund came or went since, or the order was cancelled, UniqueViolation when the caller's key has
 * its refund already.
 */
export async function insertRefund(
  deps: Deps,
  call: Call,
  order: StoredOrder,
  { refund, actor, fingerprint, correlationId, attempts }: StoredRefund,
  idempotencyKey: string | undefined,
): Promise<void> {
  const { id, orderId, amount, currency, shipping, reason } = refund;
  // What the first answer says is what every later one says.
  const now = Date.parse(refund.createdAt);
  const lines = JSON.stringify(refund.lines);
  await save(deps, [
    sql`${touchOrder(orderId, now)} AND ${asReckoned(order)}`,
    mustChange(),
    insertRow({
      ...refund,
      lines,
      actor,
      idempotencyKey: idempotencyKey ?? null,
      fingerprint,
      correlationId,
      attempts,
      nextAttemptAt: now + REFUND_RETRY_MS,
      createdAt: now,
      updatedAt: now,
    }),
    moveQuantities(orderId, sql`${lines}`, 1),
    auditInsert(call, now, {
      action: "order.refund",
      subject: orderId,
      details: { refundId: id, amount, currency, shipping, lines: refund.lines, reason },
    }),
  ]);
}

/** Begins another try. Undefined when the refund is settled, or another try has begun since it was read. */
export async function claimAttempt(
  deps: Deps,
  { refund, attempts }: Pick<StoredRefund, "refund" | "attempts">,
): Promise<StoredRefund | undefined> {
  const now = deps.now();
  const next = now + retryAfterMs(attempts + 1, REFUND_RETRY_MS, REFUND_RETRY_MAX_MS);
  const { results } = await commit(deps.db, [
    sql`UPDATE order_refunds SET attempts = attempts + 1, next_attempt_at = ${next}, updated_at = ${now}
      WHERE id = ${refund.id} AND status = 'requested' AND attempts = ${attempts} RETURNING *`,
  ]);
  const [row] = results[0]?.results ?? [];
  return row === undefined ? undefined : stored(row);
}

function settle(refund: OrderRefund, status: "done" | "refused", now: number, set: SQL, when: SQL): Statement[] {
  return [
    sql`UPDATE order_refunds SET status = ${status}, next_attempt_at = NULL, updated_at = ${now}${set}
      WHERE id = ${refund.id} AND status = 'requested'${when}`,
    mustChange(),
    touchOrder(refund.orderId, now),
  ];
}

/**
 * The money is back. Goods that go back on the shelf are told to inventory, but not those of a cancelled order: ORDER_CANCELLED
 * gives back all of its reservation.
 * @throws StaleWrite when the refund was settled meanwhile.
 */
export async function markDone(
  deps: Deps,
  { refund, correlationId }: StoredRefund,
  reservationOwner: string,
  finding?: Finding,
): Promise<void> {
  const now = deps.now();
  const { orderId } = refund;
  const lines = restocked(refund.lines);
  const cause = { worker: deps.worker, correlationId, now };
  const event = makeEvent(
    "ORDER_RETURNED",
    orderId,
    { orderId, reservationOwner, returnId: refund.id, shipped: false, lines: [...lines] },
    cause,
  );
  const envelope = sql`json_set(${JSON.stringify(event)}, '$.data.shipped',
    json(iif(status IN ('SHIPPED', 'DELIVERED'), 'true', 'false')))`;
  const unlessCancelled = sql`FROM orders WHERE id = ${orderId} AND status <> 'CANCELLED'`;
  await save(deps, [
    ...settle(refund, "done", now, sql``, sql``),
    ...(lines.length === 0 ? [] : [outboxInsertFrom(event, envelope, unlessCancelled)]),
    ...(finding === undefined ? [] : [findingInsert(now, finding)]),
  ]);
}

/**
 * Payments refused for good: the quantities are free again. Only the last try's refusal counts, since a later one may succeed.
 * @throws StaleWrite when the refund was settled meanwhile or another try has begun.
 */
export async function markRefused(deps: Deps, { refund, attempts }: StoredRefund, finding?: Finding): Promise<void> {
  const now = deps.now();
  await save(deps, [
    ...settle(refund, "refused", now, sql`, idempotency_key = NULL`, sql` AND attempts = ${attempts}`),
    moveQuantities(refund.orderId, sql`${JSON.stringify(refund.lines)}`, -1),
    ...(finding === undefined ? [] : [findingInsert(now, finding)]),
  ]);
}
