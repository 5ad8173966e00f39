// The cart: lines, versions, limits and expiry.
import { beforeEach, describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { CatalogContract, PricedProduct } from "#shared/contracts/catalog";
import type { InventoryContract } from "#shared/contracts/inventory";
import { parseEvent } from "#shared/events/envelope";
import { randomToken } from "#shared/hash";
import { newId } from "#shared/ids";
import { MAX_LINES, MAX_QUANTITY } from "#shared/limits";
import { callAs, guestCall, stubOf } from "#shared/testkit/kit";
import { CHECKOUT_LEASE_MS } from "../src/constants.ts";
import type { CartContext } from "../src/objects/cart-object.ts";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { addItem, changeItem, clearCart, getCart, removeItem } from "../src/service/cart.ts";
import { createOrder } from "../src/service/place-order.ts";
import { guestCartName } from "../src/service/owner.ts";
import { eventTypes, fillCart, must, openShop, ordersEnv, refusal, request } from "./shop.ts";
import type { Shop } from "./shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = openShop();
});

async function indexRows(id: string): Promise<number> {
  const { results } = await ordersEnv.DB.prepare("SELECT 1 FROM carts WHERE id = ?").bind(id).all();
  return results.length;
}

function change(productId: string, changes: Partial<PricedProduct>): void {
  const product = shop.products.get(productId);
  if (product !== undefined) shop.products.set(productId, { ...product, ...changes });
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

  it("reads as empty before it exists, and needs a guest's token", async () => {
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
    must(await add(plenty, MAX_QUANTITY));
    expect(refusal(await add(plenty, 1)).code).toBe("validation_failed");
  });

  it("limits concurrent additions to what is available", async () => {
    const call = callAs("customer");
    const productId = shop.product({ stock: 5 });
    const results = await Promise.all(
      Array.from({ length: 12 }, () => addItem(shop.deps, call, { productId, quantity: 1 })),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(5);
    expect(must(await getCart(shop.deps, call, {})).itemCount).toBe(5);
  });

  it("takes at most 1,000 lines", async () => {
    const call = callAs("customer");
    const ids = Array.from({ length: MAX_LINES }, () => shop.product());
    await fillCart(shop, call, ids);
    const refused = await addItem(shop.deps, call, { productId: shop.product(), quantity: 1 });
    expect(refusal(refused).code).toBe("too_many_lines");
    expect((await addItem(shop.deps, call, { productId: ids[0] ?? "", quantity: 1 })).ok).toBe(true);
  });

  it("refuses a write with a stale version, also one of two concurrent ones, and returns the current version", async () => {
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
});

describe("what the catalog changes", () => {
  it("shows on the line: the current price, and the one when added until the buyer changes the line", async () => {
    const call = callAs("customer");
    const productId = shop.product({ unitPrice: 700 });
    const added = must(await addItem(shop.deps, call, { productId, quantity: 2 }));
    expect(added.items[0]).not.toHaveProperty("priceWhenAdded");
    change(productId, { unitPrice: 900 });
    const shown = must(await getCart(shop.deps, call, {}));
    expect(shown).toMatchObject({
      subtotal: 1_800,
      items: [{ unitPrice: 900, priceWhenAdded: 700, lineTotal: 1_800 }],
    });
    change(productId, { unitPrice: 700 });
    expect(must(await getCart(shop.deps, call, {})).items[0]).not.toHaveProperty("priceWhenAdded");
    change(productId, { unitPrice: 900 });
    const itemId = shown.items[0]?.id ?? "";
    const confirmed = must(await changeItem(shop.deps, call, { itemId, quantity: 2 }));
    expect(confirmed.items[0]).not.toHaveProperty("priceWhenAdded");
    expect(confirmed.version).toBe(shown.version + 1);
    change(productId, { unitPrice: 1_000 });
    expect(must(await getCart(shop.deps, call, {})).items[0]).toMatchObject({ priceWhenAdded: 900 });
    expect(must(await addItem(shop.deps, call, { productId, quantity: 1 })).items[0]).not.toHaveProperty(
      "priceWhenAdded",
    );
    change(productId, { unitPrice: 1_100 });
    const { order } = must(await createOrder(shop.deps, call, request({})));
    expect(order.items).toMatchObject([{ unitPrice: 1_100, quantity: 3, lineTotal: 3_300 }]);
  });

  it.each([
    ["archived", { status: "archived" }],
    ["a draft again", { status: "draft" }],
    ["sold in another currency", { currency: "EUR" }],
  ] as const)(
    "marks what is %s, leaves it out of the subtotal, and names it at the checkout",
    async (_how, changes) => {
      const call = callAs("customer");
      const [kept, gone] = [shop.product({ unitPrice: 50 }), shop.product({ name: "Left-hand hammer" })];
      must(await addItem(shop.deps, call, { productId: kept, quantity: 2 }));
      must(await addItem(shop.deps, call, { productId: gone, quantity: 1 }));
      change(gone, changes);
      const { items, subtotal } = must(await getCart(shop.deps, call, {}));
      expect(items).toMatchObject([
        { productId: kept, status: "available", availability: "in_stock", lineTotal: 100 },
        {
          productId: gone,
          status: "unavailable",
          availability: "out_of_stock",
          lineTotal: 0,
          name: "Left-hand hammer",
        },
      ]);
      expect(subtotal).toBe(100);
      expect(refusal(await createOrder(shop.deps, call, request({})))).toMatchObject({
        code: "product_unavailable",
        lines: [{ productId: gone, name: "Left-hand hammer" }],
      });
      must(await removeItem(shop.deps, call, { itemId: items[1]?.id ?? "" }));
      expect(must(await createOrder(shop.deps, call, request({}))).order.subtotal).toBe(100);
    },
  );

  it("keeps the line of a product that is gone from the catalog visible", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    shop.products.delete(productId);
    const { items, subtotal } = must(await getCart(shop.deps, call, {}));
    expect(items).toMatchObject([{ productId, status: "unavailable", unitPrice: 0 }]);
    expect(subtotal).toBe(0);
  });
});

describe("the expiry of a cart", () => {
  it("reads as empty once expired, before any sweep, and continues with a higher version", async () => {
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

  it("publishes CART_EXPIRED once, and never for a cart without lines", async () => {
    const call = callAs("customer");
    const empty = callAs("customer");
    const productId = shop.product({ unitPrice: 300 });
    must(await addItem(shop.deps, call, { productId, quantity: 2 }));
    must(await addItem(shop.deps, empty, { productId, quantity: 2 }));
    must(await clearCart(shop.deps, empty, {}));
    shop.advance(shop.deps.cartTtlMs + 1);
    await Promise.all(
      [1, 2, 3].map(() => runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true })),
    );
    expect(await eventTypes(shop, call.actor.id)).toEqual(["CART_EXPIRED"]);
    expect(await eventTypes(shop, empty.actor.id)).toEqual([]);
    expect(shop.sent.find(({ event }) => event.subject === call.actor.id)?.event.data).toMatchObject({
      customer: { id: call.actor.id },
      lines: [{ productId, quantity: 2 }],
      excerpt: [{ productId, quantity: 2, lineTotal: 600 }],
      subtotal: 600,
    });
    expect(await indexRows(call.actor.id)).toBe(0);
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    expect(await indexRows(call.actor.id)).toBe(1);
  });

  it("does not happen while the cart is used, even if its index row is old", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    shop.advance(shop.deps.cartTtlMs - 1_000);
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    shop.advance(2_000);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect(must(await getCart(shop.deps, call, {})).itemCount).toBe(2);
    shop.advance(shop.deps.cartTtlMs);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: false });
    expect(await eventTypes(shop, call.actor.id)).toEqual(["CART_EXPIRED"]);
  });

  it("names the customer of the last change, in their language of then", async () => {
    const first = callAs("customer");
    const later: Call = {
      ...first,
      actor: { ...first.actor, role: "customer", email: "new@example.com", name: "New Name", emailVerified: true },
    };
    const productId = shop.product();
    must(await addItem(shop.deps, first, { productId, quantity: 1 }));
    must(await addItem(shop.deps, later, { productId, quantity: 1 }));
    shop.advance(shop.deps.cartTtlMs);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    const told = shop.sent.filter(({ event }) => event.subject === first.actor.id);
    expect(told.map(({ event }) => event.data)).toMatchObject([
      { customer: { id: first.actor.id, email: "new@example.com", name: "New Name" } },
    ]);
  });

  it("names nobody for a guest's cart", async () => {
    const cartToken = randomToken();
    must(await addItem(shop.deps, guestCall(), { cartToken, productId: shop.product(), quantity: 1 }));
    shop.advance(shop.deps.cartTtlMs);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    const name = await guestCartName(cartToken);
    const told = shop.sent.filter(({ event }) => event.subject === name);
    expect(told.map(({ event }) => event.data)).toMatchObject([{ customer: null }]);
    expect(JSON.stringify(told)).not.toContain(cartToken);
  });

  it("is published once even if the sweep crashes at any step, and leaves others' stock alone", async () => {
    const other = callAs("customer");
    const productId = shop.product({ stock: 10 });
    const order = must(await createOrder(shop.deps, other, request({ items: [{ productId, quantity: 4 }] }))).order;
    const call = callAs("customer");
    must(await addItem(shop.deps, call, { productId, quantity: 6 }));
    must(await addItem(shop.deps, other, { productId, quantity: 1 }));
    shop.advance(shop.deps.cartTtlMs - 1_000);
    must(await addItem(shop.deps, other, { productId, quantity: 1 }));
    shop.advance(1_000);
    const held = new Map(shop.inventory.held);
    const crash = (): Promise<never> => Promise.reject(new Error("crash"));
    const crashing = (method: "expiry" | "drop"): Shop =>
      shop.with({
        inventory: stubOf<InventoryContract>({}),
        cart: (name) => {
          const object = shop.deps.cart(name);
          const steps = { expiry: (context: CartContext) => object.expiry(context), drop: crash };
          return stubOf<typeof object>({ ...steps, [method]: crash });
        },
      });
    const down = shop.with({ catalog: stubOf<CatalogContract>({ pricedProducts: crash }) });
    for (const broken of [crashing("expiry"), down, crashing("drop")]) {
      await runSweeps(broken.deps, plan, { call: systemCall("test", "c"), everything: true });
    }
    expect(must(await getCart(shop.deps, call, {})).items).toEqual([]);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect(await eventTypes(shop, call.actor.id)).toEqual(["CART_EXPIRED"]);
    expect(must(await getCart(shop.deps, other, {})).itemCount).toBe(2);
    expect(shop.inventory.held).toEqual(held);
    expect(order.items).toMatchObject([{ quantity: 4 }]);
    // A cart that is used again expires with another event.
    must(await addItem(shop.deps, call, { productId, quantity: 1 }));
    shop.advance(shop.deps.cartTtlMs);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect(await eventTypes(shop, call.actor.id)).toEqual(["CART_EXPIRED", "CART_EXPIRED"]);
  });

  it("waits for an order that is being placed, and leaves out what was ordered", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    must(await addItem(shop.deps, call, { productId, quantity: 2 }));
    shop.advance(shop.deps.cartTtlMs - 1_000);
    const late = shop.with({
      inventory: {
        ...shop.deps.inventory,
        hold: async (...given) => {
          shop.advance(2_000);
          await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
          return await shop.deps.inventory.hold(...given);
        },
      },
    });
    must(await createOrder(late.deps, call, request({})));
    shop.advance(CHECKOUT_LEASE_MS);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect(await eventTypes(shop, call.actor.id)).toEqual([]);
    expect(await indexRows(call.actor.id)).toBe(0);
  });

  it("is published when the order that was being placed failed", async () => {
    const call = callAs("customer");
    must(await addItem(shop.deps, call, { productId: shop.product(), quantity: 2 }));
    shop.advance(shop.deps.cartTtlMs - 1_000);
    const crashed = shop.with({
      inventory: stubOf<InventoryContract>({ hold: () => Promise.reject(new Error("crash")) }),
    });
    await expect(createOrder(crashed.deps, call, request({}))).rejects.toThrow("crash");
    shop.advance(CHECKOUT_LEASE_MS);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect(await eventTypes(shop, call.actor.id)).toEqual(["CART_EXPIRED"]);
  });

  it("lists what can still be bought, and is not published if all is archived", async () => {
    const [mixed, gone] = [callAs("customer"), callAs("customer")];
    const [sold, archived] = [shop.product({ unitPrice: 300 }), shop.product({ unitPrice: 500 })];
    must(await addItem(shop.deps, mixed, { productId: sold, quantity: 1 }));
    must(await addItem(shop.deps, mixed, { productId: archived, quantity: 1 }));
    must(await addItem(shop.deps, gone, { productId: archived, quantity: 1 }));
    change(archived, { status: "archived" });
    shop.advance(shop.deps.cartTtlMs);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect(shop.sent.find(({ event }) => event.subject === mixed.actor.id)?.event.data).toMatchObject({
      lines: [{ productId: sold }],
      subtotal: 300,
    });
    expect(await eventTypes(shop, gone.actor.id)).toEqual([]);
  });

  it("is published for a cart that costs more than a payment can carry", async () => {
    const call = callAs("customer");
    const productId = shop.product({ unitPrice: 99_999_999, stock: MAX_QUANTITY });
    must(await addItem(shop.deps, call, { productId, quantity: MAX_QUANTITY }));
    shop.advance(shop.deps.cartTtlMs);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    const told = shop.sent.find(({ event }) => event.subject === call.actor.id);
    expect(parseEvent(told?.event)).toBeDefined();
  });
});
