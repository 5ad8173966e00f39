// What inventory and payments tell of an order, as one batch without a read before it. The conditions are the tables of
// domain/order.ts in SQL; test/saga.test.ts compares the two over random states and events. History and outbox rows come first,
// decided on the order as it still is, the UPDATE last.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { OrderStatus, PaymentStatus } from "#shared/contracts/orders";
import type { Statement } from "#shared/database";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import type { Effect } from "#shared/inbox";
import { outboxInsertFrom } from "#shared/outbox";
import { LATE_REPORT_MS } from "../constants.ts";
import {
  CANCELLABLE,
  MONEY_GONE,
  MONEY_IN,
  MONEY_KNOWN,
  PAYABLE,
  STOCK_REPLACES,
  TRIED,
  TOO_MANY_DECLINES,
} from "../domain/order.ts";
import type { StockNews } from "../domain/order.ts";
import { nextPlace } from "./changes.ts";

/** Who the history names: the Worker whose event moved the order. */
type Source = "inventory" | "payments";

/** What the outgoing event continues; a sweep has no event that caused it. */
type Cause = Pick<EventEnvelope, "correlationid"> & Partial<Pick<EventEnvelope, "id" | "time" | "traceparent">>;

interface News {
  readonly event: Cause;
  readonly orderId: string;
  readonly source: Source;
  readonly now: number;
  /** Whether the event is news at all for the order as it is. */
  readonly applies: SQL;
  /** The columns it sets. */
  readonly set: SQL;
  /** Whether the order's money is known to be in or gone by it. */
  readonly moneyDecided: boolean;
  /** The status it leads to, where `when` holds too, and why. */
  readonly to: "CONFIRMED" | "CANCELLED";
  readonly when: SQL;
  readonly reason: SQL;
  /** Its status is set apart from `set`. */
  readonly seldomMoves: boolean;
}

function oneOf(column: SQL, values: readonly string[]): SQL {
  return sql`${column} IN (${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )})`;
}

const CAN_CANCEL = oneOf(sql`status`, CANCELLABLE);

/** Whether the money was authorized by this change: the order's payment status is still the one before it. */
function moneyAuthorized({ to }: News): SQL {
  return to === "CONFIRMED" ? sql`true` : oneOf(sql`payment_status`, MONEY_KNOWN);
}

function outboxRow(news: News, moves: SQL): SQL {
  const type = `ORDER_${news.to}` as const;
  const head = {
    id: newId("evt"),
    type,
    subject: news.orderId,
    correlationid: news.event.correlationid,
    time: new Date(news.now).toISOString(),
  };
  const envelope = sql`json_set(${JSON.stringify({
    specversion: "1.0",
    source: "tradepost/orders",
    ...head,
    ...(news.event.id === undefined ? {} : { causationid: news.event.id }),
    ...(news.event.traceparent === undefined ? {} : { traceparent: news.event.traceparent }),
  })}, '$.data', json_set(event_data, '$.status', ${news.to satisfies OrderStatus}, '$.reason', ${news.reason},
    '$.reasonBy', 'system', '$.moneyAuthorized', json(iif(${moneyAuthorized(news)}, 'true', 'false'))))`;
  return outboxInsertFrom(head, envelope, sql`FROM orders WHERE ${moves}`);
}

/**
 * One statement, but for a reservation: that seldom moves the order, since money takes longer than stock, and a status that is set
 * rewrites each index that holds it, also to what it was.
 */
function updates(news: News, applies: SQL, moves: SQL): Statement[] {
  const { now, to, set, when, moneyDecided, seldomMoves } = news;
  const rest = sql`version = version + 1, updated_at = ${now}, change_seq = ${nextPlace(now)}`;
  if (seldomMoves) {
    return [
      sql`UPDATE orders SET status = ${to}, network = NULL WHERE ${moves}`,
      sql`UPDATE orders SET ${set}, ${rest} WHERE ${applies}`,
    ];
  }
  return [
    sql`UPDATE orders SET ${set}, status = iif(${when}, ${to}, status),
        network = iif(${moneyDecided ? sql`true` : when}, NULL, network), ${rest}
      WHERE ${applies}`,
  ];
}

