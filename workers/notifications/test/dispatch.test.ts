// Sending: provider failures, crashes, concurrent senders, and the cost of a batch.
import { describe, expect, it, vi } from "vitest";
import { consumeWith } from "../src/consumer.ts";
import { CLAIM_LIMIT, MAX_SEND_ATTEMPTS, SEND_LEASE_MS, SEND_TIMEOUT_MS } from "../src/constants.ts";
import { systemCall } from "#shared/call";
import { openDatabase } from "#shared/database";
import type { SweepCounts } from "#shared/contracts/messaging";
import { withInvocation } from "#shared/logger";
import { deliver } from "#shared/testkit/kit";
import { plan } from "../src/scheduled.ts";
import { runSweeps } from "#shared/sweep";
import { INBOX, event, orderData, rowsAbout, testNotifications, withMailer } from "./notifications.ts";
import type { TestNotifications } from "./notifications.ts";

const HOUR_MS = 3_600_000;
const CRON = systemCall("test", "req_test");

async function receive(shop: TestNotifications): Promise<string> {
  const data = orderData();
  await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
  return data.orderId;
}

/** Runs all sweeps, with the log of an invocation. */
function swept({ deps }: TestNotifications, { everything }: { readonly everything: boolean }): Promise<SweepCounts> {
  const invocation = {
    worker: deps.worker,
    operation: "test",
    correlationId: CRON.correlationId,
    level: deps.logLevel,
  };
  return withInvocation(invocation, () => runSweeps(deps, plan, { call: CRON, everything }));
}

function refusal(code: string): Error {
  return Object.assign(new Error("refused"), { code });
}

describe("a mail that the provider does not accept", () => {
  it("is sent by the sweep after a pause", async () => {
    const shop = testNotifications();
    shop.breakMail(refusal("E_INTERNAL_SERVER_ERROR"));
    const about = await receive(shop);
    const [row] = await rowsAbout(about);
    expect(row).toMatchObject({ status: "pending", attempts: 1, lastError: "E_INTERNAL_SERVER_ERROR: refused" });
    expect(row?.nextAttemptAt).toBeGreaterThan(shop.deps.now());

    shop.breakMail(undefined);
    await shop.sendDue();
    expect(await shop.mailsAbout(about)).toBe(0);
    shop.advance(2_000);
    await shop.sendDue();
    expect(await rowsAbout(about)).toMatchObject([{ status: "sent", attempts: 2, lastError: null }]);
    expect(await shop.mailsAbout(about)).toBe(1);
  });

  it("fails after its last attempt", async () => {
    const shop = testNotifications();
    shop.breakMail(new Error("down"));
    const about = await receive(shop);
    for (let tries = 1; tries < MAX_SEND_ATTEMPTS + 2; tries += 1) {
      shop.advance(HOUR_MS);
      await shop.sendDue();
    }
    expect(await rowsAbout(about)).toMatchObject([
      { status: "failed", attempts: MAX_SEND_ATTEMPTS, lastError: "down" },
    ]);
  });

  it("fails at once when no retry can help", async () => {
    const shop = testNotifications();
    shop.breakMail(refusal("E_RECIPIENT_SUPPRESSED"));
    expect(await rowsAbout(await receive(shop))).toMatchObject([{ status: "failed", attempts: 1 }]);
  });

  it("is tried again after a timeout, and delays no other mail", async () => {
    const shop = testNotifications();
    const [stuck, fine] = [orderData(), orderData()];
    const realSetTimeout = setTimeout;
    const mailer = shop.deps.senders.get("email");
    const hanging = withMailer(shop.deps, async (row, signal) => {
      if (row.recipient !== stuck.customer.email) return await mailer?.(row, signal);
      // A later task: the other mail has been sent and the timeout of this one is running.
      realSetTimeout(() => {
        vi.advanceTimersByTime(SEND_TIMEOUT_MS);
      }, 0);
      return await new Promise<void>(() => undefined);
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const events = [stuck, fine].map((data) => event("ORDER_CREATED", data.orderId, data));
      await deliver((batch) => consumeWith(hanging, batch), INBOX, events);
    } finally {
      vi.useRealTimers();
    }
    expect(await rowsAbout(stuck.orderId)).toMatchObject([
      { status: "pending", lastError: "the email provider did not answer in time" },
    ]);
    expect(await rowsAbout(fine.orderId)).toMatchObject([{ status: "sent" }]);
  });

  it("is tried at once, and only once, by a sweep over everything", async () => {
    const shop = testNotifications();
    shop.breakMail(new Error("down"));
    const about = await receive(shop);
    await swept(shop, { everything: true });
    expect(await rowsAbout(about)).toMatchObject([{ status: "pending", attempts: 2 }]);
    shop.breakMail(undefined);
    expect(await swept(shop, { everything: true })).toMatchObject({ purgedInbox: 0 });
    expect(await rowsAbout(about)).toMatchObject([{ status: "sent", attempts: 3 }]);
  });
});

describe("a sender that crashes", () => {
  it("keeps its rows from the sweep during its lease", async () => {
    const shop = testNotifications();
    const data = orderData();
    const mailer = shop.deps.senders.get("email");
    const slow = withMailer(shop.deps, async (row, signal) => {
      await shop.sendDue({ everything: true });
      await mailer?.(row, signal);
    });
    await deliver((batch) => consumeWith(slow, batch), INBOX, [event("ORDER_CREATED", data.orderId, data)]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ status: "sent", attempts: 1 }]);
    expect(await shop.mailsAbout(data.orderId)).toBe(1);
  });

  it("loses nothing when the result is not recorded", async () => {
    const shop = testNotifications();
    const data = orderData();
    let alive = true;
    const dying = {
      ...withMailer(shop.deps, () => {
        alive = false;
        return Promise.resolve();
      }),
      db: openDatabase(
        new Proxy(shop.deps.db.client, {
          get: (inner, member) => {
            if (!alive && member === "batch") throw new Error("the isolate is gone");
            const value: unknown = Reflect.get(inner, member, inner);
            return typeof value === "function" ? (value.bind(inner) as unknown) : value;
          },
        }),
      ),
    };
    const created = event("ORDER_CREATED", data.orderId, data);
    const { acknowledged } = await deliver((batch) => consumeWith(dying, batch), INBOX, [created]);
    expect(acknowledged).toEqual([created.id]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ status: "pending" }]);
    await shop.sendDue({ everything: true });
    expect(await shop.mailsAbout(data.orderId)).toBe(0);
    shop.advance(SEND_LEASE_MS);
    await shop.sendDue();
    expect(await rowsAbout(data.orderId)).toMatchObject([{ status: "sent", attempts: 2 }]);
  });
});

