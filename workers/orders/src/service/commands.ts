// What people and sweeps do to an order: read, decide by the state machine, write if it is still as read, else decide again.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type {
  CancelOrderInput,
  ChangeStatusInput,
  Order,
  OrderStatus,
  OrderTracking,
  SetTrackingInput,
  TrackingBody,
} from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { canonicalJson } from "#shared/hash";
import { ok } from "#shared/result";
import { CAPTURED_IS_THE_ADMINS, command, hasLeft } from "../domain/order.ts";
import type { OrderState } from "../domain/order.ts";
import type { StoredOrder } from "../store/orders.ts";
import { openOrder } from "./access.ts";
import type { Visible } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";
import { writeChange } from "./change.ts";
import { renderFor, trackingOf } from "./orders.ts";
import { retryStale } from "./retry.ts";

type Tracking = z.output<typeof TrackingBody>;

interface Step {
  readonly orderId: string;
  readonly orderToken?: string | undefined;
  readonly to: OrderStatus;
  readonly reason: string | null;
  readonly tracking?: Tracking | undefined;
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

async function moveOn(
  deps: OrdersDeps,
  call: Call,
  visible: Visible,
  { status, stockStatus }: OrderState,
  { reason, tracking }: Step,
): Promise<Order> {
  if (!isReachable(status)) throw new Error(`no command leads to ${status}`);
  return await writeChange(deps, call, visible, {
    status,
    stockStatus,
    reason,
    tracking,
    event: EVENT_OF[status],
    action: status === "CANCELLED" ? "order.cancel" : "order.status",
  });
}

/** Sets the tracking of an order that has left, unless it is that already. */
async function changeTracking(
  deps: OrdersDeps,
  call: Call,
  visible: Visible,
  tracking: Tracking,
): Promise<Outcome<Order>> {
  const { order } = visible.stored;
  const { status, stockStatus } = order;
  if (!hasLeft(status)) {
    const detail = `An order that is ${status} has no transfer on its way. The tracking comes with the status SHIPPED, or later.`;
    return fail("illegal_transition", detail, { from: status, to: "SHIPPED" });
  }
  if (canonicalJson(order.tracking ?? null) === canonicalJson(tracking)) return ok(order);
  const change = { status, stockStatus, reason: null, tracking };
  const how = { event: "ORDER_TRACKING_CHANGED", action: "order.tracking" } as const;
  return ok(await writeChange(deps, call, visible, { ...change, ...how }));
}

/**
 * One decision on the order as it is now. The money is taken before the goods leave; capturing again is harmless. A vendor's
 * cancellation first lets the authorization go at Stripe, where an intent is either captured or cancelled: a capture that this order
 * has not heard of yet, or that comes at the same time, is refused rather than given back.
 */
async function decide(deps: OrdersDeps, call: Call, visible: Visible, step: Step): Promise<Outcome<Order>> {
  const { stored, party } = visible;
  if (step.tracking !== undefined && step.to !== "SHIPPED") {
    const errors = [{ path: "tracking", message: "goes with the status SHIPPED only" }];
    return fail("validation_failed", "A tracking comes with the status SHIPPED, or later by its own call.", { errors });
  }
  const current = stateOf(stored);
  const next = command(current, step.to, party);
  if (!next.ok) return next;
  if (next.value === current) {
    return step.tracking === undefined ? ok(stored.order) : await changeTracking(deps, call, visible, step.tracking);
  }
  if (step.to === "SHIPPED") {
    const captured = await deps.payments.captureOrder(call, { orderId: stored.order.id });
    if (!captured.ok) return captured;
  }
  if (step.to === "CANCELLED" && party === "vendor") {
    const closed = await deps.payments.close(call, { orderId: stored.order.id, unless: "captured" });
    if (!closed.ok) return closed;
    if (closed.value === "paid") return CAPTURED_IS_THE_ADMINS;
  }
  return ok(await moveOn(deps, call, visible, next.value, step));
}

/** Decides on the order as it is, and again when it changed meanwhile. */
async function onOrder(
  deps: OrdersDeps,
  call: Call,
  { staffOnly, ...ref }: Pick<Step, "orderId" | "orderToken" | "staffOnly">,
  decideOn: (visible: Visible) => Promise<Outcome<Order>>,
): Promise<Outcome<Order>> {
  return await retryStale(async () => {
    const visible = await openOrder(deps, call, ref);
    if (!visible.ok) return visible;
    const { stored, party } = visible.value;
    if (staffOnly && party === "buyer") return fail("forbidden", "Only staff moves an order on.");
    const done = await decideOn(visible.value);
    return done.ok ? ok(renderFor({ party, stored: { ...stored, order: done.value } })) : done;
  });
}

async function run(deps: OrdersDeps, call: Call, step: Step): Promise<Outcome<Order>> {
  return await onOrder(deps, call, step, (visible) => decide(deps, call, visible, step));
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

/** See OrdersContract.setTracking. */
export async function setTracking(
  deps: OrdersDeps,
  call: Call,
  { tracking, ...ref }: z.output<typeof SetTrackingInput>,
): Promise<Outcome<OrderTracking>> {
  const order = await onOrder(deps, call, { ...ref, staffOnly: true }, (visible) =>
    changeTracking(deps, call, visible, tracking),
  );
  return order.ok ? ok(trackingOf(order.value, deps.now())) : order;
}
