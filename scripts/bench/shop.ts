// The benchmark's buyers and products, and the units of work that it measures.
import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "#shared/contracts/accounts";
import type { ProductPage } from "#shared/contracts/catalog";
import type { Level } from "#shared/contracts/inventory";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { PaymentIntent } from "#shared/contracts/payments";
import { SANDBOX_SECRET_KEY } from "../local/settings.ts";
import { ADDRESS, confirmation } from "../shop/client.ts";
import { pick } from "./load.ts";
import type { Answer, Request, RequestOptions } from "./load.ts";

/** Enough for every measurement. */
const AMPLE_STOCK = 100_000;
const PRODUCTS = 60;
const QUERIES = 200;
/** How often a buyer polls for CONFIRMED. Each poll is one more request. */
const POLL_MS = 10;
const CONFIRM_TIMEOUT_MS = 20_000;
/** Long enough to count the holds after the rush. */
const HOLD_SECONDS = 60;

/** Does not parse the body: this process shares two cores with the server. */
function expectStatus(answer: Answer, status: number, what: string): void {
  if (answer.status !== status) throw new Error(`${what}: ${answer.status} instead of ${status}: ${answer.body}`);
}

function parsed<T>(answer: Answer, status: number, what: string): T {
  expectStatus(answer, status, what);
  return JSON.parse(answer.body) as T;
}

function json(method: "POST" | "PATCH", body: unknown, token?: string): RequestOptions {
  return {
    method,
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  };
}

function bearer(token: string): RequestOptions {
  return { headers: { authorization: `Bearer ${token}` } };
}

/** Accounts, products and queries for the measurements. */
export interface Stage {
  readonly admin: string;
  /** One access token for each client: 15 minutes are longer than the whole run. */
  readonly buyers: readonly string[];
  readonly productIds: readonly string[];
  /** All of the shop. */
  readonly products: ProductPage["items"];
  readonly queries: readonly string[];
}

async function allProducts(request: Request): Promise<ProductPage["items"]> {
  const items: ProductPage["items"] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const after: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page: ProductPage = parsed(await request(`/api/products?limit=100${after}`), 200, "products");
    items.push(...page.items);
    cursor = page.nextCursor;
  }
  return items;
}

export async function setStock(request: Request, admin: string, productId: string, onHand: number): Promise<void> {
  const level = parsed<Level>(await request(`/api/inventory/${productId}`, bearer(admin)), 200, "level");
  const delta = onHand - level.available;
  if (delta === 0) return;
  const path = `/api/inventory/${productId}/adjust`;
  parsed(await request(path, json("POST", { delta, reason: "correction" }, admin)), 200, "adjust");
}

export async function availableOf(request: Request, admin: string, productId: string): Promise<number> {
  return parsed<Level>(await request(`/api/inventory/${productId}`, bearer(admin)), 200, "level").available;
}

/** Distinct queries of one and two words from the names of products. */
function queriesFrom(names: readonly string[]): string[] {
  const words = names.flatMap((name) => {
    const parts = name.split(/[^\p{L}]+/u).filter((part) => part.length > 3);
    return [parts.at(-1) ?? name, parts.slice(0, 2).join(" ")];
  });
  return [...new Set(words)].slice(0, QUERIES);
}

/** Registers the buyers, each a password hash of 0.2 s, and sets the stock. Runs before any measurement. */
export async function setStage(request: Request, clients: number): Promise<Stage> {
  const login = { email: "admin@example.com", password: "Admin123!" };
  const { accessToken: admin } = parsed<Session>(await request("/api/auth/login", json("POST", login)), 200, "login");
  const buyers: string[] = [];
  for (let index = 0; index < clients; index++) {
    const account = { email: `bench-${index}@example.com`, password: "correct horse battery", name: "Bench Buyer" };
    const session = parsed<Session>(await request("/api/auth/register", json("POST", account)), 201, "register");
    buyers.push(session.accessToken);
  }
  const products = await allProducts(request);
  const single = products.filter(({ minOrderQuantity }) => minOrderQuantity === 1).slice(0, PRODUCTS + 1);
  for (const { id } of single) await setStock(request, admin, id, AMPLE_STOCK);
  const queries = queriesFrom(products.map(({ name }) => name));
  if (single.length <= PRODUCTS || queries.length < QUERIES) throw new Error("the seed is too small for the benchmark");
  return { admin, buyers, productIds: single.map(({ id }) => id), products, queries };
}

