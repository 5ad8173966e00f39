// The caps on open unpaid orders: who is counted under which cap, that caps hold under concurrency, and that honest buyers are not
// hindered.
import { beforeEach, describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { InventoryContract } from "#shared/contracts/inventory";
import type { CreatedOrder } from "#shared/contracts/orders";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { readMetrics } from "#shared/metrics";
import { callAs, guestCall, stubOf } from "#shared/testkit/kit";
import type { CapName, Caps } from "../src/domain/caps.ts";
import { RETURNED_HOLD_MS } from "../src/constants.ts";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { cancelOrder } from "../src/service/commands.ts";
import { createOrder } from "../src/service/place-order.ts";
import { metrics } from "../src/service/metrics.ts";
import { findOrder } from "../src/store/orders.ts";
import { closing, must, openShop, ordersEnv, paymentEvent, refusal, request, stockEvent } from "./shop.ts";
import type { Shop } from "./shop.ts";

type Made = Outcome<{ readonly order: CreatedOrder; readonly replayed: boolean }>;

const MUCH = 1_000_000_000;
const WIDE: Caps = Object.fromEntries(
  (["guest", "guestEmail", "network", "unprovenAccount", "provenAccount"] as const).map((name) => [
    name,
    { orders: 1_000, value: MUCH },
  ]),
) as Record<CapName, Caps[CapName]>;

let shop: Shop;
let productId: string;
beforeEach(() => {
  shop = openShop(closing(() => "closed")).with({ orderCaps: true });
  productId = shop.product({ stock: 1_000, unitPrice: 1_000 });
});

function capped(caps: Partial<Caps>): Shop {
  return shop.with({ caps: { ...WIDE, ...caps } });
}

function somewhere(): string {
  return `network ${newId("req")}`;
}

function someEmail(): string {
  return `${newId("usr")}@example.com`;
}

function guestFrom(network: string): Call {
  return { ...guestCall(), network };
}

function unproven(network: string, id?: string): Call {
  const call = callAs("customer", id);
  return { ...call, network, actor: { ...call.actor, emailVerified: false } as Call["actor"] };
}

function place(at: Shop, call: Call, input: Record<string, unknown> = {}): Promise<Made> {
  return createOrder(at.deps, call, request({ items: [{ productId, quantity: 1 }], ...input }));
}

/** The codes of `count` orders, one after the other. */
async function placeMany(count: number, one: (n: number) => Promise<Made>): Promise<readonly string[]> {
  const codes: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const made = await one(n);
    codes.push(made.ok ? "made" : made.error.code);
  }
  return codes;
}

const countOf = (codes: readonly string[], code: string): number => codes.filter((each) => each === code).length;

async function networkColumn(orderId: string): Promise<unknown> {
  const row = await ordersEnv.DB.prepare("SELECT network FROM orders WHERE id = ?").bind(orderId).first();
  return row?.["network"];
}

describe("a guest e-mail in one network", () => {
  it("may have three open unpaid orders; the next is refused with a remedy, and holds nothing", async () => {
    const [network, email] = [somewhere(), someEmail()];
    const codes = await placeMany(4, () => place(shop, guestFrom(network), { email }));
    expect(codes).toEqual(["made", "made", "made", "too_many_open_orders"]);
    expect(shop.inventory.available(productId)).toBe(1_000 - 3);
    const { detail } = refusal(await place(shop, guestFrom(network), { email }));
    expect(detail).toBe(
      "A guest may have 3 unpaid orders at a time. Pay or cancel one, or sign in and verify your e-mail address.",
    );
  });

  it("may order again when one is cancelled, or its money is authorized", async () => {
    const [network, email] = [somewhere(), someEmail()];
    const one = async (): Promise<CreatedOrder> => must(await place(shop, guestFrom(network), { email })).order;
    const [first, second] = [await one(), await one(), await one()];
    must(await cancelOrder(shop.deps, guestCall(), { orderId: first.id, orderToken: first.accessToken }));
    await one();
    expect(refusal(await place(shop, guestFrom(network), { email })).code).toBe("too_many_open_orders");
    await shop.receive(stockEvent("STOCK_RESERVED", second.id), paymentEvent(second.id, "AUTHORIZED", 1));
    await one();
  });

  it("counts as another guest in another network, up to twenty orders of the e-mail", async () => {
    const email = someEmail();
    const codes = await placeMany(22, (n) => place(shop, guestFrom(`${email} ${String(n % 10)}`), { email }));
    expect([countOf(codes, "made"), countOf(codes, "too_many_open_orders")]).toEqual([20, 2]);
  });
});

