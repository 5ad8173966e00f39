// Reads orders: the list, one order, its tracking and its payments.
import * as z from "zod";
import type { Call } from "#shared/call";
import { isAdmin } from "#shared/call";
import type { CustomerInput, CustomerTotals } from "#shared/contracts/orders-staff";
import type {
  FirstLines,
  FirstLinesInput,
  GetOrderInput,
  ListOrdersInput,
  Order,
  OrderTracking,
} from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { NumberThenId, readFeed, readPart } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import { estimatedDelivery } from "../domain/shipping.ts";
import { isStaff } from "../domain/commands.ts";
import { listStoredOrders } from "../store/list.ts";
import type { OrderFilter, OrderKey } from "../store/list.ts";
import { customerTotalsQuery, readFirstLines } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import { openOrder } from "./access.ts";
import type { Visible } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";

type ListInput = z.output<typeof ListOrdersInput>;

/**
 * Sales are orders whose lines were all the caller's own products when ordered. They need the role, as a single such order does
 * (access.ts): a former vendor reads none.
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

/** An order with the references that only staff sees. */
function forStaff({ order, references: { externalId, metadata } }: StoredOrder): Order {
  return { ...order, externalId, metadata: metadata ?? {} };
}

/** The order as this party may see it. */
export function renderFor({ stored, party }: Visible): Order {
  return isStaff(party) || party === "system" ? forStaff(stored) : stored.order;
}

function ms(moment: string | undefined): number | undefined {
  return moment === undefined ? undefined : Date.parse(moment);
}

/** See OrdersContract.listOrders. */
export async function listOrders(deps: OrdersDeps, call: Call, input: ListInput): Promise<Outcome<Page<Order>>> {
  const { limit, cursor, scope: view, customerId: _customerId, ...filters } = input;
  const page = { limit, cursor };
  const whose = whoseOrders(call, input);
  if (!whose.ok) return whose;
  const { createdFrom, createdTo, updatedSince } = filters;
  const times = { createdFrom: ms(createdFrom), createdTo: ms(createdTo), updatedSince: ms(updatedSince) };
  const filter: OrderFilter = { ...filters, ...times, ...whose.value };
  const list = {
    scope: ["orders", whose.value, filters],
    read: (after: OrderKey | undefined, rows: number) => listStoredOrders(deps.db, filter, after, rows),
    render: isAdmin(call.actor) || view === "sales" ? forStaff : ({ order }: StoredOrder): Order => order,
  };
  return updatedSince === undefined
    ? await readPart(page, { ...list, key: NumberThenId, keyOf: ({ createdAt, order }) => [createdAt, order.id] })
    : await readFeed(page, {
        ...list,
        read: async (after, rows) => (await list.read(after, rows)).rows,
        key: z.tuple([z.number()]),
        keyOf: ({ changeSeq }) => [changeSeq],
      });
}

export async function getOrder(
  deps: OrdersDeps,
  call: Call,
  input: z.output<typeof GetOrderInput>,
): Promise<Outcome<Order>> {
  const visible = await openOrder(deps, call, input);
  return visible.ok ? ok(renderFor(visible.value)) : visible;
}

/** See OrdersContract.firstLines. */
export async function firstLines(
  deps: OrdersDeps,
  _call: Call,
  { orderIds, limit }: z.output<typeof FirstLinesInput>,
): Promise<Outcome<readonly FirstLines[]>> {
  const rows = await readFirstLines(deps.db, orderIds, limit);
  return ok([...Map.groupBy(rows, ({ orderId }) => orderId)].map(([orderId, lines]) => ({ orderId, lines })));
}

/** The last promised day, counted from dispatch, or from now before it; null when it was delivered or cancelled. */
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

/** See OrdersContract.customerTotals. */
export async function customerTotals(
  deps: OrdersDeps,
  { actor }: Call,
  { customerId }: z.output<typeof CustomerInput>,
): Promise<Outcome<CustomerTotals>> {
  if (!isAdmin(actor)) return fail("forbidden", "Only an admin sees a customer's orders.");
  const rows = await deps.db.all(customerTotalsQuery(customerId));
  const bought = rows.filter(({ total }) => total !== null);
  return ok({
    count: rows.reduce((sum, { count }) => sum + count, 0),
    total: Object.fromEntries(bought.map(({ currency, total }) => [currency, total ?? 0])),
  });
}
