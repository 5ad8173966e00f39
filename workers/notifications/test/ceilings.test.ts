// Ceilings of messages per recipient, applied in the INSERT of a queue batch, and what a stranger can make the shop send.
import { beforeEach, describe, expect, it } from "vitest";
import type { Customer, OrderEventData } from "#shared/events/catalogue";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { DAY_MS, HOUR_MS } from "../src/constants.ts";
import { purgeCeilings } from "../src/store/ceilings.ts";
import {
  event,
  notificationsEnv,
  orderData,
  paymentData,
  rowsAbout,
  rpc,
  testNotifications,
  valueOf,
} from "./notifications.ts";

/** The size of this Worker's queue batches. */
const BATCH = 50;
const WORDS = "win at https://evil.example/now";
/** The defaults of the wrangler file. */
const UNPROVEN_PER_HOUR = 5;
const UNPROVEN_PER_DAY = 20;
const PROVEN_PER_HOUR = 30;

let shop: ReturnType<typeof testNotifications>;
beforeEach(() => {
  shop = testNotifications();
});

function guest(email = `${newId("req")}@example.com`): Customer {
  return { id: null, email, name: WORDS, locale: "en", proven: false };
}

function user(over: Partial<Customer> = {}): Customer {
  const id = newId("usr");
  return { id, email: `${id}@example.com`, name: "Ada Lovelace", locale: "en", proven: true, ...over };
}

async function deliverAll(events: readonly EventEnvelope[]): Promise<void> {
  for (let from = 0; from < events.length; from += BATCH) await shop.deliver(events.slice(from, from + BATCH));
}

function created(customer: Customer): EventEnvelope<"ORDER_CREATED"> {
  const data = orderData({ customer });
  return event("ORDER_CREATED", data.orderId, data);
}

function confirmed(data: OrderEventData): EventEnvelope<"ORDER_CONFIRMED"> {
  return event("ORDER_CONFIRMED", data.orderId, { ...data, status: "CONFIRMED", moneyAuthorized: true });
}

async function mailsFor(customer: Customer, count: number): Promise<number> {
  const before = shop.mails.length;
  await deliverAll(Array.from({ length: count }, () => created(customer)));
  return shop.mails.length - before;
}

async function rowsTo(recipient: string): Promise<{ status: string; text_body: string }[]> {
  const { results } = await notificationsEnv.DB.prepare("SELECT * FROM notifications WHERE recipient = ?")
    .bind(recipient)
    .all<{ status: string; text_body: string }>();
  return results;
}

describe("flooding a stranger's mailbox", () => {
  it("with 60 orders and cancellations full of links sends the ceiling's number of mails and no link", async () => {
    const customer = guest();
    const events = Array.from({ length: 60 }, () => {
      const data = orderData({ customer });
      const cancelled = { ...data, status: "CANCELLED", reason: WORDS, reasonBy: "buyer" as const };
      return [event("ORDER_CREATED", data.orderId, data), event("ORDER_CANCELLED", data.orderId, cancelled)];
    }).flat();
    await deliverAll(events);
    expect(shop.mails).toHaveLength(UNPROVEN_PER_HOUR);
    const rows = await rowsTo(customer.email);
    expect(rows.filter(({ status }) => status === "held_back")).toHaveLength(120 - UNPROVEN_PER_HOUR);
    expect(JSON.stringify([shop.mails, rows])).not.toContain("evil");
  });

  it("with 12 declines of one order sends one mail", async () => {
    const data = orderData({ customer: guest() });
    const declines = Array.from({ length: 12 }, (_unused, index) =>
      event("PAYMENT_FAILED", data.orderId, paymentData(data, { status: "FAILED", version: index + 1, reason: WORDS })),
    );
    await deliverAll(declines);
    expect(shop.mails).toHaveLength(1);
    expect(JSON.stringify(shop.mails)).not.toContain("evil");
    shop.advance(HOUR_MS);
    const later = paymentData(data, { status: "FAILED", version: 13 });
    await deliverAll([event("PAYMENT_FAILED", data.orderId, later)]);
    expect(shop.mails).toHaveLength(2);
  });

  it("under other spellings of the address sends no more", async () => {
    const name = newId("req");
    await deliverAll(
      Array.from({ length: 20 }, (_unused, index) => created(guest(`${name}+${String(index)}@Example.com`))),
    );
    expect(shop.mails).toHaveLength(UNPROVEN_PER_HOUR);
  });

  it("delays no other recipient", async () => {
    await mailsFor(guest(), 30);
    expect(await mailsFor(guest(), 1)).toBe(1);
  });
});

