// Two conflicting requests at the same moment, several times each, over all Workers. Whichever wins, the money at Stripe, the stock, the
// payment and the order agree after the sweeps.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cart } from "#shared/contracts/carts";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { PaymentIntent } from "#shared/contracts/payments";
import {
  ADDRESS,
  Client,
  addToCart,
  confirmPayment,
  confirmedOrder,
  getOrder,
  levelOf,
  newBuyer,
  placeOrder,
} from "../scripts/shop/client.ts";
import type { Answer, Problem, Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { atStripe, paymentOf, setFaults } from "./stripe.ts";

const ROUNDS = 4;

let shop: Shop;
let admin: Client;
let shelf: Shelf;
let buyer: Client;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openSharedShop());
  ({ buyer } = await newBuyer(new Client(shop.send)));
});

afterAll(async () => {
  await shop.close();
});

/** Runs all sweeps, and waits until their events are delivered. */
async function sweepAll(): Promise<void> {
  for (const worker of ["payments", "orders", "inventory", "gateway"]) await shop.cron(worker);
  await shop.quiet();
}

interface Intent {
  readonly status: string;
  readonly amount_received: number;
  readonly latest_charge: { readonly amount_refunded: number } | null;
}

/** The money of one intent that Stripe keeps: received less refunded. */
async function keptAtStripe(intentId: string): Promise<{ readonly status: string; readonly kept: number }> {
  const intent = await atStripe<Intent>(shop.send, `payment_intents/${intentId}?expand[]=latest_charge`);
  // A cancelled authorization counts as refunded on its charge, although nothing was received.
  const refunded = intent.amount_received === 0 ? 0 : (intent.latest_charge?.amount_refunded ?? 0);
  return { status: intent.status, kept: intent.amount_received - refunded };
}

/** One confirmed order for each round, each of two out of five pieces of a product of its own. */
async function confirmedOrders(): Promise<{ readonly order: Order; readonly productId: string }[]> {
  return await Promise.all(
    Array.from({ length: ROUNDS }, async () => {
      const productId = await shelf.take(5);
      return { productId, order: await confirmedOrder(shop.send, buyer, [{ productId, quantity: 2 }]) };
    }),
  );
}

function moveTo(orderId: string, status: string, more: object = {}): Promise<Answer<Order & Problem>> {
  return admin.call("PATCH", `/api/orders/${orderId}/status`, { status, ...more });
}

/**
 * The consistent end states by the status of the order: the money kept, the stock of its product, and its stock status.
 */
const WHOLE: Readonly<Record<string, (total: number) => object>> = {
  CONFIRMED: () => ({ kept: 0, onHand: 5, reserved: 2, stockStatus: "RESERVED" }),
  SHIPPED: (total) => ({ kept: total, onHand: 3, reserved: 0, stockStatus: "CONSUMED" }),
  CANCELLED: () => ({ kept: 0, onHand: 5, reserved: 0, stockStatus: "RELEASED" }),
};

/** The final status of an order, after the check that payment, Stripe and stock agree with it. */
async function endOf({ id }: { readonly id: string }, productId: string): Promise<string> {
  const order = await getOrder(admin, id);
  const payment = await paymentOf(admin, id);
  const { kept } = await keptAtStripe(payment.stripePaymentIntentId ?? "");
  const { onHand, reserved } = await levelOf(admin, productId);
  expect(payment.amountCaptured - payment.amountRefunded).toBe(kept);
  expect({ kept, onHand, reserved, stockStatus: order.stockStatus }).toEqual(WHOLE[order.status]?.(order.total));
  return order.status;
}

