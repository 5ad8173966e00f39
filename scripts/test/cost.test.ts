// The sums of `npm run cost`: the price pages' own examples, and the growth of databases.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newId } from "#shared/ids";
import { billOf, includedTimes, monthlyBill, plus, times, totalOf } from "../cost/bill.ts";
import { DATABASE_BYTES, bytesAfter, daysUntilFull, partsOf } from "../cost/growth.ts";
import measured from "../cost/measured.json" with { type: "json" };
import { BASE_FEE, PRICES, PRICES_AS_OF } from "../cost/prices.ts";
import { cachedViewUsage, idleMonthUsage, orderUsage } from "../cost/usage.ts";

describe("the price table", () => {
  it("has a date, and a page of Cloudflare's for each price", () => {
    expect(PRICES_AS_OF).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    for (const { source, usd, per, included } of Object.values(PRICES)) {
      expect(source).toMatch(/^https:\/\/developers\.cloudflare\.com\/.*pricing\/$/);
      expect(Math.min(usd, per, included)).toBeGreaterThan(0);
    }
  });
});

describe("a month's bill", () => {
  it.each([
    ["15 million requests of 7 ms", { requests: 15e6, cpu: 105e6 }, 3],
    ["100 million requests of 7 ms", { requests: 100e6, cpu: 700e6 }, 40.4],
    ["30 million messages", { queueOperations: 90e6 }, 35.6],
    ["75 GB of logs, 20 GB-months kept", { logs: 75, logStorage: 20 }, 7.05],
    ["nothing beyond the included units", { requests: 10e6, rowsWritten: 50e6 }, 0],
  ])("of %s is what Cloudflare's example says", (_name, usage, usd) => {
    expect(totalOf(monthlyBill(usage))).toBeCloseTo(usd, 6);
  });

  it("names the dearest part first, and what the base fee includes of it", () => {
    const usage = { rowsWritten: 100, requests: 10 };
    expect(billOf(usage).map(({ meter }) => meter)).toEqual(["rowsWritten", "requests"]);
    expect(includedTimes(usage)).toEqual({ meter: "rowsWritten", times: 500_000 });
    expect(includedTimes({})).toBeUndefined();
  });

  it("adds up: many units cost as much as each of them", () => {
    const units = fc.nat(1_000_000_000);
    fc.assert(
      fc.property(
        fc.record({ requests: units, rowsRead: units }),
        fc.integer({ min: 1, max: 1_000 }),
        (usage, factor) => {
          const total = totalOf(billOf(usage));
          expect(totalOf(billOf(times(usage, factor)))).toBeCloseTo(total * factor, 3);
          expect(totalOf(billOf(plus(usage, usage)))).toBeCloseTo(total * 2, 3);
        },
      ),
    );
  });
});

describe("the shop", () => {
  it("stays within a dollar for a million cached views", () => {
    expect(totalOf(billOf(times(cachedViewUsage(), 1_000_000)))).toBeLessThanOrEqual(1);
  });

  it("costs the base fee alone when nobody comes", () => {
    expect(totalOf(monthlyBill(idleMonthUsage()))).toBe(0);
    expect(BASE_FEE.usd).toBe(5);
  });

  it("spends on an order mostly by the rows that it writes", () => {
    expect(billOf(orderUsage())[0]?.meter).toBe("rowsWritten");
  });
});

describe("a database", () => {
  it("is full when what stays and what is not purged yet reach the limit", () => {
    const tables = { orders: 5_000, outbox: 20_000 };
    expect(partsOf(tables)).toEqual({ kept: 5_000, purged: 20_000 });
    expect(bytesAfter(tables, { days: 100, ordersPerDay: 10 })).toBe(10 * (100 * 5_000 + 90 * 20_000));
    const days = daysUntilFull(tables, 1_000) ?? 0;
    expect(bytesAfter(tables, { days, ordersPerDay: 1_000 })).toBeGreaterThanOrEqual(DATABASE_BYTES);
    expect(bytesAfter(tables, { days: days - 1, ordersPerDay: 1_000 })).toBeLessThan(DATABASE_BYTES);
  });

  it("that purges all it gets is never full at a rate that it can hold", () => {
    expect(daysUntilFull({ outbox: 1_000 }, 1_000)).toBeUndefined();
  });

  it("of the shop has room for more than a year of 1,000 orders a day", () => {
    for (const tables of Object.values<Readonly<Record<string, number>>>(measured.bytesPerOrder)) {
      expect(daysUntilFull(tables, 1_000) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(365);
    }
  });
});

describe("shards of orders", () => {
  const SHARDS = 16;
  const ORDERS = 10_000;

  /** Orders on the fullest shard, when `digits` of the id choose it. 625 would be even. */
  function fullest(digits: (id: string) => string): number {
    const counts = Array.from({ length: SHARDS }, () => 0);
    for (let made = 0; made < ORDERS; made += 1) {
      const shard = Number.parseInt(digits(newId("ord")), 16) % SHARDS;
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    return Math.max(...counts);
  }

  it("are even by the end of the id, and all on one by its beginning, which is the time", () => {
    expect(fullest((id) => id.slice(-4))).toBeLessThan(800);
    expect(fullest((id) => id.slice("ord_".length, "ord_".length + 4))).toBe(ORDERS);
  });
});
