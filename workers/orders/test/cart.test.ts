// The cart: what can be put in it, versions, limits, and its end.
import { beforeEach, describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import { MAX_CART_LINES } from "#shared/contracts/orders";
import { randomToken } from "#shared/hash";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { sweep } from "../src/scheduled.ts";
import { addItem, changeItem, clearCart, getCart, removeItem } from "../src/service/cart.ts";
import { eventTypes, must, openShop, ordersEnv, refusal } from "./shop.ts";
import type { Shop } from "./shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = openShop();
});

async function indexRows(id: string): Promise<number> {
  const { results } = await ordersEnv.DB.prepare("SELECT 1 FROM carts WHERE id = ?").bind(id).all();
  return results.length;
}

describe("the cart", () => {
  it("adds up, prices, changes, removes and clears, with a version that only grows", async () => {
    const call = callAs("customer");
    const productId = shop.product({ unitPrice: 700 });
    const other = shop.product({ unitPrice: 50 });
    const first = must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    const added = must(await addItem(shop.deps, call, { productId, quantity: 2 }));
    expect(added.items).toMatchObject([{ productId, quantity: 3, unitPrice: 700, lineTotal: 2_100 }]);
    expect(added.items[0]?.id).toBe(first.items[0]?.id);
    const both = must(await addItem(shop.deps, call, { productId: other, quantity: 1 }));
    expect(both).toMatchObject({ subtotal: 2_150, itemCount: 4, currency: "USD", version: 3 });
    const itemId = both.items[0]?.id ?? "";
    expect(must(await changeItem(shop.deps, call, { itemId, quantity: 5 })).items[0]?.quantity).toBe(5);
    expect(must(await changeItem(shop.deps, call, { itemId, quantity: 0 })).items).toHaveLength(1);
    expect(refusal(await removeItem(shop.deps, call, { itemId })).code).toBe("not_found");
    expect(refusal(await changeItem(shop.deps, call, { itemId, quantity: 2 })).code).toBe("not_found");
    const cleared = must(await clearCart(shop.deps, call, {}));
    expect(cleared).toMatchObject({ items: [], version: 6, subtotal: 0 });
    expect(must(await getCart(shop.deps, call, {}))).toMatchObject({ id: added.id, version: 6 });
  });

  it("reads as empty where there is none, and needs a token from a guest", async () => {
    expect(must(await getCart(shop.deps, callAs("customer"), {}))).toMatchObject({ items: [], version: 0 });
    expect(refusal(await getCart(shop.deps, guestCall(), {})).code).toBe("validation_failed");
    const cartToken = randomToken();
    must(await addItem(shop.deps, guestCall(), { cartToken, productId: shop.product(), quantity: 1 }));
    expect(must(await getCart(shop.deps, guestCall(), { cartToken })).items).toHaveLength(1);
    expect(must(await getCart(shop.deps, guestCall(), { cartToken: randomToken() })).items).toHaveLength(0);
  });

  it("refuses unknown and archived products, too few and too many", async () => {
    const call = callAs("customer");
    const add = (productId: string, quantity: number) => addItem(shop.deps, call, { productId, quantity });
    expect(refusal(await add(newId("prd"), 1)).code).toBe("product_not_found");
    expect(refusal(await add(shop.product({ status: "archived" }), 1)).code).toBe("product_not_found");
    expect(refusal(await add(shop.product({ minOrderQuantity: 5 }), 4))).toMatchObject({
      code: "quantity_below_minimum",
      minimum: 5,
    });
    const scarce = shop.product({ stock: 3 });
    must(await add(scarce, 2));
    expect(refusal(await add(scarce, 2))).toMatchObject({ code: "insufficient_stock", available: 3 });
    const plenty = shop.product({ stock: 1_000_000 });
    must(await add(plenty, 9_999));
    expect(refusal(await add(plenty, 1)).code).toBe("validation_failed");
  });

  it("lets no concurrent additions pass what is available", async () => {
    const call = callAs("customer");
    const productId = shop.product({ stock: 5 });
    const results = await Promise.all(
      Array.from({ length: 12 }, () => addItem(shop.deps, call, { productId, quantity: 1 })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(5);
    expect(must(await getCart(shop.deps, call, {})).itemCount).toBe(5);
  });

  it("takes at most 100 lines", async () => {
    const call = callAs("customer");
    const ids = Array.from({ length: MAX_CART_LINES }, () => shop.product());
    for (const productId of ids) must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    const refused = await addItem(shop.deps, call, { productId: shop.product(), quantity: 1 });
    expect(refusal(refused).code).toBe("too_many_lines");
    expect((await addItem(shop.deps, call, { productId: ids[0] ?? "", quantity: 1 })).ok).toBe(true);
  });

  it("refuses a write whose version is stale, one of two that race, and tells the current one", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    const { version } = must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    const race = await Promise.all(
      [1, 2].map(() => addItem(shop.deps, call, { productId, quantity: 1, ifVersion: version })),
    );
    expect(race.filter(({ ok }) => ok)).toHaveLength(1);
    expect(refusal(await clearCart(shop.deps, call, { ifVersion: version }))).toMatchObject({
      code: "cart_version_conflict",
      currentVersion: version + 1,
    });
  });

  it("shows a product that is not sold any more as out of stock", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    const gone = shop.product();
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    must(await addItem(shop.deps, call, { productId: gone, quantity: 1 }));
    const product = shop.products.get(productId);
    if (product !== undefined) shop.products.set(productId, { ...product, status: "archived" });
    shop.products.delete(gone);
    const { items } = must(await getCart(shop.deps, call, {}));
    expect(items.map(({ availability }) => availability)).toEqual(["out_of_stock", "out_of_stock"]);
  });
});

