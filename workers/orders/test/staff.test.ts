// Staff: a vendor's sales, two operators at a time, and the audit.
import { beforeEach, describe, expect, it } from "vitest";
import type { Call, Role } from "#shared/call";
import { ListOrdersInput } from "#shared/contracts/orders";
import type { Order } from "#shared/contracts/orders";
import type { PaymentsContract } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { callAs } from "#shared/testkit/kit";
import { cancelOrder, changeStatus } from "../src/service/commands.ts";
import { getOrder, getTracking, listOrderPayments, listOrders } from "../src/service/orders.ts";
import {
  capturedPayment,
  confirmedOrder,
  eventTypes,
  must,
  openShop,
  ordersEnv,
  paymentEvent,
  refusal,
  reread,
} from "./shop.ts";
import type { Shop } from "./shop.ts";

const admin = callAs("admin");
let shop: Shop;
let captures: number;
beforeEach(() => {
  captures = 0;
  shop = openShop({
    captureOrder: async (_call, { orderId }) => {
      captures += 1;
      return ok(capturedPayment(orderId));
    },
    listPayments: async () => ok({ items: [] }),
  });
});

async function list(call: Call, query: Record<string, unknown>): Promise<Order[]> {
  const seen: Order[] = [];
  let cursor: string | undefined;
  do {
    const page = must(await listOrders(shop.deps, call, ListOrdersInput.parse({ limit: 2, ...query, cursor })));
    seen.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return seen;
}

const idsOf = (orders: readonly Order[]): string[] => orders.map(({ id }) => id);

interface Audited {
  readonly action: string;
  readonly actor_id: string;
  readonly details: string;
}

async function audit(subject: string): Promise<Audited[]> {
  const { results } = await ordersEnv.DB.prepare(
    "SELECT action, actor_id, details FROM audit_log WHERE subject = ? ORDER BY id",
  )
    .bind(subject)
    .all<Audited>();
  return results;
}

describe("a vendor's sales", () => {
  const [vendor, other] = [callAs("vendor"), callAs("vendor")];
  const sold = (by: Call): { productId: string; quantity: number } => ({
    productId: shop.product({ vendorId: by.actor.id }),
    quantity: 1,
  });

  it("are the orders of own products only, page by page; purchases are the default", async () => {
    const sales: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      sales.unshift((await confirmedOrder(shop, undefined, [sold(vendor), sold(vendor)])).id);
      shop.advance(index % 2);
    }
    const mixed = await confirmedOrder(shop, undefined, [sold(vendor), sold(other)]);
    const withShops = await confirmedOrder(shop, undefined, [sold(vendor), { productId: shop.product(), quantity: 1 }]);
    const bought = await confirmedOrder(shop, vendor);
    expect(idsOf(await list(vendor, { scope: "sales" }))).toEqual(sales);
    expect(await list(other, { scope: "sales" })).toEqual([]);
    expect(idsOf(await list(vendor, {}))).toEqual([bought.id]);
    expect(idsOf(await list(vendor, { scope: "purchases" }))).toEqual([bought.id]);
    for (const { id } of [mixed, withShops]) {
      expect(refusal(await getOrder(shop.deps, vendor, { orderId: id })).code).toBe("not_found");
      const moved = await changeStatus(shop.deps, vendor, { orderId: id, status: "PROCESSING" });
      expect(refusal(moved).code).toBe("not_found");
      expect(refusal(await cancelOrder(shop.deps, vendor, { orderId: id })).code).toBe("not_found");
    }
    const [newest = ""] = sales;
    must(await changeStatus(shop.deps, vendor, { orderId: newest, status: "PROCESSING" }));
    expect(idsOf(await list(vendor, { scope: "sales", status: "PROCESSING" }))).toEqual([newest]);
    const foreign = { scope: "sales", customerId: newId("usr") };
    expect(await list(vendor, foreign)).toHaveLength(5);
    const page = must(await listOrders(shop.deps, vendor, ListOrdersInput.parse({ limit: 1, scope: "sales" })));
    const misused = await listOrders(shop.deps, vendor, { limit: 1, cursor: page.nextCursor ?? "" });
    expect(refusal(misused).code).toBe("invalid_cursor");
  });

  it("are refused to customers, and an admin's own ones name the buyer", async () => {
    const buyer = callAs("customer");
    const order = await confirmedOrder(shop, buyer, [sold(vendor)]);
    expect(refusal(await listOrders(shop.deps, buyer, { limit: 20, scope: "sales" })).code).toBe("forbidden");
    expect(idsOf(await list(buyer, { scope: "purchases" }))).toEqual([order.id]);
    expect(idsOf(await list(admin, { customerId: buyer.actor.id }))).toEqual([order.id]);
    expect(await list(admin, { scope: "purchases" })).toEqual([]);
    expect(await list(admin, { scope: "sales" })).toEqual([]);
  });

  /** The same person after the next sign-in with another role. */
  const as = (role: Role): Call => ({ ...vendor, actor: { ...vendor.actor, role } as Call["actor"] });

  it("are readable singly and as a list by the same callers, after each change of role and of the product's vendor", async () => {
    const productId = shop.product({ vendorId: vendor.actor.id });
    const buyer = callAs("customer");
    const order = await confirmedOrder(shop, buyer, [{ productId, quantity: 1 }]);
    const seen = async (call: Call): Promise<{ listed: boolean; shown: boolean[] }> => {
      const sales = await listOrders(shop.deps, call, ListOrdersInput.parse({ scope: "sales", limit: 100 }));
      const ref = { orderId: order.id };
      const shown = await Promise.all([
        getOrder(shop.deps, call, ref),
        getTracking(shop.deps, call, ref),
        listOrderPayments(shop.deps, call, ref),
      ]);
      return { listed: sales.ok && idsOf(sales.value.items).includes(order.id), shown: shown.map((one) => one.ok) };
    };
    const nothing = { listed: false, shown: [false, false, false] };
    const everything = { listed: true, shown: [true, true, true] };

    expect(await seen(vendor)).toEqual(everything);
    expect(await seen(as("customer"))).toEqual(nothing);
    expect(await seen(as("admin"))).toEqual(everything);
    expect(await seen(as("vendor"))).toEqual(everything);

    const catalogued = shop.products.get(productId);
    if (catalogued !== undefined) shop.products.set(productId, { ...catalogued, vendorId: other.actor.id });
    expect(await seen(vendor)).toEqual(everything);
    expect(await seen(other)).toEqual(nothing);
    expect(await seen(as("customer"))).toEqual(nothing);
    const next = await confirmedOrder(shop, buyer, [{ productId, quantity: 1 }]);
    expect(idsOf(await list(other, { scope: "sales" }))).toContain(next.id);
    expect(idsOf(await list(vendor, { scope: "sales" }))).not.toContain(next.id);
    expect(refusal(await getOrder(shop.deps, vendor, { orderId: next.id })).code).toBe("not_found");
  });

  it("bought by a former vendor are still that buyer's purchases", async () => {
    const own = await confirmedOrder(shop, vendor, [sold(vendor)]);
    const dismissed = as("customer");
    expect(must(await getOrder(shop.deps, dismissed, { orderId: own.id })).id).toBe(own.id);
    expect(idsOf(await list(dismissed, {}))).toContain(own.id);
    expect(refusal(await listOrders(shop.deps, dismissed, { limit: 20, scope: "sales" })).code).toBe("forbidden");
  });

  it("are found by an index", async () => {
    const { results } = await ordersEnv.DB.prepare(
      `EXPLAIN QUERY PLAN SELECT * FROM orders WHERE vendor_id = ? AND (created_at, id) < (?, ?)
        ORDER BY created_at DESC, id DESC LIMIT 3`,
    )
      .bind("usr_1", 1, "ord_1")
      .all<{ detail: string }>();
    expect(results.map(({ detail }) => detail).join()).toContain(
      "orders_by_vendor (vendor_id=? AND (created_at,id)<(?,?))",
    );
    expect(results.map(({ detail }) => detail).join()).not.toContain("TEMP B-TREE");
  });
});

