// Payments that change outside of the shop (in Stripe's dashboard, at the buyer's bank, without a webhook), and captures and refunds by
// staff, over all Workers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Order } from "#shared/contracts/orders";
import type { Payment, PaymentIntent } from "#shared/contracts/payments";
import {
  Client,
  confirmPayment,
  confirmedOrder,
  eventually,
  lettersTo,
  levelOf,
  newBuyer,
  orderReaches,
  pay,
  placeOrder,
} from "../scripts/shop/client.ts";
import type { Problem, Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { atStripe, inDashboard, paymentOf, setFaults } from "./stripe.ts";

/** The timeout of the gateway for a Worker. The response has to come earlier and name the provider. */
const GATEWAY_DEADLINE_MS = 10_000;

let shop: Shop;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openSharedShop());
});

afterAll(async () => {
  await shop.close();
});

interface Bought {
  readonly buyer: Client;
  readonly order: Order;
  readonly productId: string;
}

async function bought(): Promise<Bought> {
  const productId = await shelf.take(5);
  const { buyer } = await newBuyer(new Client(shop.send));
  return { buyer, productId, order: await confirmedOrder(shop.send, buyer, [{ productId, quantity: 1 }]) };
}

async function placed(): Promise<Bought> {
  const productId = await shelf.take(5);
  const { buyer } = await newBuyer(new Client(shop.send));
  return { buyer, productId, order: await placeOrder(buyer, [{ productId, quantity: 1 }]) };
}

async function moveOn(order: Order, status: string): Promise<{ status: number; body: Order & Problem }> {
  return await admin.call("PATCH", `/api/orders/${order.id}/status`, {
    status,
    ...(status === "SHIPPED" ? { tracking: { carrier: "UPS", number: "1Z999" } } : {}),
  });
}

async function paymentStatusReaches({ buyer, order }: Bought, status: string): Promise<Order> {
  return await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === status, `is ${status}`);
}

