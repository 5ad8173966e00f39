// The state of everything about one product, in the databases, in the objects and at Stripe, without ids and times. Two runs of a flow
// that ended alike have equal pictures.
import type { Shop } from "../harness.ts";
import type { Client } from "../../scripts/shop/client.ts";
import { levelOf } from "../../scripts/shop/client.ts";
import { atStripe } from "../stripe.ts";

interface OrderRow {
  readonly id: string;
  readonly status: string;
  readonly payment_status: string;
  readonly stock_status: string;
  readonly total: number;
}

export interface IntentAtStripe {
  readonly id: string;
  readonly status: string;
  readonly amount: number;
  readonly amount_received: number;
  readonly amount_capturable: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Arrays are sorted where the order of arrival does not matter. */
export type Picture = Readonly<Record<string, unknown>>;

/** Reads a list of Stripe's API to its end. */
async function stripeList<T extends { readonly id: string }>(shop: Shop, path: string): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const after = all.at(-1);
    const page = await atStripe<{ readonly data: T[]; readonly has_more: boolean }>(
      shop.send,
      `${path}limit=100${after === undefined ? "" : `&starting_after=${after.id}`}`,
    );
    all.push(...page.data);
    if (!page.has_more) return all;
  }
}

async function moneyOf(shop: Shop, orderIds: readonly string[]): Promise<unknown[]> {
  const payments = await shop.query<{ stripe_payment_intent_id: string | null }>(
    "payments",
    "SELECT stripe_payment_intent_id FROM payments WHERE order_id IN (SELECT value FROM json_each(?)) ORDER BY id",
    JSON.stringify(orderIds),
  );
  return await Promise.all(
    payments.map(async ({ stripe_payment_intent_id: id }) => {
      if (id === null) return "no intent";
      const { status, amount, amount_received, amount_capturable } = await atStripe<IntentAtStripe>(
        shop.send,
        `payment_intents/${id}`,
      );
      const refunds = await stripeList<{ id: string; amount: number; status: string }>(
        shop,
        `refunds?payment_intent=${id}&`,
      );
      const given = refunds.map((refund) => `${refund.status} ${String(refund.amount)}`).toSorted();
      return { status, amount, amount_received, amount_capturable, refunds: given };
    }),
  );
}

/** Every intent at Stripe. */
export async function intentsAtStripe(shop: Shop): Promise<readonly IntentAtStripe[]> {
  return await stripeList<IntentAtStripe>(shop, "payment_intents?");
}

/** Order id -> its intents at Stripe that are not cancelled. A second one could be paid too. */
export async function openIntents(shop: Shop): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { status, metadata } of await intentsAtStripe(shop)) {
    const orderId = metadata["orderId"];
    if (orderId !== undefined && status !== "canceled") counts.set(orderId, (counts.get(orderId) ?? 0) + 1);
  }
  return counts;
}

interface Sent {
  readonly id: string;
  readonly template: string;
  readonly status: string;
  readonly channel: string;
}

/** Each notification by kind and state, and whether the provider accepted each mail that is marked as sent. */
async function notificationsOf(
  shop: Shop,
  letters: ReadonlySet<string>,
  orderIds: readonly string[],
): Promise<string[]> {
  const rows = await shop.query<Sent>(
    "notifications",
    "SELECT id, template, status, channel FROM notifications WHERE about IN (SELECT value FROM json_each(?))",
    JSON.stringify(orderIds),
  );
  return rows
    .map(({ id, template, status, channel }) => {
      const isThere = channel === "email" && letters.has(id);
      return `${template} ${channel} ${status}${isThere === (status === "sent" && channel === "email") ? "" : ", which its mail contradicts"}`;
    })
    .toSorted();
}

/** The ledger without corrections: those come from the preparation of a run. */
async function stockOf(shop: Shop, admin: Client, productId: string): Promise<unknown> {
  const { onHand, reserved, available } = await levelOf(admin, productId);
  const [books, reservations, ledger] = await Promise.all([
    shop.query(
      "inventory",
      `SELECT on_hand, reserved, available, on_hand - opening -
          (SELECT coalesce(sum(delta), 0) FROM ledger WHERE ledger.product_id = stock_levels.product_id) AS unexplained
        FROM stock_levels WHERE product_id = ?`,
      productId,
    ),
    shop.query<{ line: string }>(
      "inventory",
      "SELECT state || ' ' || quantity AS line FROM reservations WHERE product_id = ? AND state NOT IN ('expired', 'released') ORDER BY line",
      productId,
    ),
    shop.query<{ line: string }>(
      "inventory",
      "SELECT type || ' ' || delta AS line FROM ledger WHERE product_id = ? AND reference IS NOT NULL ORDER BY line",
      productId,
    ),
  ]);
  return {
    level: { onHand, reserved, available },
    books,
    reservations: reservations.map(({ line }) => line),
    ledger: ledger.map(({ line }) => line),
  };
}