describe("a network", () => {
  it("caps the orders of guests and unproven accounts, not those of proven accounts", async () => {
    const network = somewhere();
    const at = capped({ network: { orders: 4, value: MUCH } });
    const codes = await placeMany(6, (n) =>
      n % 2 === 0 ? place(at, guestFrom(network), { email: someEmail() }) : place(at, unproven(network)),
    );
    expect([countOf(codes, "made"), countOf(codes, "too_many_open_orders")]).toEqual([4, 2]);
    const proven = await placeMany(6, () => place(at, { ...callAs("customer"), network }));
    expect(countOf(proven, "made")).toBe(6);
    must(await place(at, guestFrom(somewhere()), { email: someEmail() }));
  });

  it("does not count a proven account", async () => {
    const network = somewhere();
    const at = capped({ network: { orders: 1, value: MUCH } });
    const buyer = { ...callAs("customer"), network };
    await placeMany(3, () => place(at, buyer));
    expect((await place(at, guestFrom(network), { email: someEmail() })).ok).toBe(true);
  });
});

describe("an account", () => {
  it("may have three open unpaid orders over all networks, until it has verified its e-mail address", async () => {
    const id = newId("usr");
    const codes = await placeMany(4, () => place(shop, unproven(somewhere(), id)));
    expect(codes).toEqual(["made", "made", "made", "too_many_open_orders"]);
    const { detail } = refusal(await place(shop, unproven(somewhere(), id)));
    expect(detail).toContain("verify your e-mail address");
    must(await place(shop, callAs("customer", id)));
  });

  it("that is proven is not counted with strangers who type its e-mail address", async () => {
    const buyer = callAs("customer");
    const { email } = buyer.actor as { readonly email: string };
    await placeMany(21, () => place(shop, guestFrom(somewhere()), { email }));
    expect((await place(shop, buyer)).ok).toBe(true);
  });

  it("that is proven has a cap too, and a refused order holds nothing", async () => {
    const at = capped({ provenAccount: { orders: 2, value: MUCH } });
    const buyer = callAs("customer");
    const made = await Promise.all(Array.from({ length: 8 }, () => place(at, buyer)));
    expect(made.filter(({ ok }) => ok)).toHaveLength(2);
    expect(shop.inventory.available(productId)).toBe(1_000 - 2);
    const { code, detail } = refusal(await place(at, buyer));
    expect([code, detail]).toEqual([
      "too_many_open_orders",
      "An account may have 2 unpaid orders at a time. Pay or cancel one.",
    ]);
  });
});

describe("the value of open unpaid orders", () => {
  const large = { items: [{ productId: "", quantity: 0 }] };
  beforeEach(() => {
    large.items = [{ productId, quantity: 20 }];
  });

  it("is capped from a buyer's second order on", async () => {
    const at = capped({ guest: { orders: 9, value: 10_000 } });
    const [network, email] = [somewhere(), someEmail()];
    must(await place(at, guestFrom(network), { email, ...large }));
    const { code, detail } = refusal(await place(at, guestFrom(network), { email }));
    expect([code, detail]).toEqual([
      "too_many_open_orders",
      "A guest may have several unpaid orders worth $100.00 at most. Pay or cancel one, or sign in and verify your e-mail address.",
    ]);
  });

  it("never refuses a buyer's first order, whatever others in the network or under the e-mail have", async () => {
    const cap = { orders: 99, value: 10_000 };
    const at = capped({ guest: cap, guestEmail: cap, network: cap, unprovenAccount: cap, provenAccount: cap });
    const [network, email] = [somewhere(), someEmail()];
    must(await place(at, guestFrom(network), { email, ...large }));
    must(await place(at, guestFrom(network), { email: someEmail(), ...large }));
    must(await place(at, guestFrom(somewhere()), { email, ...large }));
    must(await place(at, unproven(network), large));
    const buyer = callAs("customer");
    must(await place(at, buyer, large));
    expect(refusal(await place(at, buyer)).code).toBe("too_many_open_orders");
  });
});