describe("staff", () => {
  it("captures a part, which releases the rest, and ships the order", async () => {
    const scene = await bought();
    const { order } = scene;
    const payment = await paymentOf(admin, order.id);
    const half = Math.floor(payment.amount / 2);
    const over = await admin.call<Problem>("POST", `/api/payments/${payment.id}/capture`, {
      amount: payment.amount + 1,
    });
    expect([over.status, over.body.code]).toEqual([409, "amount_exceeds_authorized"]);
    const captures = await Promise.all(
      [half, half].map((amount) => admin.call<Payment>("POST", `/api/payments/${payment.id}/capture`, { amount })),
    );
    expect(captures.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    await paymentStatusReaches(scene, "CAPTURED");
    expect(await paymentOf(admin, order.id)).toMatchObject({
      status: "CAPTURED",
      amountCaptured: half,
      amountCapturable: 0,
      amountReleased: payment.amount - half,
    });
    expect((await moveOn(order, "PROCESSING")).status).toBe(200);
    expect((await moveOn(order, "SHIPPED")).status).toBe(200);
    expect((await paymentOf(admin, order.id)).amountCaptured).toBe(half);
    const refund = await admin.call<Problem>("POST", `/api/payments/${payment.id}/refund`, { amount: half + 1 });
    expect([refund.status, refund.body.code]).toEqual([409, "amount_exceeds_captured"]);
    const audit = await shop.query<{ action: string }>(
      "payments",
      "SELECT action FROM audit_log WHERE subject = ? AND action = 'payment.capture'",
      payment.id,
    );
    expect(audit.length).toBeGreaterThanOrEqual(1);
  });
});

describe("in Stripe's dashboard", () => {
  it("a refund shows on the order's payment", async () => {
    const scene = await bought();
    const { stripePaymentIntentId: payment_intent, id } = await paymentOf(admin, scene.order.id);
    await admin.expect(200, "POST", `/api/payments/${id}/capture`);
    await inDashboard(shop.send, "refunds", { payment_intent, amount: 100, reason: "requested_by_customer" });
    await paymentStatusReaches(scene, "PARTIALLY_REFUNDED");
    expect(await paymentOf(admin, scene.order.id)).toMatchObject({
      status: "PARTIALLY_REFUNDED",
      amountRefunded: 100,
      refunds: [{ amount: 100, status: "succeeded", reason: "requested_by_customer" }],
    });
  });

  it("a dispute blocks the shipment until it is closed, and notifies the admins", async () => {
    const scene = await bought();
    const { order } = scene;
    const { stripePaymentIntentId: payment_intent } = await paymentOf(admin, order.id);
    await inDashboard(shop.send, `payment_intents/${String(payment_intent)}/capture`);
    await paymentStatusReaches(scene, "CAPTURED");
    const dispute = await inDashboard(shop.send, "disputes", {
      payment_intent,
      reason: "product_not_received",
    });
    await paymentStatusReaches(scene, "DISPUTED");
    const desk = await admin.expect<{ items: Payment[] }>(
      200,
      "GET",
      `/api/payments?flagged=true&status=DISPUTED&createdFrom=${order.createdAt}&limit=5`,
    );
    expect(desk.items).toMatchObject([{ orderId: order.id, flags: ["disputed"] }]);
    expect((await paymentOf(admin, order.id)).disputes).toMatchObject([
      {
        id: dispute.id,
        status: "needs_response",
        reason: "product_not_received",
        evidenceDueBy: expect.any(String) as string,
      },
    ]);
    const refused = await moveOn(order, "PROCESSING");
    expect([refused.status, refused.body.code]).toEqual([409, "illegal_transition"]);
    await eventually("a mail to the admins", async () =>
      (await lettersTo(shop.send, "admin@example.com")).find(
        ({ text }) => text.includes(order.number) && text.includes("product_not_received"),
      ),
    );
    await inDashboard(shop.send, `disputes/${dispute.id}/close`, { outcome: "won" });
    await paymentStatusReaches(scene, "CAPTURED");
    expect((await paymentOf(admin, order.id)).disputes).toMatchObject([{ status: "won", amountWithdrawn: 0 }]);
    expect((await moveOn(order, "PROCESSING")).status).toBe(200);
    expect((await moveOn(order, "SHIPPED")).status).toBe(200);
  });

  it("a lost dispute withdraws the money and leaves the stock unchanged", async () => {
    const scene = await bought();
    const { stripePaymentIntentId: payment_intent, amount } = await paymentOf(admin, scene.order.id);
    await inDashboard(shop.send, `payment_intents/${String(payment_intent)}/capture`);
    const dispute = await inDashboard(shop.send, "disputes", { payment_intent });
    await inDashboard(shop.send, `disputes/${dispute.id}/close`, { outcome: "lost" });
    await eventually("the dispute is lost", async () => {
      const [shown] = (await paymentOf(admin, scene.order.id)).disputes;
      return shown?.status === "lost" && shown.amountWithdrawn === amount ? true : undefined;
    });
    await paymentStatusReaches(scene, "DISPUTED");
    expect((await moveOn(scene.order, "PROCESSING")).status).toBe(409);
  });

  it("a lost dispute of a part leaves the rest, which is refunded when the order is cancelled", async () => {
    const { buyer, order, productId } = await bought();
    const { stripePaymentIntentId: payment_intent, amount } = await paymentOf(admin, order.id);
    await inDashboard(shop.send, `payment_intents/${String(payment_intent)}/capture`);
    const dispute = await inDashboard(shop.send, "disputes", { payment_intent, amount: 100 });
    await inDashboard(shop.send, `disputes/${dispute.id}/close`, { outcome: "lost" });
    await admin.expect(200, "POST", `/api/orders/${order.id}/cancel`, {});
    await eventually("the rest is refunded", async () => {
      const { amountRefunded, status } = await paymentOf(admin, order.id);
      return amountRefunded === amount - 100 && status === "DISPUTED" ? true : undefined;
    });
    await orderReaches(buyer, order.id, ({ stockStatus }) => stockStatus === "RELEASED", "is RELEASED");
    expect(await levelOf(admin, productId)).toMatchObject({ onHand: 5, available: 5 });
  });
});

describe("the buyer's bank", () => {
  it("that lets an authorization expire cancels the order and releases its stock", async () => {
    const scene = await bought();
    const { stripePaymentIntentId } = await paymentOf(admin, scene.order.id);
    await inDashboard(shop.send, `payment_intents/${String(stripePaymentIntentId)}/expire`);
    await orderReaches(scene.buyer, scene.order.id, ({ status }) => status === "CANCELLED", "is CANCELLED");
    await orderReaches(scene.buyer, scene.order.id, ({ stockStatus }) => stockStatus === "RELEASED", "is RELEASED");
    expect(await levelOf(admin, scene.productId)).toMatchObject({ onHand: 5, available: 5 });
  });

  it("that requires 3-D Secure leaves the order payable after a failure, and confirms it after an approval", async () => {
    const scene = await placed();
    const { buyer, order } = scene;
    const intent = await buyer.expect<PaymentIntent>(201, "POST", "/api/payments/intent", { orderId: order.id });
    const authenticate = async (outcome: string): Promise<void> => {
      expect((await confirmPayment(shop.send, intent, "pm_card_threeDSecure2Required")).status).toBe(200);
      await paymentStatusReaches(scene, "REQUIRES_ACTION");
      const response = await shop.send(`/_stripe/3ds/${intent.stripePaymentIntentId}`, {
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ secret: intent.clientSecret, outcome }).toString(),
      });
      expect(response.status).toBe(200);
    };
    await authenticate("fail");
    await paymentStatusReaches(scene, "FAILED");
    const again = await buyer.expect<PaymentIntent>(200, "POST", "/api/payments/intent", { orderId: order.id });
    expect(again.stripePaymentIntentId).toBe(intent.stripePaymentIntentId);
    await authenticate("approve");
    await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
  });
});

