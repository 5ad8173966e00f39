// Returns and refunds over all Workers: the money at the sandbox, the stock, the order and the mails agree at the end, also when Stripe
// fails.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Notification } from "#shared/contracts/notifications";
import type { CreatedOrder, Order, OrderRefund } from "#shared/contracts/orders";
import type { Payment } from "#shared/contracts/payments";
import type { Page } from "#shared/paging";
import {
  ADDRESS,
  Client,
  confirmedOrder,
  eventually,
  getOrder,
  levelOf,
  newBuyer,
  orderReaches,
  signIn,
} from "../scripts/shop/client.ts";
import type { Problem, Shelf } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { atStripe, paymentOf, setFaults } from "./stripe.ts";

let shop: Shop;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openSharedShop());
});

afterEach(async () => {
  await setFaults(shop.send, { answers: "ok" });
});

afterAll(async () => {
  await shop.close();
});

/** An order of five pieces of one product, moved to a status. */
async function orderOfFive(
  ...steps: readonly string[]
): Promise<{ buyer: Client; order: Order; productId: string; ledgerBefore: number }> {
  const { buyer } = await newBuyer(new Client(shop.send));
  const productId = await shelf.take(20);
  // A seeded order may have sold this product too.
  const ledgerBefore = (await ledger(productId)).length;
  const { id } = await confirmedOrder(shop.send, buyer, [{ productId, quantity: 5 }]);
  for (const status of steps) await admin.expect(200, "PATCH", `/api/orders/${id}/status`, { status });
  return { buyer, productId, ledgerBefore, order: await getOrder(buyer, id) };
}

async function delivered(): Promise<{
  buyer: Client;
  order: Order;
  productId: string;
  itemId: string;
  ledgerBefore: number;
}> {
  const { buyer, productId, ledgerBefore, order } = await orderOfFive("PROCESSING", "SHIPPED", "DELIVERED");
  const done = await orderReaches(
    buyer,
    order.id,
    ({ stockStatus, paymentStatus }) => stockStatus === "CONSUMED" && paymentStatus === "CAPTURED",
    "is consumed and captured",
  );
  return { buyer, productId, ledgerBefore, order: done, itemId: done.items[0]?.id ?? "" };
}

/** The amounts of the refunds of a payment at the sandbox. */
async function givenBack({ stripePaymentIntentId }: Payment): Promise<number[]> {
  const { data } = await atStripe<{ data: { amount: number; status: string }[] }>(
    shop.send,
    `refunds?limit=100&payment_intent=${stripePaymentIntentId ?? ""}`,
  );
  return data.filter(({ status }) => status === "succeeded").map(({ amount }) => amount);
}

async function ledger(productId: string): Promise<[string, number][]> {
  const page = await admin.expect<Page<{ type: string; delta: number; reference: string | null }>>(
    200,
    "GET",
    `/api/inventory/transactions?productId=${productId}`,
  );
  return page.items.filter(({ reference }) => reference !== null).map(({ type, delta }) => [type, delta]);
}

async function refundMails(buyer: Client): Promise<number> {
  const page = await buyer.expect<Page<Notification>>(200, "GET", "/api/notifications?limit=100");
  return page.items.filter(({ template, status }) => template === "payment_refunded" && status === "sent").length;
}

