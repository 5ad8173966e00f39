// Changes of categories and brands, with a real D1: search and paths follow, concurrent moves make no cycle, and nothing with products
// is deleted.
import { beforeAll, describe, expect, it } from "vitest";
import type { Brand, CategoryNode } from "#shared/contracts/catalog";
import { MAX_CATEGORY_DEPTH } from "#shared/contracts/catalog-taxonomy";
import type { ManagedCategory } from "#shared/contracts/catalog-taxonomy";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { insertTaxonomy, rpc, testEnv } from "./fixture.ts";

const admin = callAs("admin");

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${JSON.stringify(outcome.error)}`);
  return outcome.value;
}

function codeOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? "ok" : outcome.error.code;
}

async function category(name: string, parentId: string | null = null): Promise<ManagedCategory> {
  return valueOf(await rpc.createCategory(admin, { name, parentId }));
}

async function brand(name: string): Promise<Brand> {
  return valueOf(await rpc.createBrand(admin, { name }));
}

async function productIn(categoryId: string, brandId = "brd_iron", name = "Thing"): Promise<string> {
  const product = { name, sku: newId("req"), description: "", price: 1, currency: "USD", weightGrams: 1 };
  return valueOf(await rpc.createProduct(admin, { ...product, categoryId, brandId })).product.id;
}

async function found(input: Parameters<typeof rpc.listProducts>[1]): Promise<string[]> {
  return valueOf(await rpc.listProducts(guestCall(), input)).items.map(({ id }) => id);
}

async function auditOf(subject: string): Promise<[string, unknown][]> {
  const { results } = await testEnv.DB.prepare("SELECT action, details FROM audit_log WHERE subject = ? ORDER BY id")
    .bind(subject)
    .all<{ action: string; details: string }>();
  return results.map(({ action, details }) => [action, JSON.parse(details)]);
}

function flat(nodes: readonly CategoryNode[]): CategoryNode[] {
  return nodes.flatMap((node) => [node, ...flat(node.children)]);
}

async function tree(): Promise<CategoryNode[]> {
  return [...valueOf(await rpc.listCategories(guestCall())).items];
}

/** Checks that the paths of each category extend those of its parent, and that all categories are in the tree. */
async function treeIsWhole(): Promise<void> {
  const { results } = await testEnv.DB.prepare(
    `SELECT c.id FROM categories c LEFT JOIN categories p ON p.id = c.parent_id
     WHERE c.path <> coalesce(p.path || ' / ', '') || c.name OR c.id_path <> coalesce(p.id_path, '/') || c.id || '/'`,
  ).all();
  expect(results).toEqual([]);
  const all = await testEnv.DB.prepare("SELECT count(*) AS n FROM categories").first<{ n: number }>();
  expect(flat(await tree())).toHaveLength(all?.n ?? -1);
}

beforeAll(async () => {
  await insertTaxonomy();
});

describe("a new category", () => {
  it("is behind its siblings, with a unique slug, its path and an audit row", async () => {
    const made = await category("  Jig Saws ", "cat_saws");
    expect(made).toEqual({
      id: made.id,
      slug: "jig-saws",
      name: "Jig Saws",
      parentId: "cat_saws",
      path: "Tools / Saws / Jig Saws",
    });
    const again = await category("Jig saws", "cat_saws");
    expect(again.slug).toMatch(/^jig-saws-[0-9a-f]{8}$/);
    const saws = flat(await tree()).find(({ id }) => id === "cat_saws");
    expect(saws?.children.map(({ id }) => id)).toEqual([made.id, again.id]);
    expect(await auditOf(made.id)).toEqual([["category.create", { name: "Jig Saws", parentId: "cat_saws" }]]);
    await treeIsWhole();
  });

  it("gets its own slug when ten of one name are created concurrently", async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => category("Twins")));
    expect(new Set(made.map(({ slug }) => slug)).size).toBe(10);
    await treeIsWhole();
  });

  it("is refused below the deepest level", async () => {
    let parentId: string | null = null;
    for (let level = 1; level <= MAX_CATEGORY_DEPTH; level += 1)
      parentId = (await category(`Deep ${level}`, parentId)).id;
    expect(codeOf(await rpc.createCategory(admin, { name: "Deeper", parentId }))).toBe("category_too_deep");
    const two = await category("Two levels");
    await category("The second", two.id);
    const above = flat(await tree()).find(({ name }) => name === `Deep ${MAX_CATEGORY_DEPTH - 1}`)?.id ?? "";
    const move = (categoryId: string): Promise<Outcome<ManagedCategory>> =>
      rpc.updateCategory(admin, { categoryId, changes: { parentId: above } });
    expect(codeOf(await move(two.id))).toBe("category_too_deep");
    expect(codeOf(await move((await category("One level")).id))).toBe("ok");
    await treeIsWhole();
  });

  it.each([
    ["no letter", { name: " \u200B " }, "name"],
    ["a turned text", { name: "A\u202EB" }, "name"],
    ["a NUL", { name: "A\u0000" }, "name"],
    ["two lines", { name: "A\nB" }, "name"],
    ["too much", { name: "x".repeat(101) }, "name"],
    ["an unknown parent", { name: "A", parentId: "cat_none" }, "parentId"],
    ["a brand for a parent", { name: "A", parentId: "brd_iron" }, "parentId"],
  ])("with %s is refused, and nothing is written", async (_name, input, path) => {
    const before = flat(await tree()).length;
    expect(await rpc.createCategory(admin, input)).toMatchObject({
      error: { code: "validation_failed", errors: [{ path }] },
    });
    expect(flat(await tree())).toHaveLength(before);
  });

  it("treats every character literally", async () => {
    const name = `Robert'); DROP TABLE categories;-- % _ / " 手套`;
    const made = await category(name);
    expect(made).toMatchObject({ name, path: name });
    const child = await category("手套", made.id);
    expect(child).toMatchObject({
      path: `${name} / 手套`,
      slug: expect.stringMatching(/^category-[0-9a-f]{8}$/) as string,
    });
    valueOf(await rpc.updateCategory(admin, { categoryId: made.id, changes: { name: "🧰 x" } }));
    await treeIsWhole();
  });
});

