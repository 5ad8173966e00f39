// A reader's own notifications, over RPC.
import { describe, expect, it } from "vitest";
import type { Notification } from "#shared/contracts/notifications";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { event, orderData, rowsAbout, rpc, testNotifications, valueOf } from "./notifications.ts";

async function listed(userId: string, limit: number): Promise<Notification[]> {
  const items: Notification[] = [];
  let cursor: string | undefined;
  do {
    const input = cursor === undefined ? { limit } : { limit, cursor };
    const page = valueOf(await rpc.listNotifications(callAs("customer", userId), input));
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** A user who got `count` notifications, two at each moment. */
async function reader(count: number): Promise<string> {
  const shop = testNotifications();
  const userId = newId("usr");
  const customer = { id: userId, email: "reader@example.com", name: "Reader", locale: "en", proven: true };
  for (let made = 0; made < count; made += 2) {
    const data = orderData({ customer, number: `TP-${String(made)}` });
    await shop.deliver([
      event("ORDER_CREATED", data.orderId, data),
      event("ORDER_CONFIRMED", data.orderId, { ...data, number: `TP-${String(made + 1)}` }),
    ]);
    shop.advance(1_000);
  }
  return userId;
}

describe("the list", () => {
  it("is the reader's own, newest first, whole whatever the page", async () => {
    const userId = await reader(8);
    await reader(2);
    const whole = await listed(userId, 100);
    expect(whole).toHaveLength(8);
    expect(whole.map(({ createdAt }) => createdAt)).toEqual(
      whole
        .map(({ createdAt }) => createdAt)
        .toSorted()
        .toReversed(),
    );
    expect(await listed(userId, 3)).toEqual(whole);
    expect(await listed(userId, 1)).toEqual(whole);
    expect(Object.keys(whole[0] ?? {}).toSorted()).toEqual(
      ["body", "channel", "createdAt", "id", "readAt", "status", "subject", "template"].toSorted(),
    );
  });

  it("refuses another's cursor and a guest", async () => {
    const userId = await reader(4);
    const page = valueOf(await rpc.listNotifications(callAs("customer", userId), { limit: 1 }));
    const stolen = await rpc.listNotifications(callAs("customer"), { limit: 1, cursor: page.nextCursor ?? "" });
    expect(stolen).toMatchObject({ ok: false, error: { code: "invalid_cursor" } });
    expect(await rpc.listNotifications(guestCall(), {})).toMatchObject({ error: { code: "unauthenticated" } });
  });

  it("includes the admins' messages for admins only", async () => {
    const shop = testNotifications();
    const productId = newId("prd");
    const admin = newId("usr");
    const low = { productId, sku: "S", name: "N", available: 1, threshold: 5 };
    await shop.deliver([event("STOCK_LOW", productId, low)]);
    await shop.digest({ everything: true });
    shop.advance(1_000);
    const customer = { id: admin, email: "boss@example.com", name: "Boss", locale: "en", proven: true };
    const data = orderData({ customer });
    await shop.deliver([event("ORDER_CREATED", data.orderId, data)]);
    const templatesSeenBy = async (role: "admin" | "vendor"): Promise<string[]> =>
      valueOf(await rpc.listNotifications(callAs(role, admin), { limit: 2 })).items.map(({ template }) => template);
    expect(await templatesSeenBy("admin")).toEqual(["order_received", "low_stock"]);
    expect(await templatesSeenBy("vendor")).toEqual(["order_received"]);
  });
});

describe("reading one", () => {
  it("keeps the time of the first read", async () => {
    const userId = await reader(2);
    const [item] = await listed(userId, 1);
    const input = { notificationId: item?.id ?? "" };
    const first = valueOf(await rpc.readNotification(callAs("customer", userId), input));
    expect(first.readAt).not.toBeNull();
    expect(valueOf(await rpc.readNotification(callAs("customer", userId), input))).toEqual(first);
  });

  it("finds no other user's", async () => {
    const [item] = await listed(await reader(2), 1);
    const outcome = await rpc.readNotification(callAs("admin"), { notificationId: item?.id ?? "" });
    expect(outcome).toMatchObject({ ok: false, error: { code: "not_found" } });
  });

  it("of the admins' messages needs an admin", async () => {
    const shop = testNotifications();
    const productId = newId("prd");
    const low = { productId, sku: "S", name: "N", available: 1, threshold: 5 };
    await shop.deliver([event("STOCK_LOW", productId, low)]);
    await shop.digest({ everything: true });
    const row = (await rowsAbout("low_stock")).at(-1);
    const input = { notificationId: row?.id ?? "" };
    expect(await rpc.readNotification(callAs("vendor"), input)).toMatchObject({ error: { code: "not_found" } });
    expect(await rpc.readNotification(callAs("admin"), input)).toMatchObject({ ok: true });
  });
});

describe("the Worker", () => {
  it("runs its sweeps on request", async () => {
    const counts = valueOf(await rpc.runSweeps(callAs("admin"), { everything: true }));
    expect(Object.keys(counts).toSorted()).toEqual([
      "forgottenDeadLetters",
      "lowStockProducts",
      "purgedAudit",
      "purgedDeadLetters",
      "purgedEvents",
      "purgedFindings",
      "purgedHeldBack",
      "purgedInbox",
      "resentReplays",
      "sentMessages",
      "triedMessages",
    ]);
  });
});

describe("hostile text in a mail", () => {
  it("is escaped in html only, and makes no header, line or placeholder", async () => {
    const shop = testNotifications();
    const name = `<script>alert("x")</script>\r\nBcc: all@example.com {{email}}`;
    const userId = newId("usr");
    const hostile = event("USER_REGISTERED", userId, {
      userId,
      email: "a&b@example.com",
      name,
      locale: "en",
    });
    await shop.deliver([event("EMAIL_VERIFIED", userId, { userId, email: "a&b@example.com" }), hostile]);
    const [mail] = shop.mails;
    expect(mail?.html).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;");
    expect(mail?.html).not.toContain("<script>");
    expect(mail?.html).toContain("a&amp;b@example.com");
    // On one line: a name of several lines could pass for text of the shop's.
    expect(mail?.text).toContain(name.replace("\r\n", " "));
    expect(mail?.text).toContain("a&b@example.com");
  });
});
