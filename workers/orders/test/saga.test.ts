// Events of inventory and payments: the SQL does what the state machine says, whatever the copies and the order of arrival.
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { OrderStatus, PaymentStatus, StockStatus } from "#shared/contracts/orders";
import { commit } from "#shared/database";
import { parseEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { runs } from "#shared/testkit/runs";
import { MONEY_KNOWN, OPEN_UNPAID, applyChange, changeOf, matches } from "../src/domain/order.ts";
import type { PeerEvent, OrderState, StockReport } from "../src/domain/order.ts";
import { getOrder } from "../src/service/orders.ts";
import { LATE_REPORT_MS } from "../src/constants.ts";
import { findOrder, stateOf } from "../src/store/orders.ts";
import { eventTypes, must, openShop, ordered, ordersEnv, paymentEvent, reread, stockEvent } from "./shop.ts";
import type { Shop } from "./shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = openShop();
});

const STOCK_EVENTS = {
  RESERVED: "STOCK_RESERVED",
  REJECTED: "STOCK_REJECTED",
  RELEASED: "STOCK_RELEASED",
  CONSUMED: "STOCK_CONSUMED",
} as const;

describe("an order is confirmed", () => {
  it.each([
    ["stock first", [0, 1]],
    ["money first", [1, 0]],
  ] as const)("when stock and money are there, %s", async (_name, sequence) => {
    const call = callAs("customer");
    const order = await ordered(shop, call);
    const events = [stockEvent("STOCK_RESERVED", order.id), paymentEvent(order.id, "AUTHORIZED", 3)];
    for (const index of sequence) {
      const event = events[index];
      if (event !== undefined) await shop.receive(event, event);
    }
    const confirmed = must(await getOrder(shop.deps, call, { orderId: order.id }));
    expect(confirmed).toMatchObject({ status: "CONFIRMED", stockStatus: "RESERVED", paymentStatus: "AUTHORIZED" });
    expect(confirmed.history.map(({ to }) => to)).toEqual(["PENDING", "CONFIRMED"]);
    expect(await eventTypes(shop, order.id)).toEqual(["ORDER_CREATED", "ORDER_CONFIRMED"]);
  });

  it("with the entries of its history that a Worker of the version before wrote, before and between its own", async () => {
    const order = await ordered(shop);
    // The version before writes an entry's row, with the change of the order's version.
    const earlier = (version: number, from: string | null, to: string) => sql`INSERT INTO order_history
        (order_id, version, from_status, to_status, at, actor) VALUES (${order.id}, ${version}, ${from}, ${to}, ${version}, 'before')`;
    await commit(shop.deps.db, {
      emptied: sql`UPDATE orders SET history = '[]' WHERE id = ${order.id}`,
      entry: earlier(1, null, "PENDING"),
    });
    await shop.receive(stockEvent("STOCK_RESERVED", order.id), paymentEvent(order.id, "AUTHORIZED", 3));
    await commit(shop.deps.db, {
      moved: sql`UPDATE orders SET status = 'PROCESSING', version = 4 WHERE id = ${order.id} AND version = 3`,
      entry: earlier(4, "CONFIRMED", "PROCESSING"),
    });
    await shop.receive(paymentEvent(order.id, "REFUNDED", 4));
    const { history } = await reread(shop, order.id);
    expect(history.map(({ from, to, actor }) => [from, to, actor])).toEqual([
      [null, "PENDING", "before"],
      ["PENDING", "CONFIRMED", "payments"],
      ["CONFIRMED", "PROCESSING", "before"],
      ["PROCESSING", "CANCELLED", "payments"],
    ]);
  });

  it("by an event that carries the whole order and names its cause", async () => {
    const order = await ordered(shop);
    const last = paymentEvent(order.id, "AUTHORIZED", 1);
    await shop.receive(stockEvent("STOCK_RESERVED", order.id));
    await shop.receive(last);
    const row = await ordersEnv.DB.prepare("SELECT envelope FROM outbox WHERE subject = ? AND type = 'ORDER_CONFIRMED'")
      .bind(order.id)
      .first<{ envelope: string }>();
    const event = parseEvent(JSON.parse(row?.envelope ?? "null"));
    expect(event).toMatchObject({
      type: "ORDER_CONFIRMED",
      subject: order.id,
      causationid: last.id,
      correlationid: last.correlationid,
      data: { orderId: order.id, status: "CONFIRMED", total: order.total, reason: null, tracking: null },
    });
    expect(shop.sent.filter((message) => message.event.id === event?.id).map(({ consumer }) => consumer)).toEqual([
      "notifications",
    ]);
  });
});

