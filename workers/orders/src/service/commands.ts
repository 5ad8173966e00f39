// What people and sweeps do to an order: read it, decide by the state machine, and write if it is still as read, else decide again.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import type { ChangeStatusInput, SetTrackingInput } from "#shared/contracts/orders-staff";
import type { CancelOrderInput, Order, OrderStatus, OrderTracking, TrackingBody } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { makeEvent } from "#shared/events/envelope";
import { canonicalJson } from "#shared/hash";
import { ok } from "#shared/result";
import { retryOnStale } from "#shared/retry";
import { CAPTURED_IS_THE_ADMINS, command, isStaff } from "../domain/commands.ts";
import { MONEY_KNOWN, SHIPPED_OR_LATER } from "../domain/order.ts";
import { stateOf } from "../store/orders.ts";
import { writeTransition } from "../store/write.ts";
import { openOrder } from "./access.ts";
import type { Visible } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";
import { renderFor, trackingOf } from "./orders.ts";

type Tracking = z.output<typeof TrackingBody>;

/** The order that a command is about, by its id and a guest's token. */
interface OrderRef {
  readonly orderId: string;
  readonly orderToken?: string | undefined;
}

interface Command {
  readonly to: OrderStatus;
  readonly reason: string | null;
  readonly tracking?: Tracking | undefined;
}

/** The event and the audit action of each status that a command can lead to. */
const RECORDS = {
  PROCESSING: { event: "ORDER_PROCESSING", action: "order.status" },
  SHIPPED: { event: "ORDER_SHIPPED", action: "order.status" },
  DELIVERED: { event: "ORDER_DELIVERED", action: "order.status" },
  CANCELLED: { event: "ORDER_CANCELLED", action: "order.cancel" },
} as const;
const TRACKING_RECORD = { event: "ORDER_TRACKING_CHANGED", action: "order.tracking" } as const;

type ChangeRecord = (typeof RECORDS)[keyof typeof RECORDS] | typeof TRACKING_RECORD;

function recordOf(status: OrderStatus): ChangeRecord {
  if (status === "PENDING" || status === "CONFIRMED") throw new Error(`no command leads to ${status}`);
  return RECORDS[status];
}

/**
 * Writes the changed order with its history entry, its event and, for staff, its audit row. Without `tracking` the order keeps what it
 * has. @throws StaleWrite when the order changed since it was read.
 */
async function writeCommand(
  deps: OrdersDeps,
  call: Call,
  { stored: before, party }: Visible,
  { to: status, reason, tracking }: Command,
  { event: type, action }: ChangeRecord,
): Promise<Order> {
  const now = deps.now();
  const at = new Date(now).toISOString();
  const { id, status: from, history } = before.order;
  const set = tracking === undefined ? {} : { tracking };
  const entry = { from, to: status, at, actor: call.actor.id, reason, ...set };
  const after: Order = { ...before.order, status, ...set, history: [...history, entry], updatedAt: at };
  const data: typeof before.eventData = {
    ...before.eventData,
    status,
    reason,
    reasonBy: isStaff(party) ? "staff" : party === "buyer" ? "buyer" : "system",
    tracking: after.tracking ?? null,
    moneyAuthorized: MONEY_KNOWN.includes(before.order.paymentStatus),
  };
  // A sweep continues the order's own trace; a person's request starts one.
  const correlationId = call.actor.role === "system" ? before.correlationId : call.correlationId;
  const event = makeEvent(type, id, data, {
    worker: deps.worker,
    correlationId,
    traceparent: call.traceparent,
    now,
  });
  const details = { from, to: status, reason, ...set };
  const audit = isStaff(party) ? [auditInsert(call, now, { action, subject: id, details })] : [];
  await writeTransition(deps, { before, after, event, entry, now, audit });
  return after;
}

/** Sets the tracking of an order that has left. What is set already changes nothing. */
async function changeTracking(
  deps: OrdersDeps,
  call: Call,
  visible: Visible,
  tracking: Tracking,
): Promise<Outcome<Order>> {
  const { order } = visible.stored;
  const { status } = order;
  if (!SHIPPED_OR_LATER.includes(status)) {
    const detail = `An order that is ${status} has no parcel on its way. Send the tracking with the status SHIPPED, or later.`;
    return fail("illegal_transition", detail, { from: status, to: "SHIPPED" });
  }
  if (canonicalJson(order.tracking ?? null) === canonicalJson(tracking)) return ok(order);
  return ok(await writeCommand(deps, call, visible, { to: status, reason: null, tracking }, TRACKING_RECORD));
}

