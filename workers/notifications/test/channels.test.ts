// The channels and the language of a message, and a failing channel that delays no other. The tests stand in for Twilio and the push
// services.
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Call, Role } from "#shared/call";
import type { Channel, NotificationsContract } from "#shared/contracts/notifications";
import type { OrderEventData } from "#shared/events/catalogue";
import { newId } from "#shared/ids";
import { MAX_SEND_ATTEMPTS, MAX_SUBSCRIPTIONS, SEND_LEASE_MS, SEND_TIMEOUT_MS } from "../src/constants.ts";
import { NoAnswer } from "../src/domain/delivery.ts";
import type { NotificationRow } from "../src/schema.ts";
import { sendersOf } from "../src/service/deps.ts";
import type { NotificationsBindings } from "../src/service/deps.ts";
import { pushSender } from "../src/service/push.ts";
import type { ProviderFetch, Sender } from "../src/service/senders.ts";
import { smsSender } from "../src/service/sms.ts";
import {
  BROWSER_KEYS,
  event,
  giveNumber,
  notificationsEnv,
  orderData,
  rowsAbout,
  rpc,
  testNotifications,
  valueOf,
} from "./notifications.ts";

let numbers = 1_000_000;

/** A new number each time, because of the ceiling for each number. */
function phoneNumber(): string {
  numbers += 1;
  return `+43664${String(numbers)}`;
}

const VAPID = {
  publicKey: "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
  privateKey: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
};
const EVERYWHERE: Channel[] = ["email", "sms", "push"];

interface ProviderCall {
  readonly url: string;
  readonly init: RequestInit;
}

/** Records the calls to providers and answers them. */
function recordedProviders(answer: (url: string) => Response): {
  readonly calls: ProviderCall[];
  readonly fetchProvider: ProviderFetch;
} {
  const calls: ProviderCall[] = [];
  return {
    calls,
    fetchProvider: (url, init) => {
      calls.push({ url, init });
      return Promise.resolve(answer(url));
    },
  };
}

function providers(fetchProvider: ProviderFetch): Record<"sms" | "push", Sender> {
  return {
    sms: smsSender({ accountSid: "AC1", authToken: "secret", from: "+15005550006", countries: "AT" }, fetchProvider),
    push: pushSender({ vapid: VAPID, subject: "mailto:shop@example.com" }, fetchProvider, () => Date.now()),
  };
}

function callAs(id: string, role: Role = "customer"): Call {
  const actor = { role, id, email: `${id}@example.com`, name: "Ada", emailVerified: true };
  return { actor, requestId: "req_1", correlationId: "req_1" };
}

/** A paid order, which text messages may be about, of a user with preferences. */
async function orderOf(
  { phone, ...chosen }: Partial<Parameters<NotificationsContract["putPreferences"]>[1]> & { readonly phone?: string },
  locale = "en",
): Promise<{ readonly data: OrderEventData; readonly userId: string }> {
  const userId = newId("usr");
  const customer = { id: userId, email: `${userId}@example.com`, name: "Ada Lovelace", locale, proven: true };
  if (phone !== undefined) await giveNumber(userId, phone);
  valueOf(await rpc.putPreferences(callAs(userId), { preferences: {}, ...chosen }));
  return { data: orderData({ customer, moneyAuthorized: true }), userId };
}

function endpointOf(userId: string, name = "a"): string {
  return `https://push.example/${userId}/${name}`;
}

async function browserOf(userId: string, name = "a"): Promise<string> {
  return valueOf(await rpc.subscribe(callAs(userId), { endpoint: endpointOf(userId, name), keys: BROWSER_KEYS })).id;
}

function channelsOf(rows: readonly NotificationRow[]): string[] {
  return rows.map(({ channel, status }) => `${channel} ${status}`).toSorted();
}

afterEach(() => {
  vi.useRealTimers();
});