describe("the last unit", () => {
  it("goes to one of the carts that hold it", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const productId = await shelf.take(1);
      const guests = Array.from(
        { length: 5 },
        () => new Client(shop.send, { "x-cart-token": crypto.randomUUID().repeat(2).slice(0, 43) }),
      );
      for (const guest of guests) await addToCart(guest, productId, 1);
      const answers = await Promise.all(
        guests.map((guest) =>
          guest.call<CreatedOrder & Problem>("POST", "/api/orders", {
            shippingAddress: ADDRESS,
            email: "guest@example.com",
          }),
        ),
      );
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
      expect(statuses).toEqual([201, 409, 409, 409, 409]);
      expect(await levelOf(admin, productId)).toMatchObject({ onHand: 1, reserved: 1, available: 0 });
    }
  });
});

describe("two refunds", () => {
  it("never return more than was captured, in the database and at Stripe", async () => {
    const orders = await confirmedOrders();
    for (const { order } of orders) {
      await moveTo(order.id, "PROCESSING");
      const payment = await paymentOf(admin, order.id);
      await admin.expect(200, "POST", `/api/payments/${payment.id}/capture`);
      const amount = Math.ceil(order.total * 0.6);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => admin.call("POST", `/api/payments/${payment.id}/refund`, { amount })),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409]);
    }
    await sweepAll();
    for (const { order } of orders) {
      const payment = await paymentOf(admin, order.id);
      const { kept } = await keptAtStripe(payment.stripePaymentIntentId ?? "");
      expect([payment.amountRefunded, kept]).toEqual([
        Math.ceil(order.total * 0.6),
        order.total - Math.ceil(order.total * 0.6),
      ]);
    }
  });
});

describe("capture against cancel", () => {
  it("keeps no money of a cancelled order", async () => {
    const orders = await confirmedOrders();
    await Promise.all(
      orders.map(async ({ order }) => {
        const payment = await paymentOf(admin, order.id);
        await Promise.all([
          admin.call("POST", `/api/payments/${payment.id}/capture`),
          buyer.call("POST", `/api/orders/${order.id}/cancel`, { reason: "changed my mind" }),
        ]);
      }),
    );
    await sweepAll();
    for (const { order, productId } of orders) expect(await endOf(order, productId)).toBe("CANCELLED");
  });
});

describe("shipping against cancelling", () => {
  it("has one winner, and money and stock agree with it", async () => {
    const orders = await confirmedOrders();
    for (const { order } of orders) await moveTo(order.id, "PROCESSING");
    await Promise.all(
      orders.flatMap(({ order }, index) => {
        const steps = [
          moveTo(order.id, "SHIPPED", { tracking: { carrier: "DHL", number: "1" } }),
          admin.call("POST", `/api/orders/${order.id}/cancel`, { reason: "fraud" }),
        ];
        return index % 2 === 0 ? steps : steps.toReversed();
      }),
    );
    await sweepAll();
    const ends = await Promise.all(orders.map(({ order, productId }) => endOf(order, productId)));
    expect(ends.every((status) => status === "SHIPPED" || status === "CANCELLED")).toBe(true);
  });
});

describe("payment against payment timeout", () => {
  it("ends paid and confirmed, or cancelled without a charge", async () => {
    const rounds = await Promise.all(
      Array.from({ length: ROUNDS + 1 }, async () => {
        const productId = await shelf.take(5);
        const order = await placeOrder(buyer, [{ productId, quantity: 2 }]);
        const intent = await buyer.expect<PaymentIntent>(201, "POST", "/api/payments/intent", { orderId: order.id });
        return { productId, order, intent };
      }),
    );
    const unpaid = rounds.at(-1);
    const paying = rounds.slice(0, -1);
    const ids = JSON.stringify(rounds.map(({ order }) => order.id));
    await shop.query(
      "orders",
      "UPDATE orders SET payment_due_at = 1 WHERE id IN (SELECT value FROM json_each(?))",
      ids,
    );
    await Promise.all([
      ...paying.slice(0, ROUNDS / 2).map(({ intent }) => confirmPayment(shop.send, intent)),
      shop.cron("orders"),
      ...paying.slice(ROUNDS / 2).map(({ intent }) => confirmPayment(shop.send, intent)),
    ]);
    await sweepAll();
    // The one that nobody paid shows that the sweep took these orders.
    expect((await getOrder(admin, unpaid?.order.id ?? "")).status).toBe("CANCELLED");
    for (const { order, productId, intent } of rounds) {
      const status = await endOf(order, productId);
      const { status: atStripe } = await keptAtStripe(intent.stripePaymentIntentId);
      expect([status, atStripe]).toEqual(
        status === "CANCELLED" ? ["CANCELLED", "canceled"] : ["CONFIRMED", "requires_capture"],
      );
    }
  });
});

