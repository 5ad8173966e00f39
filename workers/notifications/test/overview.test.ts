// What combined answers ask of notifications, over RPC: how much is unread, and what was said about one order, to whom it concerns.
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { NotificationsContract } from "#shared/contracts/notifications";
import type { Outcome } from "#shared/errors";
import { callAs, guestCall } from "#shared/testkit/kit";
import { event, orderData, testNotifications } from "./notifications.ts";

const rpc = (exports as unknown as { NotificationsRpc: NotificationsContract }).NotificationsRpc;

function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`unexpected failure: ${outcome.error.code}`);
  return outcome.value;
}

/** A customer who was told twice about an order. */
async function told(): Promise<{ readonly userId: string; readonly orderId: string }> {
  const data = orderData();
  await testNotifications().deliver([
    event("ORDER_CREATED", data.orderId, data),
    event("ORDER_CONFIRMED", data.orderId, data),
  ]);
  return { userId: data.customer.id ?? "", orderId: data.orderId };
}

describe("the number of unread messages", () => {
  it("goes down with what is read, and is the caller's own", async () => {
    const { userId } = await told();
    await told();
    const call = callAs("customer", userId);
    expect(valueOf(await rpc.countUnread(call))).toBe(2);
    const { items } = valueOf(await rpc.listNotifications(call, {}));
    await rpc.readNotification(call, { notificationId: items[0]?.id ?? "" });
    expect(valueOf(await rpc.countUnread(call))).toBe(1);
    expect(valueOf(await rpc.countUnread(callAs("customer")))).toBe(0);
    expect(await rpc.countUnread(guestCall())).toMatchObject({ error: { code: "unauthenticated" } });
  });
});

describe("the messages about an order", () => {
  it("are for its customer and for admins, newest first, and for nobody else", async () => {
    const { userId, orderId } = await told();
    const ask = { orderId, customerId: userId };
    const own = valueOf(await rpc.listOrderNotifications(callAs("customer", userId), ask));
    expect(own).toHaveLength(2);
    expect(own.map(({ createdAt }) => createdAt)).toEqual(
      own
        .map(({ createdAt }) => createdAt)
        .toSorted()
        .toReversed(),
    );
    expect(valueOf(await rpc.listOrderNotifications(callAs("admin"), ask))).toEqual(own);
    expect(valueOf(await rpc.listOrderNotifications(callAs("vendor"), ask))).toEqual([]);
    expect(valueOf(await rpc.listOrderNotifications(callAs("customer"), ask))).toEqual([]);
    expect(valueOf(await rpc.listOrderNotifications(guestCall(), ask))).toEqual([]);
  });

  it("are not those about another order", async () => {
    const [first, second] = [await told(), await told()];
    const ask = { orderId: second.orderId, customerId: first.userId };
    expect(valueOf(await rpc.listOrderNotifications(callAs("customer", first.userId), ask))).toEqual([]);
  });
});

describe("the figures", () => {
  it("tell what waits and what became of the last hour's, by channel", async () => {
    await told();
    const metrics = valueOf(await rpc.metrics(callAs("admin")));
    const named = new Map(metrics.map((metric) => [metric.name, metric.samples]));
    const lastHour = named.get("tradepost_notifications_last_hour") ?? [];
    expect(lastHour.some(({ labels, value }) => labels["channel"] === "email" && value > 0)).toBe(true);
    expect(named.get("tradepost_notifications_oldest_pending_seconds")).toHaveLength(1);
    expect(named.get("tradepost_inbox_failures")).toEqual([{ labels: {}, value: 0 }]);
  });
});
