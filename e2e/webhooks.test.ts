// Stripe's events arriving many times, late, out of order, and from a sender that is not Stripe.
import { Stripe } from "stripe";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Order } from "#shared/contracts/orders";
import { Client, confirmPayment, getOrder, newBuyer, orderReaches, pay, placeOrder } from "../scripts/shop/client.ts";
import type { Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { SANDBOX_SECRET_KEY } from "../scripts/local/settings.ts";
import { atStripe, setFaults } from "./stripe.ts";

const SECRET = "whsec_local_development";
const stripe = new Stripe(SANDBOX_SECRET_KEY);

let shop: Shop;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openSharedShop());
});

afterAll(async () => {
  await shop.close();
});

async function newOrder(): Promise<{ buyer: Client; order: Order }> {
  const productId = await shelf.take(20);
  const { buyer } = await newBuyer(new Client(shop.send));
  return { buyer, order: await placeOrder(buyer, [{ productId, quantity: 1 }]) };
}

interface StripeEvent {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly object: { readonly id: string; readonly metadata?: Readonly<Record<string, string>> } };
}

/** The events of one PaymentIntent at the sandbox, oldest first. */
async function stripeEvents(intentId: string): Promise<StripeEvent[]> {
  const { data } = await atStripe<{ data: StripeEvent[] }>(shop.send, "events?limit=100");
  return data.filter((event) => event.data.object.id === intentId).toReversed();
}

async function post(
  payload: string,
  options: { secret?: string; timestamp?: number; signed?: string } = {},
): Promise<Response> {
  const header = await stripe.webhooks.generateTestHeaderStringAsync({
    payload: options.signed ?? payload,
    secret: options.secret ?? SECRET,
    ...(options.timestamp !== undefined && { timestamp: options.timestamp }),
  });
  return await shop.send("/api/webhooks/stripe", {
    method: "POST",
    headers: { "content-type": "application/json", "stripe-signature": header },
    body: payload,
  });
}

async function storedEvents(eventId: string): Promise<number> {
  const [row] = await shop.query<{ count: number }>(
    "payments",
    "SELECT count(*) AS count FROM stripe_events WHERE id = ?",
    eventId,
  );
  return row?.count ?? 0;
}

async function paymentEvents(orderId: string): Promise<string[]> {
  const rows = await shop.query<{ type: string }>(
    "payments",
    "SELECT type FROM outbox WHERE subject = ? ORDER BY time, id",
    orderId,
  );
  return rows.map(({ type }) => type);
}

describe("a Stripe event", () => {
  it("delivered ten times at once and again later has one effect", async () => {
    const { buyer, order } = await newOrder();
    const intent = await pay(shop.send, buyer, order.id);
    await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    const event = (await stripeEvents(intent.stripePaymentIntentId)).find(
      ({ type }) => type === "payment_intent.amount_capturable_updated",
    );
    if (event === undefined) throw new Error("the sandbox has no such event");

    const payload = JSON.stringify(event);
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(payload)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(await (await post(payload)).json()).toEqual({ received: true });
    expect(await storedEvents(event.id)).toBe(1);
    await shop.cron("payments");
    expect(await paymentEvents(order.id)).toEqual(["PAYMENT_AUTHORIZED"]);
    const after = await getOrder(buyer, order.id);
    expect(after.history.filter(({ to }) => to === "CONFIRMED")).toHaveLength(1);
  });

  it("that arrives after a later one never moves the state back", async () => {
    const { buyer, order } = await newOrder();
    const intent = await pay(shop.send, buyer, order.id);
    await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    await admin.expect(200, "PATCH", `/api/orders/${order.id}/status`, { status: "PROCESSING" });
    await admin.expect(200, "PATCH", `/api/orders/${order.id}/status`, { status: "SHIPPED" });
    await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === "CAPTURED", "is CAPTURED");
    const capturable = (await stripeEvents(intent.stripePaymentIntentId)).find(
      ({ type }) => type === "payment_intent.amount_capturable_updated",
    );
    if (capturable === undefined) throw new Error("the sandbox has no such event");

    expect((await post(JSON.stringify({ ...capturable, id: `evt_late_${order.id}` }))).status).toBe(200);
    await shop.cron("payments");
    expect(await getOrder(buyer, order.id)).toMatchObject({ status: "SHIPPED", paymentStatus: "CAPTURED" });
    expect((await paymentEvents(order.id)).filter((type) => type === "PAYMENT_CAPTURED")).toHaveLength(1);
  });

  it("with a wrong secret, a stale timestamp, a changed body or no signature is refused, and no row is written", async () => {
    const { buyer, order } = await newOrder();
    const intent = await buyer.expect<{ stripePaymentIntentId: string; id: string }>(
      201,
      "POST",
      "/api/payments/intent",
      { orderId: order.id },
    );
    const forged = {
      id: `evt_forged_${order.id}`,
      object: "event",
      type: "payment_intent.succeeded",
      data: {
        object: { id: intent.stripePaymentIntentId, object: "payment_intent", metadata: { paymentId: intent.id } },
      },
    };
    const payload = JSON.stringify(forged);
    const answers = [
      await post(payload, { secret: "whsec_wrong" }),
      await post(payload, { timestamp: Math.floor(Date.now() / 1_000) - 3_600 }),
      await post(payload, { signed: payload.replace("succeeded", "canceled") }),
      await shop.send("/api/webhooks/stripe", { method: "POST", body: payload }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(400);
      expect(answer.headers.get("content-type")).toContain("application/problem+json");
    }
    expect(await storedEvents(forged.id)).toBe(0);
    expect(await getOrder(buyer, order.id)).toMatchObject({ status: "PENDING" });
  });

  it("about a foreign intent is acknowledged and ignored", async () => {
    const foreign = {
      id: `evt_foreign_${crypto.randomUUID()}`,
      object: "event",
      type: "payment_intent.succeeded",
      data: { object: { id: "pi_foreign", object: "payment_intent", metadata: {} } },
    };
    expect((await post(JSON.stringify(foreign))).status).toBe(200);
  });
});

