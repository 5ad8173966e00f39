// Refunds of lines: never more than was ordered, under concurrency and after any interruption, and each published once.
import type { Query } from "#shared/statement";
import { beforeEach, describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { OrderRefund } from "#shared/contracts/orders";
import { RefundLinesInput } from "#shared/contracts/orders-staff";
import type { Payment, PaymentsContract } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { callAs } from "#shared/testkit/kit";
import { REFUND_RETRY_MS } from "../src/constants.ts";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { cancelOrder, changeStatus } from "../src/service/commands.ts";
import { refundLines } from "../src/service/refunds.ts";
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
  stockEvent,
} from "./shop.ts";
import type { Shop } from "./shop.ts";

type RefundAnswer = Awaited<ReturnType<PaymentsContract["refund"]>>;

/** Payments by its contract: one refund per actor and key, never more than was captured, a refusal frees its key. */
class FakePayments {
  payment: Payment = capturedPayment("ord_none");
  readonly refunds = new Map<string, { readonly amount: number; status: "succeeded" | "pending" | "failed" }>();
  asked = 0;
  /** What happens around the next calls; by default nothing. */
  before: () => Promise<void> | void = () => undefined;
  after: () => Promise<void> | void = () => undefined;
  answersWith: "succeeded" | "pending" | "failed" = "succeeded";

  given(): number {
    return [...this.refunds.values()]
      .filter(({ status }) => status !== "failed")
      .reduce((sum, { amount }) => sum + amount, 0);
  }

  contract(): Partial<PaymentsContract> {
    return {
      captureOrder: async () => ok(this.payment),
      listPayments: async () => ok({ items: [this.payment] }),
      refund: async (call, input) => {
        this.asked += 1;
        await this.before();
        const answer = this.#refund(call, input);
        await this.after();
        return answer;
      },
    };
  }

  #refund(
    call: Call,
    { paymentId, amount = 0, idempotencyKey, reason }: Parameters<PaymentsContract["refund"]>[1],
  ): RefundAnswer {
    const key = `${call.actor.id}|${idempotencyKey ?? newId("req")}`;
    const known = this.refunds.get(key);
    if (known === undefined && amount > this.payment.amountCaptured - this.given()) {
      return fail("amount_exceeds_captured", "Too much.");
    }
    const refund = known ?? { amount, status: this.answersWith };
    this.refunds.set(key, refund);
    const row = {
      id: newId("rfd"),
      paymentId,
      amount,
      currency: "USD",
      stripeRefundId: "re_1",
      createdAt: new Date().toISOString(),
    };
    return ok({ refund: { ...row, status: refund.status, reason: reason ?? null }, replayed: known !== undefined });
  }
}

const cron = systemCall("cron", "cron");
/** Of each test its own: a key belongs to its user. */
let admin: Call;
let payments: FakePayments;
let shop: Shop;
beforeEach(() => {
  admin = callAs("admin");
  payments = new FakePayments();
  shop = openShop(payments.contract());
});

/** A delivered order of 5 and 2 units, its money captured. */
async function delivered(until: "PROCESSING" | "DELIVERED" = "DELIVERED") {
  const items = [
    { productId: shop.product({ unitPrice: 1_250 }), quantity: 5 },
    { productId: shop.product({ unitPrice: 333 }), quantity: 2 },
  ];
  const { id } = await confirmedOrder(shop, undefined, items);
  for (const status of ["PROCESSING", "SHIPPED", "DELIVERED"] as const) {
    must(await changeStatus(shop.deps, admin, { orderId: id, status }));
    if (status === until) break;
  }
  await shop.receive(paymentEvent(id, "CAPTURED", 2));
  if (until === "DELIVERED") await shop.receive(stockEvent("STOCK_CONSUMED", id));
  const order = await reread(shop, id);
  payments.payment = { ...capturedPayment(id), amount: order.total, amountCaptured: order.total };
  const [five, two] = order.items;
  return { order, five: five?.id ?? "", two: two?.id ?? "" };
}

type Body = Omit<Parameters<typeof refundLines>[2], "includeShipping" | "lines"> & {
  readonly lines: readonly { itemId: string; quantity: number; restock?: boolean }[];
  readonly includeShipping?: boolean;
};

