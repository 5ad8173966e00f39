// Live carts: every device receives every new version, in order, whoever made it, also after hibernation.
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import { systemCall } from "#shared/call";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { Cart } from "#shared/contracts/carts";
import { randomToken } from "#shared/hash";
import { MAX_SOCKETS, SOCKET_CLOSE, socketRequest } from "#shared/sockets";
import { callAs, guestCall, stubOf } from "#shared/testkit/kit";
import { listening } from "#shared/testkit/sockets";
import type { Listener } from "#shared/testkit/sockets";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { addItem, changeItem, clearCart, getCart, openCart } from "../src/service/cart.ts";
import { createOrder } from "../src/service/place-order.ts";
import { mergeCart } from "../src/service/merge.ts";
import { must, openShop, ordersEnv, request } from "./shop.ts";
import type { Shop } from "./shop.ts";

const HOUR_MS = 3_600_000;
let shop: Shop;
/** The catalog as the objects see it. */
function bindCatalog(catalog: CatalogContract): void {
  Object.defineProperty(ordersEnv, "CATALOG", { value: catalog, configurable: true });
}
beforeEach(() => {
  shop = openShop();
  bindCatalog(shop.deps.catalog);
});

async function connect(call: Call, cartToken?: string, expiresAt = Date.now() + HOUR_MS): Promise<Listener<Cart>> {
  const protocol = cartToken === undefined ? "bearer" : "cart";
  return listening<Cart>(await openCart(shop.deps, socketRequest({ call, cartToken, expiresAt, protocol })));
}

const add = async (call: Call, productId: string, quantity = 1, cartToken?: string): Promise<Cart> =>
  must(await addItem(shop.deps, call, { productId, quantity, cartToken }));

describe("a connected device", () => {
  it("receives the cart as GET returns it, and each change of another device", async () => {
    const call = callAs("customer");
    const productId = shop.product({ unitPrice: 700 });
    const before = await add(call, productId);
    const [phone, laptop] = [await connect(call), await connect(call)];
    expect(phone.protocol).toBe("bearer");
    expect(await phone.next()).toEqual(before);
    await laptop.next();
    const added = await add(call, productId, 2);
    expect(await phone.next()).toEqual(added);
    expect(await laptop.next()).toEqual(added);
    const itemId = added.items[0]?.id ?? "";
    must(await changeItem(shop.deps, call, { itemId, quantity: 9 }));
    expect(await laptop.next()).toEqual(must(await getCart(shop.deps, call, {})));
    must(await clearCart(shop.deps, call, {}));
    expect((await laptop.next()).items).toEqual([]);
  });

  it("receives growing versions, up to the last one, during concurrent changes", async () => {
    const call = callAs("customer");
    const productId = shop.product({ stock: 1_000 });
    const phone = await connect(call);
    await Promise.all(Array.from({ length: 15 }, () => add(call, productId)));
    let last = await phone.next();
    while (last.itemCount < 15) last = await phone.next();
    const versions = phone.received.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
    expect(last).toEqual(must(await getCart(shop.deps, call, {})));
  });

  it("receives the present state when it reconnects, and changes after hibernation", async () => {
    const call = callAs("customer");
    const productId = shop.product();
    const [phone, laptop] = [await connect(call), await connect(call)];
    await Promise.all([phone.next(), laptop.next()]);
    phone.socket.close(1000, "tunnel");
    await evictDurableObject(ordersEnv.CART.getByName(call.actor.id));
    const added = await add(call, productId, 3);
    expect(await laptop.next()).toEqual(added);
    const again = await connect(call);
    expect(await again.next()).toEqual(added);
    again.socket.send("ping");
    expect(await again.nextText()).toBe("pong");
    expect(phone.received).toHaveLength(1);
  });

  it("receives the empty cart when its order is placed, without another call", async () => {
    const call = callAs("customer");
    await add(call, shop.product(), 2);
    const phone = await connect(call);
    expect((await phone.next()).itemCount).toBe(2);
    must(await createOrder(shop.deps, call, request({})));
    expect(await phone.next()).toMatchObject({ items: [], itemCount: 0 });
  });

  it("receives it without a notification too: the alarm finds the order", async () => {
    const call = callAs("customer");
    await add(call, shop.product(), 2);
    const phone = await connect(call);
    await phone.next();
    const silent = shop.with({
      cart: (name) => {
        const object = shop.deps.cart(name);
        return stubOf<typeof object>({
          checkout: (input) => object.checkout(input),
          ordered: () => Promise.reject(new Error("lost")),
        });
      },
    });
    must(await createOrder(silent.deps, call, request({})));
    expect(phone.received).toHaveLength(1);
    await runDurableObjectAlarm(ordersEnv.CART.getByName(call.actor.id));
    expect((await phone.next()).items).toEqual([]);
  });

  it("receives the expired cart from the sweep", async () => {
    const call = callAs("customer");
    const brief = shop.with({ cartTtlMs: 60_000 });
    must(await addItem(brief.deps, call, { productId: shop.product(), quantity: 1 }));
    const phone = await connect(call);
    await phone.next();
    shop.advance(60_000);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect((await phone.next()).items).toEqual([]);
  });

  it("receives the expired cart before any sweep, from the object's alarm", async () => {
    const call = callAs("customer");
    const brief = shop.with({ cartTtlMs: 400 });
    must(await addItem(brief.deps, call, { productId: shop.product(), quantity: 1 }));
    const phone = await connect(call);
    expect((await phone.next()).itemCount).toBe(1);
    expect((await phone.next()).items).toEqual([]);
  });

  it("is notified later when the catalog did not answer", async () => {
    const call = callAs("customer");
    const phone = await connect(call);
    await phone.next();
    bindCatalog(stubOf<CatalogContract>({ pricedProducts: () => Promise.reject(new Error("down")) }));
    const added = await add(call, shop.product());
    await evictDurableObject(ordersEnv.CART.getByName(call.actor.id));
    expect(phone.received).toHaveLength(1);
    bindCatalog(shop.deps.catalog);
    await runDurableObjectAlarm(ordersEnv.CART.getByName(call.actor.id));
    expect(await phone.next()).toEqual(added);
  });
});

