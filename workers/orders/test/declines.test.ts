// What orders reports to payments about the payer, for counting declined cards, and the answer for an order that they ended.
import { beforeEach, expect, it } from "vitest";
import type { Call } from "#shared/call";
import type { PaymentsContract } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import { callAs, guestCall } from "#shared/testkit/kit";
import type { CreatedOrder } from "#shared/contracts/orders";
import { cancelOrder } from "../src/service/commands.ts";
import { createOrder } from "../src/service/place-order.ts";
import { payOrder } from "../src/service/pay.ts";
import { must, openShop, ordered, paymentEvent, refusal, request, reread } from "./shop.ts";
import type { Shop } from "./shop.ts";

type Asked = Parameters<PaymentsContract["createIntent"]>[1];

let shop: Shop;
let asked: Asked[];
beforeEach(() => {
  asked = [];
  shop = openShop({
    createIntent: async (_call, input) => {
      asked.push(input);
      return fail("too_many_attempts", "Stubbed.", { retryAt: "2026-11-30T12:00:00.000Z" });
    },
  });
});

function from(call: Call, network: string): Call {
  return { ...call, network };
}

function unproven(id?: string): Call {
  const call = callAs("customer", id);
  return call.actor.role === "customer" ? { ...call, actor: { ...call.actor, emailVerified: false } } : call;
}

async function guestOrder(): Promise<CreatedOrder> {
  const items = [{ productId: shop.product(), quantity: 1 }];
  return must(await createOrder(shop.deps, guestCall(), request({ items, email: "guest@example.com" }))).order;
}

/** The order's payer as this call reports it to payments. */
async function payerOf(call: Call, orderId: string, orderToken?: string): Promise<Asked["unproven"]> {
  expect(refusal(await payOrder(shop.deps, call, { orderId, orderToken })).code).toBe("too_many_attempts");
  return asked.at(-1)?.unproven;
}

it("reports nothing about a proven account, and only digests of others", async () => {
  const proven = callAs("customer");
  expect(await payerOf(from(proven, "192.0.2.1"), (await ordered(shop, proven)).id)).toBeUndefined();
  const buyer = unproven();
  const order = await ordered(shop, buyer);
  const payer = await payerOf(from(buyer, "192.0.2.1"), order.id);
  expect(payer).toEqual({
    payer: expect.stringMatching(/^[0-9a-f]{64}$/),
    network: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect((await payerOf(from(buyer, "192.0.2.2"), order.id))?.payer).toBe(payer?.payer);
});

it("identifies a guest by e-mail and client network together", async () => {
  const first = await guestOrder();
  const second = await guestOrder();
  const here = from(guestCall(), "192.0.2.1");
  const payer = await payerOf(here, first.id, first.accessToken);
  expect(await payerOf(here, second.id, second.accessToken)).toEqual(payer);
  const elsewhere = await payerOf(from(guestCall(), "192.0.2.2"), second.id, second.accessToken);
  expect(elsewhere?.payer).not.toBe(payer?.payer);
  expect(elsewhere?.network).not.toBe(payer?.network);
});

it("returns why an order that declined cards ended cannot be paid, and when to retry", async () => {
  const buyer = callAs("customer");
  const order = await ordered(shop, buyer);
  await shop.receive(paymentEvent(order.id, "VOIDED", 3, "too_many_declines"));
  expect(await reread(shop, order.id)).toMatchObject({ status: "CANCELLED", paymentStatus: "VOIDED" });
  expect((await reread(shop, order.id)).history.at(-1)?.reason).toBe("too_many_declines");
  const refused = refusal(await payOrder(shop.deps, buyer, { orderId: order.id }));
  expect(refused).toMatchObject({ code: "too_many_attempts", retryAt: "2026-11-30T12:00:00.000Z" });
  expect(asked).toMatchObject([{ orderId: order.id, mayBegin: false }]);
});

it("begins no payment of a cancelled order", async () => {
  const buyer = callAs("customer");
  const order = await ordered(shop, buyer);
  must(await cancelOrder(shop.deps, buyer, { orderId: order.id }));
  expect(refusal(await payOrder(shop.deps, buyer, { orderId: order.id })).code).toBe("order_not_payable");
  expect(asked).toEqual([]);
});
