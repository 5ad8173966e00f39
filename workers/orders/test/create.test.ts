// Placing orders: prices, refusals, and one order per request and per cart version.
import { beforeEach, describe, expect, it } from "vitest";
import { randomToken } from "#shared/hash";
import { newId } from "#shared/ids";
import { MAX_QUANTITY } from "#shared/limits";
import { MAX_AMOUNT_MINOR } from "#shared/money";
import { callAs, guestCall, stubOf } from "#shared/testkit/kit";
import type { InventoryContract } from "#shared/contracts/inventory";
import { QuoteInput } from "#shared/contracts/orders";
import { CHECKOUT_LEASE_MS } from "../src/constants.ts";
import { addItem, changeItem, getCart } from "../src/service/cart.ts";
import { createOrder } from "../src/service/place-order.ts";
import { getOrder } from "../src/service/orders.ts";
import { findOrder } from "../src/store/orders.ts";
import { quote } from "../src/service/quote.ts";
import { ADDRESS, eventTypes, must, openShop, ordered, refusal, request, reread } from "./shop.ts";
import type { Shop } from "./shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = openShop();
});

describe("an order", () => {
  it("is priced by the catalog, holds its stock, and publishes ORDER_CREATED once", async () => {
    const call = callAs("customer");
    const productId = shop.product({ unitPrice: 1_000, weightGrams: 1_500, vendorId: newId("usr") });
    const order = await ordered(shop, call, [
      { productId, quantity: 1 },
      { productId, quantity: 2 },
    ]);
    expect(order).toMatchObject({
      customerId: call.actor.id,
      status: "PENDING",
      paymentStatus: "NONE",
      stockStatus: "PENDING",
      subtotal: 3_000,
      shipping: 599 + 5 * 75,
      total: 3_000 + 599 + 5 * 75,
      shippingMethod: "standard",
    });
    expect(order.number).toMatch(/^TP-\d{6}-[0-9A-HJKMNP-TV-Z]{8}$/);
    const { accessToken, ...shown } = order;
    expect(accessToken).toBeUndefined();
    expect(await reread(shop, order.id)).toEqual(shown);
    expect(await eventTypes(shop, order.id)).toEqual(["ORDER_CREATED"]);
    const created = shop.sent.filter(({ event }) => event.subject === order.id);
    expect(created.map(({ consumer }) => consumer).toSorted()).toEqual(["inventory", "notifications"]);
    const data = created[0]?.event.data as { readonly reservationOwner: string } | undefined;
    expect(shop.inventory.heldBy(data?.reservationOwner ?? "")).toEqual({ [productId]: 3 });
  });

  it("costs what the quote said, and is refused when another total is expected", async () => {
    const call = callAs("customer");
    const items = [{ productId: shop.product(), quantity: 2 }];
    const asked = { items, shippingAddress: { ...ADDRESS, country: "CA" }, shippingMethod: "express" as const };
    const quoted = must(await quote(shop.deps, call, QuoteInput.parse(asked)));
    expect(quoted.shippingMethods.map(({ id }) => id)).toEqual(["standard", "express", "freight"]);
    const wrong = await createOrder(shop.deps, call, request({ ...asked, expectedTotal: quoted.total + 1 }));
    expect(refusal(wrong)).toMatchObject({ code: "total_changed", total: quoted.total });
    const made = must(await createOrder(shop.deps, call, request({ ...asked, expectedTotal: quoted.total })));
    expect(made.order.total).toBe(quoted.total);
  });

  it("is refused with its reason, and then holds nothing", async () => {
    const call = callAs("customer");
    const make = async (input: Record<string, unknown>) => refusal(await createOrder(shop.deps, call, request(input)));
    const one = (productId: string, quantity = 1) => ({ items: [{ productId, quantity }] });
    const fine = shop.product();
    const archived = shop.product({ status: "archived", name: "Old drill" });
    expect((await make(one(newId("prd")))).code).toBe("product_not_found");
    expect(await make({ items: [...one(fine).items, ...one(archived).items] })).toMatchObject({
      code: "product_unavailable",
      lines: [{ productId: archived, name: "Old drill" }],
    });
    expect((await make(one(shop.product({ minOrderQuantity: 10 })))).code).toBe("quantity_below_minimum");
    expect((await make({ ...one(fine), couponCode: "SAVE10" })).code).toBe("coupon_not_found");
    expect((await make({})).code).toBe("cart_empty");
    expect((await make(one(shop.product({ unitPrice: MAX_AMOUNT_MINOR })))).code).toBe("validation_failed");
    const heavy = shop.product({ weightGrams: 40_000 });
    expect((await make({ ...one(heavy), shippingMethod: "standard" })).code).toBe("validation_failed");
    expect((await make({ items: [...one(fine, MAX_QUANTITY).items, ...one(fine).items] })).code).toBe(
      "validation_failed",
    );
    expect(shop.inventory.holds).toBe(0);
    const scarce = shop.product({ stock: 1 });
    expect(await make({ items: [...one(fine).items, ...one(scarce, 2).items] })).toMatchObject({
      code: "insufficient_stock",
      shortages: [{ productId: scarce, requested: 2, available: 1 }],
    });
    expect(shop.inventory.held.size).toBe(0);
  });

  it("is visible to its guest by the returned token, and to nobody else", async () => {
    const items = [{ productId: shop.product(), quantity: 1 }];
    expect(refusal(await createOrder(shop.deps, guestCall(), request({ items }))).code).toBe("validation_failed");
    const input = request({ items, email: "guest@example.com" });
    const { order } = must(await createOrder(shop.deps, guestCall(), input));
    const orderToken = order.accessToken ?? "";
    expect(orderToken.length).toBeGreaterThanOrEqual(43);
    const ref = { orderId: order.id };
    expect(must(await getOrder(shop.deps, guestCall(), { ...ref, orderToken })).customerId).toBeNull();
    for (const [call, token] of [
      [guestCall(), undefined],
      [guestCall(), randomToken()],
      [callAs("customer"), undefined],
      [callAs("vendor"), undefined],
    ] as const) {
      expect(refusal(await getOrder(shop.deps, call, { ...ref, orderToken: token })).code).toBe("not_found");
    }
    shop.advance(90 * 24 * 3_600_000);
    expect(refusal(await getOrder(shop.deps, guestCall(), { ...ref, orderToken })).code).toBe("not_found");
  });
});

