// The API for operators over all Workers: the events of an order, dead letters and their replay, the audit log, the metrics, and the
// combined responses.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Order } from "#shared/contracts/orders";
import { Client, addToCart, confirmedOrder, eventually, newBuyer, openShelf, signIn } from "../scripts/shop/client.ts";
import type { Shelf } from "../scripts/shop/client.ts";
import { driftedFigures } from "./figures.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

const METRICS_TOKEN = "scrape-me-0123456789";

interface List<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  readonly partialErrors: readonly unknown[];
}
interface Event {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly correlationid: string;
}
interface Letter {
  readonly id: string;
  readonly worker: string;
  readonly state: string;
  readonly error: string;
  readonly attempts: number;
}

let shop: Shop;
let guest: Client;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  shop = await startShop({ METRICS_TOKEN, LOG_LEVEL: "error" });
  guest = new Client(shop.send);
  admin = await signIn(guest, "admin@example.com", "Admin123!");
  shelf = await openShelf(admin);
});

afterAll(async () => {
  await shop.close();
});

/** Samples by name and labels. @throws Error at a line that is not in the Prometheus format. */
function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const described = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const comment = /^# (?:HELP|TYPE) (?<name>[a-z_][a-z0-9_]*) \S/.exec(line)?.groups?.["name"];
    if (comment !== undefined) {
      described.add(comment);
      continue;
    }
    const sample =
      /^(?<key>(?<name>[a-z_][a-z0-9_]*)(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})?) (?<value>-?[\d.e+]+)$/.exec(line);
    const { key, name, value } = sample?.groups ?? {};
    if (key === undefined || name === undefined || !described.has(name)) throw new Error(`not a sample: ${line}`);
    if (samples.has(key)) throw new Error(`twice: ${key}`);
    samples.set(key, Number(value));
  }
  return samples;
}

async function scrape(): Promise<Map<string, number>> {
  const answer = await shop.send("/api/metrics", { headers: { authorization: `Bearer ${METRICS_TOKEN}` } });
  expect(answer.status).toBe(200);
  return parseMetrics(await answer.text());
}

