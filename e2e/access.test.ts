// Ownership: a buyer, a vendor and a guest try every route with ids of others. And sessions that were revoked.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "#shared/contracts/accounts";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import type { Notification } from "#shared/contracts/notifications";
import type { Page } from "#shared/paging";
import type { Route } from "../workers/gateway/src/route.ts";
import { allRoutes } from "../workers/gateway/src/routes.ts";
import { ADDRESS, Client, addToCart, confirmedOrder, eventually, newBuyer, signIn } from "../scripts/shop/client.ts";
import type { Problem, Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { EXAMPLES } from "../workers/gateway/src/openapi/examples.ts";
import { exampleBody } from "./hostile.ts";

let shop: Shop;
let admin: Client;
let shelf: Shelf;
let owner: Client;
let stranger: Client;
let vendor: Client;
/** Holds the token of a guest's order that is not the owner's. */
let otherGuest: Client;
/** The owner's ids, by the name of the path parameter that takes them. */
let owned: Readonly<Record<string, string>>;
let order: Order;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openSharedShop());
  ({ buyer: owner } = await newBuyer(new Client(shop.send)));
  ({ buyer: stranger } = await newBuyer(new Client(shop.send)));
  vendor = await signIn(new Client(shop.send), "vendor@example.com", "Vendor123!");
  const productId = await foreignProduct();
  order = await confirmedOrder(shop.send, owner, [{ productId, quantity: 1 }]);
  const cart = await addToCart(owner, productId, 1);
  const payments = await owner.expect<{ items: Payment[] }>(200, "GET", `/api/payments/order/${order.id}`);
  const notification = await eventually("the owner has a message", async () => {
    return (await owner.expect<Page<Notification>>(200, "GET", "/api/notifications")).items[0];
  });
  owned = {
    orderId: order.id,
    paymentId: payments.items[0]?.id ?? "",
    itemId: cart.items[0]?.id ?? "",
    notificationId: notification.id,
    productId,
  };
  const { accessToken = "" } = await orderAsGuest("other.guest@example.com");
  otherGuest = new Client(shop.send, { authorization: `Bearer ${accessToken}` });
});

afterAll(async () => {
  await shop.close();
});

/** A product on sale that does not belong to the vendor who signs in here. */
async function foreignProduct(): Promise<string> {
  for (;;) {
    const productId = await shelf.take(50);
    const level = await vendor.call<{ onHand?: number }>("GET", `/api/inventory/${productId}`);
    if (level.body.onHand === undefined) return productId;
  }
}

async function orderAsGuest(email: string): Promise<CreatedOrder> {
  return await new Client(shop.send).expect<CreatedOrder>(201, "POST", "/api/orders", {
    items: [{ productId: owned["productId"], quantity: 1 }],
    shippingAddress: ADDRESS,
    email,
  });
}

const nameOf = (route: Route): string => `${route.method.toUpperCase()} ${route.path}`;
const parametersOf = (route: Route): string[] => [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);

/** Routes that name one thing which belongs to somebody. */
const OWNED = ["orderId", "paymentId", "itemId", "notificationId"];
const routesOfThings = allRoutes
  .filter((route) => parametersOf(route).some((name) => OWNED.includes(name)))
  .filter(({ path }) => !path.includes("refunds/{"))
  .map((route) => [nameOf(route), route] as const);

function fill(route: Route): string {
  return route.path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => owned[name] ?? "none");
}

/** Sends a valid body, so that only ownership can refuse the request. */
async function ask(client: Client, route: Route): Promise<{ status: number; code: string | undefined }> {
  const good = EXAMPLES[route.operationId]?.body ?? exampleBody(route);
  const { status, body } = await client.call<Problem>(route.method.toUpperCase(), fill(route), good);
  return { status, code: body?.code };
}