describe("concurrently", () => {
  it("as many orders are placed as the cap allows, and the stock of the others is released", async () => {
    const [network, email] = [somewhere(), someEmail()];
    const made = await Promise.all(
      Array.from({ length: 27 }, (_, n) =>
        place(shop, guestFrom(network), { email, idempotencyKey: `${email} ${String(n)}` }),
      ),
    );
    expect(made.filter(({ ok }) => ok)).toHaveLength(3);
    for (const each of made.filter(({ ok }) => !ok)) expect(refusal(each).code).toBe("too_many_open_orders");
    expect(shop.inventory.available(productId)).toBe(1_000 - 3);
  });

  it("all copies of the last request that the cap allows get its order", async () => {
    const at = capped({ unprovenAccount: { orders: 1, value: MUCH } });
    const buyer = unproven(somewhere());
    const copies = await Promise.all(Array.from({ length: 20 }, () => place(at, buyer, { idempotencyKey: "k" })));
    expect(new Set(copies.map((each) => must(each).order.id)).size).toBe(1);
    expect(must(await place(at, buyer, { idempotencyKey: "k" })).replayed).toBe(true);
    expect(refusal(await place(at, buyer, { idempotencyKey: "other" })).code).toBe("too_many_open_orders");
    expect(shop.inventory.available(productId)).toBe(1_000 - 1);
  });

  it("a request whose copy was refused and returned their hold gets a hold of its own", async () => {
    const at = capped({ provenAccount: { orders: 1, value: MUCH } });
    const buyer = callAs("customer");
    const asked = { idempotencyKey: "k" };
    let isFirst = true;
    const overtaken = at.with({
      inventory: stubOf<InventoryContract>({
        ...shop.inventory.contract(),
        hold: async (call, input) => {
          const held = await at.deps.inventory.hold(call, input);
          if (!isFirst) return held;
          isFirst = false;
          const other = must(await place(at, buyer));
          expect(refusal(await place(at, buyer, asked)).code).toBe("too_many_open_orders");
          must(await cancelOrder(at.deps, buyer, { orderId: other.order.id }));
          return held;
        },
      }),
    });
    const { order } = must(await place(overtaken, buyer, asked));
    const stored = await findOrder(shop.deps.db, order.id);
    expect(shop.inventory.heldBy(stored?.reservationOwner ?? "")).toEqual({ [productId]: 1 });
    expect(must(await place(at, buyer, asked))).toMatchObject({ replayed: true, order: { id: order.id } });
  });

  it("a refused request may be sent again under its key", async () => {
    const at = capped({ provenAccount: { orders: 1, value: MUCH } });
    const buyer = callAs("customer");
    const other = must(await place(at, buyer));
    const asked = { idempotencyKey: "k" };
    expect(refusal(await place(at, buyer, asked)).code).toBe("too_many_open_orders");
    must(await cancelOrder(at.deps, buyer, { orderId: other.order.id }));
    const { order } = must(await place(at, buyer, asked));
    const stored = await findOrder(shop.deps.db, order.id);
    expect(shop.inventory.heldBy(stored?.reservationOwner ?? "")).toEqual({ [productId]: 1 });
  });
});

