// Messages on every channel, from an order to what the customer receives, and templates from their change to the next message.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CreatedOrder } from "#shared/contracts/orders";
import type { AdminNotification, Template } from "#shared/contracts/notifications-staff";
import { EXCERPT_LINES } from "#shared/limits";
import {
  ADDRESS,
  Client,
  addToCart,
  eventually,
  lettersTo,
  newBuyer,
  pay,
  placeOrder,
} from "../scripts/shop/client.ts";
import type { Letter, Shelf } from "../scripts/shop/client.ts";
import { openShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

let shop: Shop;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openShop({ LOG_LEVEL: "error" }));
});

afterAll(async () => {
  await shop.close();
});

async function letterTo(to: string, about: string): Promise<Letter> {
  return await eventually(`a message to ${to}`, async () =>
    (await lettersTo(shop.send, to)).find(({ subject, text }) => `${subject} ${text}`.includes(about)),
  );
}

/** Subscribes a browser of the mailbox to pushes. Returns its endpoint. */
async function signUp(buyer: Client, answer: string): Promise<string> {
  await buyer.expect(200, "GET", "/api/notifications/push-key");
  const query = `name=${crypto.randomUUID()}&answer=${answer}`;
  const subscription = await buyer.expect<{ endpoint: string }>(200, "GET", `/dev/mailbox/push-subscription?${query}`);
  await buyer.expect(201, "POST", "/api/notifications/push-subscriptions", subscription);
  return subscription.endpoint;
}

async function customer(): Promise<{ readonly buyer: Client; readonly email: string }> {
  const { buyer, session } = await newBuyer(new Client(shop.send));
  return { buyer, email: session.user.email };
}

function phoneNumber(): string {
  return `+43660${String(Math.floor(Math.random() * 1e7)).padStart(7, "0")}`;
}

/** Verifies a phone number by the code in a text. */
async function proveNumber(buyer: Client, phone: string): Promise<void> {
  await buyer.expect(202, "POST", "/api/notifications/phone", { phone });
  const { text } = await letterTo(phone, "code");
  const code = /\b\d{6}\b/.exec(text ?? "")?.[0];
  await buyer.expect(200, "POST", "/api/notifications/phone/verify", { code });
}

async function prefer(buyer: Client, locale: string): Promise<void> {
  const preferences = { order_received: ["email", "sms", "push"], payment_received: [] };
  await buyer.expect(200, "PUT", "/api/notifications/preferences", { preferences, locale });
}

async function numberOf(buyer: Client): Promise<string> {
  return (await buyer.expect<{ phone: string }>(200, "GET", "/api/notifications/preferences")).phone;
}

/** A paid order, because texts are about paid orders only. */
async function order(buyer: Client): Promise<{ id: string; number: string }> {
  await addToCart(buyer, await shelf.take(1), 1);
  const placed = await placeOrder(buyer);
  await pay(shop.send, buyer, placed.id);
  return placed;
}

describe("a customer with every channel", () => {
  it("gets a mail, a text and a push about an order, in the language of choice", async () => {
    const { buyer, email } = await customer();
    const phone = phoneNumber();
    const endpoint = await signUp(buyer, "created");
    await proveNumber(buyer, phone);
    await letterTo(email, "phone number");
    await letterTo(email, "browser");
    await prefer(buyer, "de-AT");
    const { number } = await order(buyer);
    expect((await letterTo(email, number)).subject).toBe(`Bestellung ${number} eingegangen`);
    expect(await letterTo(phone, number)).toMatchObject({ channel: "sms" });
    expect(await letterTo(endpoint, number)).toMatchObject({
      channel: "push",
      subject: `Bestellung ${number} eingegangen`,
      text: expect.stringContaining("eingegangen") as unknown,
    });
  });

  it("gets a mail that shows more lines than the event of the order describes", async () => {
    const { buyer, email } = await customer();
    const count = EXCERPT_LINES + 3;
    const items: { productId: string; quantity: number }[] = [];
    for (let line = 0; line < count; line += 1) items.push({ productId: await shelf.take(5), quantity: 2 });
    const { number, items: lines } = await placeOrder(buyer, items);
    const { text } = await letterTo(email, number);
    for (const { name, sku } of lines) expect(text).toContain(`2 x ${name} (${sku})`);
  });

  it("gets the other messages when a channel fails, and an admin sees and repeats the failure", async () => {
    const { buyer, email } = await customer();
    const gone = await signUp(buyer, "gone");
    const endpoint = await signUp(buyer, "created");
    await proveNumber(buyer, phoneNumber());
    await prefer(buyer, "en");
    // Twilio's number that accepts no texts, as if the customer had lost it since it was verified.
    await shop.query(
      "notifications",
      "UPDATE phones SET phone = '+15005550001' WHERE phone = ?",
      await numberOf(buyer),
    );
    const { id, number } = await order(buyer);
    await letterTo(email, number);
    await letterTo(endpoint, number);
    const failed = await eventually("both failures are known", async () => {
      const path = "/api/admin/notifications?status=failed&kind=order_received";
      const { items } = await admin.expect<{ items: AdminNotification[] }>(200, "GET", path);
      const own = items.filter(({ about }) => about === id);
      return own.length === 2 ? own : undefined;
    });
    const errors = Object.fromEntries(failed.map(({ channel, lastError }) => [channel, lastError]));
    expect(errors).toEqual({
      sms: "Twilio answered 400 21211 Invalid 'To' Phone Number",
      push: "the push service answered 410",
    });
    const { items } = await buyer.expect<{ items: { endpoint: string }[] }>(
      200,
      "GET",
      "/api/notifications/push-subscriptions",
    );
    expect(items.map((item) => item.endpoint)).toEqual([endpoint]);
    expect(await lettersTo(shop.send, gone)).toEqual([]);

    const sms = failed.find(({ channel }) => channel === "sms");
    const retried = await admin.expect<AdminNotification>(
      200,
      "POST",
      `/api/admin/notifications/${sms?.id ?? ""}/retry`,
    );
    expect(retried).toMatchObject({ status: "pending", attempts: 0 });
    await shop.cron("notifications");
    const path = `/api/admin/notifications?status=failed&channel=sms&userId=${retried.userId ?? ""}`;
    expect(await admin.expect(200, "GET", path)).toMatchObject({ items: [{ id: sms?.id, attempts: 1 }] });
  });
});