describe("a user who wants every channel", () => {
  it("gets a mail, a text message and a push on each browser", async () => {
    const { calls, fetchProvider } = recordedProviders(() => new Response(null, { status: 201 }));
    const shop = testNotifications(providers(fetchProvider));
    const { data, userId } = await orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() });
    await browserOf(userId, "a");
    await browserOf(userId, "b");
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);

    const rows = await rowsAbout(data.orderId);
    expect(channelsOf(rows)).toEqual(["email sent", "push sent", "push sent", "sms sent"]);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(4);
    const sms = calls.find(({ url }) => url.includes("twilio"));
    expect(sms?.url).toBe("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json");
    expect(sms?.init).toMatchObject({ method: "POST", redirect: "manual" });
    expect(Object.fromEntries(new URLSearchParams(sms?.init.body as string))).toEqual({
      To: rows.find(({ channel }) => channel === "sms")?.recipient,
      From: "+15005550006",
      Body: "Tradepost: we have your order TP-1001 over $49.95.",
    });
    const pushed = calls.filter(({ url }) => url.startsWith("https://push.example/"));
    expect(pushed.map(({ url }) => url).toSorted()).toEqual([endpointOf(userId, "a"), endpointOf(userId, "b")]);
    for (const { init } of pushed) {
      expect(init.headers).toMatchObject({ "content-encoding": "aes128gcm", ttl: "86400" });
    }
  });

  it("gets one message from several copies of an event", async () => {
    const { calls, fetchProvider } = recordedProviders(() => new Response(null, { status: 201 }));
    const shop = testNotifications(providers(fetchProvider));
    const { data, userId } = await orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() });
    await browserOf(userId);
    const created = event("ORDER_CREATED", data.orderId, data);
    await Promise.all([shop.deliver([created, created]), shop.deliver([created]), shop.deliver([created])]);
    expect(await rowsAbout(data.orderId)).toHaveLength(3);
    expect(calls).toHaveLength(2);
  });
});

describe("a user's choice", () => {
  const all = (): ReturnType<typeof testNotifications> =>
    testNotifications(providers(recordedProviders(() => new Response(null, { status: 201 })).fetchProvider));

  it("of nothing: the mail, and pushes about the order's progress to a subscribed browser", async () => {
    const shop = all();
    const { data, userId } = await orderOf({});
    await browserOf(userId);
    await shop.deliver([event("ORDER_CREATED", data.orderId, data), event("ORDER_SHIPPED", data.orderId, data)]);
    const rows = await rowsAbout(data.orderId);
    expect(rows.map(({ template, channel }) => `${template} ${channel}`).toSorted()).toEqual([
      "order_received email",
      "order_shipped email",
      "order_shipped push",
    ]);
  });

  it("of no channel: mandatory mails go out, other messages are not written", async () => {
    const shop = all();
    const none = { order_received: [], order_shipped: [] };
    const { data, userId } = await orderOf({ preferences: none, phone: phoneNumber() });
    await browserOf(userId);
    await shop.deliver([event("ORDER_CREATED", data.orderId, data), event("ORDER_SHIPPED", data.orderId, data)]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ template: "order_received", channel: "email" }]);
  });

  it("of a text message without the mail", async () => {
    const shop = all();
    const { data } = await orderOf({ preferences: { order_shipped: ["sms"] }, phone: phoneNumber() });
    await shop.deliver([event("ORDER_SHIPPED", data.orderId, data)]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ channel: "sms", status: "sent", htmlBody: "" }]);
  });

  it.each([
    ["de", null, "de"],
    ["en", "de-AT", "de"],
    ["de", "en-GB", "en"],
    ["de", "fr", "en"],
    ["fr-CA", null, "en"],
  ])("of a language: an order in %s with %s chosen makes a mail in %s", async (ofOrder, chosen, used) => {
    const shop = all();
    const { data } = await orderOf({ locale: chosen }, ofOrder);
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    expect(await rowsAbout(data.orderId)).toMatchObject([{ channel: "email", locale: used }]);
  });

  it("of no cart reminder, which others get once for an expiry", async () => {
    const shop = all();
    const remind = async (preferences: Record<string, Channel[]>): Promise<NotificationRow[]> => {
      const { data } = await orderOf({ preferences });
      const { customer, lines, excerpt, subtotal, currency } = data;
      const cartId = newId("crt");
      const expired = event("CART_EXPIRED", cartId, { cartId, customer, lines, excerpt, subtotal, currency });
      await shop.deliver([expired]);
      await shop.deliver([expired]);
      return await rowsAbout(cartId);
    };
    expect(await remind({})).toMatchObject([{ template: "cart_reminder", status: "sent" }]);
    expect(await remind({ cart_reminder: [] })).toEqual([]);
    expect(shop.mails[0]?.text).toContain("turn off");
  });

  it("of text messages: they go out about paid orders only, order_received after the payment", async () => {
    const shop = all();
    const { data } = await orderOf({
      preferences: { order_received: EVERYWHERE, order_cancelled: EVERYWHERE },
      phone: phoneNumber(),
    });
    const unpaid = { ...data, moneyAuthorized: false };
    await shop.deliver([
      event("ORDER_CREATED", data.orderId, unpaid),
      event("ORDER_CANCELLED", data.orderId, { ...unpaid, status: "CANCELLED" }),
    ]);
    expect(channelsOf(await rowsAbout(data.orderId))).toEqual(["email sent", "email sent", "sms held_back"]);
    await shop.deliver([event("ORDER_CONFIRMED", data.orderId, data)]);
    const texts = (await rowsAbout(data.orderId)).filter(({ channel }) => channel === "sms");
    expect(texts).toMatchObject([{ template: "order_received", status: "sent" }]);
  });

  it("of text messages that the shop does not send: the mail alone", async () => {
    const shop = testNotifications();
    const { data } = await orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() });
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    expect(channelsOf(await rowsAbout(data.orderId))).toEqual(["email sent"]);
  });
});

