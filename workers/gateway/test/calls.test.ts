// How requests are passed to the Workers, and how their answers are rendered.
import { describe, expect, it, vi } from "vitest";
import type { InventoryContract } from "#shared/contracts/inventory";
import type { OrdersContract } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import { ok } from "#shared/result";
import { bearer, gateway, order, problemOf, tokenFor } from "./support.ts";

const shippingAddress = order.shippingAddress;
const intent = {
  id: "pay_1",
  orderId: "ord_1",
  amount: 100,
  currency: "USD",
  status: "CREATED" as const,
  stripePaymentIntentId: "pi_1",
  clientSecret: "s",
  publishableKey: "pk",
};

describe("placing an order", () => {
  const place = async (
    headers: Record<string, string>,
    outcome: Awaited<ReturnType<OrdersContract["createOrder"]>> = ok({ order, replayed: false }),
  ): Promise<{ response: Response; asked: Parameters<OrdersContract["createOrder"]> | undefined }> => {
    const createOrder = vi.fn<OrdersContract["createOrder"]>(async () => outcome);
    const send = gateway({ orders: { createOrder } });
    const response = await send("/api/orders", { method: "POST", json: { shippingAddress }, headers });
    return { response, asked: createOrder.mock.calls[0] };
  };

  it("forwards the guest's cart token and the idempotency key", async () => {
    const cartToken = "c".repeat(43);
    const { response, asked } = await place({ "x-cart-token": cartToken, "idempotency-key": "k" });
    expect(response.status).toBe(201);
    expect(asked?.[1]).toMatchObject({ cartToken, idempotencyKey: "k" });
    expect(response.headers.has("idempotency-replayed")).toBe(false);
  });

  it("marks a replayed answer", async () => {
    const { response } = await place({ "idempotency-key": "k" }, ok({ order, replayed: true }));
    expect(response.status).toBe(201);
    expect(response.headers.get("idempotency-replayed")).toBe("true");
  });

  it.each(["", "k".repeat(256)])("refuses a key of a wrong length", async (key) => {
    const { response, asked } = await place({ "idempotency-key": key });
    expect(asked).toBeUndefined();
    expect(await problemOf(response)).toMatchObject({ status: 400, errors: [{ path: "Idempotency-Key" }] });
  });

  it("accepts the longest allowed key", async () => {
    expect((await place({ "idempotency-key": "k".repeat(255) })).response.status).toBe(201);
  });

  it("lists every shortage", async () => {
    const shortages = [{ productId: "prd_1", requested: 5, available: 2 }];
    const { response } = await place({}, fail("insufficient_stock", "Not enough.", { shortages }));
    expect(await problemOf(response)).toMatchObject({ status: 409, code: "insufficient_stock", shortages });
  });
});

describe("a guest's order token", () => {
  const token = "t".repeat(43);

  it("is forwarded to the Worker, with a guest as the actor", async () => {
    const getOrder = vi.fn<OrdersContract["getOrder"]>(async () => ok(order));
    await gateway({ orders: { getOrder } })("/api/orders/ord_1", { headers: bearer(token) });
    expect(getOrder.mock.calls[0]).toMatchObject([
      { actor: { role: "guest", id: "guest" } },
      { orderId: "ord_1", orderToken: token },
    ]);
  });

  it("lets the guest pay, cancel, and read tracking and payments", async () => {
    const seen: unknown[] = [];
    const note =
      <T>(value: T) =>
      async (_call: unknown, input: { orderToken?: string | undefined }): Promise<{ ok: true; value: T }> => {
        seen.push(input.orderToken);
        return ok(value);
      };
    const send = gateway({
      orders: {
        getTracking: note({
          status: "PENDING",
          carrier: null,
          number: null,
          url: null,
          estimatedDelivery: null,
          events: [],
        }),
        cancelOrder: note(order),
        payOrder: note({ intent, created: true, replayed: false }),
        listOrderPayments: note({ items: [] }),
      },
    });
    const headers = bearer(token);
    const statuses = [
      await send("/api/orders/ord_1/tracking", { headers }),
      await send("/api/orders/ord_1/cancel", { method: "POST", headers }),
      await send("/api/payments/intent", { method: "POST", headers, json: { orderId: "ord_1" } }),
      await send("/api/payments/order/ord_1", { headers }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 201, 200]);
    expect(seen).toEqual([token, token, token, token]);
  });
});

