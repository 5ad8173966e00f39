// A buyer, a member of staff or a guest over HTTP, for the end-to-end tests, the smoke test and the benchmark. It knows the OpenAPI
// document and nothing else, as a program outside would.
import { setTimeout as pause } from "node:timers/promises";
import type { Operations } from "../../client/tradepost.ts";
import { Client as ApiClient } from "../client/runtime.ts";
import type { Session } from "#shared/contracts/accounts";
import type { ProductPage } from "#shared/contracts/catalog";
import type { Level } from "#shared/contracts/inventory";
import type { Cart } from "#shared/contracts/carts";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { PaymentIntent } from "#shared/contracts/payments";

type Api = ApiClient<Operations>;

/** `fetch` of one server. The path begins with a slash. */
export type Send = (path: string, init?: RequestInit) => Promise<Response>;

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly shortages?: readonly { productId: string; requested: number; available: number }[];
}

export const ADDRESS = {
  name: "Test Person",
  line1: "1 Dock Road",
  city: "Springfield",
  region: "IL",
  postalCode: "62701",
  country: "US",
} as const;

export class Client {
  /** Typed calls of the OpenAPI document. The untyped methods below are for requests that it does not allow. */
  readonly api: Api;
  readonly #send: Send;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(send: Send, headers: Readonly<Record<string, string>> = {}) {
    this.#send = send;
    this.#headers = headers;
    this.api = new ApiClient({ baseUrl: "", headers, fetch: send });
  }

  with(headers: Readonly<Record<string, string>>): Client {
    return new Client(this.#send, { ...this.#headers, ...headers });
  }

  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<T>> {
    const response = await this.#send(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...this.#headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? undefined : JSON.parse(text)) as T,
    };
  }

  /** Returns the body of a response with this status. @throws Error with any other response. */
  async expect<T>(
    status: number,
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const answer = await this.call<T>(method, path, body, headers);
    if (answer.status !== status) {
      throw new Error(
        `${method} ${path}: ${String(answer.status)} instead of ${String(status)}: ${JSON.stringify(answer.body)}`,
      );
    }
    return answer.body;
  }
}

export async function signIn(client: Client, email: string, password: string): Promise<Client> {
  const session = await client.api.call("POST /api/auth/login", { body: { email, password } });
  return client.with({ authorization: `Bearer ${session.accessToken}` });
}

/** Runs all sweeps of a Worker, ignoring age and back-off. Returns their counts. */
export async function runSweeps(send: Send, worker: string): Promise<Readonly<Record<string, number>>> {
  const response = await send(`/dev/cron/${worker}`, { method: "POST" });
  if (!response.ok) throw new Error(`cron of ${worker}: ${String(response.status)} ${await response.text()}`);
  return await response.json();
}

/** Registers a new buyer. */
export async function newBuyer(client: Client): Promise<{ readonly buyer: Client; readonly session: Session }> {
  const session = await client.api.call("POST /api/auth/register", {
    body: {
      email: `buyer-${crypto.randomUUID()}@example.com`,
      password: "correct horse battery",
      name: "Test Buyer",
    },
  });
  return { buyer: client.with({ authorization: `Bearer ${session.accessToken}` }), session };
}

export async function levelOf(admin: Client, productId: string): Promise<Level> {
  return await admin.expect<Level>(200, "GET", `/api/inventory/${productId}`);
}

/** Products for tests: without a minimum quantity, and not reserved by a seeded order. */
export interface Shelf {
  /** Returns a product that no other test has taken, and sets its stock. */
  take(onHand: number): Promise<string>;
}

export async function openShelf(admin: Client): Promise<Shelf> {
  const left: string[] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const query = { limit: 100, ...(cursor !== undefined && { cursor }) };
    const page: ProductPage = await admin.api.call("GET /api/products", { query });
    left.push(...page.items.filter(({ minOrderQuantity }) => minOrderQuantity === 1).map(({ id }) => id));
    cursor = page.nextCursor;
  }
  return {
    async take(onHand) {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        const level = await levelOf(admin, id);
        if (level.reserved > 0) continue;
        const delta = onHand - level.onHand;
        if (delta !== 0) {
          const params = { productId: id };
          await admin.api.call("POST /api/inventory/{productId}/adjust", {
            params,
            body: { delta, reason: "correction" },
          });
        }
        return id;
      }
      throw new Error("no product left");
    },
  };
}