describe("the ceilings", () => {
  it("of an unproven recipient are hourly and daily", async () => {
    const customer = guest();
    const hours: number[] = [];
    for (let hour = 0; hour < 6; hour += 1) {
      hours.push(await mailsFor(customer, UNPROVEN_PER_HOUR + 2));
      shop.advance(HOUR_MS);
    }
    expect(hours).toEqual([5, 5, 5, 5, 0, 0]);
    shop.advance(DAY_MS - 6 * HOUR_MS);
    expect(await mailsFor(customer, 1)).toBe(1);
    expect(hours.reduce((sum, mails) => sum + mails)).toBe(UNPROVEN_PER_DAY);
  });

  it("of a proven recipient are hourly", async () => {
    const customer = user();
    expect(await mailsFor(customer, PROVEN_PER_HOUR + 3)).toBe(PROVEN_PER_HOUR);
    shop.advance(HOUR_MS);
    expect(await mailsFor(customer, 1)).toBe(1);
  });

  it("count one event's pushes to several browsers once, apart from mails", async () => {
    shop = testNotifications({ push: () => Promise.resolve() });
    const customer = user({ proven: false });
    for (const name of ["a", "b", "c"]) await subscribe(customer.id ?? "", name);
    const orders = Array.from({ length: 7 }, () => orderData({ customer }));
    const shipped = orders.map((data) => event("ORDER_SHIPPED", data.orderId, data));
    await deliverAll(shipped);
    const rows = (await Promise.all(orders.map(({ orderId }) => rowsAbout(orderId)))).flat();
    const pushes = rows.filter(({ channel }) => channel === "push");
    expect(pushes.filter(({ status }) => status === "sent")).toHaveLength(3 * UNPROVEN_PER_HOUR);
    expect(pushes.filter(({ status }) => status === "held_back")).toHaveLength(3 * 2);
  });

  it("exempt security mails to a proven recipient only", async () => {
    const variables = { link: "https://shop.example/?t=1", token: "1", expiresInMinutes: "60" };
    const reset = (recipient: Customer): EventEnvelope =>
      event("NOTIFICATION_SEND", newId("usr"), { kind: "password_reset", recipient, variables });
    const proven = user();
    await mailsFor(proven, PROVEN_PER_HOUR);
    await deliverAll([reset(proven)]);
    expect(shop.mails.at(-1)?.subject).toBe("Set a new password at Tradepost");

    const unproven = user({ proven: false });
    await mailsFor(unproven, UNPROVEN_PER_HOUR);
    const held = reset(unproven);
    await deliverAll([held]);
    // A held-back token is not stored.
    expect(await rowsAbout(held.subject)).toMatchObject([{ status: "held_back", textBody: "", htmlBody: "" }]);
  });

  it("exempt messages to the admins", async () => {
    const variables = { orderId: "ord_1", orderNumber: "TP-1", amount: "$10.00", reason: "fraudulent" };
    const disputes = Array.from({ length: 40 }, () =>
      event("NOTIFICATION_SEND", newId("ord"), { kind: "dispute_opened", recipient: null, variables }),
    );
    await deliverAll(disputes);
    expect(shop.mails).toHaveLength(40);
  });

  it("count the recipient's recent rows by an index", async () => {
    const { results } = await notificationsEnv.DB.prepare(
      "EXPLAIN QUERY PLAN SELECT count(DISTINCT event_id) FROM notifications WHERE counted_for = ? AND created_at > ?",
    )
      .bind("email:a@example.com", 0)
      .all<{ detail: string }>();
    expect(results.map(({ detail }) => detail)).toContainEqual(
      expect.stringContaining("COVERING INDEX notifications_counted (counted_for=? AND created_at>?)"),
    );
  });
});

async function subscribe(userId: string, name: string): Promise<void> {
  await notificationsEnv.DB.prepare(
    "INSERT INTO push_subscriptions (id, user_id, endpoint, p256dh, auth, created_at) VALUES (?, ?, ?, 'k', 'a', 0)",
  )
    .bind(newId("psh"), userId, `https://push.example/${userId}/${name}`)
    .run();
}

describe("an order whose payment is authorized", () => {
  it("is exempt from the ceilings, and its held-back confirmation is sent", async () => {
    const customer = guest();
    await mailsFor(customer, UNPROVEN_PER_HOUR);
    const data = orderData({ customer });
    await deliverAll([event("ORDER_CREATED", data.orderId, data)]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ template: "order_received", status: "held_back" }]);

    const paid = { ...data, moneyAuthorized: true };
    await deliverAll([confirmed(data), event("ORDER_SHIPPED", data.orderId, paid)]);
    expect((await rowsAbout(data.orderId)).map(({ template, status }) => `${template} ${status}`)).toEqual([
      "order_received sent",
      "order_shipped sent",
      "payment_received sent",
    ]);
    expect(await shop.mailsAbout(data.orderId)).toBe(3);
    // None of these mails count.
    shop.advance(HOUR_MS);
    expect(await mailsFor(customer, UNPROVEN_PER_HOUR)).toBe(UNPROVEN_PER_HOUR);
  });

  it("is confirmed once when the events arrive in reverse order", async () => {
    const customer = guest();
    await mailsFor(customer, UNPROVEN_PER_HOUR);
    const data = orderData({ customer });
    const events = [confirmed(data), event("ORDER_CREATED", data.orderId, data)];
    await deliverAll([...events, ...events]);
    await deliverAll(events.toReversed());
    expect(await shop.mailsAbout(data.orderId)).toBe(2);
  });

  it("has its confirmation sent by the sweep after a failure", async () => {
    const customer = guest();
    await mailsFor(customer, UNPROVEN_PER_HOUR);
    const data = orderData({ customer });
    await deliverAll([event("ORDER_CREATED", data.orderId, data)]);
    shop.breakMail(new Error("down"));
    await deliverAll([confirmed(data)]);
    shop.breakMail(undefined);
    await shop.sendDue({ everything: true });
    expect(await shop.mailsAbout(data.orderId)).toBe(2);
  });

  it("is exempt after PAYMENT_CAPTURED too, but the buyer's words stay out", async () => {
    const customer = guest();
    await mailsFor(customer, UNPROVEN_PER_HOUR);
    const data = orderData({ customer });
    const late = { ...data, status: "CANCELLED", reason: WORDS, reasonBy: "buyer" as const };
    await deliverAll([
      event("PAYMENT_CAPTURED", data.orderId, paymentData(data)),
      event("ORDER_CANCELLED", data.orderId, late),
    ]);
    expect(await shop.mailsAbout(data.orderId)).toBe(1);
    expect(JSON.stringify(shop.mails)).not.toContain("evil");
  });
});

