// Messages about orders of more lines than their events describe.
import { describe, expect, it, vi } from "vitest";
import { linesOfEvent } from "#shared/events/catalogue";
import type { EventLine, OrderEventData } from "#shared/events/catalogue";
import type { OrdersContract } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import { newId } from "#shared/ids";
import { EXCERPT_LINES, MAX_LINES } from "#shared/limits";
import { ok } from "#shared/result";
import { deliver } from "#shared/testkit/kit";
import { MESSAGE_LINES } from "../src/constants.ts";
import { consumeWith } from "../src/consumer.ts";
import { INBOX, event, orderData, rowsAbout, testNotifications } from "./notifications.ts";

function linesOf(count: number, name = "Bolt"): EventLine[] {
  return Array.from({ length: count }, (_, index) => ({
    productId: newId("prd"),
    sku: `B-${String(index)}`,
    name: `${name} ${String(index)}`,
    quantity: 1,
    unitPrice: 100,
    lineTotal: 100,
  }));
}

interface Order {
  readonly data: OrderEventData;
  readonly lines: readonly EventLine[];
}

function orderOf(count: number, name?: string): Order {
  const lines = linesOf(count, name);
  return { lines, data: orderData(linesOfEvent(lines)) };
}

/** Orders as the Worker orders knows them. */
function ordersWith(orders: readonly Order[]): ReturnType<typeof vi.fn<OrdersContract["firstLines"]>> {
  return vi.fn<OrdersContract["firstLines"]>(async (_call, { orderIds, limit }) =>
    ok(
      orders
        .filter(({ data }) => orderIds.includes(data.orderId))
        .map(({ data, lines }) => ({ orderId: data.orderId, lines: lines.slice(0, limit) })),
    ),
  );
}

async function mailAbout(orderId: string): Promise<string> {
  const mails = (await rowsAbout(orderId)).filter(({ channel }) => channel === "email");
  return mails.map(({ textBody }) => textBody).join("\n---\n");
}

describe("a mail about an order", () => {
  it("of few lines shows them without asking orders", async () => {
    const { data } = orderOf(EXCERPT_LINES);
    const { deliver: receive } = testNotifications();
    await receive([event("ORDER_CREATED", data.orderId, data)]);
    expect(await mailAbout(data.orderId)).toContain(`Bolt ${String(EXCERPT_LINES - 1)}`);
    expect(await mailAbout(data.orderId)).not.toContain("more line");
  });

  it("of more lines shows what orders returns, read once for all orders of a batch", async () => {
    const orders = [orderOf(EXCERPT_LINES + 5), orderOf(MESSAGE_LINES + 1), orderOf(2)];
    const firstLines = ordersWith(orders);
    const deps = { ...testNotifications().deps, orders: { firstLines } };
    const events = orders.map(({ data }) => event("ORDER_CREATED", data.orderId, data));
    await deliver((batch) => consumeWith(deps, batch), INBOX, events);
    expect(firstLines).toHaveBeenCalledTimes(1);
    expect(firstLines.mock.calls[0]?.[1]).toEqual({
      orderIds: orders.slice(0, 2).map(({ data }) => data.orderId),
      limit: MESSAGE_LINES,
    });
    const [some = "", many = ""] = await Promise.all(orders.map(({ data }) => mailAbout(data.orderId)));
    expect(some).toContain(`Bolt ${String(EXCERPT_LINES + 4)} `);
    expect(some).not.toContain("more line");
    expect(many).toContain(`Bolt ${String(MESSAGE_LINES - 1)} `);
    expect(many).toContain("and 1 more line");
  });

  it("that does not show the lines does not ask for them", async () => {
    const { data } = orderOf(MAX_LINES);
    const { deliver: receive } = testNotifications();
    await receive([event("ORDER_DELIVERED", data.orderId, data)]);
    expect(await rowsAbout(data.orderId)).toHaveLength(1);
  });

  it("waits for orders: the event is retried, and its batch is not held up", async () => {
    const [large, small] = [orderOf(MAX_LINES), orderOf(1)];
    const down = vi
      .fn<OrdersContract["firstLines"]>()
      .mockRejectedValueOnce(new Error("orders is down"))
      .mockResolvedValueOnce(fail("service_unavailable", "busy"));
    const { deps } = testNotifications();
    const events = [large, small].map(({ data }) => event("ORDER_CREATED", data.orderId, data));
    const [first] = events;
    const receive = (firstLines: OrdersContract["firstLines"], some: readonly unknown[]) =>
      deliver((batch) => consumeWith({ ...deps, orders: { firstLines } }, batch), INBOX, some);
    expect(await receive(down, events)).toEqual({ acknowledged: [events[1]?.id], retried: [first?.id] });
    expect(await receive(down, [first])).toEqual({ acknowledged: [], retried: [first?.id] });
    expect(await rowsAbout(large.data.orderId)).toEqual([]);
    expect(await receive(ordersWith([large]), [first])).toEqual({ acknowledged: [first?.id], retried: [] });
    expect(await mailAbout(large.data.orderId)).toContain(`and ${String(MAX_LINES - MESSAGE_LINES)} more lines`);
  });

  it("that orders does not have any more shows what the event describes", async () => {
    const { data } = orderOf(MAX_LINES);
    const deps = { ...testNotifications().deps, orders: { firstLines: ordersWith([]) } };
    await deliver((batch) => consumeWith(deps, batch), INBOX, [event("ORDER_CREATED", data.orderId, data)]);
    expect(await mailAbout(data.orderId)).toContain(`and ${String(MAX_LINES - EXCERPT_LINES)} more lines`);
  });

  it("with the longest names in every language is below what a row and a parameter hold", async () => {
    // An ampersand is five bytes in html, a quote two in JSON.
    const order = orderOf(MAX_LINES, '&"'.repeat(78));
    const deps = { ...testNotifications().deps, orders: { firstLines: ordersWith([order]) } };
    const { data } = order;
    await deliver((batch) => consumeWith(deps, batch), INBOX, [
      event("ORDER_CREATED", data.orderId, { ...data, customer: { ...data.customer, proven: false } }),
    ]);
    const [mail] = await rowsAbout(data.orderId);
    const texts = JSON.stringify([mail?.textBody, mail?.htmlBody]).length;
    // Two languages, each for a proven and an unproven reader, are offered in one parameter.
    expect(4 * texts).toBeLessThan(2_000_000);
  });
});

it("a reminder of a large cart shows its first lines and how many more there were", async () => {
  const { deliver: receive } = testNotifications();
  const cartId = newId("crt");
  const { customer } = orderData();
  const data = { cartId, customer, ...linesOfEvent(linesOf(MAX_LINES)), subtotal: 100, currency: "USD" };
  await receive([event("CART_EXPIRED", cartId, data)]);
  expect(await mailAbout(cartId)).toContain(`and ${String(MAX_LINES - EXCERPT_LINES)} more lines`);
});
