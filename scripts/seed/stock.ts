// The seeded stock levels, the reservations of the seeded orders, and the ledger. They are computed backwards from the wanted available
// stock, so that opening + ledger = on hand and on hand - reserved = available.
import { availabilityOf } from "../../workers/inventory/src/domain/stock.ts";
import type { SeedProduct, SeededStock } from "./catalog.ts";
import type { SeedOrder } from "./orders.ts";
import { ADMIN_ID } from "./people.ts";
import type { SeedRow } from "./people.ts";
import { SEED_NOW, between, mulberry32, pick, shuffled } from "./random.ts";
import type { Random } from "./random.ts";

const LEDGER_ENTRIES = 200;
/** Under 60 are low, the empty ones included. */
const LOW_PRODUCTS = 52;
const EMPTY_PRODUCTS = 9;
/** The shop's default, LOW_STOCK_THRESHOLD. */
const LOW_STOCK_THRESHOLD = 10;
/** Products that can be ordered in large numbers, one at a time: those of 100 and more. */
const PLENTY_SHARE = 0.6;
const RANDOM_SEED = 600;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Adjustments are older than the first seeded order, so that every order found enough stock. */
const ADJUSTED_BEFORE_MS = 20 * DAY_MS;
const ADJUSTED_SINCE_MS = 90 * DAY_MS;
/** The largest part of the stock on hand that one restock added. */
const RESTOCK_SHARE = 0.6;

const ADJUSTMENTS = ["restock", "restock", "restock", "correction", "damaged", "return"] as const;

interface Entry {
  readonly productId: string;
  readonly type: "sale" | "restock" | "correction" | "damaged" | "return";
  readonly delta: number;
  readonly reference: string | null;
  readonly actor: string;
  readonly at: number;
}

export interface SeedStock {
  readonly tables: Readonly<Record<string, readonly SeedRow[]>>;
  /** What the catalog shows of a product. */
  readonly of: (productId: string) => SeededStock;
}

function availableOf(random: Random, { minOrderQuantity }: SeedProduct, { low }: { readonly low: boolean }): number {
  if (low) return between(random, 1, LOW_STOCK_THRESHOLD);
  const [least, most] = random() < PLENTY_SHARE ? [100, 1_200] : [LOW_STOCK_THRESHOLD + 5, 99];
  return Math.max(between(random, least, most), minOrderQuantity * 4);
}

/** Product id -> its wanted available stock. */
function wantedLevels(random: Random, products: readonly SeedProduct[]): Map<string, number> {
  const order = shuffled(random, products);
  return new Map(
    order.map((product, index) => {
      if (index < EMPTY_PRODUCTS) return [product.id, 0];
      return [product.id, availableOf(random, product, { low: index < LOW_PRODUCTS })];
    }),
  );
}

function reservationRows(orders: readonly SeedOrder[]): SeedRow[] {
  const states = { RESERVED: "reserved", CONSUMED: "consumed", RELEASED: "released" } as const;
  return orders.flatMap(({ id, requestKey, lines, story }) =>
    lines.map(({ product, quantity }) => ({
      product_id: product.id,
      owner: requestKey,
      order_id: id,
      quantity,
      state: states[story.stockStatus as keyof typeof states],
      expires_at: null,
      updated_at: story.stockChangedAt,
      sequence: 0,
    })),
  );
}

function sales(orders: readonly SeedOrder[]): Entry[] {
  return orders
    .filter(({ story }) => story.stockStatus === "CONSUMED")
    .flatMap(({ id, lines, story }) =>
      lines.map(({ product, quantity }) => ({
        productId: product.id,
        type: "sale" as const,
        delta: -quantity,
        reference: id,
        actor: "system",
        at: story.stockChangedAt,
      })),
    );
}

/** One adjustment of a product. `onHand` is its stock at the end. */
function adjustment(random: Random, product: SeedProduct, onHand: number): Entry {
  const most = Math.floor(onHand * RESTOCK_SHARE);
  const type = most < 1 ? "damaged" : pick(random, ADJUSTMENTS);
  const size = between(random, 1, type === "restock" ? most : Math.max(1, Math.min(4, most)));
  const up = type === "restock" || type === "return" || (type === "correction" && random() < 0.5);
  return {
    productId: product.id,
    type,
    delta: up ? size : -size,
    reference: null,
    actor: product.vendorId ?? ADMIN_ID,
    at: SEED_NOW - between(random, ADJUSTED_BEFORE_MS, ADJUSTED_SINCE_MS),
  };
}

/** The ledger, oldest first, with what was on hand after each entry. */
function ledgerRows(entries: readonly Entry[], openings: ReadonlyMap<string, number>): SeedRow[] {
  const onHand = new Map(openings);
  return entries
    .toSorted((a, b) => a.at - b.at)
    .map(({ productId, type, delta, reference, actor, at }, index) => {
      const after = (onHand.get(productId) ?? 0) + delta;
      onHand.set(productId, after);
      const id = `txn_seed${String(index + 1).padStart(4, "0")}`;
      return { id, product_id: productId, type, delta, on_hand_after: after, reference, actor, created_at: at };
    });
}

function sumBy<T>(items: readonly T[], keyOf: (item: T) => string, valueOf: (item: T) => number): Map<string, number> {
  const sums = new Map<string, number>();
  for (const item of items) sums.set(keyOf(item), (sums.get(keyOf(item)) ?? 0) + valueOf(item));
  return sums;
}

export function seedStock(products: readonly SeedProduct[], orders: readonly SeedOrder[]): SeedStock {
  const random = mulberry32(RANDOM_SEED);
  const available = wantedLevels(random, products);
  const reservations = reservationRows(orders);
  const live = reservations.filter(({ state }) => state === "reserved");
  const reserved = sumBy(
    live,
    (row) => String(row["product_id"]),
    (row) => Number(row["quantity"]),
  );
  const onHand = new Map(products.map(({ id }) => [id, (available.get(id) ?? 0) + (reserved.get(id) ?? 0)]));
  const sold = sales(orders);
  const adjusted = shuffled(
    random,
    products.filter((product) => product.createdAt < SEED_NOW - ADJUSTED_SINCE_MS - DAY_MS),
  )
    .slice(0, LEDGER_ENTRIES - sold.length)
    .map((product) => adjustment(random, product, onHand.get(product.id) ?? 0));
  const entries = [...sold, ...adjusted];
  const moved = sumBy(
    entries,
    ({ productId }) => productId,
    ({ delta }) => delta,
  );
  const openings = new Map(products.map(({ id }) => [id, (onHand.get(id) ?? 0) - (moved.get(id) ?? 0)]));
  const of = (id: string): SeededStock => {
    const free = available.get(id) ?? 0;
    return { available: free, availability: availabilityOf(free, LOW_STOCK_THRESHOLD) };
  };
  const levels = products.map((product) => ({
    product_id: product.id,
    sku: product.sku,
    name: product.name,
    vendor_id: product.vendorId,
    product_version: 1,
    opening: openings.get(product.id) ?? 0,
    on_hand: onHand.get(product.id) ?? 0,
    reserved: reserved.get(product.id) ?? 0,
    available: of(product.id).available,
    low_stock_threshold: null,
    availability: of(product.id).availability,
    sequence: 0,
    updated_at: SEED_NOW,
  }));
  return { tables: { stock_levels: levels, reservations, ledger: ledgerRows(entries, openings) }, of };
}