describe("a user", () => {
  it("is greeted by name once EMAIL_VERIFIED has arrived", async () => {
    const customer = user({ proven: false });
    const userId = customer.id ?? "";
    await deliverAll([created(customer)]);
    await deliverAll([event("EMAIL_VERIFIED", userId, { userId, email: customer.email }), created(customer)]);
    expect(shop.mails.map(({ text }) => text?.split("\n")[0])).toEqual(["Hello,", "Hello Ada Lovelace,"]);
    expect(await mailsFor(customer, PROVEN_PER_HOUR)).toBe(PROVEN_PER_HOUR - 2);
  });

  it("is proven for the verified address only", async () => {
    const customer = user({ proven: false });
    const userId = customer.id ?? "";
    await deliverAll([event("EMAIL_VERIFIED", userId, { userId, email: "other@example.com" }), created(customer)]);
    expect(shop.mails[0]?.text).toMatch(/^Hello,/);
  });

  it("is welcomed without the name that a stranger may have typed", async () => {
    const userId = newId("usr");
    const email = `${userId}@example.com`;
    await deliverAll([event("USER_REGISTERED", userId, { userId, email, name: WORDS, locale: "de" })]);
    expect(shop.mails[0]?.text).toMatch(/^Guten Tag,/);
    expect(JSON.stringify(shop.mails)).not.toContain("evil");
  });
});

describe("a held-back message", () => {
  async function heldBack(): Promise<{ customer: Customer; orderId: string; id: string }> {
    const customer = user();
    await mailsFor(customer, PROVEN_PER_HOUR);
    const last = created(customer);
    await deliverAll([last]);
    const [row] = await rowsAbout(last.subject);
    return { customer, orderId: last.subject, id: row?.id ?? "" };
  }

  it("is in none of the user's lists", async () => {
    const { customer, orderId, id } = await heldBack();
    const own = callAs("customer", customer.id ?? "");
    const { items } = valueOf(await rpc.listNotifications(own, { limit: 100 }));
    expect(items).toHaveLength(PROVEN_PER_HOUR);
    expect(valueOf(await rpc.countUnread(own))).toBe(PROVEN_PER_HOUR);
    expect(valueOf(await rpc.listOrderNotifications(own, { orderId, customerId: customer.id ?? "" }))).toEqual([]);
    expect(await rpc.readNotification(own, { notificationId: id })).toMatchObject({ error: { code: "not_found" } });
  });

  it("is visible to staff, who can send it to the user", async () => {
    const { customer, orderId, id } = await heldBack();
    const filter = { status: "held_back" as const, userId: customer.id ?? "" };
    expect(valueOf(await rpc.listAllNotifications(callAs("admin"), filter)).items).toMatchObject([
      { id, about: orderId, status: "held_back", attempts: 0, nextAttemptAt: null },
    ]);
    const released = valueOf(await rpc.retryNotification(callAs("admin"), { notificationId: id }));
    expect(released).toMatchObject({ status: "pending", attempts: 0 });
    await shop.sendDue({ everything: true });
    expect(await shop.mailsAbout(orderId)).toBe(1);
    const own = callAs("customer", customer.id ?? "");
    expect(valueOf(await rpc.listOrderNotifications(own, { orderId, customerId: customer.id ?? "" }))).toMatchObject([
      { id, status: "sent" },
    ]);
  });

  it("is counted in the metrics, and deleted after 30 days", async () => {
    const { orderId } = await heldBack();
    const gauges = valueOf(await rpc.metrics(callAs("admin")));
    const gauge = gauges.find(({ name }) => name === "tradepost_notifications_held_back");
    expect(gauge?.samples.find(({ labels }) => labels["channel"] === "email")?.value).toBeGreaterThanOrEqual(1);
    shop.advance(29 * DAY_MS);
    await purgeCeilings(shop.deps);
    expect(await rowsAbout(orderId)).toHaveLength(1);
    shop.advance(2 * DAY_MS);
    await purgeCeilings(shop.deps);
    expect(await rowsAbout(orderId)).toEqual([]);
  });
});