async function refund(body: Body, call: Call = admin, deps = shop.deps): ReturnType<typeof refundLines> {
  return await refundLines(deps, call, RefundLinesInput.parse(body));
}

function refundOf(outcome: Outcome<{ readonly refund: OrderRefund }>): OrderRefund {
  return must(outcome).refund;
}

function returned(orderId: string): unknown[] {
  return shop.sent
    .filter(({ event }) => event.subject === orderId && event.type === "ORDER_RETURNED")
    .map(({ consumer, event }) => ({ consumer, data: event.data }));
}

async function findings(subject: string): Promise<unknown[]> {
  const { results } = await ordersEnv.DB.prepare("SELECT kind, outcome FROM findings WHERE subject = ?")
    .bind(subject)
    .all();
  return results;
}

async function audited(subject: string): Promise<string[]> {
  const { results } = await ordersEnv.DB.prepare("SELECT action, actor_id FROM audit_log WHERE subject = ? ORDER BY id")
    .bind(subject)
    .all<{ action: string; actor_id: string }>();
  return results.filter(({ actor_id }) => actor_id === admin.actor.id).map(({ action }) => action);
}

const quantities = async (orderId: string): Promise<number[]> =>
  (await reread(shop, orderId)).items.map(({ refundedQuantity }) => refundedQuantity);

describe("a refund of lines", () => {
  it("refunds what they cost, is listed at the order, and restocks as requested", async () => {
    const { order, five, two } = await delivered();
    const lines = [
      { itemId: five, quantity: 2 },
      { itemId: five, quantity: 1, restock: false },
      { itemId: two, quantity: 1 },
    ];
    const made = refundOf(await refund({ orderId: order.id, lines, reason: "scratched" }));
    expect(made).toMatchObject({
      orderId: order.id,
      paymentId: payments.payment.id,
      amount: 3 * 1_250 + 333,
      shipping: 0,
      currency: "USD",
      status: "done",
      reason: "scratched",
    });
    const after = await reread(shop, order.id);
    expect(after.items.map(({ refundedQuantity }) => refundedQuantity)).toEqual([3, 1]);
    expect(after.refunds).toEqual([made]);
    expect(payments.given()).toBe(made.amount);
    await shop.idle();
    const [productId, other] = order.items.map((item) => item.productId);
    expect(returned(order.id)).toMatchObject([
      {
        consumer: "inventory",
        data: {
          returnId: made.id,
          shipped: true,
          lines: [
            { productId, quantity: 2 },
            { productId: other, quantity: 1 },
          ],
        },
      },
    ]);
    expect(await audited(order.id)).toEqual(["order.status", "order.status", "order.status", "order.refund"]);
  });

  it("of everything with the shipping is the total, in whatever parts", async () => {
    const { order, five, two } = await delivered();
    refundOf(await refund({ orderId: order.id, lines: [{ itemId: five, quantity: 2 }] }));
    refundOf(await refund({ orderId: order.id, lines: [{ itemId: two, quantity: 2 }], includeShipping: true }));
    const rest = { orderId: order.id, lines: [{ itemId: five, quantity: 3, restock: false }] };
    expect(refusal(await refund({ ...rest, includeShipping: true })).code).toBe("refund_exceeds_order");
    refundOf(await refund(rest));
    expect(payments.given()).toBe(order.total);
    expect(refusal(await refund(rest))).toMatchObject({
      code: "refund_exceeds_order",
      lines: [{ name: "Hex bolt M8" }],
    });
    expect(await quantities(order.id)).toEqual([5, 2]);
  });

  it("needs an admin, an existing order, its own lines, and captured money", async () => {
    const vendor = callAs("vendor");
    const { order, five } = await delivered();
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 1 }] };
    expect(refusal(await refund(body, callAs("customer"))).code).toBe("not_found");
    expect(refusal(await refund(body, vendor)).code).toBe("not_found");
    const own = await confirmedOrder(shop, undefined, [
      { productId: shop.product({ vendorId: vendor.actor.id }), quantity: 1 },
    ]);
    const ofVendor = { orderId: own.id, lines: [{ itemId: own.items[0]?.id ?? "", quantity: 1 }] };
    expect(refusal(await refund(ofVendor, vendor)).code).toBe("forbidden");
    expect(refusal(await refund({ ...body, orderId: newId("ord") })).code).toBe("not_found");
    expect(refusal(await refund({ ...body, lines: ofVendor.lines })).code).toBe("validation_failed");
    payments.payment = { ...payments.payment, status: "AUTHORIZED", amountCaptured: 0 };
    expect(refusal(await refund(body)).code).toBe("payment_not_refundable");
    expect(payments.asked).toBe(0);
    expect((await reread(shop, order.id)).refunds).toEqual([]);
  });

  it("of goods that cost nothing calls no payments", async () => {
    const { id, items } = await confirmedOrder(shop, undefined, [
      { productId: shop.product({ unitPrice: 0 }), quantity: 2 },
    ]);
    const made = refundOf(await refund({ orderId: id, lines: [{ itemId: items[0]?.id ?? "", quantity: 2 }] }));
    expect(made).toMatchObject({ amount: 0, status: "done" });
    expect(made).not.toHaveProperty("paymentId");
    expect(payments.asked).toBe(0);
    await shop.idle();
    expect(returned(id)).toMatchObject([{ data: { shipped: false } }]);
  });

  it("that payments refuses, because the money was refunded otherwise, frees its units", async () => {
    const { order, five } = await delivered();
    payments.refunds.set("by amount", { amount: order.total - 1_000, status: "succeeded" });
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 1 }], idempotencyKey: "k" };
    expect(refusal(await refund(body)).code).toBe("amount_exceeds_captured");
    expect(await quantities(order.id)).toEqual([0, 0]);
    expect((await reread(shop, order.id)).refunds).toMatchObject([{ status: "refused" }]);
    expect(returned(order.id)).toEqual([]);
    payments.refunds.clear();
    expect(must(await refund(body))).toMatchObject({ replayed: false, refund: { status: "done" } });
  });
});

