// The headers that select a cart and its version.
import { describe, expect, it, vi } from "vitest";
import type { OrdersContract } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import { ok } from "#shared/result";
import { bearer, emptyCart, gateway, problemOf, tokenFor } from "./support.ts";

const TOKEN = "A".repeat(43);

describe("a guest's cart", () => {
  it("gets a new token with each answer to a request without one", async () => {
    const send = gateway({ orders: { getCart: async () => ok(emptyCart) } });
    const tokens = await Promise.all([send("/api/cart"), send("/api/cart")]);
    const [first, second] = tokens.map(({ headers }) => headers.get("x-cart-token"));
    expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(second).not.toBe(first);
  });

  it("is selected by the token that was sent", async () => {
    const getCart = vi.fn<OrdersContract["getCart"]>(async () => ok(emptyCart));
    const send = gateway({ orders: { getCart } });
    const made = (await send("/api/cart")).headers.get("x-cart-token");
    expect(getCart.mock.calls[0]).toMatchObject([{ actor: { role: "guest" } }, { cartToken: made }]);
    const again = await send("/api/cart", { headers: { "x-cart-token": TOKEN } });
    expect(again.headers.get("x-cart-token")).toBe(TOKEN);
    expect(getCart.mock.calls[1]).toMatchObject([{}, { cartToken: TOKEN }]);
  });

  it.each(["short", `${TOKEN}A`, `${TOKEN.slice(1)}'`, "../".repeat(15)])("is not selected by %j", async (token) => {
    const response = await gateway()("/api/cart", { headers: { "x-cart-token": token } });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code: "validation_failed", errors: [{ path: "X-Cart-Token" }] });
  });
});

it("selects a user's cart by the user and ignores a cart token", async () => {
  const getCart = vi.fn<OrdersContract["getCart"]>(async () => ok(emptyCart));
  const headers = { ...bearer(await tokenFor("customer", "usr_1")), "x-cart-token": TOKEN };
  const response = await gateway({ orders: { getCart } })("/api/cart", { headers });
  expect(getCart.mock.calls[0]).toEqual([
    expect.objectContaining({ actor: expect.objectContaining({ id: "usr_1", role: "customer" }) as unknown }),
    { cartToken: undefined },
  ]);
  expect(response.headers.has("x-cart-token")).toBe(false);
});

describe("If-Match", () => {
  const clear = async (ifMatch: string): Promise<{ response: Response; asked: (number | undefined)[] }> => {
    const clearCart = vi.fn<OrdersContract["clearCart"]>(async () => ok(emptyCart));
    const send = gateway({ orders: { clearCart } });
    const response = await send("/api/cart/clear", { method: "POST", headers: { "if-match": ifMatch } });
    return { response, asked: clearCart.mock.calls.map(([, input]) => input.ifVersion) };
  };

  it("passes on the version", async () => {
    const { response, asked } = await clear('"7"');
    expect(asked).toEqual([7]);
    expect(response.headers.get("etag")).toBe('"7"');
  });

  it("is no condition with *", async () => {
    expect((await clear("*")).asked).toEqual([undefined]);
  });

  it.each(['W/"7"', "7", '"seven"', '""', "", '"7', '"-1"', '"7.0"', '"7", "8"', `"${"9".repeat(30)}"`])(
    "writes nothing for %s",
    async (tag) => {
      const { response, asked } = await clear(tag);
      expect(asked).toEqual([]);
      expect(response.status).toBe(412);
      expect(await problemOf(response)).toMatchObject({ code: "cart_version_conflict" });
    },
  );

  it("is answered with the current version when it is stale", async () => {
    const send = gateway({
      orders: { clearCart: async () => fail("cart_version_conflict", "It changed.", { currentVersion: 9 }) },
    });
    const response = await send("/api/cart/clear", { method: "POST", headers: { "if-match": '"7"' } });
    expect(await problemOf(response)).toMatchObject({ status: 412, currentVersion: 9 });
  });
});

describe("lines", () => {
  it("are added with 201 and changed or removed with 200", async () => {
    const cart = async (): ReturnType<OrdersContract["addItem"]> => ok(emptyCart);
    const send = gateway({ orders: { addItem: cart, changeItem: cart, removeItem: cart, clearCart: cart } });
    const added = await send("/api/cart/items", { method: "POST", json: { productId: "prd_1", quantity: 2 } });
    const changed = await send("/api/cart/items/itm_1", { method: "PATCH", json: { quantity: 0 } });
    const removed = await send("/api/cart/items/itm_1", { method: "DELETE" });
    expect([added.status, changed.status, removed.status]).toEqual([201, 200, 200]);
    expect(await added.json()).toEqual(emptyCart);
  });

  it.each([
    { productId: "prd_1", quantity: 0 },
    { productId: "prd_1", quantity: -1 },
    { productId: "prd_1", quantity: 1.5 },
    { productId: "prd_1", quantity: 1_000_000 },
    { productId: "prd_1", quantity: "1" },
    { productId: "prd_1", quantity: 1e308 },
    { productId: "prd_1", quantity: null },
    { productId: "prd_1" },
    { productId: "1 OR 1=1", quantity: 1 },
    { productId: "prd_1", quantity: 1, unitPrice: 1 },
  ])("refuse %j", async (json) => {
    const response = await gateway()("/api/cart/items", { method: "POST", json });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code: "validation_failed" });
  });
});
