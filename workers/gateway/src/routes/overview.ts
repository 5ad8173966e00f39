// Answers that a page needs at once, made of several Workers' parts: an account's, an order's, and the operators'.
import { z } from "zod";
import { User } from "#shared/contracts/accounts";
import { Level } from "#shared/contracts/inventory";
import { Notification } from "#shared/contracts/notifications";
import { Cart, Order, OrderStatus, OrderTracking } from "#shared/contracts/orders";
import { Payment } from "#shared/contracts/payments";
import type { Call } from "#shared/call";
import { idSchema } from "#shared/ids";
import type { Metric } from "#shared/metrics";
import { ok } from "#shared/result";
import type { Outcome } from "#shared/errors";
import type { GatewayDeps } from "../deps.ts";
import { PartialError, Parts } from "../parts.ts";
import { PEER_NAMES, withDeadline } from "../peers.ts";
import type { PeerName } from "../peers.ts";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";
import { ConsumerLag, consumerLag } from "../sweep.ts";

/** What fits a front page; the whole list has its own call. */
const RECENT_ORDERS = 5;
const LOW_STOCK_ITEMS = 10;

const AccountOverview = z
  .object({
    profile: User.nullable(),
    cart: Cart.nullable(),
    recentOrders: z.array(Order).nullable(),
    unreadNotifications: z.int().nullable(),
    partialErrors: z.array(PartialError),
  })
  .meta({ id: "AccountOverview" });

const OrderDetails = z
  .object({
    order: Order,
    payments: z.array(Payment).nullable(),
    tracking: OrderTracking.nullable(),
    /** Empty for a guest, whose messages go to their address alone. */
    notifications: z.array(Notification).nullable(),
    partialErrors: z.array(PartialError),
  })
  .meta({ id: "OrderDetails" });

const Revenue = z.object({ currency: z.string(), captured: z.int(), refunded: z.int(), net: z.int() });

const AdminOverview = z
  .object({
    /** The newest 20,000 orders. */
    ordersByStatus: z.record(OrderStatus, z.int()).nullable(),
    /** Of the payments begun in the last 30 days, in minor units. */
    revenue: z.array(Revenue).nullable(),
    lowStock: z.object({ low: z.int(), outOfStock: z.int(), items: z.array(Level) }).nullable(),
    queueLag: z.record(z.string(), ConsumerLag.nullable()),
    /** By Worker, those that wait for an operator. */
    deadLetters: z.record(z.string(), z.int().nullable()),
    partialErrors: z.array(PartialError),
  })
  .meta({ id: "AdminOverview" });

/** A metric's samples as label -> value, those with the other labels given; see each Worker's service/metrics.ts. */
function byLabel(
  metrics: readonly Metric[],
  name: string,
  label: string,
  others: Readonly<Record<string, string>> = {},
): Map<string, number> {
  const samples = metrics.find((metric) => metric.name === name)?.samples ?? [];
  const fitting = samples.filter(({ labels }) => Object.entries(others).every(([key, text]) => labels[key] === text));
  return new Map(fitting.map(({ labels, value }) => [labels[label] ?? "", value]));
}

function revenueOf(metrics: readonly Metric[]): z.infer<typeof Revenue>[] {
  const totals = (kind: string): Map<string, number> =>
    byLabel(metrics, "tradepost_revenue_minor_30d", "currency", { kind });
  const refunds = totals("refunded");
  return [...totals("captured")].map(([currency, captured]) => {
    const refunded = refunds.get(currency) ?? 0;
    return { currency, captured, refunded, net: captured - refunded };
  });
}

async function accountOverview(deps: GatewayDeps, call: Call): Promise<z.infer<typeof AccountOverview>> {
  const parts = new Parts(deps.settings.partDeadlineMs);
  // An admin's list is everybody's unless it says whose.
  const own = { limit: RECENT_ORDERS, customerId: call.actor.id };
  const [profile, cart, orders, unreadNotifications] = await Promise.all([
    parts.get("profile", () => deps.accounts.me(call)),
    parts.get("cart", () => deps.orders.getCart(call, {})),
    parts.get("recentOrders", () => deps.orders.listOrders(call, own)),
    parts.get("unreadNotifications", () => deps.notifications.countUnread(call)),
  ]);
  const recentOrders = orders === null ? null : [...orders.items];
  return { profile, cart, recentOrders, unreadNotifications, partialErrors: parts.errors };
}

