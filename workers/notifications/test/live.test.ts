// The live feed: which sockets get which updates, once, and how sockets end.
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { OrderUpdate } from "#shared/contracts/orders";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { MAX_SOCKETS, SOCKET_CLOSE, socketRequest } from "#shared/sockets";
import { callAs, deliver, guestCall } from "#shared/testkit/kit";
import { listening } from "#shared/testkit/sockets";
import type { Listener } from "#shared/testkit/sockets";
import { consumeWith } from "../src/consumer.ts";
import type { FeedObject } from "../src/objects/live-feed.ts";
import { openFeed } from "../src/service/live.ts";
import { INBOX, event, notificationsEnv, orderData, testNotifications } from "./notifications.ts";

const HOUR_MS = 3_600_000;

async function feedOf(userId: string, expiresAt = Date.now() + HOUR_MS): Promise<Listener<OrderUpdate>> {
  const { deps } = testNotifications();
  const request = socketRequest({ call: callAs("customer", userId), expiresAt, protocol: "bearer" });
  return listening<OrderUpdate>(await openFeed(deps, request));
}

function orderEvent(type: "ORDER_CREATED" | "ORDER_CONFIRMED", userId: string | null, status: string): EventEnvelope {
  const orderId = newId("ord");
  const customer = { id: userId, email: "ada@example.com", name: "Ada", locale: "en", proven: true };
  return event(type, orderId, orderData({ orderId, customer, status }));
}

describe("the live feed", () => {
  it("sends each change to all of the user's sockets, and to nobody else's", async () => {
    const [ada, bob] = [newId("usr"), newId("usr")];
    const [phone, laptop, stranger] = await Promise.all([feedOf(ada), feedOf(ada), feedOf(bob)]);
    const created = orderEvent("ORDER_CREATED", ada, "PENDING");
    await testNotifications().deliver([created]);
    const update = { type: "ORDER_CREATED", orderId: created.subject, status: "PENDING", at: created.time };
    expect(await phone.next()).toEqual(update);
    expect(await laptop.next()).toEqual(update);
    await testNotifications().deliver([orderEvent("ORDER_CREATED", bob, "PENDING")]);
    await stranger.next();
    expect([phone.received, stranger.received].map(({ length }) => length)).toEqual([1, 1]);
  });

  it("sends an event once, however often it is delivered", async () => {
    const ada = newId("usr");
    const phone = await feedOf(ada);
    const created = orderEvent("ORDER_CREATED", ada, "PENDING");
    const { deliver: send } = testNotifications();
    await send([created, created]);
    await send([created]);
    await send([orderEvent("ORDER_CONFIRMED", ada, "CONFIRMED"), created]);
    expect([(await phone.next()).type, (await phone.next()).type]).toEqual(["ORDER_CREATED", "ORDER_CONFIRMED"]);
    expect(phone.received).toHaveLength(2);
  });

  it("is called once for each user and batch, and not for guests", async () => {
    const ada = newId("usr");
    const shop = testNotifications();
    const called: string[] = [];
    const feed = (userId: string): FeedObject => {
      called.push(userId);
      return shop.deps.feed(userId);
    };
    const events = [
      orderEvent("ORDER_CREATED", ada, "PENDING"),
      orderEvent("ORDER_CONFIRMED", ada, "CONFIRMED"),
      orderEvent("ORDER_CREATED", null, "PENDING"),
    ];
    await deliver((batch) => consumeWith({ ...shop.deps, feed }, batch), INBOX, events);
    expect(called).toEqual([ada]);
  });

  it("delays no mail when it cannot be reached", async () => {
    const shop = testNotifications();
    const feed = (): never => {
      throw new Error("no objects today");
    };
    const created = orderEvent("ORDER_CREATED", newId("usr"), "PENDING");
    const outcome = await deliver((batch) => consumeWith({ ...shop.deps, feed }, batch), INBOX, [created]);
    expect(outcome).toEqual({ acknowledged: [created.id], retried: [] });
    expect(await shop.mailsAbout(created.subject)).toBe(1);
  });

  it("works after hibernation, and echoes the protocol but never the token", async () => {
    const ada = newId("usr");
    const phone = await feedOf(ada);
    expect(phone.protocol).toBe("bearer");
    await evictDurableObject(notificationsEnv.LIVE_FEED.getByName(ada));
    await testNotifications().deliver([orderEvent("ORDER_CREATED", ada, "PENDING")]);
    expect((await phone.next()).status).toBe("PENDING");
    phone.socket.send("ping");
    expect(await phone.nextText()).toBe("pong");
  });

  it("closes a socket whose token has expired, and sends it nothing", async () => {
    const ada = newId("usr");
    const [late, fresh] = await Promise.all([feedOf(ada, Date.now() + 50), feedOf(ada)]);
    const shop = testNotifications();
    shop.advance(60_000);
    await shop.deliver([orderEvent("ORDER_CREATED", ada, "PENDING")]);
    expect((await late.closed).code).toBe(SOCKET_CLOSE.expired);
    expect(late.received).toEqual([]);
    expect((await fresh.next()).status).toBe("PENDING");
    const idle = await feedOf(newId("usr"), Date.now() - 1);
    expect(idle.received).toEqual([]);
  });

  it("closes an idle socket by the alarm", async () => {
    const ada = newId("usr");
    const idle = await feedOf(ada, Date.now() - 1);
    await runDurableObjectAlarm(notificationsEnv.LIVE_FEED.getByName(ada));
    expect((await idle.closed).code).toBe(SOCKET_CLOSE.expired);
  });

  it("accepts no messages, and replaces the oldest socket above the limit", async () => {
    const ada = newId("usr");
    const first = await feedOf(ada);
    const loud = await feedOf(ada);
    loud.socket.send("hello");
    expect((await loud.closed).code).toBe(SOCKET_CLOSE.policy);
    for (let opened = 0; opened < MAX_SOCKETS; opened += 1) await feedOf(ada);
    expect((await first.closed).code).toBe(SOCKET_CLOSE.displaced);
  });

  it("needs a user", async () => {
    const open = async (): Promise<Response> =>
      await openFeed(testNotifications().deps, socketRequest({ call: guestCall(), expiresAt: Date.now() + HOUR_MS }));
    await expect(open()).rejects.toThrow("only a user");
  });
});