describe("the sandbox's faults", () => {
  it("webhooks that arrive twice and out of order end in the same state", async () => {
    await setFaults(shop.send, { webhooks: "duplicate" });
    try {
      const { buyer, order } = await newOrder();
      await pay(shop.send, buyer, order.id);
      await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
      expect(await paymentEvents(order.id)).toEqual(["PAYMENT_AUTHORIZED"]);
    } finally {
      await setFaults(shop.send, { webhooks: "deliver" });
    }
  });

  it("a response lost after Stripe did the work makes one intent", async () => {
    const { buyer, order } = await newOrder();
    await setFaults(shop.send, { answers: "drop_after" });
    const lost = await buyer.call("POST", "/api/payments/intent", { orderId: order.id });
    await setFaults(shop.send, { answers: "ok" });
    expect([201, 503]).toContain(lost.status);
    await pay(shop.send, buyer, order.id);
    await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    const intents = await shop.query("payments", "SELECT id FROM payments WHERE order_id = ?", order.id);
    expect(intents).toHaveLength(1);
  });

  it("a declined card leaves the order payable", async () => {
    const { buyer, order } = await newOrder();
    const intent = await buyer.expect<{ stripePaymentIntentId: string; clientSecret: string; publishableKey: string }>(
      201,
      "POST",
      "/api/payments/intent",
      { orderId: order.id },
    );
    expect((await confirmPayment(shop.send, intent, "pm_card_chargeDeclined")).status).toBe(402);
    await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === "FAILED", "has a failed payment");
    await pay(shop.send, buyer, order.id);
    await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
  });
});

describe("an unpaid order", () => {
  it("past its window is cancelled with its intent, and its stock is released", async () => {
    const { buyer, order } = await newOrder();
    await buyer.expect(201, "POST", "/api/payments/intent", { orderId: order.id });
    await shop.query("orders", "UPDATE orders SET payment_due_at = 1 WHERE id = ?", order.id);
    await shop.cron("orders");
    const cancelled = await orderReaches(
      buyer,
      order.id,
      ({ status, stockStatus }) => status === "CANCELLED" && stockStatus === "RELEASED",
      "is cancelled and released",
    );
    expect(cancelled.history.at(-1)).toMatchObject({ to: "CANCELLED", reason: "payment_timeout" });
  });

  it("that is paid at Stripe in the last moment is kept", async () => {
    const { buyer, order } = await newOrder();
    await setFaults(shop.send, { webhooks: "drop" });
    await pay(shop.send, buyer, order.id);
    await setFaults(shop.send, { webhooks: "deliver" });
    await shop.query("orders", "UPDATE orders SET payment_due_at = 1 WHERE id = ?", order.id);
    await shop.cron("orders");
    const alive = await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    expect(alive.history.some(({ to }) => to === "CANCELLED")).toBe(false);
  });
});