it("a changed template is used for the next message, and its old version is kept", async () => {
  const path = "/api/admin/templates/order_received.email.en";
  const before = await admin.call<Template>("GET", path);
  const { subject, textBody, htmlBody } = before.body;
  const texts = { subject: `Thank you for ${subject}`, textBody, htmlBody };
  const etag = before.headers.get("etag") ?? "";
  expect((await admin.call("PUT", path, texts, { "if-match": etag })).status).toBe(200);
  const stale = await admin.call("PUT", path, { ...texts, subject: "Other" }, { "if-match": etag });
  expect([stale.status, stale.body]).toEqual([412, expect.objectContaining({ code: "template_version_conflict" })]);

  const { buyer, email } = await customer();
  const { number } = await order(buyer);
  expect(await letterTo(email, `Thank you for Order ${number} received`)).toMatchObject({ channel: "email" });
  expect(await admin.expect(200, "GET", `${path}/versions`)).toMatchObject({ items: [{ version: 1, subject }] });
});

it("orders in a stranger's name send them few messages, and no text of the sender", async () => {
  const email = `stranger-${crypto.randomUUID()}@example.com`;
  const words = "win at https://evil.example";
  const productId = await shelf.take(20);
  for (let round = 0; round < 6; round += 1) {
    const { id, accessToken = "" } = await new Client(shop.send).expect<CreatedOrder>(201, "POST", "/api/orders", {
      items: [{ productId, quantity: 1 }],
      shippingAddress: { ...ADDRESS, name: words, line1: words },
      email,
    });
    const guest = new Client(shop.send, { authorization: `Bearer ${accessToken}` });
    await guest.expect(200, "POST", `/api/orders/${id}/cancel`, { reason: words });
  }
  const held = await eventually("what was held back is known", async () => {
    const path = "/api/admin/notifications?status=held_back&limit=100";
    const { items } = await admin.expect<{ items: AdminNotification[] }>(200, "GET", path);
    const theirs = items.filter(({ recipient }) => recipient === email);
    return theirs.length === 7 ? theirs : undefined;
  });
  const letters = await lettersTo(shop.send, email);
  expect(letters).toHaveLength(5);
  expect(JSON.stringify([letters, held])).not.toContain("evil");

  const [first] = held;
  await admin.expect(200, "POST", `/api/admin/notifications/${first?.id ?? ""}/retry`);
  await shop.cron("notifications");
  expect(await lettersTo(shop.send, email)).toHaveLength(6);
});

it("markup in a name reaches neither the mail nor the page of the mailbox, which can be emptied", async () => {
  const client = new Client(shop.send);
  const email = `mailbox-${crypto.randomUUID()}@example.com`;
  const name = `<script>alert("x")</script>`;
  await client.expect(201, "POST", "/api/auth/register", { email, password: "correct horse battery", name });

  // The welcome, and the link that verifies the address.
  const letter = await eventually("both mails", async () => {
    const all = await lettersTo(shop.send, email);
    return all.length === 2 ? all[0] : undefined;
  });
  expect(letter).toMatchObject({ channel: "email", to: email });
  expect(letter.text).not.toContain(name);
  expect(letter.headers["X-Notification-Id"]).toMatch(/^ntf_/);
  expect(letter.html).not.toContain("<script");

  const page = await shop.send(`/dev/mailbox?to=${email}`, { headers: { accept: "text/html" } });
  expect(page.headers.get("content-type")).toContain("text/html");
  const text = await page.text();
  expect(text).not.toContain("<script");

  await client.expect(204, "DELETE", "/dev/mailbox");
  expect(await lettersTo(shop.send, email)).toEqual([]);
});