describe("an order is cancelled", () => {
  it("when its stock is rejected", async () => {
    const order = await ordered(shop);
    await shop.receive(stockEvent("STOCK_REJECTED", order.id));
    const cancelled = await reread(shop, order.id);
    expect(cancelled).toMatchObject({ status: "CANCELLED", stockStatus: "REJECTED" });
    expect(cancelled.history.at(-1)).toMatchObject({
      to: "CANCELLED",
      actor: "inventory",
      reason: "insufficient_stock",
    });
    expect(await eventTypes(shop, order.id)).toEqual(["ORDER_CREATED", "ORDER_CANCELLED"]);
  });

  it("when its money is voided, and a late authorization does not revive it", async () => {
    const order = await ordered(shop);
    await shop.receive(stockEvent("STOCK_RESERVED", order.id), paymentEvent(order.id, "VOIDED", 2));
    await shop.receive(paymentEvent(order.id, "AUTHORIZED", 1));
    await shop.receive(paymentEvent(order.id, "AUTHORIZED", 3));
    expect(await reread(shop, order.id)).toMatchObject({ status: "CANCELLED", paymentStatus: "AUTHORIZED" });
    expect(await eventTypes(shop, order.id)).toEqual(["ORDER_CREATED", "ORDER_CANCELLED"]);
  });
});

it("retries an event whose order does not exist yet", async () => {
  const event = stockEvent("STOCK_RESERVED", newId("ord"));
  expect(await shop.receive(event)).toEqual({ acknowledged: [], retried: [event.id] });
});

it("refuses an unknown payment status, and records the reason", async () => {
  const order = await ordered(shop);
  const event = paymentEvent(order.id, "MELTED", 1);
  expect((await shop.receive(event)).retried).toEqual([event.id]);
  const failure = await ordersEnv.DB.prepare("SELECT error FROM inbox_failures WHERE event_id = ?")
    .bind(event.id)
    .first<{ error: string }>();
  expect(failure?.error).toContain("ZodError");
});

const HOUR_MS = 3_600_000;
/** Milliseconds before and after the boundary that a time is compared with. */
const around = fc.constantFrom(-1, 0, 1);
const state = fc.record({
  status: fc.constantFrom(...OrderStatus.options),
  paymentStatus: fc.constantFrom(...PaymentStatus.options),
  paymentVersion: fc.integer({ min: 0, max: 4 }),
  stockStatus: fc.constantFrom(...StockStatus.options),
});
const report = fc.oneof(
  fc.record({
    kind: fc.constant("stock" as const),
    stockStatus: fc.constantFrom<StockReport>("RESERVED", "REJECTED", "RELEASED", "CONSUMED"),
  }),
  fc.record({
    kind: fc.constant("payment" as const),
    paymentStatus: fc.constantFrom(...PaymentStatus.options),
    version: fc.integer({ min: 1, max: 5 }),
    reason: fc.constantFrom(null, "expired", "too_many_declines"),
  }),
);