async function ordersOf(shop: Shop, productId: string): Promise<readonly OrderRow[]> {
  return await shop.query<OrderRow>(
    "orders",
    // The stock of an order is RELEASED, or REJECTED when it was cancelled before the reservation. Nothing is reserved either way.
    `SELECT id, status, payment_status, iif(stock_status IN ('RELEASED', 'REJECTED'), 'none', stock_status) AS stock_status, total
      FROM orders
      WHERE id IN (SELECT order_id FROM order_items WHERE product_id = ?) ORDER BY created_at`,
    productId,
  );
}

/** The picture of one product and its orders. `letters` are the ids of the accepted mails. */
export async function pictureOf(
  { shop, letters }: { readonly shop: Shop; readonly letters: ReadonlySet<string> },
  admin: Client,
  productId: string,
): Promise<Picture> {
  const orders = await ordersOf(shop, productId);
  const ids = orders.map(({ id }) => id);
  const list = JSON.stringify(ids);
  const lines = async (worker: "orders" | "payments", sql: string): Promise<string[]> =>
    (await shop.query<{ line: string }>(worker, sql, list)).map(({ line }) => line);
  const [history, payments, paymentHistory, refunds, returns, events, stripe, notifications, stock] = await Promise.all(
    [
      lines(
        "orders",
        `SELECT coalesce(entry.value ->> 'from', '') || ' > ' || (entry.value ->> 'to') || ' ' || coalesce(entry.value ->> 'reason', '') AS line
        FROM orders, json_each(orders.history) AS entry
        WHERE orders.id IN (SELECT value FROM json_each(?)) ORDER BY orders.id, entry.key`,
      ),
      lines(
        "payments",
        `SELECT status || ' ' || amount || ' capturable ' || amount_capturable || ' captured ' || amount_captured || ' refunded '
          || amount_refunded AS line FROM payments WHERE order_id IN (SELECT value FROM json_each(?)) ORDER BY id`,
      ),
      lines(
        "payments",
        `SELECT entry.value ->> 'status' AS line FROM payments, json_each(payments.history) AS entry
        WHERE order_id IN (SELECT value FROM json_each(?)) ORDER BY payments.id, entry.key`,
      ),
      lines(
        "payments",
        `SELECT refunds.status || ' ' || refunds.amount AS line FROM refunds JOIN payments ON payments.id = payment_id
        WHERE order_id IN (SELECT value FROM json_each(?)) ORDER BY line`,
      ),
      lines(
        "orders",
        "SELECT status || ' ' || amount AS line FROM order_refunds WHERE order_id IN (SELECT value FROM json_each(?)) ORDER BY line",
      ),
      lines(
        "orders",
        "SELECT DISTINCT type AS line FROM outbox WHERE subject IN (SELECT value FROM json_each(?)) ORDER BY line",
      ),
      moneyOf(shop, ids),
      notificationsOf(shop, letters, ids),
      stockOf(shop, admin, productId),
    ],
  );
  return {
    orders: orders.map(({ id: _id, ...order }) => order),
    history,
    payments,
    paymentHistory,
    refunds,
    returns,
    events,
    stripe,
    notifications,
    stock,
  };
}

/** Dead letters and failing events, of which there must be none at the end of a run. */
export async function leftovers(shop: Shop): Promise<string[]> {
  const found = await Promise.all(
    (["catalog", "orders", "payments", "inventory", "notifications"] as const).map(async (worker) => {
      const rows = await shop.query<{ type: string; error: string }>(
        worker,
        `SELECT type, error FROM dead_letters UNION ALL
          SELECT type, error FROM inbox_failures WHERE event_id NOT IN (SELECT event_id FROM inbox)`,
      );
      return rows.map(({ type, error }) => `${worker}: ${type}: ${error}`);
    }),
  );
  return found.flat();
}