describe("many messages", () => {
  it("are all tried by one sweep over everything, each once", async () => {
    const shop = testNotifications();
    shop.breakMail(new Error("down"));
    const orders = Array.from({ length: 2 * CLAIM_LIMIT + 1 }, () => orderData());
    await shop.deliver(orders.map((data) => event("ORDER_CREATED", data.orderId, data)));
    expect((await swept(shop, { everything: true }))["triedMessages"]).toBeGreaterThanOrEqual(orders.length);
    for (const { orderId } of orders) expect(await rowsAbout(orderId)).toMatchObject([{ attempts: 2 }]);
  });

  it("are never sent by two sweeps", async () => {
    const shop = testNotifications();
    shop.breakMail(new Error("down"));
    const orders = Array.from({ length: CLAIM_LIMIT + 10 }, () => orderData());
    for (let from = 0; from < orders.length; from += 50) {
      await shop.deliver(orders.slice(from, from + 50).map((data) => event("ORDER_CREATED", data.orderId, data)));
    }
    shop.breakMail(undefined);
    shop.advance(HOUR_MS);
    await Promise.all([shop.sendDue(), shop.sendDue(), shop.sendDue({ everything: true })]);
    const sent = shop.mails.map(({ headers }) => headers?.["X-Notification-Id"]);
    expect(new Set(sent).size).toBe(sent.length);
    for (const { orderId } of orders) expect(await rowsAbout(orderId)).toMatchObject([{ status: "sent" }]);
  });

  it("of a batch cost one commit and one write of the results", async () => {
    const shop = testNotifications();
    await receive(shop);
    const deps = { ...shop.deps, logLevel: "debug" as const };
    const events = Array.from({ length: 20 }, () => orderData()).map((data) =>
      event("ORDER_CREATED", data.orderId, data),
    );
    const lines: string[] = [];
    const spy = vi.spyOn(console, "log").mockImplementation((line: string) => {
      lines.push(line);
    });
    try {
      await deliver((batch) => consumeWith(deps, batch), INBOX, events);
    } finally {
      spy.mockRestore();
    }
    const costs = lines
      .map((line) => JSON.parse(line) as { message: string; d1RoundTrips?: number; rowsWritten?: number })
      .filter(({ message }) => message === "cost");
    expect(costs.reduce((sum, { d1RoundTrips = 0 }) => sum + d1RoundTrips, 0)).toBe(2);
    // A row and three index entries, the inbox row; then the row again and its entry among the pending.
    expect(costs.reduce((sum, { rowsWritten = 0 }) => sum + rowsWritten, 0) / events.length).toBeLessThanOrEqual(7);
  });
});

describe("the sweep of each minute", () => {
  it("purges once an hour", async () => {
    const shop = testNotifications();
    shop.advance(HOUR_MS - (shop.deps.now() % HOUR_MS));
    expect(await swept(shop, { everything: false })).toHaveProperty("purgedHeldBack");
    shop.advance(60_000);
    expect(await swept(shop, { everything: false })).not.toHaveProperty("purgedHeldBack");
  });
});