describe("the bank's page in a browser", () => {
  it("accepts its own form as a browser posts it, and no form of another page", async () => {
    const { buyer, order } = await placed();
    const intent = await buyer.expect<PaymentIntent>(201, "POST", "/api/payments/intent", { orderId: order.id });
    expect((await confirmPayment(shop.send, intent, "pm_card_threeDSecure2Required")).status).toBe(200);
    const path = `/_stripe/3ds/${intent.stripePaymentIntentId}?secret=${intent.clientSecret}`;
    const navigation = { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "sec-fetch-mode": "navigate" };
    const page = await shop.send(path, { headers: navigation });
    // A page with another policy would post its form with `Origin: null`.
    expect([page.status, page.headers.get("referrer-policy")]).toEqual([200, "same-origin"]);
    const [form = ""] = /<form method="post">[\s\S]*?approve[\s\S]*?<\/form>/.exec(await page.text()) ?? [];
    const fields = [...form.matchAll(/name="(\w+)"\s+value="([^"]*)"/g)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]);
    const post = async (origin: string, referer: string): Promise<Response> =>
      await shop.send(path, {
        method: "POST",
        redirect: "manual",
        headers: {
          ...navigation,
          origin,
          ...(referer === "" ? {} : { referer }),
          "content-type": "application/x-www-form-urlencoded",
        },
        body: new URLSearchParams(fields).toString(),
      });
    for (const foreign of ["null", "https://evil.example"]) {
      expect((await post(foreign, "")).status).toBe(403);
    }
    expect((await buyer.expect<Order>(200, "GET", `/api/orders/${order.id}`)).status).toBe("PENDING");
    const answer = await post(shop.origin, `${shop.origin}${path}`);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("Payment confirmed")]);
    await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
  });
});

