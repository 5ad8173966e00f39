// Answers that a page needs at once, made of several Workers' parts: an account's, an order's, and the operators'.
import { z } from "zod";
import { User } from "#shared/contracts/accounts";
import { ListedLevel } from "#shared/contracts/inventory";
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
import { DOMAIN_WORKERS } from "#shared/workers";
import { withDeadline } from "../peers.ts";
import type { DomainWorker } from "#shared/workers";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";
import { ConsumerLag, consumerLag } from "../sweep.ts";

/** What fits a front page; the whole list has its own call. */
const RECENT_ORDERS = 5;
const LOW_STOCK_ITEMS = 10;

const AccountOverview = z
  .object({
    profile: User.nullable().describe("The account. Null when that part is down."),
    cart: Cart.nullable().describe("The open cart. Null when that part is down."),
    recentOrders: z.array(Order).nullable().describe("The five newest orders. Null when that part is down."),
    unreadNotifications: z
      .int()
      .nullable()
      .describe("Messages that the user has not read. Null when that part is down."),
    partialErrors: z.array(PartialError).describe("The parts that are missing, and why."),
  })
  .meta({ id: "AccountOverview", description: "What an account's page shows." });

const OrderDetails = z
  .object({
    order: Order.describe("The order."),
    payments: z.array(Payment).nullable().describe("Its payments. Null when that part is down."),
    tracking: OrderTracking.nullable().describe("Where its parcel is. Null when that part is down."),
    notifications: z
      .array(Notification)
      .nullable()
      .describe(
        "What its buyer was told about it. Empty for a guest, whose messages go to their address alone. Null when that part is down.",
      ),
    partialErrors: z.array(PartialError).describe("The parts that are missing, and why."),
  })
  .meta({ id: "OrderDetails", description: "What an order's page shows." });

const Revenue = z
  .object({
    currency: z.string().describe("ISO 4217."),
    captured: z.int().describe("Minor units taken."),
    refunded: z.int().describe("Minor units given back."),
    net: z.int().describe("Minor units left: captured - refunded."),
  })
  .meta({ id: "Revenue", description: "Money of one currency." });

const AdminOverview = z
  .object({
    ordersByStatus: z
      .record(OrderStatus, z.int())
      .nullable()
      .describe("How many of the newest 20,000 orders stand in each status. Null when that part is down."),
    revenue: z
      .array(Revenue)
      .nullable()
      .describe("Of the payments begun in the last 30 days, by currency. Null when that part is down."),
    lowStock: z
      .object({
        low: z.int().describe("Products with some units, but no more than their threshold."),
        outOfStock: z.int().describe("Products without any unit."),
        items: z.array(ListedLevel).describe("The ten with the fewest units."),
      })
      .nullable()
      .describe("Products that run out. Null when that part is down."),
    queueLag: z
      .record(z.string(), ConsumerLag.nullable())
      .describe("How far each consumer is behind. Null for one that does not answer."),
    deadLetters: z
      .record(z.string(), z.int().nullable())
      .describe("By part of the shop, dead letters that wait for an operator. Null for one that does not answer."),
    partialErrors: z.array(PartialError).describe("The parts that are missing, and why."),
  })
  .meta({ id: "AdminOverview", description: "What the operators' page shows." });

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
function figures(deps: GatewayDeps, call: Call): (worker: DomainWorker) => Promise<Outcome<readonly Metric[]>> {
  const asked = new Map<DomainWorker, Promise<Outcome<readonly Metric[]>>>();
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
      DOMAIN_WORKERS.map(async (worker) => {
        const metrics = await parts.get(`deadLetters.${worker}`, () => metricsOf(worker));
        return [worker, metrics && (byLabel(metrics, "tradepost_dead_letters", "state").get("open") ?? 0)] as const;
      }),
    ),
  ]);
  for (const [consumer, behind] of Object.entries(lag.consumers))
    if (behind === null) parts.addDown(`queueLag.${consumer}`);
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
    params: z.object({ orderId: idSchema("ord").describe("The order's id.") }),
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