it("a status that does not exist is refused", () => {
  expect(ListOrdersInput.safeParse({ status: "LOST" }).success).toBe(false);
  expect(ListOrdersInput.safeParse({ scope: "everything" }).success).toBe(false);
});

describe("two operators", () => {
  const [one, other] = [callAs("admin"), callAs("admin")];
  const move = (call: Call, orderId: string, status: string): ReturnType<typeof changeStatus> =>
    changeStatus(shop.deps, call, { orderId, status: status as "SHIPPED" });

  it.each([
    ["PROCESSING", "PROCESSING"],
    ["PROCESSING", "CANCELLED"],
    ["CANCELLED", "CANCELLED"],
  ])("asking for %s and %s make one step of each that is legal, and one history", async (first, second) => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await confirmedOrder(shop);
      const results = await Promise.all([move(one, id, first), move(other, id, second)]);
      const order = await reread(shop, id);
      const told = (await eventTypes(shop, id)).slice(2);
      // PROCESSING may still be followed by CANCELLED, nothing follows CANCELLED.
      const steps = order.history.slice(2).map(({ to }) => to);
      expect([[first], [second], [first, second]]).toContainEqual(steps);
      expect(told).toEqual(steps.map((status) => `ORDER_${status}`));
      expect(await audit(id)).toHaveLength(steps.length);
      for (const result of results.filter(({ ok: done }) => !done)) {
        expect(refusal(result)).toMatchObject({ code: "illegal_transition", from: "CANCELLED" });
      }
      expect(results.some(({ ok: done }) => done)).toBe(true);
    }
  });

  it("who ship with two tracking numbers ship once; the other number is a change of the tracking, published as such", async () => {
    const { id } = await confirmedOrder(shop);
    must(await move(one, id, "PROCESSING"));
    const ship = (call: Call, number: string): ReturnType<typeof changeStatus> =>
      changeStatus(shop.deps, call, { orderId: id, status: "SHIPPED", tracking: { carrier: "UPS", number } });
    (await Promise.all([ship(one, "1"), ship(other, "2")])).map(must);
    const { history, tracking } = await reread(shop, id);
    const numbers = history.flatMap((entry) => entry.tracking?.number ?? []);
    expect(numbers.toSorted()).toEqual(["1", "2"]);
    expect(tracking?.number).toBe(numbers.at(-1));
    expect((await eventTypes(shop, id)).slice(3)).toEqual(["ORDER_SHIPPED", "ORDER_TRACKING_CHANGED"]);
    expect((await audit(id)).map(({ action }) => action)).toEqual(["order.status", "order.status", "order.tracking"]);
    expect(captures).toBeGreaterThan(0);
  });
});

