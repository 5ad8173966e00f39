// The seeded orders, with the totals that the orders Worker computes, until there is exactly one line for each wanted reservation.
import { createHash } from "node:crypto";
import type { Address } from "#shared/contracts/orders";
import type { PricedProduct } from "#shared/contracts/catalog";
import { linesOfEvent } from "#shared/events/catalogue";
import { calculate } from "../../workers/orders/src/domain/totals.ts";
import type { Calculation, PricedLine } from "../../workers/orders/src/domain/totals.ts";
import { orderNumber, sellerOfAll } from "../../workers/orders/src/domain/new-order.ts";
import { SEED_CURRENCY } from "./catalog.ts";
import type { SeedProduct } from "./catalog.ts";
import { ADMIN_ID, CUSTOMER_ID, VENDOR_ID } from "./people.ts";
import type { SeedPerson, SeedRow } from "./people.ts";
import { addressOf } from "./places.ts";
import { SEED_NOW, between, mulberry32, pick, shuffled } from "./random.ts";
import type { Random } from "./random.ts";
import { PAYMENT_WINDOW_MS, tellStory } from "./stories.ts";
import type { Outcome, Story } from "./stories.ts";

/** One reservation per line of an order. */
const RESERVATIONS = 150;
const MAX_LINES = 4;
const RANDOM_SEED = 150;
/** Products sold in the seeds were in the shop before the oldest order. */
const OLDEST_SALE_MS = 30 * 24 * 60 * 60 * 1_000;
/** From this price on (minor units) nobody buys by the dozen. */
const EXPENSIVE_MINOR = 20_000;

/** customer@example.com has an order in every state. */
const CUSTOMERS_OWN: readonly Outcome[] = ["delivered", "shipped", "processing", "confirmed", "withdrawn", "refunded"];
/** Orders of the vendor's products only, whose status the vendor may change. */
const VENDORS_OWN: readonly Outcome[] = ["confirmed", "processing", "shipped"];
/** The outcomes of 20 orders. */
const MIX: readonly Outcome[] = [
  ...Array.from({ length: 6 }, () => "delivered" as const),
  ...Array.from({ length: 5 }, () => "shipped" as const),
  ...Array.from({ length: 3 }, () => "processing" as const),
  ...Array.from({ length: 3 }, () => "confirmed" as const),
  "withdrawn",
  "expired",
  "refunded",
];

const CARRIERS = [
  { carrier: "UPS", prefix: "1Z", url: "https://www.ups.com/track?tracknum=" },
  { carrier: "FedEx", prefix: "77", url: "https://www.fedex.com/fedextrack/?trknbr=" },
  { carrier: "DHL", prefix: "JD", url: "https://www.dhl.com/en/express/tracking.html?AWB=" },
] as const;

