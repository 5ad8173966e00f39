// Answers made of parts: what they hold when a part is down, late or refuses, and that nothing is returned without the order.
import { describe, expect, it, vi } from "vitest";
import type { Payment } from "#shared/contracts/payments";
import type { Notification } from "#shared/contracts/notifications";
import { fail } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { StubbedPeers } from "./support.ts";
import { bearer, emptyCart, gateway, order, problemOf, tokenFor } from "./support.ts";

/** Longer than any deadline of these tests. */
const hangs = (): Promise<never> => new Promise<never>(() => {});
const isDown = (): Promise<never> => Promise.reject(new Error("database is locked at /srv/secret.sqlite"));
const DEADLINE_MS = 60;
const quick = { partDeadlineMs: DEADLINE_MS, logLevel: "off" } as const;

const user = { id: "usr_1", email: "a@example.com", name: "A", role: "customer" as const, createdAt: order.createdAt };
const listOrders = vi.fn<() => Promise<{ ok: true; value: { items: (typeof order)[]; nextCursor: null } }>>(async () =>
  ok({ items: [order], nextCursor: null }),
);

const account: StubbedPeers = {
  accounts: { me: async () => ok({ ...user, emailVerifiedAt: null }) as never },
  orders: { getCart: async () => ok(emptyCart), listOrders },
  notifications: { countUnread: async () => ok(3) },
};

type Body = Readonly<Record<string, unknown>> & {
  readonly partialErrors: readonly { part: string; code: string; detail: string }[];
};

describe("GET /api/account/overview", () => {
  const read = async (peers: StubbedPeers, role: "customer" | "admin" = "customer"): Promise<Response> =>
    await gateway(peers, quick)("/api/account/overview", { headers: bearer(await tokenFor(role, "usr_1")) });

  it("has every part in one answer", async () => {
    const answer = await read(account);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      profile: { id: "usr_1" },
      cart: { id: emptyCart.id },
      recentOrders: [{ id: order.id, paymentStatus: "NONE" }],
      unreadNotifications: 3,
      partialErrors: [],
    });
  });

  it("has an admin's own orders, not everybody's", async () => {
    listOrders.mockClear();
    await read(account, "admin");
    expect(listOrders).toHaveBeenCalledWith(expect.anything(), { limit: 5, customerId: "usr_1" });
  });

  it("omits a part that is late and one that is down, and names them without the cause", async () => {
    const startedAt = Date.now();
    const answer = await read({
      ...account,
      orders: { getCart: hangs, listOrders },
      notifications: { countUnread: isDown },
    });
    expect(Date.now() - startedAt).toBeLessThan(DEADLINE_MS + 1_000);
    const body = await answer.json<Body>();
    expect(body).toMatchObject({ profile: { id: "usr_1" }, cart: null, unreadNotifications: null });
    expect(body["recentOrders"]).toHaveLength(1);
    expect(body.partialErrors.map(({ part, code }) => `${part} ${code}`).toSorted()).toEqual([
      "cart service_unavailable",
      "unreadNotifications service_unavailable",
    ]);
    expect(JSON.stringify(body)).not.toContain("secret");
  });

  it("distinguishes a bug from an outage, and has the refusal of a part", async () => {
    const body = await (
      await read({
        ...account,
        accounts: { me: async () => fail("unauthenticated", "The account is gone.") },
        notifications: { countUnread: () => Promise.reject(new TypeError("x is not a function")) },
      })
    ).json<Body>();
    expect(body.partialErrors).toEqual(
      expect.arrayContaining([
        { part: "profile", code: "unauthenticated", detail: "The account is gone." },
        expect.objectContaining({ part: "unreadNotifications", code: "internal_error" }),
      ]),
    );
  });

  it("is an answer even when all parts are down", async () => {
    const body = await (
      await read({
        accounts: { me: isDown },
        orders: { getCart: isDown, listOrders: hangs },
        notifications: { countUnread: isDown },
      })
    ).json<Body>();
    expect(body).toMatchObject({ profile: null, cart: null, recentOrders: null, unreadNotifications: null });
    expect(body.partialErrors).toHaveLength(4);
  });
});