describe("a delivered order", () => {
  it("of which 2 of 5 are restocked and 1 is not: money, stock, order and mails agree", async () => {
    const { buyer, order, productId, itemId, ledgerBefore } = await delivered();
    const unitPrice = order.items[0]?.unitPrice ?? 0;
    const body = {
      lines: [
        { itemId, quantity: 2 },
        { itemId, quantity: 1, restock: false },
      ],
      reason: "two unopened, one broken",
    };
    const path = `/api/orders/${order.id}/refunds`;
    const key = { "idempotency-key": "returned" };
    const refund = await admin.expect<OrderRefund>(201, "POST", path, body, key);
    expect(refund).toMatchObject({ status: "done", amount: 3 * unitPrice, orderId: order.id });
    const again = await admin.call<OrderRefund>("POST", path, body, key);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
    expect(again.body).toEqual(refund);
    const over = await admin.call<Problem>("POST", path, { lines: [{ itemId, quantity: 3 }] });
    expect([over.status, over.body.code]).toEqual([409, "refund_exceeds_order"]);
    expect((await buyer.call("POST", path, body)).status).toBe(403);

    const after = await orderReaches(
      buyer,
      order.id,
      ({ paymentStatus }) => paymentStatus === "PARTIALLY_REFUNDED",
      "is refunded in part",
    );
    expect(after).toMatchObject({ status: "DELIVERED", items: [{ quantity: 5, refundedQuantity: 3 }] });
    expect(after.refunds).toEqual([refund]);
    const payment = await paymentOf(admin, order.id);
    expect(payment.amountRefunded).toBe(refund.amount);
    expect(await givenBack(payment)).toEqual([refund.amount]);
    await eventually("two are back on the shelf", async () =>
      (await levelOf(admin, productId)).onHand === 17 ? true : undefined,
    );
    await eventually("the ledger shows the sale and the return", async () => {
      const entries = await ledger(productId);
      return entries.length === ledgerBefore + 2 && entries.some(([type, delta]) => type === "return" && delta === 2)
        ? true
        : undefined;
    });
    await eventually("one mail tells of the money", async () => ((await refundMails(buyer)) === 1 ? true : undefined));

    const rest = { lines: [{ itemId, quantity: 2 }], includeShipping: true };
    await admin.expect(201, "POST", path, rest);
    await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === "REFUNDED", "is wholly refunded");
    expect((await givenBack(payment)).reduce((sum, amount) => sum + amount, 0)).toBe(order.total);
    await eventually("four are back on the shelf", async () =>
      (await levelOf(admin, productId)).onHand === 19 ? true : undefined,
    );
    expect((await getOrder(buyer, order.id)).status).toBe("DELIVERED");
  });

  it("whose refund got no response from Stripe is finished once, by the sweeps", async () => {
    const { buyer, order, productId, itemId } = await delivered();
    await setFaults(shop.send, { answers: "drop_after" });
    const path = `/api/orders/${order.id}/refunds`;
    const refund = await admin.expect<OrderRefund>(201, "POST", path, { lines: [{ itemId, quantity: 1 }] });
    expect(refund.status).toBe("requested");
    await setFaults(shop.send, { answers: "ok" });
    for (const worker of ["payments", "orders"]) await shop.cron(worker);
    await orderReaches(buyer, order.id, ({ refunds }) => refunds[0]?.status === "done", "has its refund settled");
    await shop.cron("orders");
    expect(await givenBack(await paymentOf(admin, order.id))).toEqual([refund.amount]);
    await eventually("it is back on the shelf", async () =>
      (await levelOf(admin, productId)).onHand === 16 ? true : undefined,
    );
    const findings = await shop.query("orders", "SELECT kind, outcome FROM findings WHERE subject = ?", refund.id);
    expect(findings).toEqual([{ kind: "refund_unfinished", outcome: "mended" }]);
  });

  it("refunded by line and by amount at once returns no more than was paid", async () => {
    const { order, itemId } = await delivered();
    const payment = await paymentOf(admin, order.id);
    const answers = await Promise.all([
      admin.call<Problem>("POST", `/api/orders/${order.id}/refunds`, { lines: [{ itemId, quantity: 5 }] }),
      admin.call<Problem>("POST", `/api/payments/${payment.id}/refund`, { amount: order.total - 1 }),
      admin.call<Problem>("POST", `/api/orders/${order.id}/refunds`, { lines: [{ itemId, quantity: 4 }] }),
    ]);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status, body } of answers.filter((answer) => answer.status !== 201)) {
      expect(status).toBe(409);
      expect(["refund_exceeds_order", "amount_exceeds_captured"]).toContain(body.code);
    }
    const back = (await givenBack(payment)).reduce((sum, amount) => sum + amount, 0);
    expect(back).toBeGreaterThan(0);
    expect(back).toBeLessThanOrEqual(order.total);
    const { items, refunds } = await getOrder(admin, order.id);
    const done = refunds.filter(({ status }) => status === "done").flatMap(({ lines }) => lines);
    expect(items[0]?.refundedQuantity).toBe(done.reduce((sum, { quantity }) => sum + quantity, 0));
  });
});

