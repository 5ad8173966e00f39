// The shelves that triggers keep, compared with what counting finds, after random changes of products and of the tree.
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { ManagedProduct } from "#shared/contracts/catalog-staff";
import type { Outcome } from "#shared/errors";
import { callAs, guestCall } from "#shared/testkit/kit";
import { insertProducts, insertTaxonomy, rpc, testEnv } from "./fixture.ts";

const admin = callAs("admin");

async function rows(text: string): Promise<unknown[]> {
  return (await testEnv.DB.prepare(text).all()).results;
}

/** Every product on every shelf, as the tree of categories says it. */
const EXPECTED = `SELECT ancestor.id AS category, brand.id AS brand, p.id, p.search_id, p.created_at, p.price, p.name,
    ancestor.id = p.category_id AS own
  FROM products p JOIN categories c ON c.id = p.category_id
    JOIN (SELECT id, id_path FROM categories UNION ALL SELECT '', '/') ancestor ON instr(c.id_path, ancestor.id_path) = 1
    JOIN (SELECT id FROM brands UNION ALL SELECT '') brand ON brand.id IN ('', p.brand_id)
  WHERE p.status = 'active'`;

/** What the shelves hold and count, and what a look at every product gives. */
async function compared(): Promise<{ readonly kept: unknown; readonly counted: unknown }> {
  const order = "ORDER BY 1, 2, 3";
  const placed = `SELECT s.category_id AS category, s.brand_id AS brand, i.id, i.search_id, i.created_at, i.price, i.name, i.own
    FROM shelf_products i JOIN shelves s ON s.shelf_id = i.shelf_id`;
  const counts =
    "SELECT category_id AS category, brand_id AS brand, products, own_products AS own FROM shelves WHERE products > 0";
  const counting = `SELECT category, brand, count(*) AS products, sum(own) AS own FROM (${EXPECTED}) GROUP BY category, brand`;
  return {
    kept: [await rows(`${placed} ${order}`), await rows(`${counts} ${order}`)],
    counted: [await rows(`${EXPECTED} ${order}`), await rows(`${counting} ${order}`)],
  };
}

const Product = fc.integer({ min: 0, max: 7 });
const Category = fc.constantFrom("cat_tools", "cat_drills", "cat_saws", "cat_toolsafe");
const Brand = fc.constantFrom("brd_sud", "brd_iron");
const Step = fc.oneof(
  fc.record({
    kind: fc.constant("change"),
    product: Product,
    changes: fc.record(
      {
        categoryId: Category,
        brandId: Brand,
        price: fc.integer({ min: 1, max: 5 }),
        name: fc.constantFrom("Lamp", "lamp", "Torch"),
        status: fc.constantFrom("active", "draft", "archived"),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({ kind: fc.constant("archive"), product: Product }),
  fc.record({ kind: fc.constant("delete"), product: Product }),
  fc.record({ kind: fc.constant("sell"), product: Product, available: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ kind: fc.constant("move"), category: Category, parentId: fc.option(Category) }),
  fc.record({ kind: fc.constant("rename"), category: Category, name: fc.constantFrom("Tools", "Saws", "Devices") }),
);
type Step = typeof Step extends fc.Arbitrary<infer T> ? T : never;

let sequence = 0;

async function create(product: number, name: string): Promise<Outcome<unknown>> {
  return await rpc.createProduct(admin, {
    name,
    sku: `S${String(product)}`,
    description: "",
    price: 1,
    currency: "USD",
    categoryId: "cat_saws",
    brandId: "brd_sud",
    weightGrams: 1,
  });
}

async function idOf(product: number): Promise<string | undefined> {
  const row = await testEnv.DB.prepare("SELECT id FROM products WHERE sku = ?")
    .bind(`S${String(product)}`)
    .first<{ id: string }>();
  return row?.id;
}

async function take(step: Step): Promise<void> {
  if (step.kind === "move" || step.kind === "rename") {
    const changes = step.kind === "move" ? { parentId: step.parentId } : { name: step.name };
    await rpc.updateCategory(admin, { categoryId: step.category, changes });
    return;
  }
  const productId = await idOf(step.product);
  if (productId === undefined) {
    const created = await create(step.product, "Lamp");
    if (!created.ok) throw new Error(created.error.code);
    return;
  }
  if (step.kind === "archive") await rpc.archiveProduct(admin, { productId });
  if (step.kind === "delete") await testEnv.DB.prepare("DELETE FROM products WHERE id = ?").bind(productId).run();
  if (step.kind === "sell") {
    sequence += 1;
    await testEnv.DB.prepare(
      "UPDATE products SET availability = ?, available = ?, availability_sequence = ? WHERE id = ?",
    )
      .bind(step.available === 0 ? "out_of_stock" : "in_stock", step.available, sequence, productId)
      .run();
  }
  if (step.kind === "change") {
    const changed: Outcome<ManagedProduct> = await rpc.updateProduct(admin, {
      productId,
      changes: { ...step.changes },
    });
    if (!changed.ok) throw new Error(changed.error.code);
  }
}

beforeAll(async () => {
  await insertTaxonomy();
});

describe("the shelves", () => {
  it("hold each active product in each order, and its counts, after any changes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(Step, { minLength: 10, maxLength: 30 }), async (steps) => {
        for (const step of steps) await take(step);
        const { kept, counted } = await compared();
        expect(kept).toEqual(counted);
      }),
      { numRuns: 12 },
    );
  }, 60_000);

  it("give the tree and the brands their numbers", async () => {
    await testEnv.DB.prepare("DELETE FROM products").run();
    await insertProducts(
      { id: "prd_one", name: "One", category_id: "cat_saws", brand_id: "brd_sud" },
      { id: "prd_two", name: "Two", category_id: "cat_drills" },
      { id: "prd_old", name: "Old", category_id: "cat_drills", status: "archived" },
    );
    const tree = await rpc.listCategories(guestCall());
    const brands = await rpc.listBrands(guestCall());
    if (!tree.ok || !brands.ok) throw new Error("no lists");
    expect(tree.value.items.reduce((sum, { productCount }) => sum + productCount, 0)).toBe(2);
    expect(brands.value.items.map(({ id, productCount }) => [id, productCount])).toEqual([
      ["brd_iron", 1],
      ["brd_sud", 1],
    ]);
  });

  it("are not written when stock changes", async () => {
    const { meta } = await testEnv.DB.prepare(
      "UPDATE products SET availability = 'out_of_stock', available = 0, availability_sequence = 9 WHERE id = 'prd_one'",
    ).run();
    expect(meta.rows_written).toBe(1);
  });

  it("of a deleted brand or category are removed", async () => {
    await testEnv.DB.prepare("DELETE FROM products").run();
    expect(await rpc.deleteBrand(admin, { brandId: "brd_sud" })).toMatchObject({ ok: true });
    expect(await rows("SELECT 1 FROM shelves WHERE brand_id = 'brd_sud'")).toEqual([]);
    const { results } = await testEnv.DB.prepare(
      "SELECT id FROM categories c WHERE NOT EXISTS (SELECT 1 FROM categories child WHERE child.parent_id = c.id)",
    ).all<{ id: string }>();
    const [leaf] = results;
    expect(await rpc.deleteCategory(admin, { categoryId: leaf?.id ?? "" })).toMatchObject({ ok: true });
    expect(await rows(`SELECT 1 FROM shelves WHERE category_id = '${leaf?.id ?? ""}'`)).toEqual([]);
  });
});
