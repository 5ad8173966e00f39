// Many unpaid orders: one sweep cancels all of them, and those that it cannot cancel delay no others. In a file of its own, because
// of the orders that it leaves behind.
import { describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import { UNPAID_SWEEP_MS } from "../src/constants.ts";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { cancelUnpaid } from "../src/service/unpaid.ts";
import { claimForPayment } from "../src/store/pay.ts";
import { closing, openShop, ordered, ordersEnv, reread } from "./shop.ts";
import type { Shop } from "./shop.ts";

const cron = systemCall("cron", "cron");

async function orders(shop: Shop, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    ids.push((await ordered(shop)).id);
    shop.advance(1);
  }
  return ids;
}

async function beginPayment(shop: Shop, ids: readonly string[]): Promise<void> {
  for (const id of ids) await claimForPayment(shop.deps.db, id, "anyone", shop.deps.now());
}

async function statusCount(ids: readonly string[], status: string): Promise<unknown> {
  return await ordersEnv.DB.prepare(
    "SELECT count(*) AS count FROM orders WHERE id IN (SELECT value FROM json_each(?)) AND status = ?",
  )
    .bind(JSON.stringify(ids), status)
    .first("count");
}

describe("due orders", () => {
  it("are cancelled by one sweep, 300 of them, with few calls to payments", async () => {
    const made = openShop();
    const ids = await orders(made, 300);
    let calls = 0;
    const shop = openShop(
      closing(() => {
        calls += 1;
        return "closed";
      }),
    );
    let batches = 0;
    const counted = shop.with({
      payments: {
        ...shop.deps.payments,
        closeUnpaid: (call, input) => {
          batches += 1;
          return shop.deps.payments.closeUnpaid(call, input);
        },
      },
    });
    counted.advance(counted.deps.paymentWindowMs + 60_000);
    const startedAt = Date.now();
    const { unpaidOrders } = await runSweeps(counted.deps, plan, { call: cron, everything: false });
    expect(Date.now() - startedAt).toBeLessThan(60_000);
    expect(unpaidOrders).toBe(300);
    expect(await statusCount(ids, "CANCELLED")).toBe(300);
    expect([calls, batches]).toEqual([300, 12]);
  }, 60_000);

  it("are cancelled oldest first, and no batch is begun after the time limit", async () => {
    const made = openShop();
    const ids = await orders(made, 120);
    const asked: string[] = [];
    const shop = openShop(
      closing(({ orderId }) => {
        asked.push(orderId);
        return "closed";
      }),
    );
    shop.advance(shop.deps.paymentWindowMs + 60_000);
    const base = shop.deps.now();
    const slow = { ...shop.deps, now: () => base + (asked.length > 0 ? UNPAID_SWEEP_MS : 0) };
    const ended = await cancelUnpaid(slow, { everything: false });
    expect(ended).toBeLessThan(120);
    expect(asked.slice(0, ended)).toEqual(ids.slice(0, ended));
    expect(await cancelUnpaid(shop.deps, { everything: false })).toBe(120 - ended);
  }, 60_000);

  it("that Stripe gives no answer about delay neither later ones nor those without a payment", async () => {
    const made = openShop();
    const stuck = await orders(made, 30);
    await beginPayment(made, stuck);
    const later = await orders(made, 2);
    await beginPayment(made, later.slice(0, 1));
    const isStuck = new Set(stuck);
    const asked: string[] = [];
    const shop = openShop(
      closing(({ orderId }) => {
        asked.push(orderId);
        return isStuck.has(orderId) ? "unknown" : "closed";
      }),
    );
    shop.advance(shop.deps.paymentWindowMs + 60_000);
    await cancelUnpaid(shop.deps, { everything: false });
    expect(await statusCount(later, "CANCELLED")).toBe(2);
    expect(await statusCount(stuck, "PENDING")).toBe(30);
    // Those that could not be cancelled come after those that became due since.
    const fresh = await orders(made, 1);
    await beginPayment(made, fresh);
    shop.advance(120_000);
    asked.length = 0;
    await cancelUnpaid(shop.deps, { everything: false });
    expect(asked[0]).toBe(fresh[0]);
    expect((await reread(shop, fresh[0] ?? "")).status).toBe("CANCELLED");
  }, 60_000);
});
