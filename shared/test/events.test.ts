import { describe, expect, it } from "vitest";
import { EVENT_TYPES } from "#shared/events/catalogue";
import { makeEvent, parseEvent } from "#shared/events/envelope";
import { CONSUMERS, ROUTES, consumersOf } from "#shared/events/routing";

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
