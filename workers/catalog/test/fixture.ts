// A small shop that the tests write into their own D1, and dependencies without a cache.
import { env, exports } from "cloudflare:workers";
import type { CatalogContract } from "#shared/contracts/catalog";
import { openDatabase } from "#shared/database";
import { recordedQueues } from "#shared/testkit/kit";
import { TtlCache } from "../src/domain/ttl-cache.ts";
import type { CatalogDeps } from "../src/service/deps.ts";

export const testEnv = env as unknown as CatalogEnv;
/** The Worker as other Workers call it. */
export const rpc = (exports as unknown as { CatalogRpc: CatalogContract }).CatalogRpc;

/** Dependencies with the real D1. `ttlMs` 0 disables the cache. */
export function testDeps(ttlMs = 0, now: () => number = () => Date.now()): CatalogDeps {
  return {
    worker: "catalog",
    db: openDatabase(testEnv.DB),
    queues: recordedQueues().queues,
    now,
    waitUntil: () => {},
    logLevel: "off",
    prices: new TtlCache(ttlMs, 10),
    images: testEnv.IMAGES,
    currency: "USD",
  };
}

async function insertRows(table: string, rows: readonly object[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const values = columns.map((column) => `json_extract(value, '$.${column}')`).join(", ");
  await testEnv.DB.prepare(`INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values} FROM json_each(?)`)
    .bind(JSON.stringify(rows))
    .run();
}

/** Tools (Drills, Saws below it) and Safety; two brands. */
export async function insertTaxonomy(): Promise<void> {
  await insertRows("categories", [
    {
      id: "cat_tools",
      parent_id: null,
      slug: "tools",
      name: "Tools",
      path: "Tools",
      id_path: "/cat_tools/",
      position: 1,
    },
    {
      id: "cat_drills",
      parent_id: "cat_tools",
      slug: "drills",
      name: "Drills",
      path: "Tools / Drills",
      id_path: "/cat_tools/cat_drills/",
      position: 2,
    },
    {
      id: "cat_saws",
      parent_id: "cat_tools",
      slug: "saws",
      name: "Saws",
      path: "Tools / Saws",
      id_path: "/cat_tools/cat_saws/",
      position: 1,
    },
    {
      id: "cat_toolsafe",
      parent_id: null,
      slug: "safety",
      name: "Safety",
      path: "Safety",
      id_path: "/cat_toolsafe/",
      position: 2,
    },
  ]);
  await insertRows("brands", [
    { id: "brd_sud", slug: "kabelwerk-sud", name: "Kabelwerk Süd" },
    { id: "brd_iron", slug: "ironmark", name: "Ironmark" },
  ]);
}

export interface ProductColumns {
  readonly id: string;
  readonly name: string;
  readonly [column: string]: string | number | null;
}

/** An active product in Drills with two images, with the given columns. */
export function productRow(columns: ProductColumns): ProductColumns {
  return {
    slug: columns.id.replace("prd_", "slug-"),
    sku: columns.id.replace("prd_", "SKU-"),
    description: "A thing to sell.",
    price: 1_000,
    currency: "USD",
    brand_id: "brd_iron",
    category_id: "cat_drills",
    vendor_id: null,
    weight_grams: 500,
    min_order_quantity: 1,
    status: "active",
    version: 1,
    availability: "in_stock",
    available: 7,
    availability_sequence: 0,
    created_at: 1_700_000_000_000,
    updated_at: 1_700_000_000_000,
    ...columns,
  };
}

export async function insertProducts(...products: readonly ProductColumns[]): Promise<void> {
  await insertRows("products", products.map(productRow));
  await insertRows(
    "product_images",
    products.flatMap(({ id, name }) =>
      [2, 1].map((position) => ({
        product_id: id,
        position,
        url: `/images/products/${id}/${String(position)}.svg`,
        alt: `${name} ${String(position)}`,
      })),
    ),
  );
}
