import { describe, expect, it } from "vitest";
import { EVENT_TYPES, linesOfEvent } from "#shared/events/catalogue";
import { makeEvent, parseEvent } from "#shared/events/envelope";
import { CONSUMERS, ROUTES, consumersOf } from "#shared/events/routing";
import { EXCERPT_LINES } from "#shared/limits";

const CAUSE = { worker: "accounts", correlationId: "req_1", now: Date.UTC(2026, 0, 2) };
const registered = makeEvent(
  "USER_REGISTERED",
  "usr_1",
  { userId: "usr_1", email: "a@example.com", name: "A", locale: "en" },
  CAUSE,
);

describe("events", () => {
  it("of every type have a consumer, and only consumers that exist", () => {
    for (const type of EVENT_TYPES) {
      expect(ROUTES[type].length, type).toBeGreaterThan(0);
      expect(new Set(ROUTES[type]).size, type).toBe(ROUTES[type].length);
      for (const consumer of ROUTES[type]) expect(CONSUMERS).toContain(consumer);
    }
  });

  it("go to all consumers of their type, but ORDER_CONFIRMED to inventory only when the order is counted", () => {
    for (const type of EVENT_TYPES.filter((each) => each !== "ORDER_CONFIRMED")) {
      expect(consumersOf({ type }), type).toEqual(ROUTES[type]);
    }
    expect(consumersOf({ type: "ORDER_CONFIRMED", counted: true })).toEqual(["inventory", "notifications"]);
    // As SQLite returns it, and as in an event that was stored before the column existed.
    expect(consumersOf({ type: "ORDER_CONFIRMED", counted: 1 })).toEqual(["inventory", "notifications"]);
    expect(consumersOf({ type: "ORDER_CONFIRMED", counted: 0 })).toEqual(["notifications"]);
    expect(consumersOf({ type: "ORDER_CONFIRMED" })).toEqual(["notifications"]);
  });

  it("carry CloudEvents attributes and the correlation", () => {
    expect(registered).toMatchObject({
      specversion: "1.0",
      source: "tradepost/accounts",
      type: "USER_REGISTERED",
      subject: "usr_1",
      time: "2026-01-02T00:00:00.000Z",
      correlationid: "req_1",
    });
    expect(registered.id).toMatch(/^evt_/);
    expect(registered).not.toHaveProperty("causationid");
  });

  it("are unchanged after a round trip through JSON", () => {
    expect(parseEvent(JSON.parse(JSON.stringify(registered)))).toEqual(registered);
  });

  it.each([
    ["nothing", null],
    ["text", "ORDER_CREATED"],
    ["an unknown type", { ...registered, type: "USER_FORGOTTEN" }],
    ["a type from the prototype", { ...registered, type: "constructor" }],
    ["data of another type", { ...registered, data: { orderId: "ord_1" } }],
    ["no id", { ...registered, id: "" }],
    ["another version", { ...registered, specversion: "0.3" }],
  ])("refuse %s", (_name, value) => {
    expect(parseEvent(value)).toBeUndefined();
  });
});

describe("events about lines", () => {
  const described = Array.from({ length: 25 }, (_, index) => ({
    productId: `prd_${String(index)}`,
    sku: `S-${String(index)}`,
    name: "Bolt",
    quantity: index + 1,
    unitPrice: 200,
    lineTotal: 200 * (index + 1),
  }));
  const slim = described.map(({ productId, quantity }) => ({ productId, quantity }));
  const customer = { id: null, email: "a@example.com", name: "A", locale: "en", proven: false };
  const cart = { cartId: "crt_1", customer: null, subtotal: 1, currency: "USD" };
  const order = {
    orderId: "ord_1",
    number: "TP-1",
    reservationOwner: "key",
    customer,
    currency: "USD",
    subtotal: 1,
    discount: 0,
    shipping: 0,
    tax: 0,
    total: 1,
    status: "PENDING",
    reason: null,
    tracking: null,
  };
  const stored = (type: string, data: object): unknown => ({ ...registered, type, data });

  it("name the products of all lines, and describe the first few", () => {
    expect(linesOfEvent(described)).toEqual({ lines: slim, excerpt: described.slice(0, EXCERPT_LINES) });
    const data = { ...order, ...linesOfEvent(described) };
    expect(parseEvent(stored("ORDER_CREATED", data))?.data).toMatchObject(linesOfEvent(described));
  });

  it.each([
    ["ORDER_CREATED", order],
    ["CART_EXPIRED", cart],
  ])("of the version before are read with every line described: %s", (type, data) => {
    const parsed = parseEvent(stored(type, { ...data, lines: described }));
    expect(parsed?.data).toMatchObject({ lines: slim, excerpt: described });
  });

  it("of the version before that reject an order name every shortage", () => {
    const shortages = [{ productId: "prd_1", requested: 2, available: 1 }];
    const data = { orderId: "ord_1", reservationOwner: "key", lines: slim, shortages };
    expect(parseEvent(stored("STOCK_REJECTED", data))?.data).toEqual(data);
  });

  it.each([
    ["no lines", { ...order, lines: [], excerpt: [] }],
    ["lines that are no list", { ...order, lines: "all" }],
  ])("are refused with %s", (_name, data) => {
    expect(parseEvent(stored("ORDER_CREATED", data))).toBeUndefined();
  });
});
