// Refunds of lines: the batch that reserves the quantities before payments is called, and the batches that finish the refund. It is
// finished once, because each of them moves it out of `requested`.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import { OrderRefundLine } from "#shared/contracts/orders";
import type { OrderRefund } from "#shared/contracts/orders";
import { commit, mustChange } from "#shared/database";
import { insertInto, returning, select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Statement } from "#shared/statement";
import { makeEvent } from "#shared/events/envelope";
import { findingInsert } from "#shared/findings";
import type { Finding } from "#shared/findings";
import { outboxInsertFrom, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import * as z from "zod";
import { REFUND_RETRY_MAX_MS, REFUND_RETRY_MS } from "../constants.ts";
import { restocked, retryAfterMs } from "../domain/refunds.ts";
import { orderRefunds } from "../schema.ts";
import type { StoredOrder } from "./orders.ts";

const insertRow = insertInto(orderRefunds);

/** A stored refund: what the API returns, and what the next attempt needs. */
export interface StoredRefund {
  readonly refund: OrderRefund;
  /** Who requested it, and in whose name payments is called. */
  readonly actor: string;
  readonly fingerprint: string;
  readonly correlationId: string;
  readonly attempts: number;
}

type Row = typeof orderRefunds.$inferSelect;

function stored({ paymentId, lines, createdAt, ...row }: Row): StoredRefund {
  const { id, orderId, amount, shipping, currency, status, reason, actor, fingerprint, correlationId, attempts } = row;
  return {
    refund: {
      id,
      orderId,
      ...(paymentId === null ? {} : { paymentId }),
      amount,
      shipping,
      currency,
      status,
      lines: z.array(OrderRefundLine).parse(JSON.parse(lines)),
      reason,
      createdAt: new Date(createdAt).toISOString(),
    },
    actor,
    fingerprint,
    correlationId,
    attempts,
  };
}

const FIELDS = getTableColumns(orderRefunds);

async function readWhere(db: Database, condition: SQL): Promise<StoredRefund[]> {
  return (await db.all(select(FIELDS, sql`FROM order_refunds WHERE ${condition}`))).map(stored);
}

export async function findRefund(db: Database, id: string): Promise<StoredRefund | undefined> {
  return (await readWhere(db, sql`id = ${id}`))[0];
}

/** The refund that this caller requested under this key, unless it was refused. */
export async function findRefundByKey(db: Database, actor: string, key: string): Promise<StoredRefund | undefined> {
  return (await readWhere(db, sql`actor = ${actor} AND idempotency_key = ${key}`))[0];
}

/** Requested refunds whose next attempt is due by `dueBy` (ms), or all, the longest waiting first. Each attempt doubles the pause. */
export async function dueRefunds(
  db: Database,
  { dueBy, limit }: { readonly dueBy: number | undefined; readonly limit: number },
): Promise<readonly StoredRefund[]> {
  const due = dueBy === undefined ? sql`next_attempt_at IS NOT NULL` : sql`next_attempt_at <= ${dueBy}`;
  return await readWhere(db, sql`${due} ORDER BY next_attempt_at LIMIT ${limit}`);
}

/** Adds the refund's quantities to the refunded ones of its lines, or subtracts them again. */
function addQuantities(orderId: string, lines: SQL, sign: 1 | -1): SQL {
  return sql`UPDATE order_items SET refunded_quantity = refunded_quantity + ${sign} * refunded.quantity
    FROM (SELECT value ->> 'itemId' AS item_id, sum(value ->> 'quantity') AS quantity FROM json_each(${lines}) GROUP BY 1) AS refunded
    WHERE order_id = ${orderId} AND id = refunded.item_id`;
}

function bumpOrder(orderId: string, now: number): SQL {
  return sql`UPDATE orders SET version = version + 1, updated_at = ${now} WHERE id = ${orderId}`;
}

/**
 * True while nothing has changed that the refund was computed from: the order is not cancelled, and the counts of its refunds and its
 * refused refunds, which only grow, are the same. The order's version would also count unrelated changes.
 */
function isAsComputed({ order }: StoredOrder): SQL {
  const seen = order.refunds.length + order.refunds.filter(({ status }) => status === "refused").length;
  return sql`status <> 'CANCELLED'
    AND (SELECT count(*) + count(*) FILTER (WHERE status = 'refused') FROM order_refunds WHERE order_id = orders.id) = ${seen}`;
}

/**
 * Writes a refund that was computed from the order as it was read, and reserves its quantities.
 * @throws StaleWrite when a refund was added or refused since, or the order was cancelled; UniqueViolation when the caller's key
 * has a refund already.
 */
export async function insertRefund(
  deps: Deps,
  call: Call,
  order: StoredOrder,
  { refund, actor, fingerprint, correlationId, attempts }: StoredRefund,
  idempotencyKey: string | undefined,
): Promise<void> {
  const { id, orderId, amount, currency, shipping, reason } = refund;
  // Every later answer repeats the time of the first.
  const now = Date.parse(refund.createdAt);
  const lines = JSON.stringify(refund.lines);
  await save(deps, {
    order: sql`${bumpOrder(orderId, now)} AND ${isAsComputed(order)}`,
    guard: mustChange(),
    refund: insertRow({
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
    quantities: addQuantities(orderId, sql`${lines}`, 1),
    audit: auditInsert(call, now, {
      action: "order.refund",
      subject: orderId,
      details: { refundId: id, amount, currency, shipping, lines: refund.lines, reason },
    }),
  });
}

/** Claims the next attempt. Undefined when the refund is finished, or another attempt was claimed since it was read. */
export async function claimAttempt(
  deps: Deps,
  { refund, attempts }: Pick<StoredRefund, "refund" | "attempts">,
): Promise<StoredRefund | undefined> {
  const now = deps.now();
  const next = now + retryAfterMs(attempts + 1, REFUND_RETRY_MS, REFUND_RETRY_MAX_MS);
  const claim = sql`UPDATE order_refunds SET attempts = attempts + 1, next_attempt_at = ${next}, updated_at = ${now}
    WHERE id = ${refund.id} AND status = 'requested' AND attempts = ${attempts}`;
  const { results } = await commit(deps.db, { claimed: returning(claim, FIELDS) });
  const [row] = results.claimed.rows;
  return row === undefined ? undefined : stored(row);
}

function finish(refund: OrderRefund, status: "done" | "refused", now: number, set: SQL, when: SQL): Statement[] {
  return [
    sql`UPDATE order_refunds SET status = ${status}, next_attempt_at = NULL, updated_at = ${now}${set}
      WHERE id = ${refund.id} AND status = 'requested'${when}`,
    mustChange(),
    bumpOrder(refund.orderId, now),
  ];
}

/**
 * Payments refunded the money. ORDER_RETURNED has inventory restock the goods, but not those of a cancelled order: ORDER_CANCELLED
 * releases its whole reservation.
 * @throws StaleWrite when the refund was finished by another attempt.
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
  await save(deps, {
    refund: finish(refund, "done", now, sql``, sql``),
    event: lines.length === 0 ? [] : [outboxInsertFrom(event, envelope, unlessCancelled)],
    finding: finding === undefined ? [] : [findingInsert(now, finding)],
  });
}

/**
 * Payments refused for good: the quantities are free again. Only the last attempt's refusal counts, since a later one may succeed.
 * @throws StaleWrite when the refund was finished, or another attempt was claimed.
 */
export async function markRefused(deps: Deps, { refund, attempts }: StoredRefund, finding?: Finding): Promise<void> {
  const now = deps.now();
  await save(deps, {
    refund: finish(refund, "refused", now, sql`, idempotency_key = NULL`, sql` AND attempts = ${attempts}`),
    quantities: addQuantities(refund.orderId, sql`${JSON.stringify(refund.lines)}`, -1),
    finding: finding === undefined ? [] : [findingInsert(now, finding)],
  });
}