describe("a vendor's cancellation", () => {
  const vendor = callAs("vendor");

  /** A confirmed order of the vendor's, in a shop whose payments close as given. */
  async function sale(close: (orderId: string) => ReturnType<PaymentsContract["close"]>): Promise<{
    readonly id: string;
    readonly asked: unknown[];
    readonly cancel: (call?: Call) => ReturnType<typeof cancelOrder>;
  }> {
    const asked: unknown[] = [];
    const payments = {
      ...shop.deps.payments,
      close: (_call: Call, input: { readonly orderId: string }): ReturnType<PaymentsContract["close"]> => {
        asked.push(input);
        return close(input.orderId);
      },
    };
    const own = shop.with({ payments });
    const items = [{ productId: shop.product({ vendorId: vendor.actor.id }), quantity: 1 }];
    const { id } = await confirmedOrder(shop, undefined, items);
    const cancel = (call = vendor): ReturnType<typeof cancelOrder> =>
      cancelOrder(own.deps, call, { orderId: id, reason: "broken in the store" });
    return { id, asked, cancel };
  }

  it("voids the authorization first, and is recorded as staff's", async () => {
    const { id, asked, cancel } = await sale(async () => ok("closed"));
    expect(must(await cancel()).status).toBe("CANCELLED");
    expect(asked).toEqual([{ orderId: id }]);
    const told = shop.sent.find(({ event }) => event.subject === id && event.type === "ORDER_CANCELLED");
    expect(told?.event.data).toMatchObject({ reason: "broken in the store", reasonBy: "staff" });
    expect((await audit(id)).map(({ action }) => action)).toEqual(["order.cancel"]);
  });

  it.each([
    ["CONFIRMED", "CAPTURED"],
    ["PROCESSING", "CAPTURED"],
    ["CONFIRMED", "PARTIALLY_REFUNDED"],
    ["PROCESSING", "DISPUTED"],
  ])("of an order that is %s with money %s is refused, by either route; an admin's is not", async (status, money) => {
    const { id, asked, cancel } = await sale(async () => ok("closed"));
    if (status === "PROCESSING") must(await changeStatus(shop.deps, vendor, { orderId: id, status }));
    await shop.receive(paymentEvent(id, money, 2));
    const before = await reread(shop, id);
    expect(refusal(await cancel())).toMatchObject({ code: "forbidden", detail: expect.stringContaining("admin") });
    const moved = await changeStatus(shop.deps, vendor, { orderId: id, status: "CANCELLED" });
    expect(refusal(moved).code).toBe("forbidden");
    expect(await reread(shop, id)).toEqual(before);
    expect(must(await cancel(admin)).status).toBe("CANCELLED");
    expect(asked).toEqual([]);
  });

  it("is refused when payments has a capture that the order has not seen yet", async () => {
    const { id, cancel } = await sale(async () => ok("paid"));
    expect(refusal(await cancel()).code).toBe("forbidden");
    expect((await reread(shop, id)).status).toBe("CONFIRMED");
    expect(await eventTypes(shop, id)).toEqual(["ORDER_CREATED", "ORDER_CONFIRMED"]);
    expect(await audit(id)).toEqual([]);
  });

  it("is refused when the capture's event arrives during the call to payments", async () => {
    const { id, cancel } = await sale(async (orderId) => {
      await shop.receive(paymentEvent(orderId, "CAPTURED", 2));
      return ok("paid");
    });
    expect(refusal(await cancel()).code).toBe("forbidden");
    expect((await reread(shop, id)).status).toBe("CONFIRMED");
  });

  it("changes nothing while payments cannot reach Stripe", async () => {
    const { id, cancel } = await sale(async () => fail("payment_provider_unavailable", "No answer."));
    expect(refusal(await cancel()).code).toBe("payment_provider_unavailable");
    expect((await reread(shop, id)).status).toBe("CONFIRMED");
  });

  it("succeeds when its own void has cancelled the order already", async () => {
    const { id, cancel } = await sale(async (orderId) => {
      await shop.receive(paymentEvent(orderId, "VOIDED", 2));
      return ok("closed");
    });
    expect(must(await cancel()).status).toBe("CANCELLED");
    expect((await eventTypes(shop, id)).filter((type) => type === "ORDER_CANCELLED")).toHaveLength(1);
  });
});