describe("starting a payment", () => {
  it.each([
    [true, false, 201, null],
    [false, false, 200, null],
    [true, true, 201, "true"],
    [false, true, 200, "true"],
  ])("made %s, replayed %s: %i", async (created, replayed, status, header) => {
    const send = gateway({ orders: { payOrder: async () => ok({ intent, created, replayed }) } });
    const headers = bearer(await tokenFor("customer"));
    const response = await send("/api/payments/intent", { method: "POST", headers, json: { orderId: "ord_1" } });
    expect(response.status).toBe(status);
    expect(response.headers.get("idempotency-replayed")).toBe(header);
    expect(await response.json()).toEqual(intent);
  });
});

describe("bodies that may be left out", () => {
  it.each([undefined, "application/json"])("are empty with content type %s", async (type) => {
    const cancelOrder = vi.fn<OrdersContract["cancelOrder"]>(async () => ok(order));
    const headers = { ...bearer(await tokenFor("customer")), ...(type === undefined ? {} : { "content-type": type }) };
    const response = await gateway({ orders: { cancelOrder } })("/api/orders/ord_1/cancel", {
      method: "POST",
      headers,
    });
    expect(response.status).toBe(200);
    expect(cancelOrder.mock.calls[0]?.[1]).toEqual({ orderId: "ord_1", orderToken: undefined });
  });
});

describe("a stock level", () => {
  const level = {
    productId: "prd_1",
    onHand: 10,
    reserved: 3,
    available: 7,
    lowStockThreshold: 2,
    status: "in_stock" as const,
    vendorId: "usr_vendor",
  };
  const { vendorId: _vendorId, ...whole } = level;
  const shown = { productId: "prd_1", available: 7, status: "in_stock" };
  const read = async (headers: Record<string, string>): Promise<unknown> => {
    const send = gateway({ inventory: { level: async () => ok(level) } });
    return await (await send("/api/inventory/prd_1", { headers })).json();
  };

  it("is whole for an admin and for its vendor, and only its public part for anyone else", async () => {
    expect(await read(bearer(await tokenFor("admin")))).toEqual(whole);
    expect(await read(bearer(await tokenFor("vendor", "usr_vendor")))).toEqual(whole);
    expect(await read(bearer(await tokenFor("vendor", "usr_other")))).toEqual(shown);
    expect(await read(bearer(await tokenFor("customer", "usr_vendor")))).toEqual(shown);
    expect(await read({})).toEqual(shown);
  });

  it("is hidden from all vendors when the shop itself sells the product", async () => {
    const send = gateway({ inventory: { level: async () => ok({ ...level, vendorId: null }) } });
    const response = await send("/api/inventory/prd_1", { headers: bearer(await tokenFor("vendor")) });
    expect(await response.json()).toEqual(shown);
  });

  it("does not exist for what is no product", async () => {
    expect(await problemOf(await gateway()("/api/inventory/nope"))).toMatchObject({
      status: 404,
      code: "product_not_found",
    });
  });

  it("is adjusted under a key", async () => {
    const adjust = vi.fn<InventoryContract["adjust"]>(async () => ok({ level: whole, replayed: true }));
    const response = await gateway({ inventory: { adjust } })("/api/inventory/prd_1/adjust", {
      method: "POST",
      headers: { ...bearer(await tokenFor("vendor")), "idempotency-key": "k" },
      json: { delta: 5, reason: "restock" },
    });
    expect(adjust.mock.calls[0]?.[1]).toEqual({ productId: "prd_1", delta: 5, reason: "restock", idempotencyKey: "k" });
    expect(response.headers.get("idempotency-replayed")).toBe("true");
    expect(await response.json()).toEqual(whole);
  });

  it("is counted under a key", async () => {
    const count = vi.fn<InventoryContract["count"]>(async () => ok({ level: whole, replayed: false }));
    const response = await gateway({ inventory: { count } })("/api/inventory/prd_1/count", {
      method: "POST",
      headers: { ...bearer(await tokenFor("vendor")), "idempotency-key": "k" },
      json: { counted: 0 },
    });
    expect(count.mock.calls[0]?.[1]).toEqual({ productId: "prd_1", counted: 0, idempotencyKey: "k" });
    expect(await response.json()).toEqual(whole);
  });
});

it("signs out with 204 and no body", async () => {
  const send = gateway({ accounts: { logout: async () => ok(null) } });
  const response = await send("/api/auth/logout", { method: "POST", json: { refreshToken: "x" } });
  expect(response.status).toBe(204);
  expect(await response.text()).toBe("");
});

it("renders a Worker's own refusal of the input", async () => {
  const errors = [{ path: "email", message: "is needed" }];
  const send = gateway({ orders: { quote: async () => fail("validation_failed", "No.", { errors }) } });
  const response = await send("/api/orders/quote", { method: "POST", json: { shippingAddress } });
  expect(await problemOf(response)).toMatchObject({ status: 400, errors });
});
