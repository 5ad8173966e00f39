// Reading orders: the list, one, and where it is.
import type { z } from "zod";
import type { Call } from "#shared/call";
import { isAdmin } from "#shared/call";
import type { GetOrderInput, ListOrdersInput, Order, OrderTracking } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { decodeCursor, toFeedPage, toPage } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import { estimatedDelivery } from "../domain/shipping.ts";
import { isStaff } from "../domain/order.ts";
import { listStoredOrders } from "../store/list.ts";
import type { OrderFilter } from "../store/list.ts";
import type { StoredOrder } from "../store/orders.ts";
import { openOrder } from "./access.ts";
import type { Visible } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";

type ListInput = z.output<typeof ListOrdersInput>;

/**
 * Sales are orders of which every line was the caller's own product when it was ordered: others show what is not theirs to see.
 * They need the role, as one such order does (access.ts): who is no vendor any more reads none.
 */
function whoseOrders(
  { actor }: Call,
  { scope, customerId }: ListInput,
): Outcome<Pick<OrderFilter, "customerId" | "vendorId">> {
  const filter = isAdmin(actor) ? { customerId } : {};
  if (scope === "sales") {
    return isAdmin(actor) || actor.role === "vendor"
      ? ok({ ...filter, vendorId: actor.id })
      : fail("forbidden", "Only a vendor or an admin has sales to list.");
  }
  return ok(scope === undefined && isAdmin(actor) ? filter : { customerId: actor.id });
}

/** An order as staff sees it, with what staff noted on it. */
function forStaff({ order, references: { externalId, metadata } }: StoredOrder): Order {
  return { ...order, externalId, metadata: metadata ?? {} };
}

export function renderFor({ stored, party }: Visible): Order {
  return isStaff(party) || party === "system" ? forStaff(stored) : stored.order;
}

function ms(moment: string | undefined): number | undefined {
  return moment === undefined ? undefined : Date.parse(moment);
}

/** See OrdersContract.listOrders. */
export async function listOrders(deps: OrdersDeps, call: Call, input: ListInput): Promise<Outcome<Page<Order>>> {
  const { limit, cursor, scope: asked, customerId: _customerId, ...filters } = input;
  const whose = whoseOrders(call, input);
  if (!whose.ok) return whose;
  const scope = ["orders", whose.value, filters];
  const key = cursor === undefined ? ok(undefined) : await decodeCursor(scope, cursor);
  if (!key.ok) return key;
  const { createdFrom, createdTo, updatedSince } = filters;
  const times = { createdFrom: ms(createdFrom), createdTo: ms(createdTo), updatedSince: ms(updatedSince) };
  const filter: OrderFilter = { ...filters, ...times, ...whose.value };
  const render = isAdmin(call.actor) || asked === "sales" ? forStaff : ({ order }: StoredOrder): Order => order;
  if (updatedSince !== undefined) {
    const rows = await listStoredOrders(deps.db, filter, key.value, limit);
    return ok(await toFeedPage(rows, scope, ({ changeSeq }) => [changeSeq], render));
  }
  const rows = await listStoredOrders(deps.db, filter, key.value, limit + 1);
  return ok(await toPage(rows, limit, scope, ({ createdAt, order }) => [createdAt, order.id], render));
}

export async function getOrder(
  deps: OrdersDeps,
  call: Call,
  input: z.output<typeof GetOrderInput>,
): Promise<Outcome<Order>> {
  const visible = await openOrder(deps, call, input);
  return visible.ok ? ok(renderFor(visible.value)) : visible;
}

/** The promise runs from dispatch; before it, from now on. */
function promisedDay({ status, history, shippingMethod, shippingAddress }: Order, now: number): string | null {
  if (status === "DELIVERED" || status === "CANCELLED") return null;
  const shippedAt = history.find(({ to }) => to === "SHIPPED")?.at;
  const from = shippedAt === undefined ? now : Date.parse(shippedAt);
  return new Date(estimatedDelivery(from, shippingMethod, shippingAddress.country)).toISOString();
}

export function trackingOf(order: Order, now: number): OrderTracking {
  return {
    status: order.status,
    carrier: order.tracking?.carrier ?? null,
    number: order.tracking?.number ?? null,
    url: order.tracking?.url ?? null,
    estimatedDelivery: promisedDay(order, now),
    events: order.history.map(({ to, at, reason, tracking }) => ({
      status: to,
      at,
      note: reason,
      ...(tracking === undefined ? {} : { tracking }),
    })),
  };
}

export async function getTracking(
  deps: OrdersDeps,
  call: Call,
  input: z.output<typeof GetOrderInput>,
): Promise<Outcome<OrderTracking>> {
  const visible = await openOrder(deps, call, input);
  if (!visible.ok) return visible;
  return ok(trackingOf(visible.value.stored.order, deps.now()));
}

export async function listOrderPayments(
  deps: OrdersDeps,
  call: Call,
  input: z.output<typeof GetOrderInput>,
): Promise<Outcome<{ readonly items: readonly Payment[] }>> {
  const visible = await openOrder(deps, call, input);
  return visible.ok ? await deps.payments.listPayments(call, { orderId: input.orderId }) : visible;
}
