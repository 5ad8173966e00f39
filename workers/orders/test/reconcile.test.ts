// Orders that missed events about their money or their stock: found by the sweeps, mended where possible, and reported.
import { sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import type { Payment } from "#shared/contracts/payments";
import { commit } from "#shared/database";
import { ok } from "#shared/result";
import { callAs } from "#shared/testkit/kit";
import { RECONCILE_SLICES, UNSETTLED_AFTER_MS } from "../src/constants.ts";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { reconcileOrders, reconcileWithPayment } from "../src/service/reconcile.ts";
import { changeStatus } from "../src/service/commands.ts";
import {
  capturedPayment,
  closing,
  confirmedOrder,
  eventTypes,
  must,
  openShop,
  ordered,
  ordersEnv,
  paymentEvent,
  reread,
  stockEvent,
} from "./shop.ts";
import type { Shop } from "./shop.ts";

const cron = systemCall("cron", "cron");
const admin = callAs("admin");

/** The payment of each order that has one. */
let kept: Map<string, Payment>;
/** The orders whose payments were listed. */
let listed: string[];
let shop: Shop;
beforeEach(() => {
  kept = new Map();
  listed = [];
  shop = openShop({
    captureOrder: async (_call, { orderId }) => ok(capturedPayment(orderId)),
    ...closing(() => "paid"),
    listPayments: async (_call, { orderId }) => {
      listed.push(orderId);
      const payment = kept.get(orderId);
      return ok({ items: payment === undefined ? [] : [payment] });
    },
  });
});

function paymentIs(orderId: string, status: Payment["status"], version = 2): void {
  const at = new Date(shop.deps.now()).toISOString();
  kept.set(orderId, {
    ...capturedPayment(orderId),
    status,
    version,
    history: [{ status, at, actor: "stripe", reason: null }],
  });
}

async function giveUp(orderId: string): Promise<void> {
  const event = paymentEvent(orderId, "AUTHORIZED", 1);
  await commit(shop.deps.db, {
    statements: [
      sql`INSERT INTO dead_letters (event_id, type, subject, envelope, attempts, error, dead_at)
      VALUES (${event.id}, ${event.type}, ${orderId}, ${JSON.stringify(event)}, 11, 'poison', ${shop.deps.now()})`,
    ],
  });
}

async function findings(subject: string): Promise<unknown[]> {
  const { results } = await ordersEnv.DB.prepare("SELECT kind, outcome FROM findings WHERE subject = ?")
    .bind(subject)
    .all();
  return results;
}

async function confirmAll(): Promise<void> {
  await ordersEnv.DB.exec("UPDATE outbox SET confirmed_at = time WHERE confirmed_at IS NULL");
}

describe("an order that missed a payment event", () => {
  it("adopts the payment's state after the event became a dead letter, and later events still count", async () => {
    const order = await ordered(shop);
    await shop.receive(stockEvent("STOCK_RESERVED", order.id));
    paymentIs(order.id, "AUTHORIZED", 1);
    await giveUp(order.id);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect((await reread(shop, order.id)).status).toBe("PENDING");
    shop.advance(UNSETTLED_AFTER_MS);
    await Promise.all([1, 2, 3].map(() => runSweeps(shop.deps, plan, { call: cron, everything: false })));
    expect(await reread(shop, order.id)).toMatchObject({ status: "CONFIRMED", paymentStatus: "AUTHORIZED" });
    expect(await eventTypes(shop, order.id)).toEqual(["ORDER_CREATED", "ORDER_CONFIRMED"]);
    expect(await findings(order.id)).toEqual([{ kind: "payment_unknown_to_order", outcome: "mended" }]);
    await shop.receive(paymentEvent(order.id, "AUTHORIZED", 1), paymentEvent(order.id, "CAPTURED", 2));
    expect(await reread(shop, order.id)).toMatchObject({ status: "CONFIRMED", paymentStatus: "CAPTURED" });
  });

  it("is not moved back by missed events that arrive late", async () => {
    const { id } = await confirmedOrder(shop);
    paymentIs(id, "PARTIALLY_REFUNDED", 5);
    expect(await reconcileWithPayment(shop.deps, id, { everything: true })).toBe(true);
    await shop.receive(
      paymentEvent(id, "DISPUTED", 3),
      paymentEvent(id, "CAPTURED", 4),
      paymentEvent(id, "REFUNDED", 2),
    );
    expect(await reread(shop, id)).toMatchObject({ status: "CONFIRMED", paymentStatus: "PARTIALLY_REFUNDED" });
    expect(await reconcileWithPayment(shop.deps, id, { everything: true })).toBe(false);
  });

  it("past its window is confirmed instead of cancelled when payments says that it is paid", async () => {
    const order = await ordered(shop);
    await shop.receive(stockEvent("STOCK_RESERVED", order.id));
    paymentIs(order.id, "AUTHORIZED");
    shop.advance(shop.deps.paymentWindowMs);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect((await reread(shop, order.id)).status).toBe("CONFIRMED");
    expect(await findings(order.id)).toEqual([{ kind: "payment_unknown_to_order", outcome: "mended" }]);
  });

  it("is cancelled when the money was voided", async () => {
    const { id } = await confirmedOrder(shop);
    paymentIs(id, "VOIDED");
    expect(await reconcileWithPayment(shop.deps, id, { everything: true })).toBe(true);
    expect(await reread(shop, id)).toMatchObject({ status: "CANCELLED", paymentStatus: "VOIDED" });
    expect((await eventTypes(shop, id)).at(-1)).toBe("ORDER_CANCELLED");
    expect(await reconcileWithPayment(shop.deps, id, { everything: true })).toBe(false);
  });

  it("is left alone while its events may be on their way, or nothing is paid", async () => {
    const { id } = await confirmedOrder(shop);
    paymentIs(id, "CAPTURED");
    expect(await reconcileWithPayment(shop.deps, id, { everything: false })).toBe(false);
    const unpaid = await ordered(shop);
    paymentIs(unpaid.id, "FAILED");
    expect(await reconcileWithPayment(shop.deps, unpaid.id, { everything: true })).toBe(false);
    expect(await reread(shop, unpaid.id)).toMatchObject({ paymentStatus: "NONE" });
  });
});

describe("an order that records money", () => {
  it.each([
    ["payments has nothing of", undefined],
    ["the buyer has yet to pay", "CREATED"],
  ] as const)("that %s is reported, and nothing is made up", async (_name, status) => {
    const { id } = await confirmedOrder(shop);
    if (status !== undefined) paymentIs(id, status);
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(await findings(id)).toEqual([{ kind: "order_without_payment", outcome: "open" }]);
    expect(await reread(shop, id)).toMatchObject({ status: "CONFIRMED", paymentStatus: "AUTHORIZED" });
  });

  it("is reported when payments has an older state, as after a restore", async () => {
    const { id } = await confirmedOrder(shop);
    await shop.receive(paymentEvent(id, "CAPTURED", 3));
    paymentIs(id, "AUTHORIZED", 2);
    expect(await reconcileWithPayment(shop.deps, id, { everything: true })).toBe(true);
    expect(await findings(id)).toEqual([{ kind: "order_without_payment", outcome: "open" }]);
    expect(await reread(shop, id)).toMatchObject({ paymentStatus: "CAPTURED" });
  });

  it("is reconciled once an hour", async () => {
    const { id } = await confirmedOrder(shop);
    paymentIs(id, "AUTHORIZED");
    shop.advance(3 * 24 * 3_600_000);
    await shop.deps.db.client
      .prepare(
        "UPDATE orders SET status = 'CANCELLED', stock_status = 'RELEASED', payment_status = 'VOIDED' WHERE id <> ?",
      )
      .bind(id)
      .run();
    listed = [];
    for (let minute = 0; minute < RECONCILE_SLICES; minute += 1) {
      shop.advance(60_000);
      await reconcileOrders(shop.deps, { everything: false });
    }
    expect(listed.filter((orderId) => orderId === id)).toHaveLength(1);
  });
});

describe("a shipped order", () => {
  const republished = (orderId: string): string[] =>
    shop.sent
      .filter(
        ({ event }) => event.subject === orderId && event.type === "ORDER_SHIPPED" && event.causationid !== undefined,
      )
      .map(({ consumer, event }) => `${event.type} ${consumer}`);

  it("is republished until inventory has consumed its stock, delivered or not", async () => {
    const { id } = await confirmedOrder(shop);
    paymentIs(id, "CAPTURED");
    await shop.receive(paymentEvent(id, "CAPTURED", 2));
    for (const status of ["PROCESSING", "SHIPPED"] as const) {
      must(await changeStatus(shop.deps, admin, { orderId: id, status }));
    }
    expect((await reread(shop, id)).stockStatus).toBe("RESERVED");
    await shop.idle();
    await confirmAll();
    shop.advance(UNSETTLED_AFTER_MS - 60_000);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect(republished(id)).toEqual([]);
    shop.advance(60_000);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect(republished(id)).toEqual(["ORDER_SHIPPED inventory"]);
    expect(await findings(id)).toEqual([{ kind: "order_not_followed", outcome: "open" }]);
    must(await changeStatus(shop.deps, admin, { orderId: id, status: "DELIVERED" }));
    await shop.idle();
    await confirmAll();
    shop.advance(2 * UNSETTLED_AFTER_MS);
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect(republished(id)).toEqual(["ORDER_SHIPPED inventory", "ORDER_SHIPPED inventory"]);
    const consumed = stockEvent("STOCK_CONSUMED", id);
    await shop.receive(consumed, consumed, stockEvent("STOCK_RESERVED", id));
    expect((await reread(shop, id)).stockStatus).toBe("CONSUMED");
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(republished(id)).toHaveLength(2);
    expect(await findings(id)).toEqual([{ kind: "order_not_followed", outcome: "mended" }]);
  });
});

it("a payment under 3-D Secure is recorded at its order, and an older event changes nothing", async () => {
  const order = await ordered(shop);
  await shop.receive(paymentEvent(order.id, "REQUIRES_ACTION", 2));
  expect(await reread(shop, order.id)).toMatchObject({ paymentStatus: "REQUIRES_ACTION", status: "PENDING" });
  await shop.receive(stockEvent("STOCK_RESERVED", order.id), paymentEvent(order.id, "AUTHORIZED", 3));
  await shop.receive(paymentEvent(order.id, "REQUIRES_ACTION", 2));
  expect(await reread(shop, order.id)).toMatchObject({ paymentStatus: "AUTHORIZED", status: "CONFIRMED" });
});
