// Checks the invariants of a shop at rest against its databases, its objects and Stripe. Returns a list of violations.
import { CONSUMERS, IS_COUNTED, consumersOf } from "#shared/events/routing";
import type { Routed } from "#shared/events/routing";
import { DATABASES } from "../../scripts/local/workers.ts";
import type { Client } from "../../scripts/shop/client.ts";
import { levelOf } from "../../scripts/shop/client.ts";
import { driftedFigures } from "../figures.ts";
import type { Shop } from "../harness.ts";
import type { Store } from "../sql.ts";
import { intentsAtStripe, leftovers } from "./picture.ts";
import type { IntentAtStripe } from "./picture.ts";

interface OrderRow {
  readonly id: string;
  readonly status: string;
  readonly payment_status: string;
  readonly stock_status: string;
}

/** The payment and stock statuses that are legal at rest for each status of an order. */
const AT_REST: Readonly<Record<string, { readonly money: readonly string[]; readonly stock: readonly string[] }>> = {
  PENDING: { money: ["NONE", "CREATED", "FAILED", "REQUIRES_ACTION"], stock: ["RESERVED"] },
  CONFIRMED: { money: ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED"], stock: ["RESERVED"] },
  PROCESSING: { money: ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED"], stock: ["RESERVED"] },
  SHIPPED: { money: ["CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED"], stock: ["CONSUMED"] },
  DELIVERED: { money: ["CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED"], stock: ["CONSUMED"] },
  CANCELLED: { money: ["NONE", "CREATED", "FAILED", "VOIDED", "REFUNDED"], stock: ["RELEASED", "REJECTED"] },
};

function illegalStates(orders: readonly OrderRow[]): string[] {
  return orders
    .filter(({ status, payment_status, stock_status }) => {
      const rest = AT_REST[status];
      return rest?.money.includes(payment_status) !== true || !rest.stock.includes(stock_status);
    })
    .map((order) => `order ${order.id} ended as ${order.status}, ${order.payment_status}, ${order.stock_status}`);
}

/** Each entry of a history begins with the status at which the one before ended; the last ends with the status of the order. */
async function brokenHistories(shop: Shop, list: string): Promise<string[]> {
  const rows = await shop.query<{ id: string }>(
    "orders",
    `SELECT DISTINCT orders.id FROM orders JOIN
        (SELECT order_id, from_status, to_status, lag(to_status) OVER (PARTITION BY order_id ORDER BY version) AS before,
          lead(to_status) OVER (PARTITION BY order_id ORDER BY version) AS after
          FROM (SELECT orders.id AS order_id, value ->> 'version' AS version, value ->> 'from' AS from_status, value ->> 'to' AS to_status
            FROM orders, json_each(orders.history))) AS entry
        ON entry.order_id = orders.id
      WHERE orders.id IN (SELECT value FROM json_each(?))
        AND (entry.from_status IS NOT entry.before OR (entry.after IS NULL AND entry.to_status <> orders.status))`,
    list,
  );
  return rows.map(({ id }) => `order ${id} has a broken history`);
}

/** On hand is the opening stock plus the ledger; reserved is what open orders have; sold is what was shipped. */
async function wrongStock(shop: Shop, admin: Client, productId: string): Promise<string[]> {
  const [level, [book], [wanted]] = await Promise.all([
    levelOf(admin, productId),
    shop.query<{ opening: number; on_hand: number; reserved: number; moved: number; sold: number }>(
      "inventory",
      `SELECT opening, on_hand, reserved, (SELECT coalesce(sum(delta), 0) FROM ledger WHERE product_id = ?1) AS moved,
          (SELECT -coalesce(sum(delta), 0) FROM ledger WHERE product_id = ?1 AND type = 'sale' AND reference IN
            (SELECT order_id FROM reservations WHERE product_id = ?1)) AS sold
        FROM stock_levels WHERE product_id = ?1`,
      productId,
    ),
    shop.query<{ reserved: number; sold: number }>(
      "orders",
      `SELECT coalesce(sum(iif(status IN ('PENDING', 'CONFIRMED', 'PROCESSING'), quantity, 0)), 0) AS reserved,
          coalesce(sum(iif(status IN ('SHIPPED', 'DELIVERED'), quantity, 0)), 0) AS sold
        FROM order_items JOIN orders ON orders.id = order_id WHERE product_id = ?`,
      productId,
    ),
  ]);
  if (book === undefined || wanted === undefined) return [`product ${productId} has no row`];
  const facts = {
    "on hand = opening + ledger": [book.on_hand, book.opening + book.moved],
    "the row has the object's on hand": [book.on_hand, level.onHand],
    "the row has the object's reserved": [book.reserved, level.reserved],
    "reserved = open orders": [level.reserved, wanted.reserved],
    "sold = shipped orders": [book.sold, wanted.sold],
  };
  return Object.entries(facts)
    .filter(([, [is, should]]) => is !== should)
    .map(([fact, pair]) => `product ${productId}: ${fact} does not hold: ${pair.join(" and ")}`);
}

interface PaymentRow {
  readonly id: string;
  readonly order_id: string;
  readonly status: string;
  readonly amount_captured: number;
  readonly amount_refunded: number;
  readonly stripe_payment_intent_id: string | null;
}

function moneyAgrees(payment: PaymentRow, intent: IntentAtStripe): boolean {
  const { status, amount_captured: captured, amount_refunded: refunded } = payment;
  if (status === "AUTHORIZED") return intent.status === "requires_capture";
  if (status === "VOIDED") return intent.status === "canceled";
  if (["CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED"].includes(status)) {
    const isWhole = status === "REFUNDED" ? refunded === captured : refunded < captured;
    return intent.status === "succeeded" && intent.amount_received === captured && isWhole;
  }
  return intent.status.startsWith("requires_");
}

/** Every payment agrees with Stripe, and Stripe has at most one intent that is not cancelled for an order. */
async function wrongMoney(shop: Shop, orders: readonly OrderRow[], list: string): Promise<string[]> {
  const payments = await shop.query<PaymentRow>(
    "payments",
    "SELECT * FROM payments WHERE order_id IN (SELECT value FROM json_each(?))",
    list,
  );
  const intents = new Map((await intentsAtStripe(shop)).map((intent) => [intent.id, intent]));
  const open = new Map<string, number>();
  for (const { status, metadata } of intents.values()) {
    const orderId = metadata["orderId"] ?? "";
    if (status !== "canceled") open.set(orderId, (open.get(orderId) ?? 0) + 1);
  }
  return [
    ...payments.flatMap((payment) => {
      const intent = intents.get(payment.stripe_payment_intent_id ?? "");
      if (intent === undefined) return payment.status === "VOIDED" ? [] : [`payment ${payment.id} has no intent`];
      const what = `${payment.status} here and ${intent.status} at Stripe`;
      return moneyAgrees(payment, intent) ? [] : [`payment ${payment.id} of ${payment.order_id} is ${what}`];
    }),
    ...orders.filter(({ id }) => (open.get(id) ?? 0) > 1).map(({ id }) => `order ${id} has more than one intent`),
    ...orders
      .filter(({ id, status }) => status === "CANCELLED" && intents.size > 0 && open.get(id) !== undefined)
      .filter(({ payment_status }) => payment_status !== "REFUNDED")
      .map(({ id }) => `order ${id} is cancelled and its intent is open`),
  ];
}

/** Each order has one notification of a kind, and each notification is sent. */
async function wrongNotifications(shop: Shop, list: string): Promise<string[]> {
  const doubled = await shop.query<{ about: string; template: string }>(
    "notifications",
    `SELECT about, template FROM notifications WHERE about IN (SELECT value FROM json_each(?)) AND template <> 'payment_refunded'
      GROUP BY about, template, channel HAVING count(*) > 1`,
    list,
  );
  const unsent = await shop.query<{ id: string; status: string }>(
    "notifications",
    "SELECT id, status FROM notifications WHERE about IN (SELECT value FROM json_each(?)) AND status <> 'sent'",
    list,
  );
  const missing = await shop.query<{ id: string }>(
    "notifications",
    `SELECT value AS id FROM json_each(?) WHERE NOT EXISTS
      (SELECT 1 FROM notifications WHERE about = value AND template = 'order_received')`,
    list,
  );
  return [
    ...doubled.map(({ about, template }) => `${template} of ${about} exists twice`),
    ...unsent.map(({ id, status }) => `notification ${id} is ${status}`),
    ...missing.map(({ id }) => `order ${id} has no order_received notification`),
  ];
}

/** Events that a consumer has not handled, whether the outbox has confirmed them or not. */
async function unhandled(shop: Shop): Promise<string[]> {
  const stores = Object.keys(DATABASES) as Store[];
  const produced = await Promise.all(
    stores.map((store) =>
      shop.query<Routed & { id: string }>(store, `SELECT id, type, ${IS_COUNTED} AS counted FROM outbox`),
    ),
  );
  const events = produced.flat();
  const missing = await Promise.all(
    CONSUMERS.map(async (consumer) => {
      const ids = events.filter((event) => consumersOf(event).includes(consumer)).map(({ id }) => id);
      const rows = await shop.query<{ id: string }>(
        consumer,
        "SELECT value AS id FROM json_each(?) WHERE value NOT IN (SELECT event_id FROM inbox)",
        JSON.stringify(ids),
      );
      return rows.map(({ id }) => {
        const type = events.find((event) => event.id === id)?.type ?? "";
        return `${consumer} has not handled ${type} ${id}`;
      });
    }),
  );
  return missing.flat();
}

export interface Audit {
  readonly orders: number;
  readonly ids: ReadonlySet<string>;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly events: number;
  readonly wrong: readonly string[];
}

/** Audits these products and their orders. */
export async function audit(shop: Shop, admin: Client, productIds: readonly string[]): Promise<Audit> {
  const orders = await shop.query<OrderRow>(
    "orders",
    `SELECT id, status, payment_status, stock_status FROM orders WHERE id NOT GLOB 'ord_seed*' AND id IN
      (SELECT order_id FROM order_items WHERE product_id IN (SELECT value FROM json_each(?)))`,
    JSON.stringify(productIds),
  );
  const list = JSON.stringify(orders.map(({ id }) => id));
  const stock = await Promise.all(productIds.map((productId) => wrongStock(shop, admin, productId)));
  const counts = await Promise.all(
    (Object.keys(DATABASES) as Store[]).map((store) =>
      shop.query<{ count: number }>(store, "SELECT count(*) AS count FROM outbox"),
    ),
  );
  const byStatus: Record<string, number> = {};
  for (const { status } of orders) byStatus[status] = (byStatus[status] ?? 0) + 1;
  return {
    orders: orders.length,
    ids: new Set(orders.map(({ id }) => id)),
    byStatus,
    events: counts.flat().reduce((sum, { count }) => sum + count, 0),
    wrong: [
      ...illegalStates(orders),
      ...(await brokenHistories(shop, list)),
      ...stock.flat(),
      ...(await wrongMoney(shop, orders, list)),
      ...(await wrongNotifications(shop, list)),
      ...(await unhandled(shop)),
      ...(await leftovers(shop)),
      ...(await driftedFigures(shop)),
    ],
  };
}
