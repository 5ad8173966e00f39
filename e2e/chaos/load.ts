// Load on a shop: clients that act as buyers and staff, drawn from a seed. They know the orders of which they got a response. A request
// for an order without a response is repeated later under its idempotency key.
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import { ADDRESS, confirmPayment } from "../../scripts/shop/client.ts";
import type { Client, Send } from "../../scripts/shop/client.ts";
import type { PaymentIntent } from "#shared/contracts/payments";
import { pick } from "../../scripts/seed/random.ts";

export interface Floor {
  readonly send: Send;
  readonly buyer: Client;
  readonly admin: Client;
  readonly productIds: readonly string[];
  readonly random: () => number;
}

/** What the clients know, over all rounds. */
export interface Books {
  /** Orders with a response of 201. */
  readonly orders: string[];
  /** Idempotency key -> product, of requests for orders without a response. */
  readonly unanswered: Map<string, string>;
  requests: number;
  lost: number;
  /** Responses of 500 and above before a kill. */
  readonly failures: string[];
  keys: number;
}

export function newBooks(): Books {
  return { orders: [], unanswered: new Map(), requests: 0, lost: 0, failures: [], keys: 0 };
}

type Act = (floor: Floor, books: Books) => Promise<number>;

async function post(client: Client, path: string, body: unknown, headers?: Record<string, string>): Promise<number> {
  return (await client.call("POST", path, body, headers)).status;
}

async function order(floor: Floor, books: Books, key: string, productId: string): Promise<number> {
  const body = { items: [{ productId, quantity: 1 }], shippingAddress: ADDRESS };
  books.unanswered.set(key, productId);
  const answer = await floor.buyer.call<CreatedOrder>("POST", "/api/orders", body, { "idempotency-key": key });
  if (answer.status < 500) books.unanswered.delete(key);
  if (answer.status === 201) books.orders.push(answer.body.id);
  return answer.status;
}

const newOrder: Act = async (floor, books) => {
  books.keys += 1;
  return await order(floor, books, `load-${String(books.keys)}`, pick(floor.random, floor.productIds));
};

const checkout: Act = async ({ buyer, productIds, random }, books) => {
  await post(buyer, "/api/cart/items", { productId: pick(random, productIds), quantity: 1 });
  const answer = await buyer.call<CreatedOrder>("POST", "/api/orders", { shippingAddress: ADDRESS });
  if (answer.status === 201) books.orders.push(answer.body.id);
  return answer.status;
};

const merge: Act = async (floor, books) => {
  books.keys += 1;
  const cartToken = `load-cart-${String(books.keys)}`.padEnd(43, "x");
  const item = { productId: pick(floor.random, floor.productIds), quantity: 1 };
  await floor.buyer.call("POST", "/api/cart/items", item, { authorization: "", "x-cart-token": cartToken });
  return await post(floor.buyer, "/api/cart/merge", { cartToken });
};

/** An act on one of the latest known orders, so that orders progress. */
function known(act: (floor: Floor, orderId: string) => Promise<number>): Act {
  return async (floor, books) => {
    const recent = books.orders.slice(-12);
    return recent.length === 0 ? await newOrder(floor, books) : await act(floor, pick(floor.random, recent));
  };
}

const pay = known(async ({ buyer, send }, orderId) => {
  const intent = await buyer.call<PaymentIntent>("POST", "/api/payments/intent", { orderId });
  if (intent.status >= 300) return intent.status;
  return (await confirmPayment(send, intent.body)).status;
});

const cancel = known(({ buyer }, orderId) => post(buyer, `/api/orders/${orderId}/cancel`, {}));

const moveOn = known(async ({ admin }, orderId) => {
  const { status, body } = await admin.call<Order>("GET", `/api/orders/${orderId}`);
  const next = { CONFIRMED: "PROCESSING", PROCESSING: "SHIPPED", SHIPPED: "DELIVERED" }[body.status as string];
  if (status !== 200 || next === undefined) return status;
  return (await admin.call("PATCH", `/api/orders/${orderId}/status`, { status: next })).status;
});

const refund = known(async ({ admin }, orderId) => {
  const { body } = await admin.call<{ items: Payment[] }>("GET", `/api/payments/order/${orderId}`);
  const [payment] = body.items;
  return payment === undefined ? 200 : await post(admin, `/api/payments/${payment.id}/refund`, { amount: 100 });
});

const capture = known(async ({ admin }, orderId) => {
  const { body } = await admin.call<{ items: Payment[] }>("GET", `/api/payments/order/${orderId}`);
  const [payment] = body.items;
  return payment === undefined ? 200 : await post(admin, `/api/payments/${payment.id}/capture`, {});
});

/** The acts and their weights. */
const SHARES: readonly (readonly [Act, number])[] = [
  [newOrder, 3],
  [checkout, 1],
  [merge, 1],
  [pay, 4],
  [moveOn, 4],
  [cancel, 1],
  [capture, 1],
  [refund, 1],
];
const ACTS = SHARES.flatMap(([act, share]) => Array.from({ length: share }, () => act));

/** Acts as one client until `isOver`. A request without a response is counted as lost. */
export async function work(floor: Floor, books: Books, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    books.requests += 1;
    try {
      const act = pick(floor.random, ACTS);
      const status = await act(floor, books);
      if (status >= 500 && !isOver()) books.failures.push(`${act.name}: ${String(status)}`);
    } catch {
      books.lost += 1;
      // The server is down: without a pause this loop would spin.
      if (!isOver()) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Repeats every request for an order that got no response. */
export async function repeatUnanswered(floor: Floor, books: Books): Promise<void> {
  for (const [key, productId] of books.unanswered) {
    const status = await order(floor, books, key, productId);
    if (status >= 500) throw new Error(`repeated ${key}: ${String(status)}`);
  }
}
