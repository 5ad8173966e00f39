// What the tests of this Worker share: its use cases over real D1 and Cart objects, with a settable clock, recorded queues,
// and peers stubbed by their contracts.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { CatalogContract, PricedProduct } from "#shared/contracts/catalog";
import type { InventoryContract } from "#shared/contracts/inventory";
import { CreateOrderInput } from "#shared/contracts/orders";
import type { Address, CreatedOrder, Order } from "#shared/contracts/orders";
import type { ClosedUnpaid, Payment, PaymentsContract } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { EventData, EventType, StockLine } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { consume } from "#shared/inbox";
import { ok } from "#shared/result";
import { callAs, deliver, recordedQueues, stubOf } from "#shared/testkit/kit";
import type { Delivery, RecordedQueues } from "#shared/testkit/kit";
import { handlers } from "../src/consumer.ts";
import { CartState, EMPTY_CART } from "../src/domain/cart.ts";
import { createOrder } from "../src/service/place-order.ts";
import { createDeps } from "../src/service/deps.ts";
import type { OrdersDeps } from "../src/service/deps.ts";
import { writeCartIndex } from "../src/store/carts.ts";
import { findOrder } from "../src/store/orders.ts";

export const ordersEnv = env as unknown as OrdersEnv;

export const ADDRESS: Address = {
  name: "Ada Buyer",
  line1: "1 Main Street",
  city: "Springfield",
  postalCode: "12345",
  country: "US",
};

/** Inventory by its contract: holds per owner and product, tombstones, all or nothing. */
class FakeInventory {
  readonly stock = new Map<string, number>();
  readonly held = new Map<string, number>();
  readonly closed = new Set<string>();
  holds = 0;

  /** Units held of each product. */
  taken(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const [key, quantity] of this.held) {
      const productId = key.slice(key.indexOf("|") + 1);
      sums.set(productId, (sums.get(productId) ?? 0) + quantity);
    }
    return sums;
  }

  available(productId: string): number {
    return (this.stock.get(productId) ?? 0) - (this.taken().get(productId) ?? 0);
  }

  heldBy(owner: string): Readonly<Record<string, number>> {
    const own = [...this.held].filter(([key]) => key.startsWith(`${owner}|`));
    return Object.fromEntries(own.map(([key, quantity]) => [key.slice(owner.length + 1), quantity]));
  }

  contract(): Partial<InventoryContract> {
    return {
      hold: async (_call, { owner, lines }) => {
        await Promise.resolve();
        this.holds += 1;
        const keyOf = ({ productId }: StockLine): string => `${owner}|${productId}`;
        const conflict = lines.some((line) => {
          const present = this.held.get(keyOf(line));
          return this.closed.has(keyOf(line)) || (present !== undefined && present !== line.quantity);
        });
        if (conflict) return fail("reservation_conflict", "The owner was released or holds other quantities.");
        const fresh = lines.filter((line) => !this.held.has(keyOf(line)));
        const taken = this.taken();
        const availableOf = (productId: string): number =>
          (this.stock.get(productId) ?? 0) - (taken.get(productId) ?? 0);
        const shortages = fresh
          .filter(({ productId, quantity }) => quantity > availableOf(productId))
          .map(({ productId, quantity }) => ({ productId, requested: quantity, available: availableOf(productId) }));
        if (shortages.length > 0) {
          // As the Stock objects do: all of the owner's holds are undone, and it may try again.
          for (const line of lines) this.held.delete(keyOf(line));
          return fail("insufficient_stock", "Not enough stock.", { shortages });
        }
        for (const line of fresh) this.held.set(keyOf(line), line.quantity);
        return ok({ expiresAt: new Date().toISOString(), newlyHeld: fresh });
      },
      releaseHold: async (_call, { owner, productIds }) => {
        for (const productId of productIds) {
          this.held.delete(`${owner}|${productId}`);
          this.closed.add(`${owner}|${productId}`);
        }
        return ok({ released: [] });
      },
      level: async (_call, { productId }) => {
        if (!this.stock.has(productId)) return fail("product_not_found", "There is no such product.");
        const available = this.available(productId);
        const status = available > 0 ? "in_stock" : "out_of_stock";
        return ok({ productId, available, status, onHand: 0, reserved: 0, lowStockThreshold: 1, vendorId: null });
      },
    };
  }
}

