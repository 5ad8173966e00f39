// Live sockets through the front, the gateway and the Durable Objects.
import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cart, MergedCart } from "#shared/contracts/carts";
import type { OrderUpdate } from "#shared/contracts/orders";
import { SOCKET_CLOSE } from "#shared/sockets";
import { Client, addToCart, eventually, newBuyer, pay, placeOrder } from "../scripts/shop/client.ts";
import type { Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

let shop: Shop;
let shelf: Shelf;
let guest: Client;

beforeAll(async () => {
  ({ shop, shelf } = await openSharedShop());
  guest = new Client(shop.send);
});

afterAll(async () => {
  await shop.close();
});

/** A WebSocket as in a browser, and every message that it received. */
class Device<T> {
  readonly socket: WebSocket;
  readonly received: T[] = [];
  #code: number | undefined;

  constructor(path: string, ...protocols: readonly string[]) {
    this.socket = new WebSocket(`${shop.origin.replace("http", "ws")}${path}`, [...protocols]);
    this.socket.addEventListener("message", ({ data }) => {
      if (data !== "pong") this.received.push(JSON.parse(String(data)) as T);
    });
    this.socket.addEventListener("close", ({ code }) => {
      this.#code = code;
    });
  }

  /** Waits for the latest message that fits. */
  async receives(what: string, fits: (message: T) => boolean): Promise<T> {
    return await eventually(`a device receives ${what}`, async () => this.received.findLast(fits));
  }

  async closed(): Promise<number> {
    return await eventually("a device is closed", async () => this.#code);
  }
}

/** The status and problem code of a refused upgrade. A browser shows neither. */
async function refusal(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; code: string }> {
  return await new Promise((resolve, reject) => {
    const sent = request(`${shop.origin}${path}`, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": randomBytes(16).toString("base64"),
        ...headers,
      },
    });
    sent.on("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("it was let in"));
    });
    sent.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, code: (JSON.parse(text) as { code: string }).code });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("live sockets", () => {
  it("send each device of a user what another changes, and the current state to one that reconnects", async () => {
    const productId = await shelf.take(100);
    const { buyer, session } = await newBuyer(guest);
    const phone = new Device<Cart>("/api/cart/live", "bearer", session.accessToken);
    const laptop = new Device<Cart>("/api/cart/live", "bearer", session.accessToken);
    await Promise.all(
      [phone, laptop].map((device) => device.receives("an empty cart", ({ items }) => items.length === 0)),
    );
    expect(phone.socket.protocol).toBe("bearer");
    const cart = await addToCart(buyer, productId, 2);
    expect(await phone.receives("two pieces", ({ itemCount }) => itemCount === 2)).toEqual(cart);
    await laptop.receives("two pieces", ({ itemCount }) => itemCount === 2);
    phone.socket.close();
    await addToCart(buyer, productId, 3);
    await laptop.receives("five pieces", ({ itemCount }) => itemCount === 5);
    const again = new Device<Cart>("/api/cart/live", "bearer", session.accessToken);
    await again.receives("five pieces", ({ itemCount }) => itemCount === 5);
    expect(again.received).toHaveLength(1);
    again.socket.send("hello");
    expect(await again.closed()).toBe(SOCKET_CLOSE.policy);
  });

  it("send an order from PENDING to CONFIRMED, and the cart that it empties", async () => {
    const productId = await shelf.take(100);
    const { buyer, session } = await newBuyer(guest);
    const feed = new Device<OrderUpdate>("/api/orders/live", "bearer", session.accessToken);
    const cart = new Device<Cart>("/api/cart/live", "bearer", session.accessToken);
    await addToCart(buyer, productId, 1);
    await cart.receives("one piece", ({ itemCount }) => itemCount === 1);
    const order = await placeOrder(buyer);
    await cart.receives("an empty cart", ({ itemCount, version }) => itemCount === 0 && version > 1);
    await feed.receives("PENDING", ({ status }) => status === "PENDING");
    await pay(shop.send, buyer, order.id);
    const update = await feed.receives("CONFIRMED", ({ status }) => status === "CONFIRMED");
    expect(update).toMatchObject({ type: "ORDER_CONFIRMED", orderId: order.id });
    expect(new Date(update.at).toISOString()).toBe(update.at);
    await shop.quiet();
    const types = feed.received.map(({ type }) => type);
    expect(types).toEqual([...new Set(types)]);
  });

  it("send both carts when a guest's cart is merged into the user's", async () => {
    const productId = await shelf.take(100);
    const first = await guest.call<Cart>("POST", "/api/cart/items", { productId, quantity: 2 });
    const cartToken = first.headers.get("x-cart-token") ?? "";
    const { buyer, session } = await newBuyer(guest);
    const before = new Device<Cart>("/api/cart/live", "cart", cartToken);
    const after = new Device<Cart>("/api/cart/live", "bearer", session.accessToken);
    await before.receives("its line", ({ itemCount }) => itemCount === 2);
    await after.receives("an empty cart", ({ itemCount }) => itemCount === 0);
    expect(before.socket.protocol).toBe("cart");
    const merged = await buyer.expect<MergedCart>(200, "POST", "/api/cart/merge", { cartToken });
    expect(merged).toMatchObject({ itemCount: 2, notMerged: [] });
    await after.receives("the guest's line", ({ itemCount }) => itemCount === 2);
    await before.receives("an empty cart", ({ itemCount }) => itemCount === 0);
    // The tests of orders cover that the socket is then closed: this runtime closes it only when the object hibernates.
    const held = await guest.call("POST", "/api/cart/items", { productId, quantity: 1 }, { "x-cart-token": cartToken });
    expect(held).toMatchObject({ status: 409, body: { code: "cart_closed" } });
    const { buyer: other } = await newBuyer(guest);
    const late = await other.call("POST", "/api/cart/merge", { cartToken });
    expect(late).toMatchObject({ status: 409, body: { code: "cart_closed" } });
  });

  it("are refused with a problem before the upgrade", async () => {
    const protocol = (value: string): Record<string, string> => ({ "sec-websocket-protocol": value });
    const unauthenticated = { status: 401, code: "unauthenticated" };
    expect(await refusal("/api/cart/live", {})).toEqual(unauthenticated);
    expect(await refusal("/api/cart/live", protocol("bearer, a.b.c"))).toEqual(unauthenticated);
    expect(await refusal("/api/orders/live", protocol(`cart, ${"A".repeat(43)}`))).toEqual(unauthenticated);
    const foreign = { ...protocol(`cart, ${"A".repeat(43)}`), origin: "https://evil.example" };
    expect(await refusal("/api/cart/live", foreign)).toEqual({ status: 403, code: "forbidden" });
    const plain = await guest.call("GET", "/api/cart/live");
    expect(plain).toMatchObject({ status: 426, body: { code: "upgrade_required" } });
  });
});