/**
 * One decision on the order as it was read. The money is captured before the goods leave; capturing again is harmless. Before a vendor
 * cancels, payments voids the authorization: Stripe either captures or cancels an intent, so a capture that this order has not seen
 * yet, or that comes at the same time, makes the cancellation fail instead of being refunded.
 */
async function decide(deps: OrdersDeps, call: Call, visible: Visible, wanted: Command): Promise<Outcome<Order>> {
  const { stored, party } = visible;
  const { to, tracking } = wanted;
  if (tracking !== undefined && to !== "SHIPPED") {
    const errors = [{ path: "tracking", message: "goes with the status SHIPPED only" }];
    return fail("validation_failed", "A tracking comes with the status SHIPPED, or later by its own call.", { errors });
  }
  const current = stateOf(stored);
  const next = command(current, to, party);
  if (!next.ok) return next;
  if (next.value === current) {
    return tracking === undefined ? ok(stored.order) : await changeTracking(deps, call, visible, tracking);
  }
  const { id: orderId } = stored.order;
  if (to === "SHIPPED") {
    const captured = await deps.payments.captureOrder(call, { orderId });
    if (!captured.ok) return captured;
  }
  if (to === "CANCELLED" && party === "vendor") {
    const closed = await deps.payments.close(call, { orderId });
    if (!closed.ok) return closed;
    if (closed.value === "paid") return CAPTURED_IS_THE_ADMINS;
  }
  return ok(await writeCommand(deps, call, visible, wanted, recordOf(to)));
}

/** Runs a decision on the order as it is, again when it changed in between, and renders the result for the caller. */
async function onOrder(
  deps: OrdersDeps,
  call: Call,
  ref: OrderRef,
  decideOn: (visible: Visible) => Promise<Outcome<Order>>,
): Promise<Outcome<Order>> {
  return await retryOnStale(async () => {
    const visible = await openOrder(deps, call, ref);
    if (!visible.ok) return visible;
    const { stored, party } = visible.value;
    const done = await decideOn(visible.value);
    return done.ok ? ok(renderFor({ party, stored: { ...stored, order: done.value } })) : done;
  });
}

/** The same, refused to buyers before anything is decided. */
async function onOrderAsStaff(
  deps: OrdersDeps,
  call: Call,
  ref: OrderRef,
  decideOn: (visible: Visible) => Promise<Outcome<Order>>,
): Promise<Outcome<Order>> {
  return await onOrder(deps, call, ref, async (visible) =>
    visible.party === "buyer"
      ? fail("forbidden", "Only staff changes the status of an order.")
      : await decideOn(visible),
  );
}

/** See OrdersContract.cancelOrder. */
export async function cancelOrder(
  deps: OrdersDeps,
  call: Call,
  { reason, ...ref }: z.output<typeof CancelOrderInput>,
): Promise<Outcome<Order>> {
  return await onOrder(deps, call, ref, (visible) =>
    decide(deps, call, visible, { to: "CANCELLED", reason: reason ?? null }),
  );
}

/** See OrdersContract.changeStatus. */
export async function changeStatus(
  deps: OrdersDeps,
  call: Call,
  { status, reason, tracking, ...ref }: z.output<typeof ChangeStatusInput>,
): Promise<Outcome<Order>> {
  return await onOrderAsStaff(deps, call, ref, (visible) =>
    decide(deps, call, visible, { to: status, reason: reason ?? null, tracking }),
  );
}

/** See OrdersContract.setTracking. */
export async function setTracking(
  deps: OrdersDeps,
  call: Call,
  { tracking, ...ref }: z.output<typeof SetTrackingInput>,
): Promise<Outcome<OrderTracking>> {
  const order = await onOrderAsStaff(deps, call, ref, (visible) => changeTracking(deps, call, visible, tracking));
  return order.ok ? ok(trackingOf(order.value, deps.now())) : order;
}