describe("concurrent refunds", () => {
  it("never refund more of a line than was ordered", async () => {
    const { order, five } = await delivered();
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 2 }] };
    const results = await Promise.all(Array.from({ length: 12 }, () => refund(body)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(2);
    for (const result of results.filter(({ ok }) => !ok)) expect(refusal(result).code).toBe("refund_exceeds_order");
    expect(await quantities(order.id)).toEqual([4, 0]);
    expect(payments.given()).toBe(4 * 1_250);
    await shop.idle();
    expect(returned(order.id)).toHaveLength(2);
  });

  it("of one unit each all succeed, one after the other", async () => {
    const [productId, buyer] = [shop.product({ unitPrice: 99, stock: 20 }), callAs("customer")];
    const { id, items, total } = await confirmedOrder(shop, buyer, [{ productId, quantity: 16 }]);
    payments.payment = { ...capturedPayment(id), amount: total, amountCaptured: total };
    const body = { orderId: id, lines: [{ itemId: items[0]?.id ?? "", quantity: 1 }] };
    const made = (await Promise.all(Array.from({ length: 16 }, () => refund(body)))).map(refundOf);
    expect(new Set(made.map((one) => one.id)).size).toBe(16);
    expect(await quantities(id)).toEqual([16]);
    expect(payments.given()).toBe(16 * 99);
  });

  it("are refused by the database too, if every other guard fails", async () => {
    const { five } = await delivered();
    const over = async (): Promise<unknown> =>
      await ordersEnv.DB.prepare("UPDATE order_items SET refunded_quantity = 6 WHERE id = ?").bind(five).run();
    await expect(over()).rejects.toThrow("CHECK constraint failed");
  });

  it("under one key are one refund, and another body under it is refused", async () => {
    const { order, five } = await delivered();
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 3 }], idempotencyKey: "k" };
    const results = (await Promise.all(Array.from({ length: 5 }, () => refund(body)))).map(must);
    expect(new Set(results.map((result) => result.refund.id)).size).toBe(1);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(payments.given()).toBe(3 * 1_250);
    expect(must(await refund(body))).toMatchObject({ replayed: true, refund: { status: "done" } });
    const other = { ...body, lines: [{ itemId: five, quantity: 1 }] };
    expect(refusal(await refund(other)).code).toBe("idempotency_key_reused");
    // A key belongs to its user.
    expect(must(await refund(other, callAs("admin"))).replayed).toBe(false);
    await shop.idle();
    expect(returned(order.id)).toHaveLength(2);
  });

  it("with a cancellation restock the goods once: by the return, or with the whole reservation", async () => {
    const { order, five } = await delivered("PROCESSING");
    payments.before = async () => {
      payments.before = () => undefined;
      must(await cancelOrder(shop.deps, admin, { orderId: order.id }));
    };
    expect(refundOf(await refund({ orderId: order.id, lines: [{ itemId: five, quantity: 2 }] })).status).toBe("done");
    await shop.idle();
    expect(returned(order.id)).toEqual([]);
    expect((await eventTypes(shop, order.id)).at(-1)).toBe("ORDER_CANCELLED");
    const late = await refund({ orderId: order.id, lines: [{ itemId: five, quantity: 1 }] });
    expect(refusal(late).code).toBe("payment_not_refundable");
  });

  it("with a status change both succeed", async () => {
    const { order, five } = await delivered("PROCESSING");
    const [moved, made] = await Promise.all([
      changeStatus(shop.deps, admin, { orderId: order.id, status: "SHIPPED" }),
      refund({ orderId: order.id, lines: [{ itemId: five, quantity: 1 }] }),
    ]);
    expect([moved.ok, made.ok]).toEqual([true, true]);
    expect(await reread(shop, order.id)).toMatchObject({ status: "SHIPPED", refunds: [{ status: "done" }] });
    expect(await quantities(order.id)).toEqual([1, 0]);
  });
});