describe("checkout against a change of the cart", () => {
  it("loses no unit and sells none twice", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const productId = await shelf.take(50);
      const { buyer: own } = await newBuyer(new Client(shop.send));
      await addToCart(own, productId, 2);
      const [checkout, added] = await Promise.all([
        own.call<CreatedOrder & Problem>("POST", "/api/orders", { shippingAddress: ADDRESS }),
        own.call<Cart & Problem>("POST", "/api/cart/items", { productId, quantity: 3 }),
      ]);
      expect([checkout.status, added.status]).toEqual([201, 201]);
      const ordered = checkout.body.items[0]?.quantity ?? 0;
      const cart = await own.expect<Cart>(200, "GET", "/api/cart");
      expect(ordered + (cart.items[0]?.quantity ?? 0)).toBe(5);
      expect(await levelOf(admin, productId)).toMatchObject({ reserved: ordered });
    }
  });
});

describe("the browser's return against the webhook", () => {
  it("makes one payment, and the order is confirmed and not refunded", async () => {
    await setFaults(shop.send, { webhooks: "duplicate" });
    const rounds = await Promise.all(
      Array.from({ length: ROUNDS }, async () => {
        const productId = await shelf.take(5);
        const order = await placeOrder(buyer, [{ productId, quantity: 2 }]);
        const intent = await buyer.expect<PaymentIntent>(201, "POST", "/api/payments/intent", { orderId: order.id });
        // The page requests the intent and the order again while the webhooks arrive twice.
        const comeBack = (): Promise<unknown>[] =>
          Array.from({ length: 4 }, () => buyer.call("POST", "/api/payments/intent", { orderId: order.id }));
        await Promise.all([confirmPayment(shop.send, intent), ...comeBack(), shop.cron("payments")]);
        return { order, productId };
      }),
    );
    await sweepAll();
    await setFaults(shop.send, { webhooks: "deliver" });
    for (const { order, productId } of rounds) {
      expect(await endOf(order, productId)).toBe("CONFIRMED");
      expect((await paymentOf(admin, order.id)).status).toBe("AUTHORIZED");
    }
  });
});

describe("two operators", () => {
  it("who move an order to the same status move it once", async () => {
    for (const { order } of await confirmedOrders()) {
      const answers = await Promise.all([moveTo(order.id, "PROCESSING"), moveTo(order.id, "PROCESSING")]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      const { history } = await getOrder(admin, order.id);
      expect(history.filter(({ to }) => to === "PROCESSING")).toHaveLength(1);
    }
  });

  it("who request conflicting changes do not both succeed", async () => {
    const orders = await confirmedOrders();
    for (const { order } of orders) {
      const answers = await Promise.all([
        moveTo(order.id, "PROCESSING"),
        moveTo(order.id, "CANCELLED", { reason: "stop" }),
      ]);
      for (const { status, body } of answers) {
        expect(status === 200 || (status === 409 && body.code === "illegal_transition")).toBe(true);
      }
      const { status, history } = await getOrder(admin, order.id);
      // Cancelling a processed order is legal, processing a cancelled one is not.
      expect(status).toBe("CANCELLED");
      expect(history.at(-1)).toMatchObject({ to: "CANCELLED" });
    }
    await sweepAll();
    for (const { order, productId } of orders) expect(await endOf(order, productId)).toBe("CANCELLED");
  });
});