describe("a change of a category", () => {
  it("updates search, facets, paths and filters, and keeps the slug", async () => {
    const top = await category("Quarrels");
    const middle = await category("Zwingen", top.id);
    const leaf = await category("Bolts", middle.id);
    const productId = await productIn(leaf.id, "brd_iron", "Arbalest");
    const renamed = valueOf(
      await rpc.updateCategory(admin, { categoryId: middle.id, changes: { name: "Vices", parentId: "cat_toolsafe" } }),
    );
    expect(renamed).toEqual({ ...middle, name: "Vices", parentId: "cat_toolsafe", path: "Safety / Vices" });
    expect(await rpc.getProduct(guestCall(), { idOrSlug: productId })).toMatchObject({
      value: { category: { id: leaf.id, name: "Bolts", path: "Safety / Vices / Bolts" } },
    });
    expect(await found({ q: "arbalest vices safety" })).toEqual([productId]);
    expect(await found({ q: "arbalest zwingen" })).toEqual([]);
    expect(await found({ category: "safety" })).toEqual([productId]);
    expect(await found({ category: "zwingen" })).toEqual([productId]);
    expect(await found({ category: top.id })).toEqual([]);
    valueOf(await rpc.updateCategory(admin, { categoryId: leaf.id, changes: { name: "Darts", parentId: null } }));
    const { facets } = valueOf(await rpc.listProducts(guestCall(), { q: "arbalest" }));
    expect(facets?.categories).toEqual([{ id: leaf.id, name: "Darts", count: 1 }]);
    expect((await auditOf(middle.id)).at(-1)).toEqual([
      "category.update",
      { name: { from: "Zwingen", to: "Vices" }, parentId: { from: top.id, to: "cat_toolsafe" } },
    ]);
    await treeIsWhole();
  });

  it("writes nothing when it changes nothing", async () => {
    const made = await category("Still");
    for (const changes of [{}, { name: "Still" }, { name: " Still ", parentId: null }]) {
      expect(await rpc.updateCategory(admin, { categoryId: made.id, changes })).toEqual({ ok: true, value: made });
    }
    expect(await auditOf(made.id)).toHaveLength(1);
  });

  it("makes no cycle", async () => {
    const top = await category("Round");
    const middle = await category("And", top.id);
    const leaf = await category("About", middle.id);
    for (const parentId of [top.id, middle.id, leaf.id]) {
      expect(codeOf(await rpc.updateCategory(admin, { categoryId: top.id, changes: { parentId } }))).toBe(
        "category_cycle",
      );
    }
    expect(codeOf(await rpc.updateCategory(admin, { categoryId: top.id, changes: { parentId: "cat_none" } }))).toBe(
      "validation_failed",
    );
    expect(codeOf(await rpc.updateCategory(admin, { categoryId: "cat_none", changes: {} }))).toBe("not_found");
  });

  it("makes no cycle with a concurrent one, in either order", async () => {
    for (let round = 0; round < 5; round += 1) {
      const [one, two, three] = [await category("One"), await category("Two"), await category("Three")];
      const below = [
        [one, two],
        [two, three],
        [three, one],
      ] as const;
      const codes = await Promise.all(
        below.map(async ([child, parent]) =>
          codeOf(await rpc.updateCategory(admin, { categoryId: child.id, changes: { parentId: parent.id } })),
        ),
      );
      expect(codes.toSorted()).toEqual(["category_cycle", "ok", "ok"]);
      await treeIsWhole();
    }
  });

  it("loses none of several concurrent ones, and exceeds no level", async () => {
    const top = await category("Busy");
    const child = await category("Bee", top.id);
    const jobs = [
      rpc.updateCategory(admin, { categoryId: top.id, changes: { name: "Busier" } }),
      rpc.updateCategory(admin, { categoryId: top.id, changes: { parentId: "cat_saws" } }),
      rpc.updateCategory(admin, { categoryId: child.id, changes: { name: "Hive" } }),
      rpc.createCategory(admin, { name: "Born meanwhile", parentId: child.id }),
    ];
    expect((await Promise.all(jobs)).map(codeOf)).toEqual(["ok", "ok", "ok", "ok"]);
    const paths = await testEnv.DB.prepare("SELECT path FROM categories WHERE name = 'Born meanwhile'").first();
    expect(paths).toEqual({ path: "Tools / Saws / Busier / Hive / Born meanwhile" });
    await treeIsWhole();
  });
});

