// The list of levels: filters, paging, vendors, and the rows its queries read.
import { beforeAll, describe, expect, test } from "vitest";
import type { ListedLevel } from "#shared/contracts/inventory";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { listLevels, listLowStock } from "../src/service/levels.ts";
import { setThreshold } from "../src/service/adjustments.ts";
import { byEmptiness, levelsQuery } from "../src/store/lists.ts";
import type { LevelKey } from "../src/store/lists.ts";
import { writeShopThreshold } from "../src/store/sweeps.ts";
import { env, flush, stocked, warehouse } from "./warehouse.ts";

const admin = callAs("admin");
type Query = Omit<Parameters<typeof listLevels>[2], "limit" | "cursor">;

/** All pages of two rows. */
async function listed(call: typeof admin, query: Query, list = listLevels): Promise<ListedLevel[]> {
  const { deps } = warehouse();
  const items: ListedLevel[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(deps, call, { ...query, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    if (!page.ok) throw new Error(page.error.code);
    items.push(...page.value.items);
    cursor = page.value.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

describe("levels", () => {
  const vendorId = newId("usr");
  const vendor = callAs("vendor", vendorId);
  const ids: string[] = [];

  beforeAll(async () => {
    for (const [onHand, threshold] of [
      [50, 60],
      [0, null],
      [10, null],
      [11, null],
      [3, 2],
    ] as const) {
      ids.push(await stocked(onHand, { vendorId, threshold }));
    }
  });

  const at = (...indexes: number[]): (string | undefined)[] => indexes.map((index) => ids[index]);
  const idsOf = (items: readonly ListedLevel[]): string[] => items.map(({ productId }) => productId);

  test("are listed by product id, with their details", async () => {
    const items = await listed(admin, { vendorId });
    expect(idsOf(items)).toEqual([...ids].toSorted());
    expect(items[0]).toEqual({
      productId: ids[0],
      sku: "SKU",
      name: "A product",
      vendorId,
      available: 50,
      status: "low_stock",
      onHand: 50,
      reserved: 0,
      lowStockThreshold: 60,
    });
  });

  test("filtered by status have that status; low ones are listed by what is available", async () => {
    expect(idsOf(await listed(admin, { vendorId, status: "low_stock" }))).toEqual(at(2, 0));
    expect(idsOf(await listed(admin, { vendorId, status: "out_of_stock" }))).toEqual(at(1));
    expect(idsOf(await listed(admin, { vendorId, status: "in_stock" }))).toEqual(at(3, 4));
    expect(idsOf(await listed(vendor, {}, listLowStock))).toEqual(at(1, 2, 0));
    const everywhere = await listed(admin, { status: "low_stock" });
    expect(idsOf(everywhere)).toEqual(expect.arrayContaining(at(2, 0)));
    expect(everywhere.every(({ status }) => status === "low_stock")).toBe(true);
  });

  test("are a vendor's own, whatever the filter", async () => {
    expect(idsOf(await listed(vendor, {}))).toEqual([...ids].toSorted());
    expect(await listed(vendor, { vendorId: newId("usr") })).toEqual([]);
    expect(await listed(callAs("vendor"), { status: "low_stock" })).toEqual([]);
  });

  test("filtered by SKU are one product, if it passes the other filters", async () => {
    const sku = newId("req");
    await env.DB.prepare("UPDATE stock_levels SET sku = ? WHERE product_id = ?")
      .bind(sku, ids[2] ?? "")
      .run();
    expect(idsOf(await listed(admin, { sku }))).toEqual(at(2));
    expect(idsOf(await listed(vendor, { sku, status: "low_stock" }))).toEqual(at(2));
    expect(await listed(admin, { sku, status: "in_stock" })).toEqual([]);
    expect(await listed(callAs("vendor"), { sku })).toEqual([]);
  });

  test("refuse a cursor of other filters", async () => {
    const { deps } = warehouse();
    const page = await listLevels(deps, admin, { vendorId, limit: 1 });
    const cursor = (page.ok ? page.value.nextCursor : null) ?? "";
    expect(await listLevels(deps, admin, { vendorId, status: "in_stock", limit: 1, cursor })).toMatchObject({
      error: { code: "invalid_cursor" },
    });
  });
});

test("a product's own threshold is listed after the flush, a new default after the sweep", async () => {
  const vendorId = newId("usr");
  const [own, shops] = [await stocked(20, { vendorId }), await stocked(20, { vendorId })];
  const { deps } = warehouse();
  await setThreshold(deps, admin, { productId: own, lowStockThreshold: 30 });
  await flush(own);
  const thresholds = async (): Promise<(readonly [string, number])[]> =>
    (await listed(admin, { vendorId })).map(
      ({ productId, lowStockThreshold }) => [productId, lowStockThreshold] as const,
    );
  expect(await thresholds()).toEqual([
    [own, 30],
    [shops, 10],
  ]);
  expect(await writeShopThreshold(deps, 25)).toBeGreaterThan(0);
  expect(await thresholds()).toEqual([
    [own, 30],
    [shops, 25],
  ]);
  expect((await listed(admin, { vendorId, status: "low_stock" })).map(({ productId }) => productId)).toEqual(
    [own, shops].toSorted(),
  );
  expect(await writeShopThreshold(deps, 25)).toBe(0);
  await writeShopThreshold(deps, deps.lowStockThreshold);
  expect(await thresholds()).toEqual([
    [own, 30],
    [shops, 10],
  ]);
});

describe("among 100,000 products a page reads about as many rows as it returns", () => {
  const vendorId = "usr_many";

  beforeAll(async () => {
    // Half of them one vendor's; 200 low and 200 out of stock, the last ones by id.
    await env.DB.prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
      INSERT INTO stock_levels (product_id, sku, name, vendor_id, on_hand, available, availability, updated_at, threshold)
      SELECT printf('prd_%08d', n), printf('MANY-%d', n), 'Many', iif(n % 2, ?, NULL),
        iif(n > 99800, 0, iif(n > 99600, 5, 500)), iif(n > 99800, 0, iif(n > 99600, 5, 500)), 'in_stock', 0, 10 FROM numbers`,
    )
      .bind(vendorId)
      .run();
  }, 60_000);

  test.each([
    ["nothing", {}],
    ["low_stock", { status: "low_stock" }],
    ["out_of_stock", { status: "out_of_stock" }],
    ["in_stock", { status: "in_stock" }],
    ["a SKU", { sku: "MANY-99999" }],
    ["a vendor", { vendorId }],
    ["a vendor and low_stock", { vendorId, status: "low_stock" }],
    ["a vendor and out_of_stock", { vendorId, status: "out_of_stock" }],
    ["a vendor and in_stock", { vendorId, status: "in_stock" }],
    ["a SKU and a vendor", { sku: "MANY-99999", vendorId }],
    ["a SKU and a status", { sku: "MANY-99999", status: "out_of_stock" }],
  ] as const)("by %s", async (_what, query) => {
    const filter = { status: undefined, sku: undefined, vendorId: undefined, ...query };
    const { deps } = warehouse();
    const rowsRead = async (after?: LevelKey): Promise<number> =>
      (await deps.db.run(levelsQuery(filter, after, 21))).meta.rows_read;
    // An index entry and its row, for each of 21.
    expect(await rowsRead()).toBeLessThanOrEqual(45);
    expect(await rowsRead(byEmptiness(filter) ? [0, "prd_00099850"] : ["prd_00050000"])).toBeLessThanOrEqual(45);
  });
});
