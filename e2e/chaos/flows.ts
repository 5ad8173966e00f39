// The flows that are interrupted after each of their durable steps. `prepare` runs without faults; `act` is interrupted, and may be
// repeated, because a client repeats a request that got no response.
import type { Order } from "#shared/contracts/orders";
import type { PaymentIntent } from "#shared/contracts/payments";
import { ADDRESS, confirmPayment, orderReaches, pay } from "../../scripts/shop/client.ts";
import type { Answer, Client, Send } from "../../scripts/shop/client.ts";
import type { Shop } from "../harness.ts";
import { paymentOf } from "../stripe.ts";
import { TIMEOUT_MS } from "./constants.ts";

/** One run of a flow: a product that no other run uses, and the idempotency key of its request. */
export interface Run {
  readonly productId: string;
  readonly key: string;
}

/** The shop as it runs now, and its clients. */
export interface Cast {
  readonly shop: Shop;
  readonly buyer: Client;
  readonly admin: Client;
  /** The guest of this run, identified by a cart token. */
  readonly guest: Client;
}

export interface Flow {
  readonly name: string;
  prepare(cast: Cast, run: Run): Promise<void>;
  /** Returns the status of the last response. */
  act(cast: Cast, run: Run): Promise<number>;
}

const QUANTITY = 2;
/** Stand for a wrong body; no server sends these statuses. */
const NOT_EMPTY = 599;
const MERGED_WRONGLY = 598;

/** The cart token of a run's guest. */
export function cartTokenOf(key: string): string {
  return `cart-token-of-${key}`.padEnd(43, "x");
}

async function order({ buyer }: Cast, { productId, key }: Run): Promise<Answer<Order>> {
  const items = [{ productId, quantity: QUANTITY }];
  return await buyer.call<Order>(
    "POST",
    "/api/orders",
    { items, shippingAddress: ADDRESS },
    { "idempotency-key": key },
  );
}

/** The order of this run, which exists. */
async function orderOf(cast: Cast, run: Run): Promise<Order> {
  const { status, body } = await order(cast, run);
  if (status !== 201) throw new Error(`the order of the run: ${String(status)} ${JSON.stringify(body)}`);
  return body;
}

/** With a long timeout, because many runs are prepared at the same time. */
async function reaches(buyer: Client, id: string, isDone: (now: Order) => boolean, what: string): Promise<Order> {
  return await orderReaches(buyer, id, isDone, what, TIMEOUT_MS);
}

async function ordered(cast: Cast, run: Run): Promise<Order> {
  const made = await orderOf(cast, run);
  return await reaches(cast.buyer, made.id, ({ stockStatus }) => stockStatus === "RESERVED", "has its stock");
}

