// Card testing: an attacker tries card numbers on orders. The attempts are limited, the stock is released, and no other buyer is blocked.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PaymentIntent } from "#shared/contracts/payments";
import {
  Client,
  confirmPayment,
  eventually,
  getOrder,
  lettersTo,
  levelOf,
  newBuyer,
  orderReaches,
  pay,
  placeOrder,
  signIn,
} from "../scripts/shop/client.ts";
import type { Problem, Shelf } from "../scripts/shop/client.ts";
import { openShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { atStripe } from "./stripe.ts";

let shop: Shop;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openShop({ ORDER_CAPS: "on" }));
});

afterAll(async () => {
  await shop.close();
});

interface Tried {
  /** How many cards were declined before the intent accepted no further attempt. */
  readonly declines: number;
  readonly orderId: string;
  readonly intent: PaymentIntent;
}

/** Waits until the shop has handled so many declines of the order. */
async function heardOf(orderId: string, declines: number): Promise<void> {
  await eventually(`${String(declines)} declines are counted`, async () => {
    const [row] = await shop.query<{ counted: number; ending: number }>(
      "payments",
      `SELECT (SELECT count(*) FROM declines WHERE order_id = payments.order_id) AS counted,
        stopped_by IS NOT NULL AND status <> 'VOIDED' AS ending FROM payments WHERE order_id = ?`,
      orderId,
    );
    return row?.counted === declines && row.ending === 0 ? true : undefined;
  });
}

/** Tries cards on a new order, each after the shop has handled the decline before, until an attempt is refused. */
async function tryCards(buyer: Client, productId: string): Promise<Tried> {
  const { id: orderId } = await placeOrder(buyer, [{ productId, quantity: 1 }]);
  const intent = await buyer.expect<PaymentIntent>(201, "POST", "/api/payments/intent", { orderId });
  for (let declines = 0; ; declines += 1) {
    const answer = await confirmPayment(shop.send, intent, "pm_card_chargeDeclined");
    if (answer.status !== 402) return { declines, orderId, intent };
    await heardOf(orderId, declines + 1);
  }
}

interface AtStripe {
  readonly status: string;
}

describe("declined cards", () => {
  it("end an order at the fifth decline: its intent, its status and its reservation", async () => {
    const productId = await shelf.take(3);
    const { buyer, session } = await newBuyer(new Client(shop.send));
    const { declines, orderId, intent } = await tryCards(buyer, productId);
    expect(declines).toBe(5);
    const atEnd = await atStripe<AtStripe>(shop.send, `payment_intents/${intent.stripePaymentIntentId}`);
    expect(atEnd.status).toBe("canceled");
    await orderReaches(buyer, orderId, ({ status }) => status === "CANCELLED", "is CANCELLED");
    expect((await getOrder(buyer, orderId)).history.at(-1)).toMatchObject({ reason: "too_many_declines" });

    const again = await buyer.call<Problem>("POST", "/api/payments/intent", { orderId });
    expect([again.status, again.body.code]).toEqual([409, "too_many_attempts"]);
    expect(again.body.detail).toContain("Place a new order");
    expect(again.body).toHaveProperty("retryAt");
    await eventually("the stock is free", async () =>
      (await levelOf(admin, productId)).reserved === 0 ? true : undefined,
    );
    await eventually("the buyer is told that the order is cancelled", async () =>
      (await lettersTo(shop.send, session.user.email)).some(({ text }) => text.includes("too many cards were declined"))
        ? true
        : undefined,
    );
    await placeOrder(buyer, [{ productId, quantity: 1 }]).then(({ id }) => pay(shop.send, buyer, id));
  });

  it("block an unproven account after 20 in an hour, and no proven account of the same network", async () => {
    const { buyer } = await newBuyer(new Client(shop.send));
    for (let order = 0; order < 4; order += 1) expect((await tryCards(buyer, await shelf.take(1))).declines).toBe(5);
    const { id: orderId } = await placeOrder(buyer, [{ productId: await shelf.take(1), quantity: 1 }]);
    const stopped = await buyer.call<Problem & { retryAt: string }>("POST", "/api/payments/intent", { orderId });
    expect([stopped.status, stopped.body.code]).toEqual([409, "too_many_attempts"]);
    const waitMs = Date.parse(stopped.body.retryAt) - Date.now();
    expect(waitMs).toBeGreaterThan(50 * 60_000);
    expect(waitMs).toBeLessThanOrEqual(60 * 60_000);

    const proven = await signIn(new Client(shop.send), "customer@example.com", "Customer123!");
    const { id } = await placeOrder(proven, [{ productId: await shelf.take(1), quantity: 1 }]);
    await pay(shop.send, proven, id);
    await orderReaches(proven, id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
  });
});
