// What one unit of work costs, from the lines that the Workers log at debug level. shared/budget.json holds the counts, which
// `npm run cost` turns into dollars. They depend on how events are batched, so the cheapest of a few rounds is compared.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  Client,
  addToCart,
  eventually,
  getOrder,
  lettersTo,
  newBuyer,
  pay,
  placeOrder,
  signIn,
  openShelf,
} from "../scripts/shop/client.ts";
import type { Shelf } from "../scripts/shop/client.ts";
import counts from "../shared/budget.json" with { type: "json" };
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { spendingOf } from "./spending.ts";

// Of the rows that an order writes, 44 are needed. The others are index entries, for lists and the caps on abuse: see ADR 32. One of them is
// the order's entry among those at work, by which operators count them without reading a table that grows (ADR 29).
type Counts = Readonly<Record<string, number>>;

/** Where much else runs, events arrive apart and their batches are small. */
const MOST_ROUNDS = 6;
const MINUTE_MS = 60_000;
/** A count more than one and this factor above what is measured is out of date. */
const STALE_ABOVE = 1.35;

let shop: Shop;
let guest: Client;
let shelf: Shelf;

beforeAll(async () => {
  shop = await startShop({ LOG_LEVEL: "debug" });
  guest = new Client(shop.send);
  shelf = await openShelf(await signIn(guest, "admin@example.com", "Admin123!"));
});

afterAll(async () => {
  await shop.close();
});

function isWithin(round: Counts, stored: Counts): boolean {
  return Object.entries(stored).every(([kind, count]) => (round[kind] ?? 0) <= count);
}

function leastOf(kind: string, rounds: readonly Counts[]): number {
  return Math.min(...rounds.map((round) => round[kind] ?? 0));
}

/** The cheapest of the rounds is within the stored counts. */
function expectWithin(name: string, stored: Counts, rounds: readonly Counts[]): void {
  console.log(`cost of ${name}:`, JSON.stringify(rounds));
  for (const [kind, count] of Object.entries(stored)) {
    expect(leastOf(kind, rounds), `${kind} of ${name}`).toBeLessThanOrEqual(count);
  }
}

/** It is, and the stored counts are not out of date. */
function expectCounts(name: string, stored: Counts, rounds: readonly Counts[]): void {
  expectWithin(name, stored, rounds);
  for (const [kind, count] of Object.entries(stored)) {
    expect(count, `the stored ${kind} of ${name}`).toBeLessThanOrEqual(leastOf(kind, rounds) * STALE_ABOVE + 1);
  }
}

/** Requests from outside: those of the buyer, and Stripe's webhooks. */
function requestsIn(operations: readonly (string | undefined)[]): number {
  return operations.filter((operation) => operation === "fetch" || operation === "webhook").length;
}

function endsOf(entries: ReturnType<Shop["logs"]>): (string | undefined)[] {
  return entries.filter(({ message }) => message === "done").map(({ operation }) => operation);
}

describe("the budget", { timeout: 4 * MINUTE_MS }, () => {
  it("of a one-line order is kept from the cart to CONFIRMED, with mails and projections", async () => {
    const rounds: Counts[] = [];
    while (rounds.length < MOST_ROUNDS && !rounds.some((round) => isWithin(round, counts.order))) {
      const productId = await shelf.take(1_000);
      const { buyer, session } = await newBuyer(guest);
      await eventually("the welcome mail is out and the stock is projected", async () => {
        const { items } = await buyer.expect<{ items: { status: string }[] }>(200, "GET", "/api/notifications");
        return items.some(({ status }) => status === "sent") ? true : undefined;
      });
      await shop.quiet();
      await guest.expect(200, "GET", `/api/products/${productId}`);
      const mailsBefore = (await lettersTo(shop.send, session.user.email)).length;

      shop.clearLogs();
      await addToCart(buyer, productId, 1);
      const order = await placeOrder(buyer);
      await pay(shop.send, buyer, order.id);
      await shop.quiet();
      const entries = [...shop.logs()];
      expect((await getOrder(buyer, order.id)).status).toBe("CONFIRMED");
      const mails = (await lettersTo(shop.send, session.user.email)).length - mailsBefore;
      rounds.push({ ...spendingOf(entries), requests: requestsIn(endsOf(entries)), mails });
    }
    expectCounts("an order", counts.order, rounds);
  });

  it("of a product's page is one request, and two round trips when it is not cached", async () => {
    const productId = await shelf.take(1_000);
    await shop.quiet();
    const view = async (): Promise<Counts> => {
      shop.clearLogs();
      await guest.expect(200, "GET", `/api/products/${productId}`);
      return { ...spendingOf(shop.logs()), requests: 1 };
    };
    const first = await view();
    const again = await view();
    expect(again["d1RoundTrips"]).toBe(0);
    expectCounts("an uncached view", counts.uncachedView, [first]);
    expectCounts("a cached view", counts.cachedView, [again]);
  });

  it("of a minute in which nobody comes is what the crons read", async () => {
    await eventually(
      "no purge is due in this minute",
      async () => (Math.floor(Date.now() / MINUTE_MS) % 5 === 0 ? undefined : true),
      2 * MINUTE_MS,
    );
    const tick = async (): Promise<Counts> => {
      await shop.quiet();
      shop.clearLogs();
      const answer = await shop.send("/dev/tick", { method: "POST" });
      const { fired } = (await answer.json()) as { fired: readonly { outcome: string }[] };
      expect(fired.map(({ outcome }) => outcome)).not.toContain("exception");
      return { ...spendingOf(shop.logs()), requests: fired.length };
    };
    // As if each product had been compared with its object within the hour.
    await shop.query("inventory", "UPDATE stock_levels SET reconciled_at = ?", Date.now());
    // The first ticks settle what the tests before left.
    const rounds: Counts[] = [];
    while (rounds.length < MOST_ROUNDS && !rounds.some((round) => isWithin(round, counts.idleMinute))) {
      rounds.push(await tick());
    }
    // The minute decides how many orders are compared with their payments.
    expectWithin("an idle minute", counts.idleMinute, rounds);
  });
});