export async function listProducts(request: Request): Promise<void> {
  expectStatus(await request("/api/products?limit=20"), 200, "product list");
}

export async function oneProduct(request: Request, { productIds }: Stage, round: number): Promise<void> {
  expectStatus(await request(`/api/products/${pick(productIds, round)}`), 200, "product");
}

export async function search(request: Request, { queries }: Stage, round: number): Promise<void> {
  expectStatus(await request(`/api/products?limit=20&q=${encodeURIComponent(pick(queries, round))}`), 200, "search");
}

/** Public reads that are measured without the caches. */
export type Uncached = "product" | "list" | "search";

/** Paths of one kind, none of them twice. */
export function uncachedPaths({ products, queries }: Stage, kind: Uncached): string[] {
  const sizes = [21, 22, 23, 24];
  if (kind === "product") return products.flatMap(({ id, slug }) => [`/api/products/${id}`, `/api/products/${slug}`]);
  if (kind === "search") {
    return sizes.flatMap((size) => queries.map((q) => `/api/products?limit=${size}&q=${encodeURIComponent(q)}`));
  }
  const categories = [...new Set(products.map(({ category }) => category.id))];
  const sorts = ["newest", "price", "-price", "name"];
  return sizes.flatMap((size) =>
    sorts.flatMap((sort) => categories.map((id) => `/api/products?limit=${size}&sort=${sort}&category=${id}`)),
  );
}

export async function read(request: Request, path: string): Promise<void> {
  expectStatus(await request(path), 200, path);
}

export async function addToCart(request: Request, stage: Stage, client: number, round: number): Promise<void> {
  const body = { productId: pick(stage.productIds, round + client), quantity: 1 };
  expectStatus(await request("/api/cart/items", json("POST", body, pick(stage.buyers, client))), 201, "add to cart");
}

export async function clearCarts(request: Request, stage: Stage): Promise<void> {
  for (const token of stage.buyers) {
    parsed(await request("/api/cart/clear", json("POST", undefined, token)), 200, "clear");
  }
}

/** Milliseconds that each step of an order took. */
export type Steps = Record<"cart" | "order" | "intent" | "confirm" | "wait", number>;

async function pay(request: Request, token: string, orderId: string, steps: Steps): Promise<void> {
  let at = performance.now();
  const lap = (step: keyof Steps): void => {
    const now = performance.now();
    steps[step] += now - at;
    at = now;
  };
  const created = await request("/api/payments/intent", json("POST", { orderId }, token));
  const intent = parsed<PaymentIntent>(created, 201, "intent");
  lap("intent");
  const { path, init } = confirmation(intent);
  const confirmed = await request(path, init);
  expectStatus(confirmed, 200, "confirm");
  lap("confirm");
  const deadline = at + CONFIRM_TIMEOUT_MS;
  for (;;) {
    const order = parsed<Order>(await request(`/api/orders/${orderId}`, bearer(token)), 200, "order");
    if (order.status === "CONFIRMED") break;
    if (performance.now() > deadline) throw new Error(`order ${orderId} is ${order.status}, not CONFIRMED`);
    await pause(POLL_MS);
  }
  lap("wait");
}

export function noSteps(): Steps {
  return { cart: 0, order: 0, intent: 0, confirm: 0, wait: 0 };
}

