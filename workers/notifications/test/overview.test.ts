// The parts of the gateway's combined responses, over RPC: the number of unread messages and the messages about one order.
import { describe, expect, it } from "vitest";
import { callAs, guestCall } from "#shared/testkit/kit";
import { event, orderData, rpc, testNotifications, valueOf } from "./notifications.ts";

/** A customer with two messages about an order. */
async function notified(): Promise<{ readonly userId: string; readonly orderId: string }> {
  const data = orderData();
  await testNotifications().deliver([
    event("ORDER_CREATED", data.orderId, data),
    event("ORDER_CONFIRMED", data.orderId, data),
  ]);
  return { userId: data.customer.id ?? "", orderId: data.orderId };
}

describe("the number of unread messages", () => {
  it("decreases as the caller reads", async () => {
    const { userId } = await notified();
    await notified();
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
  it("are visible to its customer and to admins only, newest first", async () => {
    const { userId, orderId } = await notified();
    const input = { orderId, customerId: userId };
    const own = valueOf(await rpc.listOrderNotifications(callAs("customer", userId), input));
    expect(own).toHaveLength(2);
    expect(own.map(({ createdAt }) => createdAt)).toEqual(
      own
        .map(({ createdAt }) => createdAt)
        .toSorted()
        .toReversed(),
    );
    expect(valueOf(await rpc.listOrderNotifications(callAs("admin"), input))).toEqual(own);
    expect(valueOf(await rpc.listOrderNotifications(callAs("vendor"), input))).toEqual([]);
    expect(valueOf(await rpc.listOrderNotifications(callAs("customer"), input))).toEqual([]);
    expect(valueOf(await rpc.listOrderNotifications(guestCall(), input))).toEqual([]);
  });

  it("need the order's own customer", async () => {
    const [first, second] = [await notified(), await notified()];
    const input = { orderId: second.orderId, customerId: first.userId };
    expect(valueOf(await rpc.listOrderNotifications(callAs("customer", first.userId), input))).toEqual([]);
  });
});

describe("the metrics", () => {
  it("count waiting messages and those of the last hour, by channel", async () => {
    await notified();
    const metrics = valueOf(await rpc.metrics(callAs("admin")));
    const named = new Map(metrics.map((metric) => [metric.name, metric.samples]));
    const lastHour = named.get("tradepost_notifications_last_hour") ?? [];
    expect(lastHour.some(({ labels, value }) => labels["channel"] === "email" && value > 0)).toBe(true);
    expect(named.get("tradepost_notifications_oldest_pending_seconds")).toHaveLength(1);
    expect(named.get("tradepost_inbox_failures")).toEqual([{ labels: {}, value: 0 }]);
  });
});