describe("a card that is declined", () => {
  it("leaves the order payable until its window ends, and not after that", async () => {
    const scene = await placed();
    const { buyer, order, productId } = scene;
    const intent = await buyer.expect<PaymentIntent>(201, "POST", "/api/payments/intent", { orderId: order.id });
    expect((await confirmPayment(shop.send, intent, "pm_card_chargeDeclinedInsufficientFunds")).status).toBe(402);
    await paymentStatusReaches(scene, "FAILED");
    const again = await buyer.expect<PaymentIntent>(200, "POST", "/api/payments/intent", { orderId: order.id });
    expect(again.clientSecret).toBe(intent.clientSecret);

    await shop.query("orders", "UPDATE orders SET payment_due_at = 1 WHERE id = ?", order.id);
    // The sweep and the last attempt of the buyer run at once. The order follows the one that reaches Stripe first.
    const [, late] = await Promise.all([
      shop.cron("orders"),
      confirmPayment(shop.send, intent, "pm_card_chargeDeclined"),
    ]);
    expect([400, 402]).toContain(late.status);
    const ended = await orderReaches(buyer, order.id, ({ status }) => status === "CANCELLED", "is CANCELLED");
    expect(ended.history.at(-1)).toMatchObject({ reason: "payment_timeout" });
    expect((await confirmPayment(shop.send, intent)).status).toBe(400);
    const refused = await buyer.call<Problem>("POST", "/api/payments/intent", { orderId: order.id });
    expect([refused.status, refused.body.code]).toEqual([409, "order_not_payable"]);
    await shop.cron("payments");
    expect(await paymentOf(admin, order.id)).toMatchObject({ status: "VOIDED", amountCaptured: 0 });
    await orderReaches(buyer, order.id, ({ stockStatus }) => stockStatus === "RELEASED", "is RELEASED");
    expect(await levelOf(admin, productId)).toMatchObject({ onHand: 5, available: 5 });
  });
});

describe("a lost webhook", () => {
  it("delays the order until the sweep reads the payment from Stripe and records a finding", async () => {
    const scene = await placed();
    await setFaults(shop.send, { webhooks: "drop" });
    await pay(shop.send, scene.buyer, scene.order.id);
    expect((await paymentOf(admin, scene.order.id)).status).toBe("CREATED");
    expect((await shop.cron("payments"))["missedWebhooks"]).toBeGreaterThanOrEqual(1);
    await orderReaches(scene.buyer, scene.order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    const { id, stripePaymentIntentId: payment_intent } = await paymentOf(admin, scene.order.id);
    await admin.expect(200, "POST", `/api/payments/${id}/capture`);
    await inDashboard(shop.send, "refunds", { payment_intent, amount: 100 });
    await shop.cron("payments");
    await setFaults(shop.send, { webhooks: "deliver" });
    await paymentStatusReaches(scene, "PARTIALLY_REFUNDED");
    const findings = await shop.query<{ outcome: string }>(
      "payments",
      "SELECT outcome FROM findings WHERE kind = 'webhook_missed' AND details LIKE ?",
      `%${String(payment_intent)}%`,
    );
    expect(findings.length).toBeGreaterThanOrEqual(1);
    expect(findings.every(({ outcome }) => outcome === "mended")).toBe(true);
  });
});

describe("a Stripe that hangs", () => {
  it("is reported as the provider's failure in time, and leaves one intent that can be paid", async () => {
    const { buyer, order } = await placed();
    await setFaults(shop.send, { answers: "hang" });
    const started = Date.now();
    const refused = await buyer.call<Problem>("POST", "/api/payments/intent", { orderId: order.id });
    expect([refused.status, refused.body.code]).toEqual([503, "payment_provider_unavailable"]);
    expect(Date.now() - started).toBeLessThan(GATEWAY_DEADLINE_MS);
    await setFaults(shop.send, { answers: "ok" });
    await pay(shop.send, buyer, order.id);
    await orderReaches(buyer, order.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    const { data } = await atStripe<{ data: { metadata: { orderId?: string } }[] }>(
      shop.send,
      "payment_intents?limit=100",
    );
    expect(data.filter(({ metadata }) => metadata.orderId === order.id)).toHaveLength(1);
  });
});
