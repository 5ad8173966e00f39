// Unpaid orders of guests and unproven accounts get a share of a product together; paid orders and proven accounts get the rest.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "#shared/contracts/accounts";
import type { CreatedOrder } from "#shared/contracts/orders";
import {
  ADDRESS,
  Client,
  addToCart,
  eventually,
  lettersTo,
  levelOf,
  newBuyer,
  orderReaches,
  pay,
  placeOrder,
  runSweeps,
  signIn,
} from "../scripts/shop/client.ts";
import type { Answer, Problem, Shelf } from "../scripts/shop/client.ts";
import { openShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

type Answered = Answer<CreatedOrder & Problem & { readonly allowed?: number; readonly limits?: unknown }>;

let shop: Shop;
let admin: Client;
let shelf: Shelf;
let proven: Client;

beforeAll(async () => {
  // All requests come from one network, whose caps are not under test.
  const wide = { OPEN_ORDERS_PER_NETWORK: "1000", OPEN_VALUE_PER_NETWORK: "1000000000000" };
  ({ shop, admin, shelf } = await openShop({ ORDER_CAPS: "on", ...wide }));
  proven = await signIn(new Client(shop.send), "customer@example.com", "Customer123!");
});

afterAll(async () => {
  await shop.close();
});

function guestOrder(productId: string, quantity: number): Promise<Answered> {
  return new Client(shop.send).call("POST", "/api/orders", {
    items: [{ productId, quantity }],
    shippingAddress: ADDRESS,
    email: `guest-${crypto.randomUUID()}@example.com`,
  });
}

function countOf(answers: readonly Answered[], what: string): number {
  return answers.filter(({ status, body }) => (status === 201 ? "made" : body.code) === what).length;
}

describe("200 guests at once", () => {
  it("get a quarter of the product, and a proven buyer gets all the rest", async () => {
    const productId = await shelf.take(40);
    const [answers, honest] = await Promise.all([
      Promise.all(Array.from({ length: 200 }, () => guestOrder(productId, 1))),
      placeOrder(proven, [{ productId, quantity: 1 }]),
    ]);
    expect(honest.status).toBe("PENDING");
    const made = countOf(answers, "made");
    // Ten of forty, or nine of thirty-nine when the proven buyer came first.
    expect([9, 10]).toContain(made);
    expect(countOf(answers, "quantity_limited")).toBe(200 - made);
    const refused = answers.find(({ status }) => status !== 201);
    expect(refused?.body).toMatchObject({ allowed: 0, limits: [{ productId, requested: 1, allowed: 0 }] });
    expect(refused?.body.detail).toContain("verified");
    await placeOrder(proven, [{ productId, quantity: 39 - made }]);
    expect(await levelOf(admin, productId)).toMatchObject({ onHand: 40, reserved: 40, available: 0 });
  });
});

describe("a guest's order", () => {
  it("no longer counts when it is authorized or cancelled", async () => {
    const productId = await shelf.take(8);
    const [first, second] = [await guestOrder(productId, 1), await guestOrder(productId, 1)];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(await guestOrder(productId, 1)).toMatchObject({
      status: 409,
      body: { code: "quantity_limited", allowed: 0 },
    });
    const buyerOf = ({ body }: Answered): Client =>
      new Client(shop.send, { authorization: `Bearer ${body.accessToken ?? ""}` });
    await pay(shop.send, buyerOf(first), first.body.id);
    await orderReaches(buyerOf(first), first.body.id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
    await shop.quiet();
    // A quarter of the other seven is one, and the second guest has it.
    expect((await guestOrder(productId, 1)).status).toBe(409);
    await buyerOf(second).expect(200, "POST", `/api/orders/${second.body.id}/cancel`, {});
    await shop.quiet();
    expect((await guestOrder(productId, 1)).status).toBe(201);
    const events = await shop.query<{ counted: number }>(
      "orders",
      "SELECT envelope ->> '$.data.counted' AS counted FROM outbox WHERE subject = ? AND type = 'ORDER_CONFIRMED'",
      first.body.id,
    );
    expect(events).toEqual([{ counted: 1 }]);
    await runSweeps(shop.send, "gateway");
    const [open] = await shop.query<{ count: number }>(
      "orders",
      "SELECT count(*) AS count FROM unconfirmed_events WHERE type = 'ORDER_CONFIRMED'",
    );
    expect(open?.count).toBe(0);
  });
});

describe("a limited account", () => {
  it("orders the same cart after it has verified its e-mail address", async () => {
    const productId = await shelf.take(20);
    const guest = new Client(shop.send);
    const { buyer, session } = await newBuyer(guest);
    await addToCart(buyer, productId, 12);
    const order = (as: Client): Promise<Answered> => as.call("POST", "/api/orders", { shippingAddress: ADDRESS });
    expect(await order(buyer)).toMatchObject({
      status: 409,
      body: { code: "quantity_limited", allowed: 5, limits: [{ productId, requested: 12, allowed: 5 }] },
    });
    const token = await eventually("the mail with the link", async () => {
      const letters = await lettersTo(shop.send, session.user.email);
      return letters.flatMap(({ text }) => /\/verify-email#token=([\w-]{43})/.exec(text)?.[1] ?? [])[0];
    });
    await buyer.expect(204, "POST", "/api/auth/email/verify", { token });
    const { refreshToken } = session;
    const next = await guest.expect<Session>(200, "POST", "/api/auth/refresh", { refreshToken });
    const verified = guest.with({ authorization: `Bearer ${next.accessToken}` });
    const made = await order(verified);
    expect(made.status).toBe(201);
    expect(made.body.items).toMatchObject([{ productId, quantity: 12 }]);
    expect(await levelOf(admin, productId)).toMatchObject({ reserved: 12, available: 8 });
  });
});
