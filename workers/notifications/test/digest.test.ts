// The low-stock digest: one mail to the admins about all products, at most one in 15 minutes.
import { beforeEach, describe, expect, it } from "vitest";
import { newId } from "#shared/ids";
import { DIGEST_INTERVAL_MS } from "../src/constants.ts";
import { event, notificationsEnv, rowsAbout, testNotifications } from "./notifications.ts";

let shop: ReturnType<typeof testNotifications>;

beforeEach(async () => {
  shop = testNotifications();
  await notificationsEnv.DB.batch([
    notificationsEnv.DB.prepare("DELETE FROM low_stock"),
    notificationsEnv.DB.prepare("UPDATE digests SET made_at = 0"),
  ]);
});

async function report(over: { name?: string; available?: number; productId?: string } = {}): Promise<string> {
  const { productId = newId("prd"), name = "Bolt <M8>", available = 4 } = over;
  const data = { productId, sku: "BOLT-8", name, available, threshold: 10 };
  await shop.deliver([event("STOCK_LOW", productId, data)]);
  return productId;
}

async function digest(options = { everything: false }): Promise<number> {
  return await shop.digest(options);
}

describe("the low-stock digest", () => {
  it("of one product names it in the subject", async () => {
    const productId = await report();
    expect(shop.mails).toEqual([]);
    expect(await digest()).toBe(1);
    expect(shop.mails).toMatchObject([
      { to: "admin@example.com", subject: "Low stock: Bolt <M8> (BOLT-8)", from: { name: "Tradepost" } },
    ]);
    expect(shop.mails[0]?.text).toContain(`Bolt <M8> (BOLT-8): 4 available, threshold 10 (${productId})`);
    expect(shop.mails[0]?.html).toContain("Bolt &lt;M8&gt;");
    expect((await rowsAbout("low_stock")).at(-1)).toMatchObject({ audience: "admins", status: "sent" });
  });

  it("of 200 products is one mail, however often they were reported", async () => {
    const products = Array.from({ length: 200 }, (_unused, index) => {
      const productId = newId("prd");
      return { productId, sku: `SKU-${String(index)}`, name: "Bolt", available: 1, threshold: 10 };
    });
    const events = products.map((data) => event("STOCK_LOW", data.productId, data));
    for (let from = 0; from < events.length; from += 50) await shop.deliver(events.slice(from, from + 50));
    await shop.deliver(products.slice(0, 50).map((data) => event("STOCK_LOW", data.productId, data)));
    expect(await digest()).toBe(200);
    expect(shop.mails).toHaveLength(1);
    expect(shop.mails[0]?.subject).toBe("Low stock: 200 products");
    for (const { productId } of products) expect(shop.mails[0]?.text).toContain(productId);
  });

  it("waits 15 minutes, except in a sweep over everything", async () => {
    await report();
    await digest();
    await report();
    await report();
    expect(await digest()).toBe(0);
    shop.advance(DIGEST_INTERVAL_MS - 1_000);
    expect(await digest()).toBe(0);
    shop.advance(2_000);
    expect(await digest()).toBe(2);
    await report();
    expect(await digest({ everything: true })).toBe(1);
    expect(await digest({ everything: true })).toBe(0);
    expect(shop.mails).toHaveLength(3);
  });

  it("has each product's latest report, in any order of arrival", async () => {
    const productId = newId("prd");
    const data = { productId, sku: "S", name: "Bolt", available: 9, threshold: 10 };
    const first = event("STOCK_LOW", productId, data);
    const time = new Date(Date.parse(first.time) + 60_000).toISOString();
    const last = { ...event("STOCK_LOW", productId, { ...data, available: 2 }), time };
    await shop.deliver([last]);
    await shop.deliver([first]);
    await digest();
    expect(shop.mails[0]?.text).toContain("2 available");
  });

  it("is sent once when sweeps run at the same time", async () => {
    await report();
    const products = await Promise.all([
      digest({ everything: true }),
      digest({ everything: true }),
      digest({ everything: true }),
    ]);
    expect(products.reduce((sum, count) => sum + count)).toBe(1);
    expect(shop.mails).toHaveLength(1);
  });

  it("is sent later, once, when the provider fails", async () => {
    await report();
    shop.breakMail(new Error("down"));
    await digest();
    shop.breakMail(undefined);
    await shop.sendDue({ everything: true });
    expect(await digest({ everything: true })).toBe(0);
    expect(shop.mails).toHaveLength(1);
  });

  it("fills an edited template for one product: its variables list all products", async () => {
    const set = (subject: string, by: string | null): D1PreparedStatement =>
      notificationsEnv.DB.prepare(
        "UPDATE templates SET subject = ?, updated_by = ?, updated_at = updated_at + 1 WHERE kind = 'low_stock'",
      ).bind(subject, by);
    await set("Low: {{productName}} / {{available}}", "usr_admin").run();
    shop = testNotifications();
    await report({ productId: "prd_a", name: "Bolt", available: 1 });
    await report({ productId: "prd_b", name: "Nut", available: 2 });
    await digest();
    await set("Low stock: {{summary}}", null).run();
    expect(shop.mails[0]?.subject).toBe("Low: Bolt, Nut / 1, 2");
  });
});