it("remembers a returned hold until no copy of its request can use it", async () => {
  const at = capped({ provenAccount: { orders: 1, value: MUCH } });
  const buyer = callAs("customer");
  await Promise.all([place(at, buyer), place(at, buyer)]);
  const returned = async (): Promise<unknown> =>
    await ordersEnv.DB.prepare("SELECT count(*) AS count FROM returned_holds WHERE returned_at >= ?")
      .bind(shop.deps.now() - RETURNED_HOLD_MS)
      .first("count");
  const cron = systemCall("cron", "cron");
  await runSweeps(at.deps, plan, { call: cron, everything: true });
  expect(await returned()).not.toBe(0);
  at.advance(RETURNED_HOLD_MS + 1);
  await runSweeps(at.deps, plan, { call: cron, everything: true });
  expect(await ordersEnv.DB.prepare("SELECT 1 FROM returned_holds").first()).toBeNull();
});

describe("the network of an order", () => {
  it("is stored as a digest only while the order is open and unpaid", async () => {
    const network = "192.0.2.77";
    const one = async (): Promise<CreatedOrder> =>
      must(await place(shop, guestFrom(network), { email: someEmail() })).order;
    const [cancelled, paid, rejected] = [await one(), await one(), await one()];
    const kept = await networkColumn(paid.id);
    expect(kept).toMatch(/^[0-9a-f]{64}$/);
    await shop.receive(stockEvent("STOCK_RESERVED", paid.id), paymentEvent(paid.id, "FAILED", 1));
    expect(await networkColumn(paid.id)).toBe(kept);
    must(await cancelOrder(shop.deps, guestCall(), { orderId: cancelled.id, orderToken: cancelled.accessToken }));
    await shop.receive(stockEvent("STOCK_REJECTED", rejected.id), paymentEvent(paid.id, "AUTHORIZED", 2));
    for (const { id } of [cancelled, paid, rejected]) expect(await networkColumn(id)).toBeNull();
  });

  it("is not stored for a proven account", async () => {
    const { order } = must(await place(shop, { ...callAs("customer"), network: somewhere() }));
    expect(await networkColumn(order.id)).toBeNull();
  });
});

it("counts by indexes of pending orders only", async () => {
  const plans = await Promise.all(
    [
      "SELECT count(*), sum(total) FROM orders WHERE open_unpaid = 1 AND buyer = ? AND network = ?",
      "SELECT count(*), sum(total) FROM orders WHERE open_unpaid = 1 AND buyer = ?",
      "SELECT count(*), sum(total) FROM orders WHERE network = ?",
    ].map(async (query) => {
      const values = Array.from(query.matchAll(/\?/g), () => "x");
      const { results } = await ordersEnv.DB.prepare(`EXPLAIN QUERY PLAN ${query}`)
        .bind(...values)
        .all<{ detail: string }>();
      return results.map(({ detail }) => /SEARCH orders USING (?:COVERING )?INDEX (\w+)/.exec(detail)?.[1]);
    }),
  );
  expect(plans).toEqual([["orders_pending"], ["orders_pending"], ["orders_open_by_network"]]);
});

it("applies no cap when they are off", async () => {
  const [network, email] = [somewhere(), someEmail()];
  const off = shop.with({ orderCaps: false });
  expect(countOf(await placeMany(6, () => place(off, guestFrom(network), { email })), "made")).toBe(6);
});

it("measures open unpaid orders, and how long the oldest is overdue", async () => {
  const figures = async (name: string): Promise<readonly { readonly labels: object; readonly value: number }[]> =>
    (await readMetrics(shop.deps, metrics(shop.deps)))
      .filter((metric) => metric.name === name)
      .flatMap(({ samples }) => samples);
  const guests = async (): Promise<number> =>
    (await figures("tradepost_orders_open_unpaid")).find(({ labels }) => Object.values(labels).includes("guest"))
      ?.value ?? 0;
  const before = await guests();
  must(await place(shop, guestFrom(somewhere()), { email: someEmail() }));
  expect(await guests()).toBe(before + 1);
  shop.advance(10 * 60_000);
  const [overdue] = await figures("tradepost_orders_overdue_seconds");
  expect(overdue?.value).toBeGreaterThanOrEqual(300);
});
