// Reports of stock by inventory: in any order, in any number of copies, and for unknown products.
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { EVENT_RETENTION_MS } from "#shared/deliveries";
import { callAs, deliver } from "#shared/testkit/kit";
import type { Delivery } from "#shared/testkit/kit";
import { firstIdAt } from "#shared/ids";
import { consumeBatch } from "../src/consumer.ts";
import worker from "../src/index.ts";
import { insertProducts, insertTaxonomy, rpc, testEnv } from "./fixture.ts";

type StockReport = EventEnvelope<"STOCK_AVAILABILITY_CHANGED">;

function report(productId: string, sequence: number, available: number): StockReport {
  const availability = available > 5 ? "in_stock" : available > 0 ? "low_stock" : "out_of_stock";
  return makeEvent(
    "STOCK_AVAILABILITY_CHANGED",
    productId,
    { productId, availability, available, sequence },
    { worker: "inventory", correlationId: "test", now: Date.now() },
  );
}

function send(events: readonly unknown[]): Promise<Delivery> {
  return deliver((batch, ctx) => consumeBatch(batch, testEnv, ctx), "tradepost-catalog-inbox", events);
}

async function stockOf(productId: string): Promise<unknown> {
  return await testEnv.DB.prepare(
    "SELECT availability, available, availability_sequence AS sequence, version FROM products WHERE id = ?",
  )
    .bind(productId)
    .first();
}

beforeAll(insertTaxonomy);

describe("STOCK_AVAILABILITY_CHANGED", () => {
  it("sets the stock of the product, and not its version", async () => {
    await insertProducts({ id: "prd_1", name: "Drill" });
    const event = report("prd_1", 3, 2);
    expect(await send([event])).toEqual({ acknowledged: [event.id], retried: [] });
    expect(await stockOf("prd_1")).toEqual({ availability: "low_stock", available: 2, sequence: 3, version: 1 });
  });

  it("has no effect when a later report is known, also when it is delivered again", async () => {
    await insertProducts({ id: "prd_2", name: "Saw" });
    const newer = report("prd_2", 9, 0);
    await send([newer]);
    await send([report("prd_2", 8, 50), report("prd_2", 9, 40), newer]);
    expect(await stockOf("prd_2")).toMatchObject({ availability: "out_of_stock", available: 0, sequence: 9 });
  });

  it("never sets a negative number", async () => {
    await insertProducts({ id: "prd_3", name: "File" });
    await send([report("prd_3", 1, -4)]);
    expect(await stockOf("prd_3")).toMatchObject({ availability: "out_of_stock", available: 0 });
  });

  it("is retried while the product is unknown, without delaying others", async () => {
    await insertProducts({ id: "prd_4", name: "Rasp" });
    const early = report("prd_early", 1, 9);
    const fine = report("prd_4", 1, 9);
    expect(await send([early, fine])).toEqual({ acknowledged: [fine.id], retried: [early.id] });
    await insertProducts({ id: "prd_early", name: "Late Product", available: 0, availability: "out_of_stock" });
    expect(await send([early])).toEqual({ acknowledged: [early.id], retried: [] });
    expect(await stockOf("prd_early")).toMatchObject({ available: 9, sequence: 1 });
  });

  it("has the same result in any order, copies and batches", async () => {
    let product = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 12 }),
        async (order, batchSize) => {
          product += 1;
          const id = `prd_any${String(product)}`;
          await insertProducts({ id, name: `Any ${String(product)}` });
          const events = Array.from({ length: 10 }, (_, index) => report(id, index + 1, index * 2));
          const shuffled = order.flatMap((index) => events[index] ?? []);
          for (let at = 0; at < shuffled.length; at += batchSize) await send(shuffled.slice(at, at + batchSize));
          const last = Math.max(...order);
          expect(await stockOf(id)).toMatchObject({ available: last * 2, sequence: last + 1 });
        },
      ),
      { numRuns: 15 },
    );
  });

  it("becomes a dead letter, which can be replayed, when the queue gives up", async () => {
    const lost = report("prd_never", 1, 1);
    await send([lost]);
    await deliver((batch, ctx) => consumeBatch(batch, testEnv, ctx), "tradepost-catalog-dead-letters", [lost]);
    const letters = await rpc.listDeadLetters(callAs("admin"), {});
    expect(letters).toMatchObject({ value: { items: [{ eventId: lost.id, subject: "prd_never" }] } });
    expect(await rpc.replayDeadLetter(callAs("admin"), { eventId: "evt_none" })).toMatchObject({
      error: { code: "not_found" },
    });
  });
});

describe("the sweeps", () => {
  it("delete old events and old inbox rows, by cron and by RPC", async () => {
    const old = Date.now() - 2 * EVENT_RETENTION_MS - 1;
    // The id contains the time of the event, which the purge uses.
    const inbox = (tail: string): D1PreparedStatement =>
      testEnv.DB.prepare("INSERT INTO inbox (event_id, handled_at) VALUES (?, ?)").bind(
        `${firstIdAt("evt", old)}${tail}`,
        old,
      );
    await inbox("1").run();
    expect(await rpc.runSweeps(callAs("admin"), { everything: true })).toMatchObject({
      ok: true,
      value: { purgedEvents: 0, purgedInbox: 1, purgedObjects: 0 },
    });
    await inbox("2").run();
    // The cron purges in the first minute of an hour.
    const hourMs = 3_600_000;
    vi.useFakeTimers({ toFake: ["Date"], now: Math.ceil(Date.now() / hourMs) * hourMs });
    const ctx = createExecutionContext();
    await worker.scheduled(createScheduledController(), testEnv, ctx);
    await waitOnExecutionContext(ctx);
    vi.useRealTimers();
    expect(await testEnv.DB.prepare("SELECT event_id FROM inbox WHERE handled_at = ?").bind(old).first()).toBeNull();
  });
});