describe("GET /api/orders/:id/details", () => {
  const orderId = newId("ord");
  const own = { ...order, id: orderId, customerId: "usr_1" };
  const tracking = {
    status: "PENDING",
    carrier: null,
    number: null,
    url: null,
    estimatedDelivery: null,
    events: [],
  } as const;
  const payment = { id: "pay_1" } as Payment;
  const message = { id: "ntf_1" } as Notification;
  const path = `/api/orders/${orderId}/details`;
  const all: StubbedPeers = {
    orders: { getOrder: async () => ok(own), getTracking: async () => ok({ ...tracking, events: [] }) },
    payments: { listPayments: async () => ok({ items: [payment] }) },
    notifications: { listOrderNotifications: async () => ok([message]) },
  };

  it("has the order, its payments, tracking and messages", async () => {
    const answer = await gateway(all, quick)(path, { headers: bearer(await tokenFor("customer", "usr_1")) });
    expect(await answer.json()).toMatchObject({
      order: { id: orderId },
      payments: [{ id: "pay_1" }],
      tracking: { status: "PENDING" },
      notifications: [{ id: "ntf_1" }],
      partialErrors: [],
    });
  });

  it("is not found where the order is not the caller's, and calls nobody else", async () => {
    const peers: StubbedPeers = { orders: { getOrder: async () => fail("not_found", "There is no such order.") } };
    const answer = await gateway(peers, quick)(path, { headers: bearer(await tokenFor("customer")) });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([404, "not_found"]);
  });

  it.each([
    ["is down", isDown],
    ["hangs", hangs],
  ])("is 503 while the order's Worker %s, because nothing shows whose order it is", async (_case, getOrder) => {
    const answer = await gateway({ orders: { getOrder } }, quick)(path, {
      headers: bearer(await tokenFor("customer")),
    });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([503, "service_unavailable"]);
  });

  it("omits the parts that are down", async () => {
    const peers = { ...all, payments: { listPayments: hangs }, notifications: { listOrderNotifications: isDown } };
    const answer = await gateway(peers, quick)(path, { headers: bearer(await tokenFor("customer", "usr_1")) });
    const body = await answer.json<Body>();
    expect(body).toMatchObject({ order: { id: orderId }, payments: null, tracking: {}, notifications: null });
    expect(body.partialErrors.map(({ part }) => part).toSorted()).toEqual(["notifications", "payments"]);
  });

  it("opens by a guest's order token, with no messages: those go to the guest's address", async () => {
    const getOrder = vi.fn<() => Promise<{ ok: true; value: typeof order }>>(async () => ok(order));
    const peers = { ...all, orders: { ...all.orders, getOrder } };
    const answer = await gateway(peers, quick)(path, { headers: bearer("t".repeat(43)) });
    expect(await answer.json()).toMatchObject({ payments: [{ id: "pay_1" }], notifications: [], partialErrors: [] });
    expect(getOrder).toHaveBeenCalledWith(expect.anything(), { orderId, orderToken: "t".repeat(43) });
  });
});

