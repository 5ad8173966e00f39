// The short caches of catalog reads, and what browsers may keep.
import { describe, expect, it, vi } from "vitest";
import type { CatalogContract, ProductDetail } from "#shared/contracts/catalog";
import { fail } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { PublicCache, cacheKey } from "../src/http/public-cache.ts";
import { bearer, gateway, problemOf } from "./support.ts";

/** Fresh per test: the Cache API is shared by all tests of this file. */
const freshQuery = (): string => `/api/products?q=${newId("prd")}`;

function listing(): { readonly listProducts: ReturnType<typeof vi.fn<CatalogContract["listProducts"]>> } {
  let count = 0;
  return {
    listProducts: vi.fn<CatalogContract["listProducts"]>(async () => {
      count += 1;
      return ok({ items: [], nextCursor: String(count) });
    }),
  };
}

const cursorOf = async (response: Response): Promise<unknown> =>
  (await response.json<{ nextCursor: string }>()).nextCursor;

describe("lists", () => {
  it("come from the isolate for two seconds and from the Cache API up to five", async () => {
    let now = 1_000_000;
    const catalog = listing();
    const send = gateway({ catalog }, { now: () => now });
    const path = freshQuery();
    const at = async (ms: number): Promise<unknown> => {
      now = 1_000_000 + ms;
      return await cursorOf(await send(path));
    };
    expect([await at(0), await at(1_999), await at(2_001), await at(4_900)]).toEqual(["1", "1", "1", "1"]);
    expect(await at(5_001)).toBe("2");
    expect(catalog.listProducts).toHaveBeenCalledTimes(2);
  });

  it("are shared between isolates", async () => {
    const catalog = listing();
    const path = freshQuery();
    await gateway({ catalog })(path);
    expect(await cursorOf(await gateway({ catalog })(path))).toBe("1");
  });

  it("are one answer whatever the order of the parameters", async () => {
    const catalog = listing();
    const send = gateway({ catalog });
    const q = newId("prd");
    await send(`/api/products?q=${q}&limit=5`);
    expect(await cursorOf(await send(`/api/products?limit=5&q=${q}`, { headers: bearer("stale.stale.stale") }))).toBe(
      "1",
    );
    expect(await cursorOf(await send(`/api/products?limit=6&q=${q}`))).toBe("2");
  });

  it("forward the filters as the contract defines them", async () => {
    const catalog = listing();
    const q = newId("prd");
    await gateway({ catalog })(`/api/products?q=${q}&inStock=true&minPrice=100&sort=-price&limit=3&category=tools`);
    expect(catalog.listProducts.mock.calls[0]?.[1]).toEqual({
      q,
      inStock: "true",
      minPrice: 100,
      sort: "-price",
      limit: 3,
      category: ["tools"],
    });
  });

  it("are not served to a URL with more parameters than a cached one, which stays cached", async () => {
    const catalog = listing();
    const send = gateway({ catalog });
    const path = freshQuery();
    expect(await cursorOf(await send(path))).toBe("1");
    for (const more of ["&utm_source=mail", "&q=other", "&limit=5&limit=5", "&__proto__=1", "&=", "&Q=x"]) {
      const response = await send(`${path}${more}`);
      expect([more, response.status]).toEqual([more, 400]);
    }
    expect(await cursorOf(await send(`${path}&`))).toBe("1");
    expect(catalog.listProducts).toHaveBeenCalledTimes(1);
  });

  it.each(["minPrice=-1", "minPrice=x", "maxPrice=1.5", "inStock=maybe", "sort=random", `q=${"x".repeat(201)}`])(
    "refuse ?%s, and do not keep that",
    async (query) => {
      const response = await gateway()(`/api/products?${query}`);
      expect(response.status).toBe(400);
      expect(response.headers.get("cache-control")).toBe("no-store");
    },
  );
});