describe("deleting a category", () => {
  it("is refused while it has subcategories or products in any status, and succeeds after", async () => {
    const top = await category("Doomed");
    const leaf = await category("Too", top.id);
    const remove = async (categoryId: string): Promise<string> =>
      codeOf(await rpc.deleteCategory(admin, { categoryId }));
    expect(await remove(top.id)).toBe("category_in_use");
    const productId = await productIn(leaf.id);
    valueOf(await rpc.archiveProduct(admin, { productId }));
    expect(await remove(leaf.id)).toBe("category_in_use");
    valueOf(await rpc.updateProduct(admin, { productId, changes: { categoryId: "cat_saws" } }));
    expect([await remove(leaf.id), await remove(leaf.id), await remove(top.id)]).toEqual(["ok", "not_found", "ok"]);
    expect((await auditOf(leaf.id)).at(-1)).toEqual(["category.delete", { name: "Too", path: "Doomed / Too" }]);
    await treeIsWhole();
  });

  it("and adding a product concurrently: one of the two is refused, and neither crashes", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id: categoryId } = await category("Contended");
      const productId = await productIn("cat_saws");
      const sku = newId("req");
      const base = { name: "Racer", description: "", price: 1, currency: "USD", weightGrams: 1, brandId: "brd_iron" };
      const [made, child, moved, removed] = await Promise.all([
        rpc.createProduct(admin, { ...base, sku, categoryId }),
        rpc.createCategory(admin, { name: "Racer", parentId: categoryId }),
        rpc.updateProduct(admin, { productId, changes: { categoryId } }),
        rpc.deleteCategory(admin, { categoryId }),
      ]);
      const filled = [made, child, moved].map(codeOf);
      expect(filled).toEqual(filled.map(() => (removed.ok ? "validation_failed" : "ok")));
      expect(codeOf(removed)).toBe(removed.ok ? "ok" : "category_in_use");
      await treeIsWhole();
    }
  });
});

