// The list of orders: filters, the feed of changes, and staff's references.
import { beforeEach, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import { UpdateOrderInput } from "#shared/contracts/orders-staff";
import { ListOrdersInput } from "#shared/contracts/orders";
import type { Order } from "#shared/contracts/orders";
import type { Page } from "#shared/paging";
import { callAs, guestCall } from "#shared/testkit/kit";
import { cancelOrder } from "../src/service/commands.ts";
import { createOrder } from "../src/service/place-order.ts";
import { getOrder, listOrders } from "../src/service/orders.ts";
import { updateOrder } from "../src/service/references.ts";
import { ADDRESS, confirmedOrder, must, openShop, ordered, ordersEnv, paymentEvent, refusal, request } from "./shop.ts";
import type { Shop } from "./shop.ts";

const admin = callAs("admin");
let shop: Shop;
beforeEach(() => {
  shop = openShop();
});

async function page(query: Record<string, unknown>, call: Call = admin): Promise<Page<Order>> {
  return must(await listOrders(shop.deps, call, ListOrdersInput.parse({ limit: 100, ...query })));
}

async function ids(query: Record<string, unknown>, call?: Call): Promise<string[]> {
  return (await page(query, call)).items.map(({ id }) => id);
}

async function orderOf(email: string, name: string): Promise<Order> {
  const items = [{ productId: shop.product(), quantity: 1 }];
  const input = request({ items, email, shippingAddress: { ...ADDRESS, name } });
  return must(await createOrder(shop.deps, guestCall(), input)).order;
}

describe("a filter", () => {
  it("finds by number, e-mail, and the beginning of these or the addressee, in any case", async () => {
    const unique = crypto.randomUUID().slice(0, 8);
    const order = await orderOf(`Ada.${unique}@Example.com`, `Ada Love${unique}`);
    const other = await orderOf(`bo.${unique}@example.com`, `Grace ${unique} Hopper`);
    expect(await ids({ number: order.number.toLowerCase() })).toEqual([order.id]);
    expect(await ids({ email: `ADA.${unique}@example.com` })).toEqual([order.id]);
    for (const q of [order.number.toLowerCase(), `ADA.${unique}`, `ada love${unique}`]) {
      expect(await ids({ q }), q).toEqual([order.id]);
    }
    expect(await ids({ q: `grace ${unique}` })).toEqual([other.id]);
    expect(await ids({ q: `%${unique}` })).toEqual([]);
    expect(await ids({ q: `bo.${unique}`, email: `ada.${unique}@example.com` })).toEqual([]);
  });

  it("accepts several statuses and payment statuses, and combines them", async () => {
    const buyer = callAs("customer");
    const [open, paid, gone] = [
      await ordered(shop, buyer),
      await confirmedOrder(shop, buyer),
      await ordered(shop, buyer),
    ];
    must(await cancelOrder(shop.deps, buyer, { orderId: gone.id }));
    const own = { customerId: buyer.actor.id };
    expect(await ids({ ...own, status: "CONFIRMED,CANCELLED" })).toEqual([gone.id, paid.id]);
    expect(await ids({ ...own, paymentStatus: "AUTHORIZED,CAPTURED" })).toEqual([paid.id]);
    expect(await ids({ ...own, status: "PENDING,CANCELLED", paymentStatus: "NONE" })).toEqual([gone.id, open.id]);
    for (const status of ["", ",", "PENDING,", "PENDING,LOST", Array.from({ length: 30 }, () => "PENDING").join()]) {
      expect(ListOrdersInput.safeParse({ status }).success, status).toBe(false);
    }
  });

  it("includes the start of a period and excludes its end", async () => {
    const buyer = callAs("customer");
    const first = await ordered(shop, buyer);
    shop.advance(1_000);
    const second = await ordered(shop, buyer);
    const own = { customerId: buyer.actor.id };
    expect(await ids({ ...own, createdFrom: first.createdAt, createdTo: second.createdAt })).toEqual([first.id]);
    expect(await ids({ ...own, createdFrom: second.createdAt })).toEqual([second.id]);
    expect(ListOrdersInput.safeParse({ createdFrom: "yesterday" }).success).toBe(false);
  });

  it("shows a customer only own orders, whatever is asked for", async () => {
    const order = await confirmedOrder(shop);
    const stranger = callAs("customer");
    const queries = [
      { number: order.number },
      { q: order.number },
      { updatedSince: order.createdAt },
      { status: "CONFIRMED" },
      { externalId: "none" },
      { customerId: order.customerId },
    ];
    for (const query of queries) expect(await ids(query, stranger)).toEqual([]);
  });
});

describe("the feed of changes", () => {
  it("returns each changed order again, oldest change first, and its last cursor stays valid", async () => {
    const buyer = callAs("customer");
    const [first, second] = [await ordered(shop, buyer), await ordered(shop, buyer)];
    const query = { customerId: buyer.actor.id, updatedSince: first.createdAt };
    const start = await page(query);
    expect(start.items.map(({ id }) => id)).toEqual([first.id, second.id]);
    const end = { ...query, cursor: start.nextCursor };
    expect(await page(end)).toEqual({ items: [], nextCursor: null });
    must(await cancelOrder(shop.deps, buyer, { orderId: first.id }));
    expect((await page(end)).items).toMatchObject([{ id: first.id, status: "CANCELLED" }]);
    expect(await ids(query)).toEqual([second.id, first.id]);
    const misused = await listOrders(shop.deps, admin, ListOrdersInput.parse({ cursor: start.nextCursor }));
    expect(refusal(misused).code).toBe("invalid_cursor");
  });

  it("is in the order of the commits, so that a change with a late clock is not skipped", async () => {
    const buyer = callAs("customer");
    const first = await ordered(shop, buyer);
    const query = { customerId: buyer.actor.id, updatedSince: first.createdAt };
    const { nextCursor } = await page(query);
    shop.advance(-60_000);
    must(await cancelOrder(shop.deps, buyer, { orderId: first.id }));
    expect(await ids({ ...query, cursor: nextCursor })).toEqual([first.id]);
    expect(await ids({ ...query, cursor: undefined })).toEqual([first.id]);
  });

  it("misses no change during concurrent writes", async () => {
    const buyer = callAs("customer");
    const since = new Date(shop.deps.now()).toISOString();
    const written: string[] = [];
    let isWriting = true;
    const write = async (): Promise<void> => {
      const order = await ordered(shop, buyer);
      written.push(order.id);
      await shop.receive(paymentEvent(order.id, "REQUIRES_ACTION", 1), paymentEvent(order.id, "FAILED", 2));
    };
    const writers = Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let round = 0; round < 6; round += 1) await write();
      }),
    ).finally(() => {
      isWriting = false;
    });
    const last = new Map<string, string>();
    let cursor: string | undefined;
    for (let isOver = false; !isOver;) {
      // The next round reads what is not written yet.
      const wasWriting = isWriting;
      const query = { customerId: buyer.actor.id, updatedSince: since, limit: 3, cursor };
      const { items, nextCursor } = await page(query);
      for (const { id, paymentStatus } of items) last.set(id, paymentStatus);
      cursor = nextCursor ?? cursor;
      isOver = items.length === 0 && !wasWriting;
    }
    await writers;
    expect([...last.keys()].toSorted()).toEqual(written.toSorted());
    expect(new Set(last.values())).toEqual(new Set(["FAILED"]));
  });
});