export interface SeedOrder {
  readonly id: string;
  readonly number: string;
  readonly buyer: SeedPerson;
  readonly address: Address;
  readonly lines: readonly PricedLine[];
  readonly calculation: Calculation;
  readonly story: Story;
  /** Owner of its reservations. */
  readonly requestKey: string;
  readonly correlationId: string;
  readonly tracking: { readonly carrier: string; readonly number: string; readonly url: string } | null;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function priced(product: SeedProduct): PricedProduct {
  return {
    id: product.id,
    sku: product.sku,
    name: product.name,
    unitPrice: product.price,
    currency: SEED_CURRENCY,
    imageUrl: `/images/products/${product.id}/1.svg`,
    weightGrams: product.weightGrams,
    minOrderQuantity: product.minOrderQuantity,
    status: "active",
    vendorId: product.vendorId,
    availability: "in_stock",
  };
}

function quantityOf(random: Random, { minOrderQuantity, price }: SeedProduct): number {
  if (minOrderQuantity > 1) return minOrderQuantity * between(random, 1, 3);
  return between(random, 1, price >= EXPENSIVE_MINOR ? 2 : 12);
}

/** The calculation by the shop's rules; every fourth order goes express where a parcel can carry it. */
function reckon(random: Random, lines: readonly PricedLine[], country: string): Calculation {
  const express = random() < 0.25 ? calculate(lines, country, SEED_CURRENCY, "express") : undefined;
  const chosen = express?.ok === true ? express : calculate(lines, country, SEED_CURRENCY, undefined);
  if (!chosen.ok) throw new RangeError(`a seeded order has no totals: ${chosen.error.detail}`);
  return chosen.value;
}

function trackingOf(random: Random, status: Story["status"]): SeedOrder["tracking"] {
  if (status !== "SHIPPED" && status !== "DELIVERED") return null;
  const { carrier, prefix, url } = pick(random, CARRIERS);
  const number = `${prefix}${String(between(random, 10_000_000, 99_999_999))}${String(between(random, 1_000, 9_999))}`;
  return { carrier, number, url: `${url}${number}` };
}

/** An order before the orders are numbered by their time. */
type Unnumbered = Omit<SeedOrder, "id" | "number" | "requestKey" | "correlationId">;

function compose(
  random: Random,
  outcome: Outcome,
  buyer: SeedPerson,
  products: readonly SeedProduct[],
  lineCount: number,
  staffId: string,
): Unnumbered {
  const address = addressOf(buyer);
  const chosen = shuffled(random, products).slice(0, lineCount);
  const lines = chosen.map((product) => ({ product: priced(product), quantity: quantityOf(random, product) }));
  const story = tellStory(random, outcome, { buyerId: buyer.id, staffId });
  const calculation = reckon(random, lines, address.country);
  return { buyer, address, lines, calculation, story, tracking: trackingOf(random, story.status) };
}

/** Numbers the orders by the time they were made, as real ids would be. */
function numbered(random: Random, orders: readonly Unnumbered[]): SeedOrder[] {
  return orders
    .toSorted((a, b) => createdAt(a) - createdAt(b))
    .map((order, index) => {
      const serial = String(index + 1).padStart(4, "0");
      const bytes = Uint8Array.from({ length: 8 }, () => between(random, 0, 255));
      return {
        ...order,
        id: `ord_seed${serial}`,
        number: orderNumber(createdAt(order), bytes),
        requestKey: digest(`seeded order ${serial}`),
        correlationId: `req_seed${serial}`,
      };
    });
}

/** When an order was made, in milliseconds since the epoch. */
export function createdAt({ story }: Pick<SeedOrder, "story">): number {
  return story.orderSteps[0]?.at ?? SEED_NOW;
}

export function seedOrders(people: readonly SeedPerson[], products: readonly SeedProduct[]): readonly SeedOrder[] {
  const random = mulberry32(RANDOM_SEED);
  const sellable = products.filter((product) => product.createdAt < SEED_NOW - OLDEST_SALE_MS);
  const vendorProducts = sellable.filter(({ vendorId }) => vendorId === VENDOR_ID);
  const customers = people.filter(({ role }) => role === "customer");
  const own = customers.filter(({ id }) => id === CUSTOMER_ID);
  const outcomes = shuffled(random, MIX);
  const orders: Unnumbered[] = [];
  for (let left = RESERVATIONS, index = 0; left > 0; index += 1) {
    const lineCount = Math.min(left, between(random, 1, MAX_LINES));
    const vendors = VENDORS_OWN[index - CUSTOMERS_OWN.length];
    const outcome = CUSTOMERS_OWN[index] ?? vendors ?? outcomes[index % outcomes.length] ?? "delivered";
    const buyer = pick(random, index < CUSTOMERS_OWN.length ? own : customers);
    const pool = vendors === undefined ? sellable : vendorProducts;
    orders.push(compose(random, outcome, buyer, pool, lineCount, vendors === undefined ? ADMIN_ID : VENDOR_ID));
    left -= lineCount;
  }
  return numbered(random, orders);
}

function itemId(order: SeedOrder, index: number): string {
  return `itm_${order.id.slice("ord_".length)}${String(index + 1).padStart(2, "0")}`;
}

function orderRow(order: SeedOrder): SeedRow {
  const { story, buyer, calculation } = order;
  const { items, shippingMethods: _methods, ...totals } = calculation.quote;
  const customer = { id: buyer.id, email: buyer.email, name: buyer.name, locale: "en", proven: true };
  const eventData = {
    orderId: order.id,
    number: order.number,
    reservationOwner: order.requestKey,
    customer,
    ...linesOfEvent(items),
    ...totals,
    status: "PENDING",
    reason: null,
    reasonBy: "system",
    tracking: null,
    moneyAuthorized: false,
  };
  return {
    id: order.id,
    number: order.number,
    customer_id: buyer.id,
    customer: JSON.stringify(customer),
    status: story.status,
    ...totals,
    shipping_address: JSON.stringify(order.address),
    shipping_method: calculation.method,
    payment_status: story.paymentStatus,
    payment_version: story.paymentSteps.length,
    stock_status: story.stockStatus,
    payment_due_at: createdAt(order) + PAYMENT_WINDOW_MS,
    tracking: order.tracking === null ? null : JSON.stringify(order.tracking),
    reservation_owner: order.requestKey,
    request_key: order.requestKey,
    fingerprint: digest(`fingerprint of ${order.id}`),
    correlation_id: order.correlationId,
    access_token_hash: null,
    vendor_id: sellerOfAll(order.lines.map(({ product }) => product.vendorId)),
    event_data: JSON.stringify(eventData),
    version: story.orderSteps.length,
    created_at: createdAt(order),
    updated_at: story.orderSteps.at(-1)?.at ?? SEED_NOW,
  };
}

function itemRows(order: SeedOrder): SeedRow[] {
  return order.calculation.quote.items.map((item, index) => ({
    order_id: order.id,
    position: index,
    id: itemId(order, index),
    product_id: item.productId,
    vendor_id: order.lines[index]?.product.vendorId ?? null,
    sku: item.sku,
    name: item.name,
    unit_price: item.unitPrice,
    quantity: item.quantity,
    line_total: item.lineTotal,
  }));
}

function historyRows(order: SeedOrder): SeedRow[] {
  let from: string | null = null;
  return order.story.orderSteps.flatMap(({ at, to, actor, reason }, index) => {
    if (to === undefined) return [];
    const row = {
      order_id: order.id,
      version: index + 1,
      from_status: from,
      to_status: to,
      at,
      actor,
      reason: reason ?? null,
    };
    from = to;
    return [row];
  });
}

/** Rows of the database order, each table after those it refers to. */
export function orderTables(orders: readonly SeedOrder[]): Readonly<Record<string, readonly SeedRow[]>> {
  return {
    orders: orders.map(orderRow),
    order_items: orders.flatMap(itemRows),
    order_history: orders.flatMap(historyRows),
  };
}