async function paid(cast: Cast, run: Run): Promise<Order> {
  const made = await ordered(cast, run);
  await pay(cast.shop.send, cast.buyer, made.id);
  return await reaches(cast.buyer, made.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
}

async function move({ admin }: Cast, orderId: string, status: string): Promise<number> {
  const tracking = status === "SHIPPED" ? { tracking: { carrier: "DHL", number: "JD0001" } } : {};
  return (await admin.call("PATCH", `/api/orders/${orderId}/status`, { status, ...tracking })).status;
}

async function processing(cast: Cast, run: Run): Promise<Order> {
  const made = await paid(cast, run);
  await move(cast, made.id, "PROCESSING");
  return made;
}

async function captured(cast: Cast, run: Run): Promise<Order> {
  const made = await processing(cast, run);
  const { id } = await paymentOf(cast.admin, made.id);
  await cast.admin.expect(200, "POST", `/api/payments/${id}/capture`, {});
  return await reaches(cast.buyer, made.id, ({ paymentStatus }) => paymentStatus === "CAPTURED", "is CAPTURED");
}

async function shipped(cast: Cast, run: Run): Promise<Order> {
  const made = await processing(cast, run);
  await move(cast, made.id, "SHIPPED");
  const isDone = (now: Order): boolean => now.status === "SHIPPED" && now.paymentStatus === "CAPTURED";
  return await reaches(cast.buyer, made.id, isDone, "is SHIPPED and CAPTURED");
}

async function cancel(client: Client, orderId: string): Promise<number> {
  return (await client.call("POST", `/api/orders/${orderId}/cancel`, { reason: "changed my mind" })).status;
}

async function intentOf({ buyer }: Cast, orderId: string): Promise<Answer<PaymentIntent>> {
  return await buyer.call<PaymentIntent>("POST", "/api/payments/intent", { orderId });
}

/** Confirms an intent as a browser does. Stripe refuses one that is paid already, which counts as done. */
async function confirm(send: Send, intent: PaymentIntent): Promise<number> {
  const { status } = await confirmPayment(send, intent);
  return status === 400 ? 200 : status;
}

const NOTHING = async (): Promise<void> => {};

export const FLOWS: readonly Flow[] = [
  {
    name: "order creation",
    prepare: NOTHING,
    act: async (cast, run) => (await order(cast, run)).status,
  },
  {
    name: "cart checkout",
    async prepare({ guest }, { productId }) {
      await guest.expect(201, "POST", "/api/cart/items", { productId, quantity: QUANTITY });
    },
    async act({ guest }, { key }) {
      const body = { shippingAddress: ADDRESS, email: `${key}@example.com` };
      const { status } = await guest.call("POST", "/api/orders", body, { "idempotency-key": key });
      if (status !== 201) return status;
      // The next access completes the checkout of the cart; it has to be empty then.
      const cart = await guest.call<{ items: unknown[] }>("GET", "/api/cart");
      return cart.status === 200 && cart.body.items.length > 0 ? NOT_EMPTY : cart.status;
    },
  },
  {
    name: "payment intent",
    prepare: async (cast, run) => void (await ordered(cast, run)),
    act: async (cast, run) => (await intentOf(cast, (await orderOf(cast, run)).id)).status,
  },
  {
    name: "webhook processing",
    async prepare(cast, run) {
      const made = await ordered(cast, run);
      await intentOf(cast, made.id);
    },
    async act(cast, run) {
      // Read from the database: a request for the intent would have durable steps.
      const made = await orderOf(cast, run);
      const [row] = await cast.shop.query<{ id: string; secret: string }>(
        "payments",
        "SELECT stripe_payment_intent_id AS id, client_secret AS secret FROM payments WHERE order_id = ?",
        made.id,
      );
      if (row === undefined) throw new Error(`order ${made.id} has no intent`);
      const intent = { stripePaymentIntentId: row.id, clientSecret: row.secret, publishableKey: "pk_test_sandbox" };
      return await confirm(cast.shop.send, intent as PaymentIntent);
    },
  },
  {
    name: "capture by admin",
    prepare: async (cast, run) => void (await processing(cast, run)),
    async act(cast, run) {
      const { id } = await paymentOf(cast.admin, (await orderOf(cast, run)).id);
      const headers = { "idempotency-key": run.key };
      return (await cast.admin.call("POST", `/api/payments/${id}/capture`, {}, headers)).status;
    },
  },
  {
    name: "shipment with its capture",
    prepare: async (cast, run) => void (await processing(cast, run)),
    act: async (cast, run) => await move(cast, (await orderOf(cast, run)).id, "SHIPPED"),
  },
  {
    name: "refund in part",
    prepare: async (cast, run) => void (await shipped(cast, run)),
    async act(cast, run) {
      const { id } = await paymentOf(cast.admin, (await orderOf(cast, run)).id);
      const headers = { "idempotency-key": run.key };
      return (await cast.admin.call("POST", `/api/payments/${id}/refund`, { amount: 700 }, headers)).status;
    },
  },
  {
    name: "refund in full before shipment",
    prepare: async (cast, run) => void (await captured(cast, run)),
    async act(cast, run) {
      const { id } = await paymentOf(cast.admin, (await orderOf(cast, run)).id);
      const headers = { "idempotency-key": run.key };
      return (await cast.admin.call("POST", `/api/payments/${id}/refund`, {}, headers)).status;
    },
  },
  {
    name: "refund of a line whose goods go back",
    async prepare(cast, run) {
      const { id } = await shipped(cast, run);
      await reaches(cast.buyer, id, ({ stockStatus }) => stockStatus === "CONSUMED", "has its stock consumed");
    },
    async act(cast, run) {
      const { id, items } = await orderOf(cast, run);
      const body = { lines: items.map((item) => ({ itemId: item.id, quantity: 1, restock: true })) };
      return (await cast.admin.call("POST", `/api/orders/${id}/refunds`, body, { "idempotency-key": run.key })).status;
    },
  },
  {
    name: "cart merge",
    async prepare({ guest }, { productId }) {
      await guest.expect(201, "POST", "/api/cart/items", { productId, quantity: QUANTITY });
    },
    async act({ buyer }, { productId, key }) {
      const { status } = await buyer.call("POST", "/api/cart/merge", { cartToken: cartTokenOf(key) });
      if (status !== 200) return status;
      const cart = await buyer.call<{ items: { productId: string; quantity: number }[] }>("GET", "/api/cart");
      const line = cart.body.items.find((item) => item.productId === productId);
      // Merged once, however often the request came.
      return cart.status === 200 && line?.quantity !== QUANTITY ? MERGED_WRONGLY : cart.status;
    },
  },
  {
    name: "cancel before payment",
    async prepare(cast, run) {
      const made = await ordered(cast, run);
      await intentOf(cast, made.id);
    },
    act: async (cast, run) => await cancel(cast.buyer, (await orderOf(cast, run)).id),
  },
  {
    name: "cancel after payment",
    prepare: async (cast, run) => void (await paid(cast, run)),
    act: async (cast, run) => await cancel(cast.buyer, (await orderOf(cast, run)).id),
  },
  {
    name: "cancel after capture",
    prepare: async (cast, run) => void (await captured(cast, run)),
    act: async (cast, run) => await cancel(cast.admin, (await orderOf(cast, run)).id),
  },
  {
    name: "payment window over",
    async prepare(cast, run) {
      const made = await ordered(cast, run);
      await intentOf(cast, made.id);
    },
    async act(cast, run) {
      const made = await orderOf(cast, run);
      await cast.shop.query("orders", "UPDATE orders SET payment_due_at = 1 WHERE id = ?", made.id);
      await cast.shop.cron("orders");
      return 200;
    },
  },
];