export interface Shop {
  readonly deps: OrdersDeps;
  readonly sent: RecordedQueues["sent"];
  readonly inventory: FakeInventory;
  readonly products: Map<string, PricedProduct>;
  /** Puts a product on sale and returns its id. */
  product(overrides?: Partial<PricedProduct> & { readonly stock?: number }): string;
  advance(ms: number): void;
  /** The same shop with other dependencies. */
  with(overrides: Partial<OrdersDeps>): Shop;
  /** Delivers events to the orders inbox as one queue batch. */
  receive(...events: readonly EventEnvelope[]): Promise<Delivery>;
  /** Waits for background work. */
  idle(): Promise<void>;
}

export function openShop(payments: Partial<PaymentsContract> = {}): Shop {
  const { queues, sent } = recordedQueues();
  const inventory = new FakeInventory();
  const products = new Map<string, PricedProduct>();
  const background: Promise<unknown>[] = [];
  let now = Date.now();
  const catalog = stubOf<CatalogContract>({
    pricedProducts: async (_call, { ids }) => ok(ids.flatMap((id) => products.get(id) ?? [])),
  });
  const deps: OrdersDeps = {
    ...createDeps(ordersEnv, { waitUntil: () => undefined }),
    waitUntil: (work) => {
      background.push(work);
    },
    queues,
    now: () => now,
    // Only tests of the caps turn them on; the others exceed them.
    orderCaps: false,
    catalog,
    inventory: stubOf<InventoryContract>(inventory.contract()),
    payments: stubOf<PaymentsContract>(payments),
  };
  const build = (deps: OrdersDeps): Shop => ({
    deps,
    sent,
    inventory,
    products,
    product: ({ stock = 10, ...overrides } = {}) => {
      const id = newId("prd");
      inventory.stock.set(id, stock);
      products.set(id, pricedProduct(id, overrides));
      return id;
    },
    advance: (ms) => {
      now += ms;
    },
    with: (overrides) => build({ ...deps, ...overrides }),
    receive: (...events) => deliver((batch) => consume(batch, deps, handlers(deps)), "tradepost-orders-inbox", events),
    idle: async () => {
      await Promise.all(background);
    },
  });
  return build(deps);
}

/** Payments that closes unpaid orders with the given outcomes. */
export function closing(
  answer: (order: { readonly orderId: string; readonly unlessTried: boolean }) => ClosedUnpaid["outcome"],
): Partial<PaymentsContract> {
  return {
    closeUnpaid: async (_call, { orders }) =>
      ok(orders.map((order) => ({ orderId: order.orderId, outcome: answer(order) }))),
  };
}

function pricedProduct(id: string, overrides: Partial<PricedProduct>): PricedProduct {
  return {
    id,
    sku: `SKU-${id.slice(-6)}`,
    name: "Hex bolt M8",
    unitPrice: 1_250,
    currency: "USD",
    imageUrl: "/images/bolt.svg",
    weightGrams: 400,
    minOrderQuantity: 1,
    status: "active",
    vendorId: null,
    availability: "in_stock",
    ...overrides,
  };
}

/** Unwraps a success. */
export function must<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) expect.fail(`${outcome.error.code}: ${outcome.error.detail}`);
  return outcome.value;
}

/** Unwraps a failure. */
export function refusal(outcome: Outcome<unknown>): { readonly code: string } & Record<string, unknown> {
  if (outcome.ok) expect.fail("it was not refused");
  return { ...outcome.error };
}

/** Gives a user who has no cart yet one with these products, as its object stores it. */
export async function fillCart(shop: Shop, { actor }: Call, ids: readonly string[], quantity = 1): Promise<void> {
  const expiresAt = shop.deps.now() + shop.deps.cartTtlMs;
  const lines = ids.map((productId) => ({ id: newId("itm"), productId, quantity, priceWhenAdded: 1_250 }));
  const cart = { ...EMPTY_CART, version: 1, expiresAt, indexed: true, lines };
  await writeCartIndex(shop.deps.db, actor.id, null, expiresAt);
  await runInDurableObject(ordersEnv.CART.getByName(actor.id), (_cart, state) => {
    state.storage.kv.put("cart", CartState.parse(cart));
  });
}