describe("one request", () => {
  it("makes one order however often it is sent, concurrently and later", async () => {
    const call = callAs("customer");
    const productId = shop.product({ stock: 3 });
    const input = request({ items: [{ productId, quantity: 3 }], idempotencyKey: "k" });
    const made = await Promise.all(Array.from({ length: 20 }, () => createOrder(shop.deps, call, input)));
    const orders = made.map(must);
    expect(new Set(orders.map(({ order }) => order.id)).size).toBe(1);
    expect(orders.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await eventTypes(shop, orders[0]?.order.id ?? "")).toEqual(["ORDER_CREATED"]);
    expect(shop.inventory.available(productId)).toBe(0);
    const product = shop.products.get(productId);
    if (product !== undefined) shop.products.set(productId, { ...product, status: "archived" });
    expect(must(await createOrder(shop.deps, call, input)).replayed).toBe(true);
    const other = await createOrder(shop.deps, call, { ...input, shippingMethod: "express" });
    expect(refusal(other).code).toBe("idempotency_key_reused");
    const another = await createOrder(shop.deps, callAs("customer"), input);
    expect(refusal(another).code).toBe("product_unavailable");
  });

  it("is refused with another body sent concurrently, and the loser keeps no stock", async () => {
    const call = callAs("customer");
    const shared = shop.product();
    const extra = shop.product();
    const one = { productId: shared, quantity: 2 };
    const bodies = [[one], [one, { productId: extra, quantity: 1 }], [{ productId: shared, quantity: 3 }]];
    const results = await Promise.all(
      bodies.map((items) => createOrder(shop.deps, call, request({ items, idempotencyKey: "k" }))),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    for (const result of results.filter(({ ok }) => !ok)) expect(refusal(result).code).toBe("idempotency_key_reused");
    const items = results.flatMap((result) => (result.ok ? result.value.order.items : []));
    const held = Object.fromEntries(items.map(({ productId, quantity }) => [productId, quantity]));
    expect(shop.inventory.available(shared)).toBe(10 - (held[shared] ?? 0));
    expect(shop.inventory.available(extra)).toBe(10 - (held[extra] ?? 0));
  });

  it("with another body that runs short at the same time leaves the first one's hold alone", async () => {
    const call = callAs("customer");
    const [shared, scarce] = [shop.product(), shop.product({ stock: 1 })];
    const one = { productId: shared, quantity: 2 };
    const short = request({ items: [one, { productId: scarce, quantity: 2 }], idempotencyKey: "k" });
    const overtaken = shop.with({
      inventory: stubOf<InventoryContract>({
        ...shop.inventory.contract(),
        hold: async (holdCall, lines) => {
          const held = await shop.deps.inventory.hold(holdCall, lines);
          expect(refusal(await createOrder(shop.deps, call, short)).code).toBe("insufficient_stock");
          return held;
        },
      }),
    });
    const { order } = must(await createOrder(overtaken.deps, call, request({ items: [one], idempotencyKey: "k" })));
    const stored = await findOrder(shop.deps.db, order.id);
    expect(shop.inventory.heldBy(stored?.reservationOwner ?? "")).toEqual({ [shared]: 2 });
    expect(shop.inventory.available(shared)).toBe(8);
    expect(refusal(await createOrder(shop.deps, call, short)).code).toBe("idempotency_key_reused");
    expect(shop.inventory.available(shared)).toBe(8);
  });

  it("that loses to its copy keeps the shared hold, and releases what only it held", async () => {
    const call = callAs("customer");
    const [shared, extra] = [shop.product(), shop.product()];
    const one = { productId: shared, quantity: 2 };
    const winning = request({ items: [one], idempotencyKey: "k" });
    for (const input of [winning, request({ items: [one, { productId: extra, quantity: 1 }], idempotencyKey: "k" })]) {
      const buyer = { ...call, actor: callAs("customer").actor };
      const overtaken = shop.with({
        inventory: stubOf<InventoryContract>({
          ...shop.inventory.contract(),
          hold: async (holdCall, lines) => {
            const held = await shop.deps.inventory.hold(holdCall, lines);
            expect(must(await createOrder(shop.deps, buyer, winning)).replayed).toBe(false);
            return held;
          },
        }),
      });
      const before = shop.inventory.available(shared);
      const lost = await createOrder(overtaken.deps, buyer, input);
      expect(lost.ok ? lost.value.replayed : lost.error.code).toBe(input === winning ? true : "idempotency_key_reused");
      expect(shop.inventory.available(shared)).toBe(before - 2);
      expect(shop.inventory.available(extra)).toBe(10);
    }
  });

  it("may be sent again under its key after a refusal", async () => {
    const call = callAs("customer");
    const productId = shop.product({ stock: 0 });
    const input = request({ items: [{ productId, quantity: 1 }], idempotencyKey: "k" });
    expect(refusal(await createOrder(shop.deps, call, input)).code).toBe("insufficient_stock");
    shop.inventory.stock.set(productId, 1);
    expect(must(await createOrder(shop.deps, call, input)).replayed).toBe(false);
  });

  it("of a guest gets the same access token again", async () => {
    const cartToken = randomToken();
    const input = request({
      items: [{ productId: shop.product(), quantity: 1 }],
      email: "guest@example.com",
      cartToken,
      idempotencyKey: "k",
    });
    const first = must(await createOrder(shop.deps, guestCall(), input)).order;
    const again = must(await createOrder(shop.deps, guestCall(), input));
    expect(again).toMatchObject({ replayed: true, order: { id: first.id, accessToken: first.accessToken } });
  });
});

describe("one cart", () => {
  async function filled(call = callAs("customer"), stock = 10) {
    const productId = shop.product({ stock });
    must(await addItem(shop.deps, call, { productId, quantity: 2 }));
    return { call, productId };
  }

  it("checked out many times concurrently makes one order, and is empty right after", async () => {
    const { call, productId } = await filled(callAs("customer"), 2);
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        createOrder(shop.deps, call, request(index % 2 === 0 ? {} : { idempotencyKey: "same" })),
      ),
    );
    const successes = made.filter(({ ok }) => ok).map(must);
    expect(new Set(successes.map(({ order }) => order.id)).size).toBe(1);
    expect(successes.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(shop.inventory.available(productId)).toBe(0);
    expect(must(await getCart(shop.deps, call, {})).items).toEqual([]);
    expect(refusal(await createOrder(shop.deps, call, request({}))).code).toBe("cart_empty");
  });

  it("checked out twice concurrently returns the same order to both", async () => {
    const { call } = await filled();
    const made = (await Promise.all([1, 2].map(() => createOrder(shop.deps, call, request({}))))).map(must);
    expect(made[0]?.order.id).toBe(made[1]?.order.id);
    expect(made.filter(({ replayed }) => replayed)).toHaveLength(1);
    expect(must(await createOrder(shop.deps, call, request({}))).replayed).toBe(true);
  });

  it("checked out under two keys concurrently makes one order and leaves no second hold", async () => {
    const { call, productId } = await filled();
    const made = await Promise.all(
      ["a", "b"].map((idempotencyKey) => createOrder(shop.deps, call, request({ idempotencyKey }))),
    );
    expect(new Set(made.map((each) => must(each).order.id)).size).toBe(1);
    expect(shop.inventory.available(productId)).toBe(8);
  });

  it("ordered a second time with other details is refused with the order's id, also under another key", async () => {
    const { call } = await filled();
    const first = must(await createOrder(shop.deps, call, request({ idempotencyKey: "a" })));
    const elsewhere = { shippingAddress: { ...ADDRESS, city: "Shelbyville" } };
    for (const idempotencyKey of [undefined, "b"]) {
      const again = refusal(await createOrder(shop.deps, call, request({ ...elsewhere, idempotencyKey })));
      expect(again).toMatchObject({ code: "cart_already_ordered", orderId: first.order.id });
    }
    const sameKey = refusal(await createOrder(shop.deps, call, request({ ...elsewhere, idempotencyKey: "a" })));
    expect(sameKey.code).toBe("idempotency_key_reused");
  });

  it("of a guest, ordered a second time with other details, shows the order's id to its owner only", async () => {
    const cartToken = randomToken();
    must(await addItem(shop.deps, guestCall(), { cartToken, productId: shop.product(), quantity: 1 }));
    const mine = { cartToken, email: "guest@example.com" };
    const made = must(await createOrder(shop.deps, guestCall(), request(mine)));
    const other = { shippingAddress: { ...ADDRESS, city: "Shelbyville" } };
    expect(refusal(await createOrder(shop.deps, guestCall(), request({ ...mine, ...other })))).toMatchObject({
      code: "cart_already_ordered",
      orderId: made.order.id,
    });
    const stranger = request({ ...mine, ...other, cartToken: randomToken() });
    expect(refusal(await createOrder(shop.deps, guestCall(), stranger)).code).toBe("cart_empty");
  });

  it("checked out under the key of an earlier order returns that one, and can still be ordered", async () => {
    const { call } = await filled();
    const first = must(await createOrder(shop.deps, call, request({ idempotencyKey: "again" })));
    must(await addItem(shop.deps, call, { productId: shop.product(), quantity: 1 }));
    const again = must(await createOrder(shop.deps, call, request({ idempotencyKey: "again" })));
    expect(again).toMatchObject({ replayed: true, order: { id: first.order.id } });
    must(await addItem(shop.deps, call, { productId: shop.product(), quantity: 1 }));
    const next = must(await createOrder(shop.deps, call, request({})));
    expect(next.order.items).toHaveLength(2);
  });

  it("keeps what is added while its order is being made", async () => {
    const { call, productId } = await filled();
    const other = shop.product();
    const slow = shop.with({
      inventory: stubOf<InventoryContract>({
        ...shop.inventory.contract(),
        hold: async (holdCall, input) => {
          must(await addItem(shop.deps, call, { productId, quantity: 1 }));
          must(await addItem(shop.deps, call, { productId: other, quantity: 4 }));
          const meanwhile = await createOrder(shop.deps, call, request({}));
          expect(refusal(meanwhile).code).toBe("idempotency_in_progress");
          return await shop.deps.inventory.hold(holdCall, input);
        },
      }),
    });
    const { order } = must(await createOrder(slow.deps, call, request({})));
    expect(order.items).toMatchObject([{ productId, quantity: 2 }]);
    const { items } = must(await getCart(shop.deps, call, {}));
    expect(items.map((item) => [item.productId, item.quantity])).toEqual([
      [productId, 1],
      [other, 4],
    ]);
    const second = must(await createOrder(shop.deps, call, request({})));
    expect(second.order.id).not.toBe(order.id);
    expect(second.replayed).toBe(false);
  });

  it("can be changed and ordered at once after a refusal", async () => {
    const { call, productId } = await filled();
    shop.inventory.stock.set(productId, 1);
    expect(refusal(await createOrder(shop.deps, call, request({}))).code).toBe("insufficient_stock");
    const { items } = must(await getCart(shop.deps, call, {}));
    expect(items).toMatchObject([{ quantity: 2 }]);
    must(await changeItem(shop.deps, call, { itemId: items[0]?.id ?? "", quantity: 1 }));
    expect(must(await createOrder(shop.deps, call, request({}))).order.items).toMatchObject([{ quantity: 1 }]);
  });

  it("can be ordered again as it is after a refusal", async () => {
    const { call, productId } = await filled();
    shop.inventory.stock.set(productId, 1);
    expect(refusal(await createOrder(shop.deps, call, request({}))).code).toBe("insufficient_stock");
    shop.inventory.stock.set(productId, 2);
    expect(must(await createOrder(shop.deps, call, request({}))).replayed).toBe(false);
  });

  it("survives a crash between its checkout and its order", async () => {
    const { call } = await filled();
    const crashing = shop.with({
      inventory: stubOf<InventoryContract>({
        hold: () => {
          throw new Error("the Worker died");
        },
      }),
    });
    const crash = async (): Promise<void> => {
      await createOrder(crashing.deps, call, request({}));
    };
    await expect(crash()).rejects.toThrow("died");
    must(await addItem(shop.deps, call, { productId: shop.product(), quantity: 1 }));
    expect(refusal(await createOrder(shop.deps, call, request({}))).code).toBe("idempotency_in_progress");
    shop.advance(CHECKOUT_LEASE_MS);
    expect(must(await createOrder(shop.deps, call, request({}))).order.items).toHaveLength(2);
    expect(must(await getCart(shop.deps, call, {})).items).toEqual([]);
  });

  it("of a guest becomes that guest's order", async () => {
    const cartToken = randomToken();
    must(await addItem(shop.deps, guestCall(), { cartToken, productId: shop.product(), quantity: 1 }));
    const input = request({ cartToken, email: "guest@example.com" });
    const made = must(await createOrder(shop.deps, guestCall(), input));
    expect(made.order.accessToken).toBeDefined();
    expect(must(await createOrder(shop.deps, guestCall(), input))).toMatchObject({
      replayed: true,
      order: { id: made.order.id, accessToken: made.order.accessToken },
    });
    expect(must(await getCart(shop.deps, guestCall(), { cartToken })).items).toEqual([]);
  });
});