describe("validation by browsers", () => {
  it("answers 304 to its own tag, also in a list, weak, or *", async () => {
    const send = gateway({ catalog: listing() });
    const path = freshQuery();
    const first = await send(path);
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(first.headers.get("cache-control")).toBe("no-cache");
    for (const known of [etag, `"other", ${etag}`, `W/${etag}`, "*"]) {
      const response = await send(path, { headers: { "if-none-match": known } });
      expect([known, response.status, await response.text()]).toEqual([known, 304, ""]);
      expect(response.headers.get("etag")).toBe(etag);
    }
    expect((await send(path, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  });

  it("answers HEAD with the tag, and 304 to it", async () => {
    const send = gateway({ catalog: listing() });
    const path = freshQuery();
    const response = await send(path, { method: "HEAD" });
    const etag = response.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"/);
    expect(await response.text()).toBe("");
    const known = await send(path, { method: "HEAD", headers: { "if-none-match": etag } });
    expect([known.status, known.headers.get("etag"), await known.text()]).toEqual([304, etag, ""]);
  });

  it.each(["/api/categories", "/api/brands"])(
    "tags %s by its content: the same again, another when it differs",
    async (path) => {
      let now = 0;
      let items: readonly { id: string; slug: string; name: string; productCount: number; children: [] }[] = [];
      const answer = async (): Promise<ReturnType<typeof ok<{ items: typeof items }>>> => ok({ items });
      const send = gateway({ catalog: { listCategories: answer, listBrands: answer } }, { now: () => now });
      const tagAt = async (ms: number): Promise<string> => {
        now = ms;
        const response = await send(path);
        expect(response.headers.get("vary")).toBe("Origin");
        return response.headers.get("etag") ?? "";
      };
      const start = Date.now() + 60_000;
      const first = await tagAt(start);
      expect(await tagAt(start + 10_000)).toBe(first);
      items = [{ id: "x_1", slug: "x", name: "X", productCount: 1, children: [] }];
      expect(await tagAt(start + 20_000)).not.toBe(first);
      items = [];
      expect(await tagAt(start + 30_000)).toBe(first);
    },
  );
});

describe("one product", () => {
  const product = (id: string): ProductDetail => ({
    id,
    slug: `slug-${id}`,
    sku: "S",
    name: "N",
    description: "D",
    price: 100,
    currency: "USD",
    brand: { id: "brd_1", name: "B" },
    category: { id: "cat_1", name: "C", path: "C" },
    images: [],
    availability: "in_stock",
    weightGrams: 1,
    minOrderQuantity: 1,
    createdAt: "2026-01-01T00:00:00.000Z",
    updatedAt: "2026-01-01T00:00:00.000Z",
    available: 50,
  });

  it.each(["id", "slug"])("has inventory's current stock, by %s", async (by) => {
    const id = newId("prd");
    const send = gateway({
      catalog: { getProduct: async () => ok(product(id)) },
      inventory: {
        availabilities: async (_call, { productIds }) =>
          ok(productIds.map((productId) => ({ productId, available: 3, status: "low_stock" as const }))),
      },
    });
    const response = await send(`/api/products/${by === "id" ? id : `slug-${id}`}`);
    expect(await response.json()).toMatchObject({ id, available: 3, availability: "low_stock" });
  });

  it.each([
    ["is down", async () => await Promise.reject(new Error("down"))],
    ["knows nothing of it", async () => ok([])],
  ])("shows the catalog's figure when inventory %s", async (_name, availabilities) => {
    const id = newId("prd");
    const send = gateway({ catalog: { getProduct: async () => ok(product(id)) }, inventory: { availabilities } });
    expect(await (await send(`/api/products/${id}`)).json()).toMatchObject({ available: 50, availability: "in_stock" });
  });

  it("does not cache a failure", async () => {
    const id = newId("prd");
    let exists = false;
    const send = gateway({
      catalog: {
        getProduct: async () => (exists ? ok(product(id)) : fail("product_not_found", "There is no such product.")),
      },
      inventory: { availabilities: async () => ok([]) },
    });
    const missing = await send(`/api/products/${id}`);
    expect(await problemOf(missing)).toMatchObject({ status: 404, code: "product_not_found" });
    exists = true;
    expect((await send(`/api/products/${id}`)).status).toBe(200);
  });
});

it("serves trees and brands", async () => {
  const send = gateway({
    catalog: { listCategories: async () => ok({ items: [] }), listBrands: async () => ok({ items: [] }) },
  });
  expect(await (await send("/api/categories")).json()).toEqual({ items: [] });
  expect(await (await send("/api/brands")).json()).toEqual({ items: [] });
});

describe("the isolate's cache", () => {
  const answer = (bytes: number, madeAt = 0): { body: Uint8Array<ArrayBuffer>; etag: string; madeAt: number } => ({
    body: new Uint8Array(bytes),
    etag: '"x"',
    madeAt,
  });

  it("is bounded in bytes and drops the oldest first", () => {
    const cache = new PublicCache();
    for (let n = 0; n < 5; n += 1) cache.set(`/${String(n)}`, answer(4 * 1024 * 1024), 0);
    expect([0, 1, 2, 3, 4].map((n) => cache.get(`/${String(n)}`, 0) !== undefined)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
  });

  it("is refreshed by one request, while the others get the old answer for at most half a second", () => {
    const cache = new PublicCache();
    cache.set("/", answer(1), 0);
    const seen = [2_000, 2_001, 2_499, 2_500].map((now) => cache.get("/", now) !== undefined);
    expect(seen).toEqual([false, true, true, false]);
  });

  it("is never older than five seconds", () => {
    const cache = new PublicCache();
    cache.set("/", answer(1, 0), 4_000);
    expect(cache.get("/", 4_999)).toBeDefined();
    expect(cache.get("/", 5_000)).toBeUndefined();
    expect(cache.get("/", 5_001)).toBeUndefined();
  });
});

it("distinguishes parameters that look alike", () => {
  const key = (query: string): string => cacheKey(new URL(`https://x.test/p?${query}`));
  expect(key("a=1&b=2")).toBe(key("b=2&a=1"));
  expect(key("a=1%26b%3D2")).not.toBe(key("a=1&b=2"));
  expect(key("a=")).not.toBe(key(""));
});