describe("GET /api/admin/users/:id", () => {
  const session = { id: "fam_1", createdAt: order.createdAt, lastUsedAt: order.createdAt, expiresAt: order.createdAt };
  const getUser = async (): Promise<never> =>
    ok({ user: { ...user, emailVerified: true }, sessions: [session] }) as never;
  const all: StubbedPeers = {
    accounts: { getUser },
    orders: {
      customerTotals: async () => ok({ count: 3, total: { USD: 900 } }),
      customerCart: async () => ok(emptyCart),
    },
  };
  const read = async (peers: StubbedPeers): Promise<Response> =>
    await gateway(peers, quick)("/api/admin/users/usr_1", { headers: bearer(await tokenFor("admin")) });

  it("has the user, the sum of the orders, the sessions and the cart", async () => {
    expect(await (await read(all)).json()).toEqual({
      user: { ...user, emailVerified: true },
      orders: { count: 3, total: { USD: 900 } },
      sessions: [session],
      cart: emptyCart,
      partialErrors: [],
    });
  });

  it("is not found where there is no such user, and calls nobody else", async () => {
    const answer = await read({ accounts: { getUser: async () => fail("not_found", "There is no such user.") } });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([404, "not_found"]);
  });

  it("omits orders and cart where these are down or late", async () => {
    const answer = await read({ ...all, orders: { customerTotals: hangs, customerCart: isDown } });
    const body = await answer.json<Body>();
    expect(body).toMatchObject({ user: { id: "usr_1" }, orders: null, cart: null });
    expect(body.partialErrors.map(({ part }) => part).toSorted()).toEqual(["cart", "orders"]);
  });

  it("is 503 while accounts is down", async () => {
    expect((await read({ ...all, accounts: { getUser: isDown } })).status).toBe(503);
  });
});

describe("GET /api/admin/overview", () => {
  const OVERVIEWS: Readonly<Record<string, object>> = {
    orders: { openDeadLetters: 7, ordersByStatus: { PENDING: 2, SHIPPED: 0 } },
    payments: {
      revenue: [
        { currency: "USD", captured: 900, refunded: 100 },
        { currency: "JPY", captured: 5, refunded: 0 },
      ],
    },
    inventory: { lowStock: 4, outOfStock: 1 },
  };
  const messenger = (name: string): object => ({
    overview: async () => ok({ openDeadLetters: 0, ...OVERVIEWS[name] }),
    unconfirmedEvents: async () => ok([{ id: "evt_1", type: "ORDER_CREATED", time: Date.now() - 90_000 }]),
    unseenEvents: async () => ok(name === "inventory" ? ["evt_1"] : []),
    listLowStock: async () => ok({ items: [], nextCursor: null }),
  });
  const all: StubbedPeers = Object.fromEntries(DOMAIN_WORKERS.map((name) => [name, messenger(name)]));
  const read = async (peers: StubbedPeers): Promise<Body> =>
    await (
      await gateway(peers, quick)("/api/admin/overview", { headers: bearer(await tokenFor("admin")) })
    ).json<Body>();

  it("counts orders, money, stock, lag and dead letters", async () => {
    const body = await read(all);
    expect(body).toMatchObject({
      ordersByStatus: { PENDING: 2, SHIPPED: 0 },
      revenue: [
        { currency: "USD", captured: 900, refunded: 100, net: 800 },
        { currency: "JPY", captured: 5, refunded: 0, net: 5 },
      ],
      lowStock: { low: 4, outOfStock: 1, items: [] },
      deadLetters: { orders: 7, catalog: 0 },
      queueLag: { orders: { unseen: 0, oldestSeconds: 0 }, inventory: { oldestSeconds: 90 } },
      partialErrors: [],
    });
  });

  it("omits the parts of the Workers that are down or late", async () => {
    const late = { overview: hangs, unconfirmedEvents: hangs, unseenEvents: hangs, listLowStock: hangs };
    const startedAt = Date.now();
    const body = await read({ ...all, orders: { ...late }, inventory: { ...late } });
    expect(Date.now() - startedAt).toBeLessThan(2 * DEADLINE_MS + 1_000);
    expect(body).toMatchObject({
      ordersByStatus: null,
      lowStock: null,
      revenue: [{ currency: "USD" }, { currency: "JPY" }],
      deadLetters: { orders: null, catalog: 0 },
      queueLag: { orders: null, inventory: null, catalog: { unseen: 0 } },
    });
    expect(new Set(body.partialErrors.map(({ part }) => part))).toEqual(
      new Set([
        "ordersByStatus",
        "lowStock",
        "deadLetters.orders",
        "deadLetters.inventory",
        "queueLag.orders",
        "queueLag.inventory",
      ]),
    );
  });
});