export async function addToCart(buyer: Client, productId: string, quantity: number): Promise<Cart> {
  return await buyer.api.call("POST /api/cart/items", { body: { productId, quantity } });
}

export async function placeOrder(
  buyer: Client,
  items?: readonly { productId: string; quantity: number }[],
  headers: Readonly<Record<string, string>> = {},
): Promise<CreatedOrder> {
  const body = { ...(items && { items: [...items] }), shippingAddress: ADDRESS };
  return await buyer.api.call("POST /api/orders", { body, headers });
}

export async function getOrder(buyer: Client, orderId: string): Promise<Order> {
  return await buyer.api.call("GET /api/orders/{orderId}", { params: { orderId } });
}

type ConfirmableIntent = Pick<PaymentIntent, "stripePaymentIntentId" | "clientSecret" | "publishableKey">;

/** The request by which Stripe.js pays in a browser: it confirms the intent with a test payment method. */
export function confirmation(
  intent: ConfirmableIntent,
  paymentMethod = "pm_card_visa",
): { readonly path: string; readonly init: { method: "POST"; headers: Record<string, string>; body: string } } {
  return {
    path: `/_stripe/v1/payment_intents/${intent.stripePaymentIntentId}/confirm`,
    init: {
      method: "POST",
      headers: {
        authorization: `Bearer ${intent.publishableKey}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: new URLSearchParams({ payment_method: paymentMethod, client_secret: intent.clientSecret }).toString(),
    },
  };
}

export async function confirmPayment(send: Send, intent: ConfirmableIntent, paymentMethod?: string): Promise<Response> {
  const { path, init } = confirmation(intent, paymentMethod);
  return await send(path, init);
}

/** Creates the intent of an order and confirms it. */
export async function pay(send: Send, buyer: Client, orderId: string): Promise<PaymentIntent> {
  const intent = await buyer.api.call("POST /api/payments/intent", { body: { orderId } });
  const confirmed = await confirmPayment(send, intent);
  if (!confirmed.ok) throw new Error(`confirm: ${await confirmed.text()}`);
  return intent;
}

/** A mail, text or push in the local mailbox. */
export interface Letter {
  readonly channel: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The messages to a mail address, a phone number or the endpoint of a browser, newest first. */
export async function lettersTo(send: Send, to: string): Promise<readonly Letter[]> {
  const json = new Client(send, { accept: "application/json" });
  const path = `/dev/mailbox?limit=1000&to=${encodeURIComponent(to)}`;
  return (await json.expect<{ items: readonly Letter[] }>(200, "GET", path)).items;
}

const FIRST_POLL_MS = 25;
const LAST_POLL_MS = 100;

/** Polls until `read` returns a value, less often after a while. @throws Error with `what` after the timeout. */
export async function eventually<T>(what: string, read: () => Promise<T | undefined>, timeoutMs = 20_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(2 * pollMs, LAST_POLL_MS)) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`not within ${String(timeoutMs)} ms: ${what}`);
    await pause(pollMs);
  }
}

export async function orderReaches(
  buyer: Client,
  orderId: string,
  done: (order: Order) => boolean,
  what: string,
  timeoutMs?: number,
): Promise<Order> {
  let last: Order | undefined;
  try {
    return await eventually(
      `order ${orderId} ${what}`,
      async () => {
        last = await getOrder(buyer, orderId);
        return done(last) ? last : undefined;
      },
      timeoutMs,
    );
  } catch (error) {
    throw new Error(`${String(error)}; it is ${JSON.stringify(last)}`, { cause: error });
  }
}

export async function confirmedOrder(
  send: Send,
  buyer: Client,
  items: readonly { productId: string; quantity: number }[],
): Promise<Order> {
  const order = await placeOrder(buyer, items);
  await pay(send, buyer, order.id);
  return await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
}