describe("staff's references", () => {
  const note = async (orderId: string, body: object, call = admin): ReturnType<typeof updateOrder> =>
    await updateOrder(shop.deps, call, UpdateOrderInput.parse({ orderId, ...body }));

  it("find the order by its external id, are visible to staff only, audited, and in the feed", async () => {
    const [buyer, vendor] = [callAs("customer"), callAs("vendor")];
    const items = [{ productId: shop.product({ vendorId: vendor.actor.id }), quantity: 1 }];
    const order = await confirmedOrder(shop, buyer, items);
    const externalId = crypto.randomUUID();
    const metadata = { desk: "3", note: "call first" };
    expect(must(await note(order.id, { externalId, metadata }))).toMatchObject({ externalId, metadata });
    expect((await page({ externalId })).items).toMatchObject([{ id: order.id, externalId, metadata }]);
    expect((await page({ externalId, scope: "sales" }, vendor)).items).toMatchObject([{ metadata }]);
    expect(must(await getOrder(shop.deps, vendor, { orderId: order.id }))).toMatchObject({ externalId, metadata });
    const seen = [must(await getOrder(shop.deps, buyer, { orderId: order.id })), ...(await page({}, buyer)).items];
    for (const one of seen) expect(Object.keys(one)).not.toEqual(expect.arrayContaining(["externalId"]));
    expect(JSON.stringify(seen)).not.toContain("call first");

    must(await note(order.id, { externalId }));
    expect(must(await note(order.id, { externalId: null }))).toMatchObject({ externalId: null, metadata });
    expect(must(await note(order.id, { metadata: null }, vendor))).toMatchObject({ metadata: {} });
    const { results } = await ordersEnv.DB.prepare(
      "SELECT count(*) AS n FROM audit_log WHERE subject = ? AND action = 'order.update'",
    )
      .bind(order.id)
      .all<{ n: number }>();
    expect(results).toEqual([{ n: 3 }]);
  });

  it("are refused to buyers, and with another order's external id", async () => {
    const buyer = callAs("customer");
    const [one, other] = [await ordered(shop, buyer), await ordered(shop, buyer)];
    const externalId = crypto.randomUUID();
    must(await note(one.id, { externalId }));
    expect(refusal(await note(other.id, { externalId })).code).toBe("external_id_taken");
    expect(refusal(await note(one.id, { externalId: null }, buyer)).code).toBe("forbidden");
    expect(refusal(await note(one.id, { externalId: null }, callAs("vendor"))).code).toBe("not_found");
  });

  it("have at most twenty pairs of metadata", () => {
    const pairs = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_none, index) => [`k${String(index)}`, "v"]));
    const takes = (metadata: unknown): boolean => UpdateOrderInput.safeParse({ orderId: "ord_1", metadata }).success;
    expect([takes(pairs(20)), takes(pairs(21))]).toEqual([true, false]);
    const wrong: unknown[] = [{ a: 1 }, { "": "x" }, { ["k".repeat(41)]: "x" }, { a: "x".repeat(501) }, []];
    for (const metadata of [...wrong, JSON.parse('{"__proto__":"x"}')]) expect(takes(metadata)).toBe(false);
  });
});