it("does in SQL what the state machine says, in every state", async () => {
  const order = await ordered(shop);
  const createdAt = Date.parse(order.createdAt);
  const put = async (before: OrderState): Promise<void> => {
    await commit(shop.deps.db, {
      statements: [
        sql`UPDATE orders SET status = ${before.status}, payment_status = ${before.paymentStatus},
        payment_version = ${before.paymentVersion}, stock_status = ${before.stockStatus},
        payment_due_at = ${before.paymentDueAt}, version = version + 1,
        network = ${matches(OPEN_UNPAID, before, 0) ? "network" : null} WHERE id = ${order.id}`,
      ],
    });
  };
  await fc.assert(
    fc.asyncProperty(state, report, around, around, fc.boolean(), async (drawn, item, due, told, isLong) => {
      const now = shop.deps.now();
      const before = { ...drawn, createdAt, paymentDueAt: now + due };
      await put(before);
      const seen = await reread(shop, order.id);
      const reportedAt = before.paymentDueAt + LATE_REPORT_MS + told;
      const input: PeerEvent = item.kind === "stock" ? item : { ...item, reportedAt };
      const event =
        item.kind === "stock"
          ? stockEvent(STOCK_EVENTS[item.stockStatus], order.id)
          : paymentEvent(order.id, item.paymentStatus, item.version, item.reason);
      const window = { paymentWindowMs: isLong ? HOUR_MS : 1 };
      const expected = applyChange(before, changeOf(input), { now, ...window });
      const sent = { ...event, time: new Date(reportedAt).toISOString() };
      expect((await shop.with(window).receive(sent)).acknowledged).toEqual([event.id]);
      const found = await findOrder(shop.deps.db, order.id);
      expect(found && stateOf(found)).toEqual(expected.state);
      const hasMoved = expected.state.status !== before.status;
      const added = found?.order.history
        .slice(seen.history.length)
        .map(({ from, to, reason }) => ({ from, to, reason }));
      expect(added).toEqual(
        hasMoved ? [{ from: before.status, to: expected.state.status, reason: expected.reason }] : [],
      );
      const published = await ordersEnv.DB.prepare(
        "SELECT envelope ->> '$.data.moneyAuthorized' AS money FROM outbox WHERE envelope ->> '$.causationid' = ?",
      )
        .bind(event.id)
        .all();
      const hasMoney = [before, expected.state].some(({ paymentStatus }) => MONEY_KNOWN.includes(paymentStatus));
      expect(published.results).toEqual(hasMoved ? [{ money: Number(hasMoney) }] : []);
      const row = await ordersEnv.DB.prepare("SELECT network FROM orders WHERE id = ?").bind(order.id).first();
      const isOpen = [before, expected.state].every((each) => matches(OPEN_UNPAID, each, 0));
      expect(row).toEqual({ network: isOpen ? "network" : null });
    }),
    runs(60),
  );
});

/** Events that one order can cause, in the order they happen. */
const stories = fc
  .record({
    stock: fc.constantFrom<readonly (keyof typeof STOCK_EVENTS)[]>([], ["RESERVED"], ["REJECTED"]),
    declines: fc.array(fc.constantFrom<PaymentStatus>("REQUIRES_ACTION", "FAILED"), { maxLength: 2 }),
    money: fc.constantFrom<readonly PaymentStatus[]>(
      [],
      ["AUTHORIZED"],
      ["AUTHORIZED", "VOIDED"],
      ["AUTHORIZED", "CAPTURED"],
      ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED"],
      ["AUTHORIZED", "CAPTURED", "DISPUTED", "CAPTURED"],
      ["VOIDED"],
    ),
  })
  .chain(({ stock, declines, money }) => {
    const all = [
      ...stock.map((name) => ({ stock: name })),
      ...[...declines, ...money].map((status, index) => ({ status, version: index + 1 })),
    ];
    const copies = fc.shuffledSubarray([...all, ...all], { minLength: 0 });
    return fc.record({ all: fc.constant(all), copies }).chain((story) =>
      fc
        .shuffledSubarray([...story.all, ...story.copies], {
          minLength: story.all.length + story.copies.length,
        })
        .map((arrivals) => ({ all: story.all, arrivals })),
    );
  });

it("ends in the same state however the events of an order arrive, and publishes each change once", async () => {
  await fc.assert(
    fc.asyncProperty(stories, fc.integer({ min: 1, max: 4 }), async ({ all, arrivals }, size) => {
      const [straight, shuffled] = [await ordered(shop), await ordered(shop)];
      const eventsOf = (orderId: string): Map<object, EventEnvelope> =>
        new Map(
          all.map((item) => [
            item,
            "stock" in item
              ? stockEvent(STOCK_EVENTS[item.stock], orderId)
              : paymentEvent(orderId, item.status, item.version),
          ]),
        );
      for (const event of eventsOf(straight.id).values()) await shop.receive(event);
      const events = eventsOf(shuffled.id);
      const queue = arrivals.flatMap((item) => events.get(item) ?? []);
      for (let start = 0; start < queue.length; start += size) {
        await shop.receive(...queue.slice(start, start + size));
      }
      const [one, other] = [await reread(shop, straight.id), await reread(shop, shuffled.id)];
      const ending = ({ status, paymentStatus, stockStatus }: typeof one): object => ({
        status,
        paymentStatus,
        stockStatus,
      });
      expect(ending(other)).toEqual(ending(one));
      const types = await eventTypes(shop, shuffled.id);
      expect(new Set(types).size).toBe(types.length);
      expect(types.includes("ORDER_CANCELLED")).toBe(one.status === "CANCELLED");
    }),
    runs(20),
  );
});