describe("the end of a cart", () => {
  it("reads as empty once expired, before any sweep, and starts anew with a higher version", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    const { version } = must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    shop.advance(shop.deps.cartTtlMs);
    const expired = must(await getCart(shop.deps, call, {}));
    expect(expired.items).toEqual([]);
    expect(expired.version).toBeGreaterThan(version);
    const renewed = must(await addItem(shop.deps, call, { productId, quantity: 4 }));
    expect(renewed.itemCount).toBe(4);
    expect(renewed.version).toBeGreaterThan(expired.version);
  });

  it("is told once by CART_EXPIRED, and never for a cart without lines", async () => {
    const call = callAs("customer");
    const empty = callAs("customer");
    const productId = shop.product({ unitPrice: 300 });
    must(await addItem(shop.deps, call, { productId, quantity: 2 }));
    must(await addItem(shop.deps, empty, { productId, quantity: 2 }));
    must(await clearCart(shop.deps, empty, {}));
    shop.advance(shop.deps.cartTtlMs + 1);
    await Promise.all([1, 2, 3].map(() => sweep(shop.deps, systemCall("test", "c"), true)));
    expect(await eventTypes(shop, call.actor.id)).toEqual(["CART_EXPIRED"]);
    expect(await eventTypes(shop, empty.actor.id)).toEqual([]);
    expect(shop.sent.find(({ event }) => event.subject === call.actor.id)?.event.data).toMatchObject({
      customer: { id: call.actor.id },
      lines: [{ productId, quantity: 2, lineTotal: 600 }],
      subtotal: 600,
    });
    expect(await indexRows(call.actor.id)).toBe(0);
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    expect(await indexRows(call.actor.id)).toBe(1);
  });

  it("does not come while the cart is touched, though its index row is old", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    shop.advance(shop.deps.cartTtlMs - 1_000);
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    shop.advance(2_000);
    await sweep(shop.deps, systemCall("test", "c"), true);
    expect(must(await getCart(shop.deps, call, {})).itemCount).toBe(2);
    shop.advance(shop.deps.cartTtlMs);
    await sweep(shop.deps, systemCall("test", "c"), false);
    expect(await eventTypes(shop, call.actor.id)).toEqual(["CART_EXPIRED"]);
  });
});