describe("with an id of another user", () => {
  it.each(routesOfThings)("a buyer's %s finds nothing", async (_name, route) => {
    const { status, code } = await ask(stranger, route);
    // Staff routes are closed to buyers for any id; all others respond as if the id did not exist.
    const isStaffs = route.access === "staff" || route.access === "admin";
    expect([status, code]).toEqual(isStaffs ? [403, "forbidden"] : [404, "not_found"]);
  });

  it.each(routesOfThings)("a vendor's %s finds nothing", async (_name, route) => {
    const { status, code } = await ask(vendor, route);
    expect([status, code]).toEqual(route.access === "admin" ? [403, "forbidden"] : [404, "not_found"]);
  });

  it.each(routesOfThings)("a guest's %s with another order's token finds nothing", async (_name, route) => {
    const { status } = await ask(otherGuest, route);
    expect(status).toBe(route.access === "order-token-or-user" ? 404 : 401);
  });

  it("a buyer can neither pay for nor see payments of another's order", async () => {
    const intent = await stranger.call<Problem>("POST", "/api/payments/intent", { orderId: order.id });
    expect([intent.status, intent.body.code]).toEqual([404, "not_found"]);
  });

  it("a vendor can change neither stock nor threshold of a foreign product, nor see its figures", async () => {
    const path = `/api/inventory/${owned["productId"] ?? ""}`;
    const adjusted = await vendor.call<Problem>("POST", `${path}/adjust`, { delta: 5, reason: "restock" });
    expect(adjusted.status).toBe(404);
    const counted = await vendor.call<Problem>("POST", `${path}/count`, { counted: 5 });
    expect(counted.status).toBe(404);
    const levels = await vendor.expect<Page<{ productId: string; vendorId: string }>>(
      200,
      "GET",
      "/api/inventory?limit=100",
    );
    expect(new Set(levels.items.map(({ vendorId }) => vendorId)).size).toBe(1);
    expect(levels.items.map(({ productId }) => productId)).not.toContain(owned["productId"]);
    const shown = await vendor.expect<Record<string, unknown>>(200, "GET", path);
    expect(Object.keys(shown).toSorted()).toEqual(["available", "productId", "status"]);
    const ledger = await vendor.expect<Page<{ productId: string }>>(
      200,
      "GET",
      `/api/inventory/transactions?productId=${owned["productId"] ?? ""}`,
    );
    expect(ledger.items).toEqual([]);
  });

  it("lists contain no entries of other users", async () => {
    expect((await stranger.expect<Page<Order>>(200, "GET", "/api/orders")).items).toEqual([]);
    const asked = await stranger.expect<Page<Order>>(200, "GET", `/api/orders?customerId=${order.customerId ?? ""}`);
    expect(asked.items).toEqual([]);
    const messages = await stranger.expect<Page<Notification>>(200, "GET", "/api/notifications?limit=100");
    expect(JSON.stringify(messages)).not.toContain(order.number);
  });

  it("nothing was changed", async () => {
    expect(await owner.expect<Order>(200, "GET", `/api/orders/${order.id}`)).toEqual(order);
    const seen = await admin.expect<Order>(200, "GET", `/api/orders/${order.id}`);
    expect(seen.id).toBe(order.id);
  });
});

describe("a revoked session", () => {
  async function refresh(refreshToken: string): Promise<{ status: number; code: string | undefined }> {
    const answer = await new Client(shop.send).call<Problem>("POST", "/api/auth/refresh", { refreshToken });
    return { status: answer.status, code: answer.body.code };
  }

  it("ends at a sign-out", async () => {
    const { session } = await newBuyer(new Client(shop.send));
    await new Client(shop.send).expect(204, "POST", "/api/auth/logout", { refreshToken: session.refreshToken });
    for (let attempt = 0; attempt < 3; attempt += 1) expect((await refresh(session.refreshToken)).status).toBe(401);
  });

  it("ends with its whole token family when a refresh token is used twice", async () => {
    const { session } = await newBuyer(new Client(shop.send));
    const next = await new Client(shop.send).expect<Session>(200, "POST", "/api/auth/refresh", {
      refreshToken: session.refreshToken,
    });
    expect(await refresh(session.refreshToken)).toEqual({ status: 401, code: "refresh_token_reused" });
    expect((await refresh(next.refreshToken)).status).toBe(401);
    expect((await refresh(next.refreshToken)).status).toBe(401);
  });

  it("ends at a change of the password, on every device", async () => {
    const { buyer, session } = await newBuyer(new Client(shop.send));
    const { email } = session.user;
    const second = await new Client(shop.send).expect<Session>(200, "POST", "/api/auth/login", {
      email,
      password: "correct horse battery",
    });
    await buyer.expect(204, "POST", "/api/auth/password", {
      currentPassword: "correct horse battery",
      newPassword: "another horse battery",
    });
    for (const { refreshToken } of [session, second]) expect((await refresh(refreshToken)).status).toBe(401);
    const old = await new Client(shop.send).call<Problem>("POST", "/api/auth/login", {
      email,
      password: "correct horse battery",
    });
    expect([old.status, old.body.code]).toEqual([401, "invalid_credentials"]);
  });
});

describe("whether an address has an account", () => {
  const guest = (): Client => new Client(shop.send);

  it("is not revealed by a sign-in", async () => {
    const unknown = await guest().call<Problem>("POST", "/api/auth/login", {
      email: "nobody.at.all@example.com",
      password: "Customer123!",
    });
    const wrong = await guest().call<Problem>("POST", "/api/auth/login", {
      email: "customer@example.com",
      password: "not the password",
    });
    const { requestId: _one, ...first } = unknown.body as Problem & { requestId: string };
    const { requestId: _two, ...second } = wrong.body as Problem & { requestId: string };
    expect([unknown.status, first]).toEqual([wrong.status, second]);
  });

  it("is not revealed by a guest's order with that address, which the account cannot see", async () => {
    const [known, unknown] = [await orderAsGuest("customer@example.com"), await orderAsGuest("nobody@example.com")];
    expect(Object.keys(known).toSorted()).toEqual(Object.keys(unknown).toSorted());
    expect([known.customerId, unknown.customerId]).toEqual([null, null]);
    const account = await signIn(guest(), "customer@example.com", "Customer123!");
    expect((await account.call("GET", `/api/orders/${known.id}`)).status).toBe(404);
    const listed = await account.expect<Page<Order>>(200, "GET", "/api/orders?limit=100");
    expect(listed.items.map(({ id }) => id)).not.toContain(known.id);
  });
});
