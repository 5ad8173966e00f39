// An event of inventory or payments as one batch without a read before it: the declared change of domain/order.ts made SQL.
// test/saga.test.ts compares both over random states and events. The outbox row comes first, decided on the order as it still is, the
// UPDATE last.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Statement } from "#shared/statement";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import type { Effect } from "#shared/inbox";
import { outboxInsertFrom } from "#shared/outbox";
import { changeOf, moneyKnownAfter, openAfter } from "../domain/order.ts";
import type { Change, PeerEvent } from "../domain/order.ts";
import { changeSeqAt, withEntry } from "./orders.ts";
import { anySql, conditionSql } from "./conditions.ts";

/** What the outgoing event continues; a sweep has no event that caused it. */
type Cause = Pick<EventEnvelope, "correlationid"> & Partial<Pick<EventEnvelope, "id" | "traceparent">>;

/** Milliseconds. */
interface Time {
  readonly now: number;
  /** How long an order waits for its payment at most, from when it was made. */
  readonly paymentWindowMs: number;
}

/** A status change that may follow: `moves` is true for the order when it does. */
interface Move {
  readonly orderId: string;
  readonly to: Change["transitions"][number]["to"];
  readonly reason: SQL;
  readonly moves: SQL;
}

function reasonOf(transitions: Change["transitions"], now: number): SQL {
  const cases = transitions.map(({ when, reason }) => sql`WHEN ${conditionSql(when, now)} THEN ${reason}`);
  return sql`CASE ${sql.join(cases, sql` `)} END`;
}

function outboxRow({ orderId, to, reason, moves }: Move, change: Change, cause: Cause, now: number): SQL {
  const head = {
    id: newId("evt"),
    type: `ORDER_${to}`,
    subject: orderId,
    correlationid: cause.correlationid,
    time: new Date(now).toISOString(),
  } as const;
  const envelope = sql`json_set(${JSON.stringify({
    specversion: "1.0",
    source: "tradepost/orders",
    ...head,
    ...(cause.id === undefined ? {} : { causationid: cause.id }),
    ...(cause.traceparent === undefined ? {} : { traceparent: cause.traceparent }),
  })}, '$.data', json_set(event_data, '$.status', ${to}, '$.reason', ${reason}, '$.reasonBy', 'system',
    '$.moneyAuthorized', json(iif(${conditionSql(moneyKnownAfter(change), now)}, 'true', 'false'))))`;
  return outboxInsertFrom(head, envelope, sql`FROM orders WHERE ${moves}`);
}

/** The history with the entry of a status change. */
function historyAfter({ to, reason }: Move, { set }: Change, now: number): SQL {
  const actor = "stockStatus" in set ? "inventory" : "payments";
  return withEntry(sql`json_object('version', version + 1, 'from', status, 'to', ${to}, 'at', ${now}, 'actor', ${actor},
    'reason', ${reason}, 'tracking', NULL)`);
}

function columnsOf({ set, extendsWindow }: Change, { paymentWindowMs }: Time): SQL {
  if ("stockStatus" in set) return sql`stock_status = ${set.stockStatus}`;
  const columns = sql`payment_status = ${set.paymentStatus}, payment_version = ${set.paymentVersion}`;
  return extendsWindow === undefined
    ? columns
    : sql`${columns}, payment_due_at = iif(${conditionSql(extendsWindow.when, extendsWindow.at)},
        max(payment_due_at, created_at + ${paymentWindowMs}), payment_due_at)`;
}

/**
 * One statement, but for a reservation: that seldom moves the order, since money takes longer than stock, and a status that is set
 * rewrites each index that holds it, also to what it was.
 */
function updates(change: Change, move: Move | undefined, applies: SQL, time: Time): Statement[] {
  const { now } = time;
  const set = sql`${columnsOf(change, time)}, version = version + 1, updated_at = ${now}, change_seq = ${changeSeqAt(now)}`;
  if ("stockStatus" in change.set && change.set.stockStatus === "RESERVED") {
    return [
      ...(move === undefined
        ? []
        : [
            sql`UPDATE orders SET status = ${move.to}, network = NULL, history = ${historyAfter(move, change, now)}
              WHERE ${move.moves}`,
          ]),
      sql`UPDATE orders SET ${set} WHERE ${applies}`,
    ];
  }
  const open = openAfter(change);
  const isOpen = open === undefined ? sql`false` : conditionSql(open, now);
  const moves = move === undefined ? sql`false` : move.moves;
  const status =
    move === undefined
      ? sql``
      : sql`, status = iif(${moves}, ${move.to}, status), history = iif(${moves}, ${historyAfter(move, change, now)}, history)`;
  return [
    sql`UPDATE orders SET network = iif(${isOpen} AND NOT ${moves}, network, NULL)${status}, ${set} WHERE ${applies}`,
  ];
}

/** The statements that apply a change to an order. They change nothing where it does not apply. */
export function changeStatements(orderId: string, change: Change, cause: Cause, time: Time): readonly Statement[] {
  const { now } = time;
  const applies = sql`id = ${orderId} AND ${conditionSql(change.applies, now)}`;
  const [first] = change.transitions;
  if (first === undefined) return updates(change, undefined, applies, time);
  const moves = anySql(
    change.transitions.map(({ when }) => when),
    now,
  );
  const reason = reasonOf(change.transitions, now);
  const move: Move = { orderId, to: first.to, reason, moves: sql`(${applies} AND ${moves})` };
  return [outboxRow(move, change, cause, now), ...updates(change, move, applies, time)];
}

/** What the inbox commits for an event of inventory or payments. An order that is not here yet refuses the batch. */
export function eventEffect(orderId: string, event: PeerEvent, cause: Cause, time: Time): Effect {
  return {
    statements: changeStatements(orderId, changeOf(event), cause, time),
    known: sql`(SELECT 1 FROM orders WHERE id = ${orderId})`,
  };
}
