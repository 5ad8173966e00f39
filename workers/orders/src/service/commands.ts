// What people and sweeps do to an order: read, decide by the state machine, write if it is still as read, else decide again.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { CancelOrderInput, ChangeStatusInput, Order, OrderStatus, TrackingBody } from "#shared/contracts/orders";
import { auditInsert } from "#shared/audit";
import { StaleWrite } from "#shared/database";
import type { Statement } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { makeEvent } from "#shared/events/envelope";
import { ok } from "#shared/result";
import { MAX_STALE_RETRIES } from "../constants.ts";
import { CAPTURED_IS_THE_ADMINS, MONEY_KNOWN, command, isStaff } from "../domain/order.ts";
import type { OrderState, Party } from "../domain/order.ts";
import type { StoredOrder } from "../store/orders.ts";
import { writeTransition } from "../store/write.ts";
import { openOrder } from "./access.ts";
import type { Visible } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";

interface Step {
  readonly orderId: string;
  readonly orderToken?: string | undefined;
  readonly to: OrderStatus;
  readonly reason: string | null;
  readonly tracking?: z.output<typeof TrackingBody> | undefined;
  /** Refuses a buyer before anything is decided. */
  readonly staffOnly: boolean;
}

/** The event of each status a command can lead to. */
const EVENT_OF = {
  PROCESSING: "ORDER_PROCESSING",
  SHIPPED: "ORDER_SHIPPED",
  DELIVERED: "ORDER_DELIVERED",
  CANCELLED: "ORDER_CANCELLED",
} as const;

function isReachable(status: OrderStatus): status is keyof typeof EVENT_OF {
  return Object.hasOwn(EVENT_OF, status);
}

function stateOf({ order, paymentVersion }: StoredOrder): OrderState {
  const { status, paymentStatus, stockStatus } = order;
  return { status, paymentStatus, stockStatus, paymentVersion };
}

/** What staff does to somebody's order is kept; what buyers and sweeps do is the order's own history. */
function auditOf(
  call: Call,
  party: Party,
  before: Order,
  after: Order,
  reason: string | null,
  now: number,
): Statement[] {
  if (!isStaff(party)) return [];
  const { id, status, tracking } = after;
  const action = status === "CANCELLED" ? "order.cancel" : "order.status";
  const details = { from: before.status, to: status, reason, ...(status === "SHIPPED" ? { tracking } : {}) };
  return [auditInsert(call, now, { action, subject: id, details })];
}

/** @throws StaleWrite when the order changed since it was read. */
async function write(
  deps: OrdersDeps,
  call: Call,
  { stored: before, party }: Visible,
  next: OrderState,
  { reason, tracking }: Step,
): Promise<Order> {
  const { status, stockStatus } = next;
  if (!isReachable(status)) throw new Error(`no command leads to ${status}`);
  const now = deps.now();
  const at = new Date(now).toISOString();
  const actor = call.actor.id;
  const after: Order = {
    ...before.order,
    status,
    stockStatus,
    ...(status === "SHIPPED" && tracking !== undefined ? { tracking } : {}),
    history: [...before.order.history, { from: before.order.status, to: status, at, actor, reason }],
    updatedAt: at,
  };
  const data = {
    ...before.eventData,
    status,
    reason,
    reasonBy: isStaff(party) ? "staff" : party,
    tracking: after.tracking ?? null,
    moneyAuthorized: MONEY_KNOWN.includes(before.order.paymentStatus),
  };
  // What a sweep does continues the order's own story; a person's request is the start of one.
  const correlationId = call.actor.role === "system" ? before.correlationId : call.correlationId;
  const cause = { worker: deps.worker, correlationId, traceparent: call.traceparent, now };
  const event = makeEvent(EVENT_OF[status], after.id, data as typeof before.eventData, cause);
  const audit = auditOf(call, party, before.order, after, reason, now);
  await writeTransition(deps, { before, after, event, actor, reason, now, audit });
  return after;
}

/**
 * One decision on the order as it is now. The money is taken before the goods leave; capturing again is harmless. A vendor's
 * cancellation first lets the authorization go at Stripe, where an intent is either captured or cancelled: a capture that this order
 * has not heard of yet, or that comes at the same time, is refused rather than given back.
 */
async function decide(deps: OrdersDeps, call: Call, visible: Visible, step: Step): Promise<Outcome<Order>> {
  const { stored, party } = visible;
  const current = stateOf(stored);
  const next = command(current, step.to, party);
  if (!next.ok) return next;
  if (next.value === current) return ok(stored.order);
  if (step.to === "SHIPPED") {
    const captured = await deps.payments.captureOrder(call, { orderId: stored.order.id });
    if (!captured.ok) return captured;
  }
  if (step.to === "CANCELLED" && party === "vendor") {
    const closed = await deps.payments.close(call, { orderId: stored.order.id, unless: "captured" });
    if (!closed.ok) return closed;
    if (closed.value === "paid") return CAPTURED_IS_THE_ADMINS;
  }
  return ok(await write(deps, call, visible, next.value, step));
}

async function run(deps: OrdersDeps, call: Call, step: Step): Promise<Outcome<Order>> {
  for (let attempt = 1; ; attempt += 1) {
    const visible = await openOrder(deps, call, step);
    if (!visible.ok) return visible;
    if (step.staffOnly && visible.value.party === "buyer") {
      return fail("forbidden", "Only staff moves an order on.");
    }
    try {
      return await decide(deps, call, visible.value, step);
    } catch (error) {
      if (!(error instanceof StaleWrite) || attempt === MAX_STALE_RETRIES) throw error;
    }
  }
}

export async function cancelOrder(
  deps: OrdersDeps,
  call: Call,
  { orderId, orderToken, reason }: z.output<typeof CancelOrderInput>,
): Promise<Outcome<Order>> {
  return await run(deps, call, { orderId, orderToken, to: "CANCELLED", reason: reason ?? null, staffOnly: false });
}

export async function changeStatus(
  deps: OrdersDeps,
  call: Call,
  { orderId, orderToken, status, reason, tracking }: z.output<typeof ChangeStatusInput>,
): Promise<Outcome<Order>> {
  return await run(deps, call, { orderId, orderToken, to: status, reason: reason ?? null, tracking, staffOnly: true });
}