describe("a failing channel", () => {
  const failing = (error: () => Promise<void>): Sender => error;

  it("waits for its own pause while the others send, and sends when it works again", async () => {
    let isDown = true;
    const { fetchProvider } = recordedProviders(
      (url) => new Response(null, { status: isDown && url.includes("twilio") ? 503 : 201 }),
    );
    const shop = testNotifications(providers(fetchProvider));
    const { data, userId } = await orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() });
    await browserOf(userId);
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    expect(channelsOf(await rowsAbout(data.orderId))).toEqual(["email sent", "push sent", "sms pending"]);
    isDown = false;
    await shop.sendDue({ everything: true });
    expect(channelsOf(await rowsAbout(data.orderId))).toEqual(["email sent", "push sent", "sms sent"]);
    expect(await shop.mailsAbout(data.orderId)).toBe(1);
  });

  it("that was switched off keeps its messages until their last attempt", async () => {
    const shop = testNotifications({ sms: failing(() => Promise.reject(new Error("down"))) });
    const { data } = await orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() });
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    const off = testNotifications();
    const sms = async (): Promise<NotificationRow | undefined> =>
      (await rowsAbout(data.orderId)).find(({ channel }) => channel === "sms");
    off.advance(SEND_LEASE_MS);
    await off.sendDue({ everything: true });
    expect(await sms()).toMatchObject({ status: "pending", lastError: "the shop does not send on sms now" });
    for (let tries = 2; tries < MAX_SEND_ATTEMPTS; tries += 1) await off.sendDue({ everything: true });
    expect(await sms()).toMatchObject({ status: "failed", attempts: MAX_SEND_ATTEMPTS });
  });

  it("that refuses a message for good fails it at once", async () => {
    const { fetchProvider } = recordedProviders(() =>
      Response.json({ code: 21610, message: "opted out" }, { status: 400 }),
    );
    const shop = testNotifications({ sms: providers(fetchProvider).sms });
    const { data } = await orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() });
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    expect((await rowsAbout(data.orderId)).find(({ channel }) => channel === "sms")).toMatchObject({
      status: "failed",
      lastError: "Twilio answered 400 21610 opted out",
    });
  });

  it("that hangs is called for a few messages only and leaves the rest of its batch to the sweep", async () => {
    let sends = 0;
    const hang = failing(() => {
      sends += 1;
      setTimeout(() => vi.advanceTimersByTime(SEND_TIMEOUT_MS), 0);
      return new Promise<void>(() => undefined);
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const realTimers = setInterval(() => vi.advanceTimersByTime(SEND_TIMEOUT_MS), 20);
    const shop = testNotifications({ sms: hang });
    const orders = await Promise.all(
      Array.from({ length: 20 }, () => orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() })),
    );
    await shop.deliver(orders.map(({ data }) => event("ORDER_CREATED", data.orderId, data)));
    clearInterval(realTimers);
    for (const { data } of orders) {
      expect(channelsOf(await rowsAbout(data.orderId))).toEqual(["email sent", "sms pending"]);
    }
    expect(sends).toBeLessThanOrEqual(6);
  });

  it("starts no send late in the lease", async () => {
    let advance = (): void => undefined;
    let sends = 0;
    const shop = testNotifications({
      sms: () => {
        sends += 1;
        advance();
        return Promise.reject(new NoAnswer("slow"));
      },
    });
    advance = () => {
      shop.advance(SEND_LEASE_MS);
    };
    const orders = await Promise.all(
      Array.from({ length: 9 }, () => orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() })),
    );
    await shop.deliver(orders.map(({ data }) => event("ORDER_CREATED", data.orderId, data)));
    expect(sends).toBeLessThanOrEqual(6);
  });

  it.each([404, 410])("deletes a browser that its push service answers %i for, and no other", async (status) => {
    const { fetchProvider } = recordedProviders(
      (url) => new Response(null, { status: url.endsWith("/gone") ? status : 201 }),
    );
    const shop = testNotifications({ push: providers(fetchProvider).push });
    const { data, userId } = await orderOf({ preferences: { order_received: EVERYWHERE }, phone: phoneNumber() });
    await browserOf(userId, "gone");
    await browserOf(userId, "here");
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    expect(channelsOf(await rowsAbout(data.orderId))).toEqual(["email sent", "push failed", "push sent"]);
    const { items } = valueOf(await rpc.listSubscriptions(callAs(userId)));
    expect(items.map(({ endpoint }) => endpoint)).toEqual([endpointOf(userId, "here")]);
  });
});

