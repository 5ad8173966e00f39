// An attack on the stock by unpaid orders, with the default caps: honest buyers still get the product.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CreatedOrder } from "#shared/contracts/orders";
import { ADDRESS, Client, levelOf, orderReaches, pay, placeOrder, signIn } from "../scripts/shop/client.ts";
import type { Answer, Problem, Shelf } from "../scripts/shop/client.ts";
import { openShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

const ON_HAND = 200;
/** The share that guests and unproven accounts together may hold: a quarter by default. */
const SHARE = 50;

let shop: Shop;
let admin: Client;
let shelf: Shelf;

beforeAll(async () => {
  ({ shop, admin, shelf } = await openShop({ ORDER_CAPS: "on" }));
});

afterAll(async () => {
  await shop.close();
});

async function guestOrder(
  productId: string,
  { address, email, quantity }: { readonly address: string; readonly email: string; readonly quantity: number },
): Promise<Answer<CreatedOrder & Problem>> {
  const body = { items: [{ productId, quantity }], shippingAddress: ADDRESS, email };
  return await new Client(shop.send, { "cf-connecting-ip": address }).call("POST", "/api/orders", body);
}

it("an honest buyer gets the product while the attack runs, and its stock is free when its orders end", async () => {
  const productId = await shelf.take(ON_HAND);
  const buyer = await signIn(new Client(shop.send), "customer@example.com", "Customer123!");
  const attack = Promise.all([
    // One guest, and one network with many e-mail addresses.
    ...Array.from({ length: 30 }, () =>
      guestOrder(productId, { address: "192.0.2.1", email: "one@example.com", quantity: 5 }),
    ),
    ...Array.from({ length: 40 }, (_, n) =>
      guestOrder(productId, { address: "192.0.2.2", email: `many-${String(n)}@example.com`, quantity: 1 }),
    ),
    // As many networks as e-mail addresses: only the share of the product limits them.
    ...Array.from({ length: 60 }, (_, n) =>
      guestOrder(productId, { address: `198.51.100.${String(n)}`, email: `n-${String(n)}@example.com`, quantity: 5 }),
    ),
  ]);
  const meanwhile = await placeOrder(buyer, [{ productId, quantity: 100 }]);
  await pay(shop.send, buyer, meanwhile.id);
  const answers = await attack;
  await orderReaches(buyer, meanwhile.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");

  const made = answers.filter(({ status }) => status === 201);
  const codes = new Set(answers.filter(({ status }) => status !== 201).map(({ body }) => body.code));
  const heldByAttack = made.flatMap(({ body }) => body.items).reduce((sum, { quantity }) => sum + quantity, 0);
  console.log(
    `the attack: ${String(answers.length)} orders, ${String(made.length)} made, ${String(heldByAttack)} held`,
  );
  for (const code of codes) expect(["too_many_open_orders", "quantity_limited"]).toContain(code);
  expect(answers.slice(0, 30).filter(({ status }) => status === 201).length).toBeLessThanOrEqual(3);
  expect(answers.slice(30, 70).filter(({ status }) => status === 201).length).toBeLessThanOrEqual(30);
  expect(heldByAttack).toBeLessThanOrEqual(SHARE);
  const level = await levelOf(admin, productId);
  expect(level.available).toBe(ON_HAND - 100 - heldByAttack);

  // Orders without an attempt to pay expire after five minutes; then guests get the product again.
  for (const { body } of made) {
    expect(Date.parse(body.paymentDueAt) - Date.parse(body.createdAt)).toBe(300_000);
    await shop.query("orders", "UPDATE orders SET payment_due_at = 1 WHERE id = ?", body.id);
  }
  expect((await shop.cron("orders"))["unpaidOrders"]).toBe(made.length);
  await shop.quiet();
  expect((await levelOf(admin, productId)).available).toBe(ON_HAND - 100);
  const honest = await guestOrder(productId, { address: "203.0.113.9", email: "honest@example.com", quantity: 5 });
  expect(honest.status).toBe(201);
  const token = { authorization: `Bearer ${honest.body.accessToken ?? ""}` };
  const guest = new Client(shop.send, token);
  await pay(shop.send, guest, honest.body.id);
  await orderReaches(guest, honest.body.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
  const left = await shop.query("orders", "SELECT 1 FROM orders WHERE network IS NOT NULL");
  expect(left).toEqual([]);
});

it("an honest guest elsewhere orders while one network attacks", async () => {
  const productId = await shelf.take(ON_HAND);
  // Fewer pieces than the share, so that the caps refuse.
  const attack = Promise.all(
    Array.from({ length: 40 }, () =>
      guestOrder(productId, { address: "192.0.2.3", email: "two@example.com", quantity: 1 }),
    ),
  );
  const honest = await guestOrder(productId, { address: "203.0.113.10", email: "two@example.com", quantity: 5 });
  expect(honest.status).toBe(201);
  const refused = (await attack).filter(({ status }) => status !== 201);
  expect(refused).toHaveLength(37);
  for (const { status, body } of refused) expect([status, body.code]).toEqual([409, "too_many_open_orders"]);
  expect(refused[0]?.body.detail).toContain("sign in and verify your e-mail address");
});