/** All requests of a client from the cart to CONFIRMED. Adds the time of each to `steps`. */
export async function wholeOrder(
  request: Request,
  stage: Stage,
  client: number,
  round: number,
  steps: Steps,
): Promise<void> {
  const token = pick(stage.buyers, client);
  const startedAt = performance.now();
  await addToCart(request, stage, client, round);
  const inCart = performance.now();
  const answer = await request("/api/orders", json("POST", { shippingAddress: ADDRESS }, token));
  const { id } = parsed<CreatedOrder>(answer, 201, "order");
  steps.cart += inCart - startedAt;
  steps.order += performance.now() - inCart;
  await pay(request, token, id, steps);
}

/** Whether the sandbox sends its webhooks. */
export async function setWebhooks(request: Request, webhooks: "deliver" | "drop"): Promise<void> {
  expectStatus(await request("/_stripe/faults", json("POST", { webhooks })), 200, "faults");
}

/** What an order asks of the sandbox, and nothing of the shop: an intent that is made, confirmed and read. */
export async function sandboxOnly(request: Request): Promise<void> {
  const headers = {
    authorization: `Bearer ${SANDBOX_SECRET_KEY}`,
    "content-type": "application/x-www-form-urlencoded",
  };
  const body = new URLSearchParams({ amount: "2500", currency: "usd", capture_method: "manual" }).toString();
  const made = await request("/_stripe/v1/payment_intents", { method: "POST", headers, body });
  const { id } = parsed<{ id: string }>(made, 200, "an intent at the sandbox");
  const paid = { method: "POST", headers, body: "payment_method=pm_card_visa" } as const;
  expectStatus(await request(`/_stripe/v1/payment_intents/${id}/confirm`, paid), 200, "confirm at the sandbox");
  expectStatus(await request(`/_stripe/v1/payment_intents/${id}`, { headers }), 200, "an intent that is read");
}

export interface Rush {
  readonly sold: number;
  readonly refused: number;
  /** Until every buyer has a response, and until every created order is paid and CONFIRMED. */
  readonly answeredMs: number;
  readonly confirmedMs: number;
  readonly latencies: readonly number[];
}

/** Guests who order one product at the same time. Each one with an order pays it. */
export async function rush(request: Request, productId: string, buyers: number): Promise<Rush> {
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: buyers }, async (_, index) => {
      const items = [{ productId, quantity: 1 }];
      const body = { items, shippingAddress: ADDRESS, email: `rush-${index}@example.com` };
      const answer = await request("/api/orders", json("POST", body));
      return { answer, ms: performance.now() - startedAt };
    }),
  );
  const answeredMs = performance.now() - startedAt;
  const orders = answers.filter(({ answer }) => answer.status === 201);
  const refused = answers.filter(({ answer }) => answer.status === 409).length;
  await Promise.all(
    orders.map(async ({ answer }) => {
      const order = parsed<CreatedOrder>(answer, 201, "order");
      if (order.accessToken === undefined) throw new Error("a guest's order has no access token");
      await pay(request, order.accessToken, order.id, noSteps());
    }),
  );
  return {
    sold: orders.length,
    refused,
    answeredMs,
    confirmedMs: performance.now() - startedAt,
    latencies: answers.map(({ ms }) => ms),
  };
}

export interface HoldRush {
  readonly held: number;
  readonly refused: number;
  readonly elapsedMs: number;
}

/** Concurrent reservations of one unit of one product, each for an order of its own. */
export async function holdRush(request: Request, admin: string, productId: string, holders: number): Promise<HoldRush> {
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: holders }, async (_, index) => {
      const body = { orderId: `bench-${index}`, items: [{ productId, quantity: 1 }], ttlSeconds: HOLD_SECONDS };
      return await request("/api/inventory/reserve", json("POST", body, admin));
    }),
  );
  const elapsedMs = performance.now() - startedAt;
  const count = (status: number): number => answers.filter((answer) => answer.status === status).length;
  return { held: count(201), refused: count(409), elapsedMs };
}