describe("an interrupted refund", () => {
  const stop = (): never => {
    throw new Error("the power is out");
  };

  it.each([
    ["before payments has it", "before"],
    ["after payments has done it and before the answer is here", "after"],
  ] as const)("%s is finished by the sweep, once, and reported", async (_name, where) => {
    const { order, five } = await delivered();
    payments[where] = stop;
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 2 }], idempotencyKey: "k" };
    const made = refundOf(await refund(body));
    expect(made.status).toBe("requested");
    expect(await quantities(order.id)).toEqual([2, 0]);
    payments[where] = () => undefined;
    await runSweeps(shop.deps, plan, { call: cron, everything: false });
    expect((await reread(shop, order.id)).refunds).toMatchObject([{ status: "requested" }]);
    shop.advance(REFUND_RETRY_MS);
    await Promise.all([1, 2, 3].map(() => runSweeps(shop.deps, plan, { call: cron, everything: false })));
    expect((await reread(shop, order.id)).refunds).toMatchObject([{ id: made.id, status: "done" }]);
    expect(payments.given()).toBe(2 * 1_250);
    await shop.idle();
    expect(returned(order.id)).toHaveLength(1);
    expect(await findings(made.id)).toEqual([{ kind: "refund_unfinished", outcome: "mended" }]);
    expect(must(await refund(body))).toMatchObject({ replayed: true, refund: { id: made.id, status: "done" } });
    expect(await audited(order.id)).toContain("order.refund");
  });

  it("is finished by the next request under its key, in the name of the first caller", async () => {
    const { order, five } = await delivered();
    payments.after = stop;
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 2 }], idempotencyKey: "k" };
    expect(refundOf(await refund(body)).status).toBe("requested");
    payments.after = () => undefined;
    expect(must(await refund(body))).toMatchObject({ replayed: true, refund: { status: "done" } });
    expect([...payments.refunds.keys()]).toEqual([expect.stringContaining(`${admin.actor.id}|rfd_`)]);
  });

  it("that is refused later frees its units, and is reported", async () => {
    const { order, five } = await delivered();
    payments.before = stop;
    const made = refundOf(await refund({ orderId: order.id, lines: [{ itemId: five, quantity: 2 }] }));
    payments.before = () => undefined;
    payments.refunds.set("by amount", { amount: order.total, status: "succeeded" });
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect((await reread(shop, order.id)).refunds).toMatchObject([{ status: "refused" }]);
    expect(await quantities(order.id)).toEqual([0, 0]);
    expect(await findings(made.id)).toEqual([{ kind: "refund_unfinished", outcome: "open" }]);
  });

  it("during an outage of payments is repeated with growing pauses, and reported when that takes long", async () => {
    const { order, five } = await delivered();
    payments.before = stop;
    const made = refundOf(await refund({ orderId: order.id, lines: [{ itemId: five, quantity: 1 }] }));
    const tries: number[] = [];
    for (let minute = 1, last = payments.asked; minute <= 40; minute += 1) {
      shop.advance(60_000);
      await runSweeps(shop.deps, plan, { call: cron, everything: false });
      if (payments.asked > last) tries.push(minute);
      last = payments.asked;
    }
    expect(tries).toEqual([1, 3, 7, 15, 31]);
    expect(await findings(made.id)).toEqual([{ kind: "refund_unfinished", outcome: "open" }]);
    payments.before = () => undefined;
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect(await findings(made.id)).toEqual([{ kind: "refund_unfinished", outcome: "mended" }]);
  });

  it("that is pending at Stripe waits for the result", async () => {
    const { order, five } = await delivered();
    payments.answersWith = "pending";
    const made = refundOf(await refund({ orderId: order.id, lines: [{ itemId: five, quantity: 1 }] }));
    expect(made.status).toBe("requested");
    for (const row of payments.refunds.values()) row.status = "failed";
    await runSweeps(shop.deps, plan, { call: cron, everything: true });
    expect((await reread(shop, order.id)).refunds).toMatchObject([{ status: "refused" }]);
    expect(await quantities(order.id)).toEqual([0, 0]);
  });

  it("that is refused during a later attempt gets the result of that attempt", async () => {
    const { order, five } = await delivered();
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 1 }], idempotencyKey: "k" };
    payments.before = async () => {
      payments.before = () => undefined;
      // The first attempt hangs before it is refused; a copy of the request succeeds first.
      expect(must(await refund(body)).refund.status).toBe("done");
      payments.refunds.clear();
      payments.refunds.set("by amount", { amount: order.total, status: "succeeded" });
    };
    expect(refundOf(await refund(body)).status).toBe("done");
    expect((await reread(shop, order.id)).refunds).toMatchObject([{ status: "done" }]);
    expect(await quantities(order.id)).toEqual([1, 0]);
  });

  it("that is refused while a copy of the request reads it is a refusal for the copy too", async () => {
    const { order, five } = await delivered();
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 1 }], idempotencyKey: "k" };
    const { promise: hasRead, resolve: read } = Promise.withResolvers<void>();
    payments.before = () => {
      payments.refunds.set("by amount", { amount: order.total, status: "succeeded" });
      return hasRead;
    };
    const first = refund(body);
    // The copy reads the refund as requested, and continues after it is refused.
    const all = async (query: Query<object>): Promise<unknown[]> => {
      const rows = await shop.deps.db.all(query);
      if (rows.some((row) => "idempotencyKey" in row)) {
        read();
        await first;
      }
      return rows;
    };
    const db = new Proxy(shop.deps.db, {
      get: (target, name) => {
        if (name === "all") return all;
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      },
    });
    expect(refusal(await refund(body, admin, { ...shop.deps, db })).code).toBe("payment_not_refundable");
    expect(refusal(await first).code).toBe("amount_exceeds_captured");
  });

  it("that succeeds after another attempt was refused is reported", async () => {
    const { order, five } = await delivered();
    const body = { orderId: order.id, lines: [{ itemId: five, quantity: 1 }], idempotencyKey: "k" };
    payments.before = async () => {
      payments.before = () => undefined;
      payments.refunds.set("by amount", { amount: order.total, status: "succeeded" });
      expect(refusal(await refund(body)).code).toBe("amount_exceeds_captured");
      payments.refunds.clear();
    };
    expect(refusal(await refund(body)).code).toBe("payment_not_refundable");
    const [made] = (await reread(shop, order.id)).refunds;
    expect(await findings(made?.id ?? "")).toEqual([{ kind: "refund_paid_but_refused", outcome: "open" }]);
  });
});
