// WebSocket upgrades: who opens them, what reaches the serving Worker, and what is refused before.
import { describe, expect, it } from "vitest";
import { newId } from "#shared/ids";
import { GUEST_SOCKET_MS, socketPassOf } from "#shared/sockets";
import type { SocketPass } from "#shared/sockets";
import { bearer, gateway, problemOf, tokenFor } from "./support.ts";
import type { Send } from "./support.ts";

const CART_TOKEN = "A".repeat(43);
const UPGRADE = { upgrade: "websocket" };

interface Door {
  readonly send: Send;
  /** What reached the Workers behind, and with which headers. */
  readonly passed: { readonly to: string; readonly pass: SocketPass; readonly headers: readonly string[] }[];
}

function door(): Door {
  const passed: Door["passed"] = [];
  const behind = (to: string): Pick<Fetcher, "fetch"> => ({
    fetch: async (input) => {
      const request = new Request(input);
      passed.push({ to, pass: socketPassOf(request), headers: [...request.headers.keys()].toSorted() });
      const { 0: client, 1: server } = new WebSocketPair();
      server.accept();
      server.send("hello");
      return new Response(null, { status: 101, webSocket: client });
    },
  });
  return { passed, send: gateway({}, { sockets: { cart: behind("cart"), orders: behind("orders") } }) };
}

const offering = (protocols: string): Record<string, string> => ({ ...UPGRADE, "sec-websocket-protocol": protocols });

describe("an upgrade", () => {
  it("is forwarded for the user of the subprotocol's token, and answered with the first subprotocol only", async () => {
    const { send, passed } = door();
    const id = newId("usr");
    const token = await tokenFor("customer", id);
    for (const path of ["/api/cart/live", "/api/orders/live"]) {
      const response = await send(path, { headers: offering(`bearer, ${token}`) });
      expect(response.status).toBe(101);
      expect(response.headers.get("sec-websocket-protocol")).toBe("bearer");
      expect(response.headers.get("x-request-id")).toBeTruthy();
      expect(JSON.stringify([...response.headers])).not.toContain(token);
      response.webSocket?.accept();
      response.webSocket?.close();
    }
    expect(passed.map(({ to }) => to)).toEqual(["cart", "orders"]);
    const [first] = passed;
    expect(first?.pass).toMatchObject({ call: { actor: { id, role: "customer" } }, protocol: "bearer" });
    const lifetime = (first?.pass.expiresAt ?? 0) - Date.now();
    expect(lifetime).toBeGreaterThan(14 * 60_000);
    expect(lifetime).toBeLessThan(16 * 60_000);
  });

  it("is forwarded with a guest's cart token, for a day", async () => {
    const { send, passed } = door();
    const response = await send("/api/cart/live", { headers: offering(`cart,${CART_TOKEN}`) });
    expect(response.headers.get("sec-websocket-protocol")).toBe("cart");
    expect(passed[0]?.pass).toMatchObject({ call: { actor: { role: "guest" } }, cartToken: CART_TOKEN });
    expect(passed[0]?.pass.expiresAt).toBeGreaterThan(Date.now() + GUEST_SOCKET_MS - 60_000);
    response.webSocket?.accept();
    response.webSocket?.close();
  });

  it("accepts a program's token in the Authorization header", async () => {
    const { send, passed } = door();
    const response = await send("/api/orders/live", { headers: { ...UPGRADE, ...bearer(await tokenFor("customer")) } });
    expect(response.status).toBe(101);
    expect(response.headers.has("sec-websocket-protocol")).toBe(false);
    expect(passed[0]?.pass.protocol).toBeUndefined();
  });

  it("forwards nothing else that the client sent, in particular no forged pass", async () => {
    const { send, passed } = door();
    const forged = encodeURIComponent(JSON.stringify({ call: { actor: { role: "admin", id: "usr_evil" } } }));
    const token = await tokenFor("customer", "usr_1");
    const headers = { ...offering(`bearer, ${token}`), "x-tradepost-socket": forged, cookie: "a=b" };
    await send("/api/cart/live", { headers });
    expect(passed[0]?.pass.call.actor).toMatchObject({ id: "usr_1", role: "customer" });
    expect(passed[0]?.headers).toEqual(["upgrade", "x-tradepost-socket"]);
    const guest = await send("/api/cart/live", { headers: { ...UPGRADE, "x-tradepost-socket": forged } });
    expect(guest.status).toBe(401);
  });
});

describe("is refused before any Worker is called", () => {
  const refused = async (path: string, headers: Readonly<Record<string, string>>): Promise<Response> => {
    const { send, passed } = door();
    const response = await send(path, { headers });
    expect(passed).toEqual([]);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    return response;
  };

  it.each([
    ["/api/cart/live", ""],
    ["/api/cart/live", "bearer"],
    ["/api/cart/live", "bearer, a.b.c"],
    ["/api/cart/live", `bearer, ${CART_TOKEN}`],
    ["/api/cart/live", "cart, short"],
    ["/api/cart/live", `graphql-ws, ${CART_TOKEN}`],
    ["/api/orders/live", `cart, ${CART_TOKEN}`],
    ["/api/orders/live", ""],
  ])("%s with %j: 401", async (path, protocols) => {
    const response = await refused(path, protocols === "" ? UPGRADE : offering(protocols));
    expect(response.status).toBe(401);
    expect(await problemOf(response)).toMatchObject({ code: "unauthenticated" });
  });

  it("with an expired token and a valid cart token: 401", async () => {
    const token = await tokenFor("customer", "usr_1", { expiresInSeconds: -60 });
    const response = await refused("/api/cart/live", { ...offering(`bearer, ${token}`), "x-cart-token": CART_TOKEN });
    expect(response.status).toBe(401);
  });

  it.each(["/api/cart/live", "/api/orders/live"])("%s without an upgrade: 426", async (path) => {
    const response = await refused(path, bearer(await tokenFor("customer")));
    expect(response.status).toBe(426);
    expect(response.headers.get("upgrade")).toBe("websocket");
    expect(await problemOf(response)).toMatchObject({ code: "upgrade_required" });
  });

  it.each(["https://evil.example", "null", "not a url"])("from a page of %s: 403", async (origin) => {
    const response = await refused("/api/cart/live", { ...offering(`cart, ${CART_TOKEN}`), origin });
    expect(response.status).toBe(403);
  });

  it("but not from a page of the shop or of a configured origin", async () => {
    for (const origin of ["https://api.test", "https://shop.example"]) {
      const { send } = door();
      const response = await send("/api/cart/live", { headers: { ...offering(`cart, ${CART_TOKEN}`), origin } });
      expect(response.status).toBe(101);
    }
  });
});

it("is 503 when the Worker does not serve it", async () => {
  const broken = { fetch: async () => new Response(null, { status: 500 }) };
  const down = { fetch: () => Promise.reject(new Error("down")) };
  const send = gateway({}, { sockets: { cart: broken, orders: down } });
  const token = await tokenFor("customer");
  for (const path of ["/api/cart/live", "/api/orders/live"]) {
    expect((await send(path, { headers: offering(`bearer, ${token}`) })).status).toBe(503);
  }
});
