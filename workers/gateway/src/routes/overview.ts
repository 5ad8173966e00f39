// The overview pages, each made of several Workers' parts: an account's, an order's, and the operators'.
import * as z from "zod";
import { User } from "#shared/contracts/accounts";
import { ListedLevel } from "#shared/contracts/inventory";
import { Notification } from "#shared/contracts/notifications";
import { Cart } from "#shared/contracts/carts";
import { Order, OrderStatus, OrderTracking } from "#shared/contracts/orders";
import { Payment } from "#shared/contracts/payments";
import type { Call } from "#shared/call";
import { idSchema } from "#shared/ids";
import type { WorkerOverview } from "#shared/contracts/messaging";
import { ok } from "#shared/result";
import type { Outcome } from "#shared/errors";
import type { GatewayDeps } from "../deps.ts";
import { PartialError, Parts } from "../parts.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import { withDeadline } from "../peers.ts";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";
import { ConsumerLag, consumerLag } from "../sweep.ts";

/** As many as an overview shows; the whole lists have calls of their own. */
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
  .meta({ id: "AccountOverview", description: "The overview of an account." });

const OrderDetails = z
  .object({
    order: Order.describe("The order."),
    payments: z.array(Payment).nullable().describe("Its payments. Null when that part is down."),
    tracking: OrderTracking.nullable().describe("Its tracking. Null when that part is down."),
    notifications: z
      .array(Notification)
      .nullable()
      .describe(
        "The messages to its buyer about it. Empty for a guest, whose messages go to their address only. Null when that part is down.",
      ),
    partialErrors: z.array(PartialError).describe("The parts that are missing, and why."),
  })
  .meta({ id: "OrderDetails", description: "An order with its payments, tracking and messages." });

const Revenue = z
  .object({
    currency: z.string().describe("ISO 4217."),
    captured: z.int().describe("Minor units captured."),
    refunded: z.int().describe("Minor units refunded."),
    net: z.int().describe("Minor units that remain: captured - refunded."),
  })
  .meta({ id: "Revenue", description: "Revenue in one currency." });

const AdminOverview = z
  .object({
    ordersByStatus: z
      .record(OrderStatus, z.int())
      .nullable()
      .describe("How many orders have each status. Null when that part is down."),
    revenue: z
      .array(Revenue)
      .nullable()
      .describe(
        "Of the payments begun today and on the 30 days before, in UTC, by currency. Null when that part is down.",
      ),
    lowStock: z
      .object({
        low: z.int().describe("Products with some units, but no more than their threshold."),
        outOfStock: z.int().describe("Products without any unit."),
        items: z.array(ListedLevel).describe("The ten with the fewest units."),
      })
      .nullable()
      .describe("Products that are running out. Null when that part is down."),
    queueLag: z
      .record(z.string(), ConsumerLag.nullable())
      .describe("How far each consumer is behind. Null for one that does not answer."),
    deadLetters: z
      .record(z.string(), z.int().nullable())
      .describe("By part of the shop, dead letters that wait for an operator. Null for one that does not answer."),
    partialErrors: z.array(PartialError).describe("The parts that are missing, and why."),
  })
  .meta({ id: "AdminOverview", description: "The overview for operators." });

async function accountOverview(deps: GatewayDeps, call: Call): Promise<z.infer<typeof AccountOverview>> {
  const parts = new Parts(deps.settings.partDeadlineMs);
  // Without a customer, an admin's list would have everybody's orders.
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

/** Reads the order first: it decides whether the caller may see the rest, and without it there is no answer. */
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

async function adminOverview(deps: GatewayDeps, call: Call): Promise<z.infer<typeof AdminOverview>> {
  const { partDeadlineMs, now } = deps.settings;
  const parts = new Parts(partDeadlineMs);
  // Each Worker is called once, for its own part and for its dead letters.
  const overviews = {
    accounts: deps.accounts.overview(call),
    catalog: deps.catalog.overview(call),
    orders: deps.orders.overview(call),
    payments: deps.payments.overview(call),
    inventory: deps.inventory.overview(call),
    notifications: deps.notifications.overview(call),
  };
  const [orders, payments, stock, levels, lag, deadLetters] = await Promise.all([
    parts.get("ordersByStatus", () => overviews.orders),
    parts.get("revenue", () => overviews.payments),
    parts.get("lowStock", () => overviews.inventory),
    parts.get("lowStock", () => deps.inventory.listLowStock(call, { limit: LOW_STOCK_ITEMS })),
    consumerLag(deps, call, now(), partDeadlineMs),
    Promise.all(
      DOMAIN_WORKERS.map(async (worker) => {
        const overview = await parts.get<WorkerOverview>(`deadLetters.${worker}`, () => overviews[worker]);
        return [worker, overview && overview.openDeadLetters] as const;
      }),
    ),
  ]);
  for (const [consumer, behind] of Object.entries(lag.consumers)) {
    if (behind === null) parts.addDown(`queueLag.${consumer}`);
  }
  return {
    ordersByStatus: orders && orders.ordersByStatus,
    revenue: payments && payments.revenue.map((total) => ({ ...total, net: total.captured - total.refunded })),
    lowStock: stock && levels && { low: stock.lowStock, outOfStock: stock.outOfStock, items: [...levels.items] },
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
