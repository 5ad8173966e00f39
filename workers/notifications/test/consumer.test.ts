// The messages that each event makes, once and in any order, and a handler that fails.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventEnvelope } from "#shared/events/envelope";
import { EVENT_TYPES } from "#shared/events/catalogue";
import { ROUTES } from "#shared/events/routing";
import { MAX_RETRIES } from "#shared/failed-events";
import { newId } from "#shared/ids";
import { deliver } from "#shared/testkit/kit";
import { consumeBatch, handlers } from "../src/consumer.ts";
import {
  INBOX,
  event,
  notificationsEnv,
  orderData,
  paymentData,
  requested,
  rowsAbout,
  testNotifications,
} from "./notifications.ts";

/** Every event about one order, even those that exclude each other. */
function eventsOfOrder(): { readonly orderId: string; readonly events: EventEnvelope[] } {
  const data = orderData({ tracking: { carrier: "UPS", number: "1Z9" } });
  const { orderId } = data;
  const payment = paymentData(data, { amountRefunded: 1_000 });
  return {
    orderId,
    events: [
      event("ORDER_CREATED", orderId, data),
      event("PAYMENT_FAILED", orderId, payment),
      event("ORDER_CONFIRMED", orderId, data),
      event("ORDER_PROCESSING", orderId, data),
      event("PAYMENT_CAPTURED", orderId, payment),
      event("ORDER_SHIPPED", orderId, data),
      event("ORDER_TRACKING_CHANGED", orderId, data),
      event("ORDER_TRACKING_CHANGED", orderId, data),
      event("ORDER_DELIVERED", orderId, data),
      event("PAYMENT_REFUNDED", orderId, payment),
      event("PAYMENT_REFUNDED", orderId, { ...payment, version: 2, amountRefunded: 2_000 }),
      event("PAYMENT_VOIDED", orderId, payment),
      event("PAYMENT_DISPUTED", orderId, payment),
      event("ORDER_CANCELLED", orderId, data),
    ],
  };
}

const TEMPLATES_OF_ORDER = [
  "order_cancelled",
  "order_delivered",
  "order_received",
  "order_shipped",
  "order_tracking_changed",
  "order_tracking_changed",
  "payment_failed",
  "payment_received",
  "payment_refunded",
  "payment_refunded",
];