describe("a guest's device", () => {
  it("receives the guest's cart only, then the merged one, and is disconnected", async () => {
    const [cartToken, other] = [randomToken(), randomToken()];
    const productId = shop.product();
    await add(guestCall(), productId, 2, cartToken);
    const [guest, stranger] = [await connect(guestCall(), cartToken), await connect(guestCall(), other)];
    expect(guest.protocol).toBe("cart");
    expect((await guest.next()).itemCount).toBe(2);
    expect((await stranger.next()).items).toEqual([]);
    const user = callAs("customer");
    const device = await connect(user);
    await device.next();
    must(await mergeCart(shop.deps, user, { cartToken }));
    expect((await device.next()).items).toMatchObject([{ productId, quantity: 2 }]);
    expect((await guest.next()).items).toEqual([]);
    expect((await guest.closed).code).toBe(SOCKET_CLOSE.ended);
    const late = await connect(guestCall(), cartToken);
    expect((await late.next()).items).toEqual([]);
    expect((await late.closed).code).toBe(SOCKET_CLOSE.ended);
    expect(stranger.received).toHaveLength(1);
  });
});

describe("a socket", () => {
  it("is closed when its token expires: at connect, by the alarm, or at a later change", async () => {
    const call = callAs("customer");
    const late = await connect(call, undefined, Date.now() - 1);
    expect((await late.closed).code).toBe(SOCKET_CLOSE.expired);
    const idle = await connect(call, undefined, Date.now() + 100);
    const fresh = await connect(call);
    expect((await idle.closed).code).toBe(SOCKET_CLOSE.expired);
    await fresh.next();
    shop.advance(2 * HOUR_MS);
    await add(call, shop.product());
    expect((await fresh.closed).code).toBe(SOCKET_CLOSE.expired);
    expect(fresh.received).toHaveLength(1);
  });

  it("is closed when it sends a message, and when there are too many newer ones", async () => {
    const call = callAs("customer");
    const [first, loud] = [await connect(call), await connect(call)];
    await loud.next();
    loud.socket.send("x".repeat(100_000));
    expect((await loud.closed).code).toBe(SOCKET_CLOSE.policy);
    for (let opened = 0; opened < MAX_SOCKETS; opened += 1) await connect(call);
    expect((await first.closed).code).toBe(SOCKET_CLOSE.displaced);
  });

  it("is not opened without a cart, nor by a request that the gateway did not make", async () => {
    const nobody = async (): Promise<Response> =>
      await openCart(shop.deps, socketRequest({ call: guestCall(), expiresAt: Date.now() + HOUR_MS }));
    await expect(nobody()).rejects.toThrow("identified by its token");
    const forged = async (): Promise<Response> =>
      await openCart(shop.deps, new Request("https://live.invalid/", { headers: { upgrade: "websocket" } }));
    await expect(forged()).rejects.toThrow("JSON");
  });
});