/** Whose the order is decides over all the rest, so it comes first, and without it there is no answer. */
async function orderDetails(
  deps: GatewayDeps,
  call: Call,
  ref: { readonly orderId: string; readonly orderToken: string | undefined },
): Promise<Outcome<z.infer<typeof OrderDetails>>> {
  const { partDeadlineMs } = deps.settings;
  const order = await withDeadline(deps.orders.getOrder(call, ref), partDeadlineMs);
  if (!order.ok) return order;
  const { customerId } = order.value;
  const parts = new Parts(partDeadlineMs);
  const [payments, tracking, notifications] = await Promise.all([
    parts.get("payments", () => deps.payments.listPayments(call, { orderId: ref.orderId })),
    parts.get("tracking", () => deps.orders.getTracking(call, ref)),
    customerId === null
      ? []
      : parts.get("notifications", () =>
          deps.notifications.listOrderNotifications(call, { orderId: ref.orderId, customerId }),
        ),
  ]);
  return ok({
    order: order.value,
    payments: payments === null ? null : [...payments.items],
    tracking,
    notifications: notifications === null ? null : [...notifications],
    partialErrors: parts.errors,
  });
}

/** A figure of a Worker's metrics, which are asked for once and used by several parts. */
function figures(deps: GatewayDeps, call: Call): (worker: PeerName) => Promise<Outcome<readonly Metric[]>> {
  const asked = new Map<PeerName, Promise<Outcome<readonly Metric[]>>>();
  return (worker) => {
    const answer = asked.get(worker) ?? deps[worker].metrics(call);
    asked.set(worker, answer);
    return answer;
  };
}

async function adminOverview(deps: GatewayDeps, call: Call): Promise<z.infer<typeof AdminOverview>> {
  const { partDeadlineMs, now } = deps.settings;
  const parts = new Parts(partDeadlineMs);
  const metricsOf = figures(deps, call);
  const [orders, payments, stock, levels, lag, deadLetters] = await Promise.all([
    parts.get("ordersByStatus", () => metricsOf("orders")),
    parts.get("revenue", () => metricsOf("payments")),
    parts.get("lowStock", () => metricsOf("inventory")),
    parts.get("lowStock", () => deps.inventory.listLowStock(call, { limit: LOW_STOCK_ITEMS })),
    consumerLag(deps, call, now(), partDeadlineMs),
    Promise.all(
      PEER_NAMES.map(async (worker) => {
        const metrics = await parts.get(`deadLetters.${worker}`, () => metricsOf(worker));
        return [worker, metrics && (byLabel(metrics, "tradepost_dead_letters", "state").get("open") ?? 0)] as const;
      }),
    ),
  ]);
  for (const [consumer, behind] of Object.entries(lag.consumers))
    if (behind === null) parts.lacks(`queueLag.${consumer}`);
  const availability = stock && byLabel(stock, "tradepost_stock_products", "availability");
  return {
    ordersByStatus:
      orders && (Object.fromEntries(byLabel(orders, "tradepost_orders", "status")) as Record<OrderStatus, number>),
    revenue: payments && revenueOf(payments),
    lowStock: availability &&
      levels && {
        low: availability.get("low_stock") ?? 0,
        outOfStock: availability.get("out_of_stock") ?? 0,
        items: [...levels.items],
      },
    queueLag: lag.consumers,
    deadLetters: Object.fromEntries(deadLetters),
    partialErrors: parts.errors,
  };
}

export const overviewRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/account/overview",
    operationId: "getAccountOverview",
    tag: "Accounts",
    summary: "Profile, cart, recent orders and the number of unread messages in one answer",
    access: "user",
    limit: "read",
    answers: { 200: AccountOverview },
    errors: [],
    handle: async (deps, { call }) => replyWith(200, ok(await accountOverview(deps, call))),
  }),
  route({
    method: "get",
    path: "/api/orders/{orderId}/details",
    operationId: "getOrderDetails",
    tag: "Orders",
    summary: "An order with its payments, tracking and messages in one answer",
    access: "order-token-or-user",
    limit: "read",
    params: z.object({ orderId: idSchema("ord") }),
    answers: { 200: OrderDetails },
    errors: ["not_found"],
    handle: async (deps, { call, params, orderToken }) =>
      replyWith(200, await orderDetails(deps, call, { ...params, orderToken })),
  }),
  route({
    method: "get",
    path: "/api/admin/overview",
    operationId: "getAdminOverview",
    tag: "Operations",
    summary: "Orders by status, revenue, low stock, lag and dead letters in one answer",
    access: "admin",
    limit: "read",
    answers: { 200: AdminOverview },
    errors: [],
    handle: async (deps, { call }) => replyWith(200, ok(await adminOverview(deps, call))),
  }),
];