describe("browsers", () => {
  it("keep their id with new keys, and get a new id with another user", async () => {
    const [first, second] = [newId("usr"), newId("usr")];
    const endpoint = endpointOf(first, "shared");
    const id = await browserOf(first, "shared");
    expect(valueOf(await rpc.subscribe(callAs(first), { endpoint, keys: BROWSER_KEYS })).id).toBe(id);
    const moved = valueOf(await rpc.subscribe(callAs(second), { endpoint, keys: BROWSER_KEYS }));
    expect(moved.id).not.toBe(id);
    expect(valueOf(await rpc.listSubscriptions(callAs(first))).items).toEqual([]);
  });

  it("are limited, and a new one replaces the oldest", async () => {
    const userId = newId("usr");
    for (let n = 0; n <= MAX_SUBSCRIPTIONS; n += 1) await browserOf(userId, String(n));
    const { items } = valueOf(await rpc.listSubscriptions(callAs(userId)));
    expect(items).toHaveLength(MAX_SUBSCRIPTIONS);
    expect(items.some(({ endpoint }) => endpoint.endsWith("/0"))).toBe(false);
  });

  it("can be unsubscribed by their user only", async () => {
    const userId = newId("usr");
    const subscriptionId = await browserOf(userId);
    const others = await rpc.unsubscribe(callAs(newId("usr")), { subscriptionId });
    expect(others).toMatchObject({ error: { code: "not_found" } });
    expect(valueOf(await rpc.unsubscribe(callAs(userId), { subscriptionId }))).toBeNull();
  });

  it("on a private network are refused", async () => {
    const outcome = await rpc.subscribe(callAs(newId("usr")), {
      endpoint: "https://169.254.169.254/x",
      keys: BROWSER_KEYS,
    });
    expect(outcome).toMatchObject({ error: { code: "validation_failed", errors: [{ path: "endpoint" }] } });
  });
});