describe("the events of an order", () => {
  it("are one list over all Workers, by correlation, subject and type", async () => {
    const { buyer } = await newBuyer(guest);
    const traced = buyer.with({ "x-request-id": `order-${crypto.randomUUID()}` });
    const order = await confirmedOrder(shop.send, traced, [{ productId: await shelf.take(5), quantity: 1 }]);
    const listed = await admin.expect<List<Event>>(200, "GET", `/api/admin/events?subject=${order.id}&limit=100`);
    expect(listed.partialErrors).toEqual([]);
    const created = listed.items.find(({ type }) => type === "ORDER_CREATED");
    expect(created).toMatchObject({ specversion: "1.0", source: "tradepost/orders", data: { orderId: order.id } });

    const path = `/api/admin/events?correlationId=${created?.correlationid ?? ""}`;
    const caused = await admin.expect<List<Event>>(200, "GET", `${path}&limit=100`);
    const sources = new Map(caused.items.map(({ type, source }) => [type, source]));
    expect(Object.fromEntries(sources)).toMatchObject({
      ORDER_CREATED: "tradepost/orders",
      STOCK_RESERVED: "tradepost/inventory",
      PAYMENT_AUTHORIZED: "tradepost/payments",
      ORDER_CONFIRMED: "tradepost/orders",
    });
    const ids = caused.items.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().toReversed());

    const paged: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: List<Event> = await admin.expect(
        200,
        "GET",
        `${path}&limit=1${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      paged.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(paged).toEqual(ids);
    const confirmed = await admin.expect<List<Event>>(200, "GET", `${path}&type=ORDER_CONFIRMED`);
    expect(confirmed.items.map(({ type }) => type)).toEqual(["ORDER_CONFIRMED"]);
  });
});

describe("a poisoned message", () => {
  it("becomes a dead letter with its error, is replayed, and has its effect once", async () => {
    await shop.quiet();
    await shop.query(
      "notifications",
      "CREATE TRIGGER poison BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
    );
    const { buyer, session } = await newBuyer(guest);
    const failure = await eventually("the message has failed", async () => {
      const rows = await shop.query<{ event_id: string }>("notifications", "SELECT event_id FROM inbox_failures");
      return rows[0]?.event_id;
    });
    // As before its last retry, which would take an hour.
    await shop.query(
      "notifications",
      "UPDATE inbox_failures SET attempts = 10, retry_at = 0 WHERE event_id = ?",
      failure,
    );
    const letter = await eventually("it is given up", async () => {
      await shop.cron("gateway");
      const { items } = await admin.expect<List<Letter>>(200, "GET", "/api/admin/dead-letters?state=open");
      return items.find(({ id }) => id === `notifications:${failure}`);
    });
    expect(letter).toMatchObject({ worker: "notifications", state: "open", subject: session.user.id });
    expect(letter.error).toContain("poisoned");
    expect((await scrape()).get('tradepost_dead_letters{worker="notifications",state="open"}')).toBe(1);
    const overview = await admin.expect<{ deadLetters: Record<string, number> }>(200, "GET", "/api/admin/overview");
    expect(overview.deadLetters).toMatchObject({ notifications: 1, orders: 0 });

    await shop.query("notifications", "DROP TRIGGER poison");
    const replay = `/api/admin/dead-letters/${encodeURIComponent(letter.id)}/replay`;
    expect(await admin.expect(202, "POST", replay)).toEqual({ replayed: [letter.id], partialErrors: [] });
    await eventually("the replay has its effect", async () => {
      const { items } = await admin.expect<List<Letter>>(200, "GET", "/api/admin/dead-letters?state=handled");
      return items.some(({ id }) => id === letter.id) ? true : undefined;
    });
    await admin.expect(202, "POST", replay);
    await admin.expect(202, "POST", "/api/admin/dead-letters/replay");
    await shop.quiet();
    const { items } = await buyer.expect<{ items: readonly { template: string }[] }>(200, "GET", "/api/notifications");
    const templates = items.map(({ template }) => template);
    expect(new Set(templates).size).toBe(templates.length);
    expect(templates.length).toBeGreaterThan(0);
    const audit = await admin.expect<List<{ subject: string; worker: string }>>(
      200,
      "GET",
      "/api/admin/audit?action=dead_letter.replay",
    );
    expect(audit.items.map(({ subject, worker }) => `${worker}:${subject}`)).toEqual([letter.id, letter.id]);
    expect((await admin.call("POST", "/api/admin/dead-letters/evt_none/replay")).status).toBe(404);
  });
});

describe("an action of an admin", () => {
  it("is in the audit log, by subject and by actor", async () => {
    const { buyer } = await newBuyer(guest);
    const order = await confirmedOrder(shop.send, buyer, [{ productId: await shelf.take(5), quantity: 1 }]);
    await admin.expect<Order>(200, "POST", `/api/orders/${order.id}/cancel`, { reason: "asked by telephone" });
    const { items } = await admin.expect<List<{ action: string; actor: { id: string; role: string }; worker: string }>>(
      200,
      "GET",
      `/api/admin/audit?subject=${order.id}`,
    );
    expect(items).toMatchObject([{ worker: "orders", action: "order.cancel", actor: { role: "admin" } }]);
    const path = `/api/admin/audit?actor=${items[0]?.actor.id ?? ""}&action=order.cancel`;
    expect((await admin.expect<List<unknown>>(200, "GET", path)).items.length).toBeGreaterThan(0);
    expect((await buyer.call("GET", "/api/admin/audit")).status).toBe(403);
  });
});

describe("the metrics", () => {
  it("are in the Prometheus format, from every Worker, and change with an order", async () => {
    const before = await scrape();
    for (const worker of ["accounts", "catalog", "orders", "payments", "inventory", "notifications"]) {
      expect(before.get(`tradepost_up{worker="${worker}"}`)).toBe(1);
      expect(before.has(`tradepost_outbox_unconfirmed_events{worker="${worker}"}`)).toBe(true);
      expect(before.get(`tradepost_database_bytes{worker="${worker}"}`)).toBeGreaterThan(0);
    }
    const { buyer } = await newBuyer(guest);
    await confirmedOrder(shop.send, buyer, [{ productId: await shelf.take(5), quantity: 1 }]);
    const confirmed = 'tradepost_orders{worker="orders",status="CONFIRMED"}';
    expect((await scrape()).get(confirmed)).toBe((before.get(confirmed) ?? 0) + 1);
    expect(before.get('tradepost_stock_products{worker="inventory",availability="in_stock"}')).toBeGreaterThan(0);
    expect(before.get('tradepost_revenue_minor_30d{worker="payments",kind="captured",currency="USD"}')).toBeGreaterThan(
      0,
    );
    expect((await shop.send("/api/metrics")).status).toBe(401);
    expect((await buyer.call("GET", "/api/admin/overview")).status).toBe(403);
  });
});

describe("combined responses", () => {
  it("show a buyer the account, and an order with its payment, reservation and messages", async () => {
    const { buyer, session } = await newBuyer(guest);
    const order = await confirmedOrder(shop.send, buyer, [{ productId: await shelf.take(5), quantity: 1 }]);
    await addToCart(buyer, await shelf.take(5), 2);
    await shop.quiet();
    const overview = await buyer.expect(200, "GET", "/api/account/overview");
    expect(overview).toMatchObject({
      profile: { id: session.user.id },
      cart: { itemCount: 2 },
      recentOrders: [{ id: order.id, paymentStatus: "AUTHORIZED" }],
      partialErrors: [],
    });
    expect((overview as { unreadNotifications: number }).unreadNotifications).toBeGreaterThanOrEqual(3);
    const path = `/api/orders/${order.id}/details`;
    const details = await buyer.call<{ notifications: { template: string }[] }>("GET", path);
    expect(details.body).toMatchObject({
      order: { id: order.id },
      payments: [{ orderId: order.id, status: "AUTHORIZED" }],
      tracking: { status: "CONFIRMED" },
      partialErrors: [],
    });
    expect(details.body.notifications.length).toBeGreaterThanOrEqual(2);
    const { buyer: stranger } = await newBuyer(guest);
    expect((await stranger.call("GET", path)).status).toBe(404);
    const read = await buyer.call("GET", `/api/orders/${order.id}`);
    const etag = { "if-none-match": read.headers.get("etag") ?? "" };
    expect((await buyer.call("GET", `/api/orders/${order.id}`, undefined, etag)).status).toBe(304);
  });

  it("show a user with everything that belongs to them, to an admin only", async () => {
    const { buyer, session } = await newBuyer(guest);
    const order = await confirmedOrder(shop.send, buyer, [{ productId: await shelf.take(5), quantity: 1 }]);
    await addToCart(buyer, await shelf.take(5), 2);
    const path = `/api/admin/users/${session.user.id}`;
    expect(await admin.expect(200, "GET", path)).toMatchObject({
      user: { id: session.user.id, email: session.user.email },
      orders: { count: 1, total: { [order.currency]: order.total } },
      sessions: [{ id: expect.stringMatching(/^fam_/) as string }],
      cart: { itemCount: 2 },
      partialErrors: [],
    });
    expect((await buyer.call("GET", path)).status).toBe(403);
    expect((await admin.call("GET", "/api/admin/users/usr_nobody")).status).toBe(404);
  });

  it("show an admin the state of the shop", async () => {
    // A projection between the two readings would make them differ.
    await shop.quiet();
    const overview = await admin.expect(200, "GET", "/api/admin/overview");
    expect(overview).toMatchObject({
      ordersByStatus: { CONFIRMED: expect.any(Number) as number },
      queueLag: { orders: { unseen: expect.any(Number) as number } },
      partialErrors: [],
    });
    const metrics = await scrape();
    const revenue = (kind: string): unknown =>
      metrics.get(`tradepost_revenue_minor_30d{worker="payments",kind="${kind}",currency="USD"}`);
    expect(overview).toMatchObject({
      ordersByStatus: { DELIVERED: metrics.get('tradepost_orders{worker="orders",status="DELIVERED"}') },
      revenue: [{ currency: "USD", captured: revenue("captured"), refunded: revenue("refunded") }],
      lowStock: {
        low: metrics.get('tradepost_stock_products{worker="inventory",availability="low_stock"}'),
        outOfStock: metrics.get('tradepost_stock_products{worker="inventory",availability="out_of_stock"}'),
      },
    });
    expect(await driftedFigures(shop)).toEqual([]);
    const health = await guest.expect<{ status: string }>(200, "GET", "/api/health");
    expect(health).toMatchObject({ status: "ok", services: { orders: { database: "up" } } });
  });
});