describe("the audit", () => {
  it("records what staff did, by whom and why, and neither buyers' commands nor refused ones", async () => {
    const vendor = callAs("vendor");
    const buyer = callAs("customer");
    const productId = shop.product({ vendorId: vendor.actor.id });
    const { id } = await confirmedOrder(shop, buyer, [{ productId, quantity: 1 }]);
    must(await changeStatus(shop.deps, vendor, { orderId: id, status: "PROCESSING", reason: "picked" }));
    must(await changeStatus(shop.deps, vendor, { orderId: id, status: "PROCESSING" }));
    refusal(await changeStatus(shop.deps, vendor, { orderId: id, status: "DELIVERED" }));
    must(await cancelOrder(shop.deps, admin, { orderId: id, reason: "damaged" }));
    const rows = await audit(id);
    expect(rows.map(({ details, ...row }) => ({ ...row, ...(JSON.parse(details) as object) }))).toEqual([
      { action: "order.status", actor_id: vendor.actor.id, from: "CONFIRMED", to: "PROCESSING", reason: "picked" },
      { action: "order.cancel", actor_id: admin.actor.id, from: "PROCESSING", to: "CANCELLED", reason: "damaged" },
    ]);
    const own = await confirmedOrder(shop, buyer);
    must(await cancelOrder(shop.deps, buyer, { orderId: own.id }));
    expect(await audit(own.id)).toEqual([]);
  });
});