it("an order refunded in full before it ships is cancelled, and its stock is released once", async () => {
  const { buyer, order, productId, ledgerBefore } = await orderOfFive("PROCESSING");
  const payment = await paymentOf(admin, order.id);
  await admin.expect(200, "POST", `/api/payments/${payment.id}/capture`, {});
  const lines = [{ itemId: order.items[0]?.id ?? "", quantity: 5 }];
  const refund = { lines, includeShipping: true };
  await admin.expect(201, "POST", `/api/orders/${order.id}/refunds`, refund);
  await orderReaches(
    buyer,
    order.id,
    ({ status, stockStatus }) => status === "CANCELLED" && stockStatus === "RELEASED",
    "is cancelled and released",
  );
  await shop.quiet();
  expect(await levelOf(admin, productId)).toMatchObject({ onHand: 20, reserved: 0, available: 20 });
  expect(await ledger(productId)).toHaveLength(ledgerBefore);
  expect(await givenBack(payment)).toEqual([order.total]);
});

it("lines refunded before the shipment are not shipped", async () => {
  const { buyer, order, productId } = await orderOfFive("PROCESSING");
  const payment = await paymentOf(admin, order.id);
  await admin.expect(200, "POST", `/api/payments/${payment.id}/capture`, {});
  const lines = [{ itemId: order.items[0]?.id ?? "", quantity: 2 }];
  await admin.expect(201, "POST", `/api/orders/${order.id}/refunds`, { lines });
  await orderReaches(buyer, order.id, ({ paymentStatus }) => paymentStatus === "PARTIALLY_REFUNDED", "is refunded");
  await admin.expect(200, "PATCH", `/api/orders/${order.id}/status`, { status: "SHIPPED" });
  await orderReaches(buyer, order.id, ({ stockStatus }) => stockStatus === "CONSUMED", "is consumed");
  expect(await levelOf(admin, productId)).toMatchObject({ onHand: 17, reserved: 0, available: 17 });
});

it("a vendor finds the orders of their own products only", async () => {
  const vendor = await signIn(new Client(shop.send), "vendor@example.com", "Vendor123!");
  const sales = await vendor.expect<Page<Order>>(200, "GET", "/api/orders?scope=sales");
  expect(sales.items.length).toBeGreaterThanOrEqual(3);
  const rows = await shop.query<{ id: string }>(
    "orders",
    `SELECT order_id AS id FROM order_items GROUP BY order_id
      HAVING count(*) = sum(vendor_id = (SELECT vendor_id FROM orders WHERE id = ?)) ORDER BY order_id`,
    sales.items[0]?.id ?? "",
  );
  expect(sales.items.map(({ id }) => id).toSorted()).toEqual(rows.map(({ id }) => id));
  expect((await vendor.call<Problem>("GET", "/api/orders?status=LOST")).status).toBe(400);
  const { buyer } = await newBuyer(new Client(shop.send));
  expect((await buyer.call<Problem>("GET", "/api/orders?scope=sales")).status).toBe(403);
});

it("an order of a guest with the address of an account is readable by its token only", async () => {
  const productId = await shelf.take(5);
  const { buyer, session } = await newBuyer(new Client(shop.send));
  const guest = new Client(shop.send);
  const items = [{ productId, quantity: 1 }];
  const place = (email: string): Promise<{ status: number; body: CreatedOrder }> =>
    guest.call("POST", "/api/orders", { items, shippingAddress: ADDRESS, email });
  const [known, unknown] = [await place(session.user.email), await place("nobody@example.com")];
  expect([known.status, unknown.status]).toEqual([201, 201]);
  expect(Object.keys(known.body)).toEqual(Object.keys(unknown.body));
  const path = `/api/orders/${known.body.id}`;
  const withToken = (token: string | undefined): Client => guest.with({ authorization: `Bearer ${token ?? ""}` });
  expect((await withToken(known.body.accessToken).call("GET", path)).status).toBe(200);
  expect((await withToken(unknown.body.accessToken).call("GET", path)).status).toBe(404);
  expect((await guest.call("GET", path)).status).toBe(401);
  expect((await buyer.call("GET", path)).status).toBe(404);
  expect((await buyer.expect<Page<Order>>(200, "GET", "/api/orders")).items).toEqual([]);
});