describe("a brand", () => {
  it("is created, renamed everywhere with the same slug, and deleted once it has no products", async () => {
    const made = await brand("Schnörkelwerk");
    expect(made).toEqual({ id: made.id, slug: "schnorkelwerk", name: "Schnörkelwerk", productCount: 0 });
    expect((await brand("schnorkelwerk")).slug).toMatch(/^schnorkelwerk-[0-9a-f]{8}$/);
    const productId = await productIn("cat_saws", made.id, "Fiddlebit");
    const renamed = valueOf(await rpc.updateBrand(admin, { brandId: made.id, changes: { name: "Plainwerk" } }));
    expect(renamed).toEqual({ ...made, name: "Plainwerk", productCount: 1 });
    expect([await found({ q: "fiddlebit plainwerk" }), await found({ q: "fiddlebit schnörkelwerk" })]).toEqual([
      [productId],
      [],
    ]);
    expect(await found({ brand: "schnorkelwerk" })).toEqual([productId]);
    expect(await rpc.getProduct(guestCall(), { idOrSlug: productId })).toMatchObject({
      value: { brand: { id: made.id, name: "Plainwerk" } },
    });
    const remove = async (): Promise<string> => codeOf(await rpc.deleteBrand(admin, { brandId: made.id }));
    expect(await remove()).toBe("brand_in_use");
    valueOf(await rpc.updateProduct(admin, { productId, changes: { brandId: "brd_iron" } }));
    expect([await remove(), await remove()]).toEqual(["ok", "not_found"]);
    expect((await auditOf(made.id)).map(([action]) => action)).toEqual([
      "brand.create",
      "brand.update",
      "brand.delete",
    ]);
  });

  it("has the last name after concurrent renamings, and an audit row for each", async () => {
    const { id: brandId } = await brand("Zero");
    const names = ["One", "Two", "Three"];
    const answers = await Promise.all(names.map((name) => rpc.updateBrand(admin, { brandId, changes: { name } })));
    expect(answers.map(codeOf)).toEqual(["ok", "ok", "ok"]);
    const changes = (await auditOf(brandId))
      .slice(1)
      .map(([, details]) => details as { name: { from: string; to: string } });
    const last = valueOf(await rpc.listBrands(guestCall())).items.find(({ id }) => id === brandId)?.name;
    expect(changes.map(({ name }) => name.from).toSorted()).toEqual(
      ["Zero", ...names.filter((name) => name !== last)].toSorted(),
    );
  });

  it("deleted while a product of it is created: one of the two is refused", async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id: brandId } = await brand("Contended");
      const base = {
        name: "Racer",
        description: "",
        price: 1,
        currency: "USD",
        weightGrams: 1,
        categoryId: "cat_saws",
      };
      const [made, removed] = await Promise.all([
        rpc.createProduct(admin, { ...base, sku: newId("req"), brandId }),
        rpc.deleteBrand(admin, { brandId }),
      ]);
      expect([codeOf(made), codeOf(removed)]).toEqual(
        removed.ok ? ["validation_failed", "ok"] : ["ok", "brand_in_use"],
      );
    }
  });

  it.each(["", " ", "\u0000", "A\u0007", "x".repeat(101), "\u2066A"])("cannot be called %j", async (name) => {
    expect(codeOf(await rpc.createBrand(admin, { name }))).toBe("validation_failed");
    expect(codeOf(await rpc.updateBrand(admin, { brandId: "brd_sud", changes: { name } }))).toBe("validation_failed");
  });

  it("is not found by an unknown id", async () => {
    expect(codeOf(await rpc.updateBrand(admin, { brandId: "brd_none", changes: { name: "A" } }))).toBe("not_found");
    expect(codeOf(await rpc.deleteBrand(admin, { brandId: "cat_saws" }))).toBe("validation_failed");
  });
});