function effectOf(news: News): Effect {
  const { orderId, now, to } = news;
  const applies = sql`id = ${orderId} AND ${news.applies}`;
  const moves = sql`${applies} AND ${news.when}`;
  const statements: Statement[] = [
    sql`INSERT INTO order_history (order_id, version, from_status, to_status, at, actor, reason)
      SELECT id, version + 1, status, ${to}, ${now}, ${news.source}, ${news.reason} FROM orders WHERE ${moves}`,
    outboxRow(news, moves),
    ...updates(news, applies, moves),
  ];
  return { statements, known: sql`(SELECT 1 FROM orders WHERE id = ${orderId})` };
}

/** STOCK_RESERVED, STOCK_REJECTED, STOCK_RELEASED, STOCK_CONSUMED. */
export function stockNews(event: EventEnvelope<`STOCK_${StockNews}`>, stock: StockNews, now: number): Effect {
  const rejected = stock === "REJECTED";
  return effectOf({
    event,
    orderId: event.data.orderId,
    source: "inventory",
    now,
    applies: oneOf(sql`stock_status`, STOCK_REPLACES[stock]),
    set: sql`stock_status = ${stock}`,
    moneyDecided: false,
    seldomMoves: stock === "RESERVED",
    to: rejected ? "CANCELLED" : "CONFIRMED",
    when: rejected
      ? CAN_CANCEL
      : sql`(${stock} = 'RESERVED' AND status = 'PENDING' AND ${oneOf(sql`payment_status`, MONEY_IN)})`,
    reason: rejected ? sql`'insufficient_stock'` : sql`NULL`,
  });
}

/** Any PAYMENT_ event, its `data.status` parsed. */
export function paymentNews(
  event: EventEnvelope & {
    readonly data: { readonly orderId: string; readonly version: number; readonly reason: string | null };
  },
  status: PaymentStatus,
  time: PaymentTime,
): Effect {
  return paymentEffect({ ...event.data, status }, event, time);
}

/** Milliseconds. */
interface PaymentTime {
  readonly now: number;
  /** How long an order waits for its payment at most, from when it was made. */
  readonly paymentWindowMs: number;
}

interface PaymentTruth {
  readonly orderId: string;
  readonly status: PaymentStatus;
  readonly version: number;
  readonly reason?: string | null;
}

/** What payments says of an order when it is asked, to be written as if an event had told it. */
export function paymentTruth(truth: PaymentTruth, cause: Cause, time: PaymentTime): readonly Statement[] {
  return paymentEffect(truth, cause, time).statements;
}

function paymentEffect(
  { orderId, status, version, reason }: PaymentTruth,
  event: Cause,
  { now, paymentWindowMs }: PaymentTime,
): Effect {
  const toldAt = event.time === undefined ? now : Date.parse(event.time);
  // A payment method was tried, so the order gets its whole window, unless its window was over: then it is to end.
  const extended = sql`, payment_due_at = iif(payment_due_at + ${LATE_REPORT_MS} > ${toldAt},
    max(payment_due_at, created_at + ${paymentWindowMs}), payment_due_at)`;
  const gone = MONEY_GONE.includes(status);
  const canConfirm = MONEY_IN.includes(status) ? sql`(status = 'PENDING' AND stock_status = 'RESERVED')` : sql`false`;
  return effectOf({
    event,
    orderId,
    source: "payments",
    now,
    applies: sql`payment_version < ${version}`,
    set: sql`payment_status = ${status}, payment_version = ${version}${TRIED.includes(status) ? extended : sql``}`,
    moneyDecided: !PAYABLE.includes(status),
    seldomMoves: false,
    to: gone ? "CANCELLED" : "CONFIRMED",
    when: gone ? CAN_CANCEL : canConfirm,
    reason: gone ? goneReason(status, reason, now) : sql`NULL`,
  });
}

/** As moneyGoneReason in domain/order.ts. */
function goneReason(status: PaymentStatus, reason: string | null | undefined, now: number): SQL {
  if (status === "REFUNDED") return sql`'payment_refunded'`;
  if (reason === TOO_MANY_DECLINES) return sql`${reason}`;
  return sql`iif(status = 'PENDING' AND payment_due_at <= ${now}, 'payment_timeout', 'payment_voided')`;
}