type OrderRequest = z.output<typeof CreateOrderInput>;

/** An order's request as the API sends it. */
export function request(input: Record<string, unknown>): OrderRequest {
  return CreateOrderInput.parse({ shippingAddress: ADDRESS, ...input });
}

/** Places an order. */
export async function ordered(
  shop: Shop,
  call: Call = callAs("customer"),
  items: readonly StockLine[] = [{ productId: shop.product(), quantity: 2 }],
): Promise<CreatedOrder> {
  return must(await createOrder(shop.deps, call, request({ items }))).order;
}

/** The order as stored. */
export async function reread(shop: Shop, id: string): Promise<Order> {
  const stored = await findOrder(shop.deps.db, id);
  if (stored === undefined) expect.fail(`no order ${id}`);
  return stored.order;
}

export function stockEvent(
  type: "STOCK_RESERVED" | "STOCK_REJECTED" | "STOCK_RELEASED" | "STOCK_CONSUMED",
  orderId: string,
): EventEnvelope {
  const data = { orderId, reservationOwner: "owner", lines: [], shortages: [] };
  return makeEvent(type, orderId, data as EventData<typeof type>, cause());
}

export function paymentEvent(
  orderId: string,
  status: string,
  version: number,
  reason: string | null = null,
): EventEnvelope {
  const types: Readonly<Record<string, EventType>> = {
    REQUIRES_ACTION: "PAYMENT_REQUIRES_ACTION",
    AUTHORIZED: "PAYMENT_AUTHORIZED",
    CAPTURED: "PAYMENT_CAPTURED",
    VOIDED: "PAYMENT_VOIDED",
    REFUNDED: "PAYMENT_REFUNDED",
    PARTIALLY_REFUNDED: "PAYMENT_REFUNDED",
    DISPUTED: "PAYMENT_DISPUTED",
  };
  const type = (types[status] ?? "PAYMENT_FAILED") as "PAYMENT_FAILED";
  const customer = { id: null, email: "a@example.com", name: "A", locale: "en", proven: false };
  const amounts = { amount: 1, amountCapturable: 0, amountCaptured: 0, amountRefunded: 0 };
  const base = { paymentId: newId("pay"), orderId, orderNumber: "TP-1", customer, currency: "USD", reason };
  return makeEvent(type, orderId, { ...base, ...amounts, status, version }, cause());
}

function cause(): { worker: string; correlationId: string; now: number } {
  return { worker: "test", correlationId: newId("req"), now: Date.now() };
}

/** An order whose stock is reserved and whose money is authorized. */
export async function confirmedOrder(shop: Shop, call?: Call, items?: readonly StockLine[]): Promise<CreatedOrder> {
  const order = await ordered(shop, call, items);
  await shop.receive(stockEvent("STOCK_RESERVED", order.id), paymentEvent(order.id, "AUTHORIZED", 1));
  return order;
}

/** The types of the order's events in the outbox, in order. */
export async function eventTypes(shop: Shop, subject: string): Promise<readonly string[]> {
  const { results } = await ordersEnv.DB.prepare("SELECT type FROM outbox WHERE subject = ? ORDER BY time, id")
    .bind(subject)
    .all<{ type: string }>();
  await shop.idle();
  return results.map(({ type }) => type);
}

/** A payment as captureOrder answers. */
export function capturedPayment(orderId: string): Payment {
  return {
    id: newId("pay"),
    orderId,
    amount: 1,
    amountCapturable: 0,
    amountCaptured: 1,
    amountRefunded: 0,
    amountReleased: 0,
    currency: "USD",
    status: "CAPTURED",
    version: 1,
    flags: [],
    captureBefore: null,
    stripePaymentIntentId: "pi_1",
    refunds: [],
    disputes: [],
    history: [],
    createdAt: new Date().toISOString(),
  };
}