describe("a browser's key", () => {
  it("that is no point of the curve is refused, since nothing could be encrypted for it", async () => {
    const userId = newId("usr");
    const keys = { ...BROWSER_KEYS, p256dh: `B${"A".repeat(86)}` };
    const outcome = await rpc.subscribe(callAs(userId), { endpoint: endpointOf(userId), keys });
    expect(outcome).toMatchObject({ error: { code: "validation_failed", errors: [{ path: "keys.p256dh" }] } });
    expect(valueOf(await rpc.listSubscriptions(callAs(userId))).items).toEqual([]);
  });
});

describe("preferences", () => {
  it("are returned with defaults filled in", async () => {
    const userId = newId("usr");
    const before = valueOf(await rpc.preferences(callAs(userId)));
    expect(before).toMatchObject({ phone: null, locale: null, available: ["email"] });
    expect(before.preferences).toMatchObject({ order_received: ["email"], cart_reminder: ["email"] });
    const chosen = { preferences: { order_received: ["sms" as const], cart_reminder: [] }, locale: "de-at" };
    const phone = phoneNumber();
    await giveNumber(userId, phone);
    const after = valueOf(await rpc.putPreferences(callAs(userId), chosen));
    expect(after).toMatchObject({ phone, phoneVerified: true, locale: "de-AT" });
    expect(after.preferences).toMatchObject({ order_received: ["email", "sms"], cart_reminder: [] });
    expect(after.mandatory).toContain("order_received");
    expect(valueOf(await rpc.preferences(callAs(userId)))).toEqual(after);
    expect(valueOf(await rpc.putPreferences(callAs(userId), { preferences: {} }))).toEqual({
      ...before,
      phone,
      phoneVerified: true,
    });
  });

  it.each([
    ["an unknown kind", { preferences: { nonsense: ["email"] } }, "preferences.nonsense"],
    ["an inherited kind", { preferences: JSON.parse('{"__proto__":["email"]}') as object }, "preferences.__proto__"],
    ["a kind of the admins", { preferences: { low_stock: ["email"] } }, "preferences.low_stock"],
    ["an unknown channel", { preferences: { order_received: ["fax"] } }, "preferences.order_received.0"],
    [
      "a channel that the kind cannot go out on",
      { preferences: { password_reset: ["push"] } },
      "preferences.password_reset",
    ],
    ["texts without a proven number", { preferences: { order_received: ["sms"] } }, "preferences"],
    ["a phone number, which needs a code", { preferences: {}, phone: "+4366412345678" }, "phone"],
    ["a malformed language", { preferences: {}, locale: "de_AT" }, "locale"],
    ["an unknown member", { preferences: {}, role: "admin" }, "role"],
  ])("refuse %s", async (_name, input, path) => {
    const outcome = await rpc.putPreferences(callAs(newId("usr")), input);
    expect(outcome).toMatchObject({ ok: false, error: { code: "validation_failed", errors: [{ path }] } });
  });
});

it("a channel is on when all its settings are there", () => {
  const twilio = { TWILIO_ACCOUNT_SID: "AC1", TWILIO_FROM: "+15005550006", TWILIO_AUTH_TOKEN: "x" };
  const vapid = { VAPID_PUBLIC_KEY: VAPID.publicKey, VAPID_SUBJECT: "mailto:a@b", VAPID_PRIVATE_KEY: VAPID.privateKey };
  const channelsWith = (over: Partial<NotificationsBindings>): Channel[] => [
    ...sendersOf({ ...notificationsEnv, ...over }).keys(),
  ];
  expect(channelsWith({})).toEqual(["email"]);
  expect(channelsWith({ ...twilio, ...vapid })).toEqual(["email", "sms", "push"]);
  expect(channelsWith({ ...twilio, TWILIO_AUTH_TOKEN: "" })).toEqual(["email"]);
  expect(channelsWith({ ...vapid, VAPID_SUBJECT: "" })).toEqual(["email"]);
});