async function count(table: "inbox" | "inbox_failures", id: string): Promise<number> {
  const row = await notificationsEnv.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE event_id = ?`)
    .bind(id)
    .first<{ n: number }>();
  return row?.n ?? -1;
}

interface DeadLetter {
  readonly envelope: string;
  readonly error: string;
  readonly attempts: number;
}

async function deadLetter(id: string): Promise<DeadLetter | null> {
  return await notificationsEnv.DB.prepare("SELECT * FROM dead_letters WHERE event_id = ?")
    .bind(id)
    .first<DeadLetter>();
}

describe("the events of an order", () => {
  it("each make one mail, sent and stored", async () => {
    const shop = testNotifications();
    const { orderId, events } = eventsOfOrder();
    const { acknowledged } = await shop.deliver(events);
    expect(acknowledged).toHaveLength(events.length);
    const rows = await rowsAbout(orderId);
    expect(rows.map(({ template }) => template)).toEqual(TEMPLATES_OF_ORDER);
    expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(["sent"]));
    expect(shop.mails.map(({ headers }) => String(headers?.["X-Notification-Id"])).toSorted()).toEqual(
      rows.map(({ id }) => id).toSorted(),
    );
  });

  it("make the same rows and mails however they are repeated, shuffled and batched", async () => {
    const template = eventsOfOrder().events.length;
    const arrivals = fc.array(fc.nat({ max: template - 1 }), { maxLength: 20 }).chain((copies) =>
      fc.shuffledSubarray([...Array.from({ length: template }, (_unused, index) => index), ...copies], {
        minLength: template + copies.length,
      }),
    );
    await fc.assert(
      fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 40 }), async (order, batchSize) => {
        const shop = testNotifications();
        const { orderId, events } = eventsOfOrder();
        const messages = order.map((index) => events[index]);
        for (let from = 0; from < messages.length; from += batchSize) {
          await shop.deliver(messages.slice(from, from + batchSize));
        }
        const rows = await rowsAbout(orderId);
        expect(rows.map((row) => `${row.template} ${row.status}`)).toEqual(
          TEMPLATES_OF_ORDER.map((name) => `${name} sent`),
        );
        expect(shop.mails).toHaveLength(TEMPLATES_OF_ORDER.length);
      }),
      { numRuns: 20 },
    );
  });

  it("are mailed once when deliveries run at the same time", async () => {
    const shop = testNotifications();
    const { orderId, events } = eventsOfOrder();
    await Promise.all([shop.deliver(events), shop.deliver(events.toReversed()), shop.deliver(events.slice(3))]);
    expect(await rowsAbout(orderId)).toHaveLength(TEMPLATES_OF_ORDER.length);
    expect(shop.mails).toHaveLength(TEMPLATES_OF_ORDER.length);
  });

  it("go out through the configured binding", async () => {
    const data = orderData();
    const created = event("ORDER_CREATED", data.orderId, data);
    await deliver((batch, ctx) => consumeBatch(batch, notificationsEnv, ctx), INBOX, [created]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ status: "sent", attempts: 1, lastError: null }]);
  });

  it("are mailed to a guest, who has no user", async () => {
    const shop = testNotifications();
    const customer = { id: null, email: "guest@example.com", name: "Guest", locale: "en", proven: false };
    const data = orderData({ customer });
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ userId: null, audience: "user", status: "sent" }]);
    expect(shop.mails).toMatchObject([{ to: "guest@example.com", subject: "Order TP-1001 received" }]);
  });
});

describe("other events", () => {
  it("have a handler for every type that is routed here", () => {
    const handled = Object.keys(handlers(testNotifications().deps, [])).toSorted();
    expect(handled).toEqual(EVENT_TYPES.filter((type) => ROUTES[type].includes("notifications")).toSorted());
  });

  it("welcome a new user", async () => {
    const shop = testNotifications();
    const userId = newId("usr");
    await shop.deliver([
      event("USER_REGISTERED", userId, { userId, email: "a@example.com", name: "Ada", locale: "de" }),
    ]);
    expect(await rowsAbout(userId)).toMatchObject([{ template: "welcome", userId, locale: "de" }]);
  });

  it("without a message only get an inbox row", async () => {
    const shop = testNotifications();
    const data = orderData();
    const silent = event("ORDER_PROCESSING", data.orderId, data);
    await shop.deliver([silent]);
    expect(await rowsAbout(data.orderId)).toEqual([]);
    expect(await count("inbox", silent.id)).toBe(1);
  });
});

describe("a handler that fails", () => {
  it("writes nothing but the reason and a growing pause", async () => {
    const shop = testNotifications();
    shop.breakTemplates(new Error("no database"));
    const pauses: number[] = [];
    const failing = requested("password_changed", {});
    for (const attempt of [1, 2, 3, 4, 5, 6]) {
      expect(await shop.deliver([failing], attempt)).toEqual({ acknowledged: [], retried: [failing.id] });
      const row = await notificationsEnv.DB.prepare("SELECT * FROM inbox_failures WHERE event_id = ?")
        .bind(failing.id)
        .first<{ attempts: number; error: string; retry_at: number }>();
      expect(row).toMatchObject({ attempts: attempt, error: "Error: no database" });
      pauses.push((row?.retry_at ?? 0) - shop.deps.now());
    }
    pauses.forEach((pause, index) => {
      expect(pause).toBeGreaterThanOrEqual(2 ** index * 1_000);
      expect(pause).toBeLessThanOrEqual(2 ** (index + 1) * 1_000);
    });
    expect(await rowsAbout(failing.subject)).toEqual([]);
    expect(await count("inbox", failing.id)).toBe(0);
    expect(shop.mails).toEqual([]);
  });

  it("ends as a dead letter with its error, and a replay succeeds once the cause is repaired", async () => {
    const shop = testNotifications();
    shop.breakTemplates(new Error("no database"));
    const failing = requested("password_changed", {});
    for (let attempt = 1; attempt <= MAX_RETRIES; attempt += 1) {
      expect((await shop.deliver([failing], attempt)).retried).toEqual([failing.id]);
    }
    expect((await shop.deliver([failing], MAX_RETRIES + 1)).acknowledged).toEqual([failing.id]);
    const dead = await deadLetter(failing.id);
    expect(dead).toMatchObject({
      type: "NOTIFICATION_SEND",
      attempts: MAX_RETRIES + 1,
      error: "Error: no database",
    });
    expect(await count("inbox_failures", failing.id)).toBe(0);

    shop.breakTemplates(undefined);
    await shop.deliver([JSON.parse(dead?.envelope ?? "null")]);
    await shop.deliver([JSON.parse(dead?.envelope ?? "null")]);
    expect(shop.mails).toMatchObject([{ subject: "Your password at Tradepost was changed" }]);
  });

  it("becomes a dead letter with its error when the queue gives up", async () => {
    const shop = testNotifications();
    shop.breakTemplates(new Error("no database"));
    const failing = requested("password_changed", {});
    await shop.deliver([failing]);
    await shop.deliver([failing], 1, "tradepost-notifications-dead-letters");
    expect(await deadLetter(failing.id)).toMatchObject({ error: "Error: no database" });
  });

  it("does not delay the other events of its batch", async () => {
    const shop = testNotifications();
    const data = orderData();
    const good = event("ORDER_CREATED", data.orderId, data);
    const bad = requested("no_such_kind", {});
    expect(await shop.deliver([bad, good])).toEqual({ acknowledged: [bad.id, good.id], retried: [] });
    expect(await rowsAbout(data.orderId)).toMatchObject([{ status: "sent" }]);
  });
});

describe("a command", () => {
  const link = { link: "https://shop.example/?t=1", token: "1", expiresInMinutes: "60" };

  it.each([
    [
      "of an unknown kind",
      requested("no_such_kind", {}),
      "NonRetryableError: no_such_kind is not a kind that a command can request",
    ],
    [
      "of a kind that only events make",
      requested("order_received", {}),
      "NonRetryableError: order_received is not a kind that a command can request",
    ],
    [
      "of an inherited name",
      requested("toString", {}),
      "NonRetryableError: toString is not a kind that a command can request",
    ],
    [
      "without its variables",
      requested("password_reset", { link: "x" }),
      "NonRetryableError: password_reset lacks the variables token, expiresInMinutes",
    ],
    ["to the wrong audience", requested("dispute_opened", {}), "NonRetryableError: dispute_opened goes to the admins"],
  ])("%s is a dead letter at once, with the reason", async (_name, command, error) => {
    const shop = testNotifications();
    expect(await shop.deliver([command])).toEqual({ acknowledged: [command.id], retried: [] });
    expect(await deadLetter(command.id)).toMatchObject({ attempts: 1, error });
    expect(await rowsAbout(command.subject)).toEqual([]);
  });

  it("without a recipient goes to the admins", async () => {
    const shop = testNotifications();
    const orderId = newId("ord");
    const variables = { orderId, orderNumber: "TP-1", amount: "$10.00", expiresAt: "2026-01-31T12:00:00.000Z" };
    await shop.deliver([
      event("NOTIFICATION_SEND", orderId, { kind: "authorization_expiring", recipient: null, variables }),
    ]);
    expect(shop.mails).toMatchObject([{ to: "admin@example.com", subject: "Authorization of order TP-1 ends soon" }]);
    expect(await rowsAbout(orderId)).toMatchObject([{ audience: "admins", userId: null }]);
  });

  it("that is confidential is stored with its text only until it is sent", async () => {
    const shop = testNotifications();
    shop.breakMail(new Error("down"));
    const command = requested("password_reset", link);
    await shop.deliver([command]);
    expect((await rowsAbout(command.subject))[0]?.textBody).toContain(link.link);
    shop.breakMail(undefined);
    await shop.sendDue({ everything: true });
    expect(shop.mails[0]?.html).toContain(`href="${link.link}"`);
    expect(await rowsAbout(command.subject)).toMatchObject([{ status: "sent", textBody: "", htmlBody: "" }]);
  });
});
