// One change of an order that somebody asked for: the order with it done, its event, its history, and the audit of what staff did.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { Order, OrderStatus, StockStatus, TrackingBody } from "#shared/contracts/orders";
import { auditInsert } from "#shared/audit";
import type { Statement } from "#shared/database";
import { makeEvent } from "#shared/events/envelope";
import { MONEY_KNOWN, isStaff } from "../domain/order.ts";
import { writeTransition } from "../store/write.ts";
import type { Visible } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";

export interface Change {
  readonly status: OrderStatus;
  readonly stockStatus: StockStatus;
  readonly reason: string | null;
  /** Left out: the order keeps what it has. */
  readonly tracking?: z.output<typeof TrackingBody> | undefined;
  readonly event:
    | "ORDER_PROCESSING"
    | "ORDER_SHIPPED"
    | "ORDER_TRACKING_CHANGED"
    | "ORDER_DELIVERED"
    | "ORDER_CANCELLED";
  /** What the audit calls it. */
  readonly action: string;
}

/** What staff does to somebody's order is kept; what buyers and sweeps do is the order's own history. */
function auditOf(call: Call, { stored, party }: Visible, change: Change, now: number): Statement[] {
  if (!isStaff(party)) return [];
  const { id, status: from } = stored.order;
  const { action, status: to, reason, tracking } = change;
  const details = { from, to, reason, ...(tracking === undefined ? {} : { tracking }) };
  return [auditInsert(call, now, { action, subject: id, details })];
}

/** @throws StaleWrite when the order changed since it was read. */
export async function writeChange(deps: OrdersDeps, call: Call, visible: Visible, change: Change): Promise<Order> {
  const { stored: before, party } = visible;
  const { status, stockStatus, reason } = change;
  const tracking = change.tracking === undefined ? {} : { tracking: change.tracking };
  const now = deps.now();
  const at = new Date(now).toISOString();
  const entry = { from: before.order.status, to: status, at, actor: call.actor.id, reason, ...tracking };
  const after: Order = {
    ...before.order,
    status,
    stockStatus,
    ...tracking,
    history: [...before.order.history, entry],
    updatedAt: at,
  };
  const data: typeof before.eventData = {
    ...before.eventData,
    status,
    reason,
    reasonBy: party === "buyer" || party === "system" ? party : "staff",
    tracking: after.tracking ?? null,
    moneyAuthorized: MONEY_KNOWN.includes(before.order.paymentStatus),
  };
  // What a sweep does continues the order's own story; a person's request is the start of one.
  const correlationId = call.actor.role === "system" ? before.correlationId : call.correlationId;
  const cause = { worker: deps.worker, correlationId, traceparent: call.traceparent, now };
  const event = makeEvent(change.event, after.id, data, cause);
  await writeTransition(deps, { before, after, event, entry, now, audit: auditOf(call, visible, change, now) });
  return after;
}
