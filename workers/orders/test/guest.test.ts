// Guests: only its own token opens a guest's order, and an e-mail address reveals nothing about an account.
import { beforeEach, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import type { CreatedOrder } from "#shared/contracts/orders";
import type { Outcome } from "#shared/errors";
import { randomToken, sha256Hex } from "#shared/hash";
import { ok } from "#shared/result";
import { callAs, guestCall } from "#shared/testkit/kit";
import { ACCESS_TOKEN_TTL_MS } from "../src/constants.ts";
import { addItem, getCart } from "../src/service/cart.ts";
import { cancelOrder, changeStatus } from "../src/service/commands.ts";
import { createOrder } from "../src/service/place-order.ts";
import { getOrder, getTracking, listOrderPayments, listOrders } from "../src/service/orders.ts";
import { payOrder } from "../src/service/pay.ts";
import { refundLines } from "../src/service/refunds.ts";
import { must, openShop, ordered, ordersEnv, refusal, request, reread } from "./shop.ts";
import type { Shop } from "./shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = openShop({ listPayments: async () => ok({ items: [] }) });
});

async function guestOrder(email: string, cartToken?: string): Promise<CreatedOrder> {
  const items = [{ productId: shop.product(), quantity: 1 }];
  const input = request({ items, email, ...(cartToken === undefined ? {} : { cartToken }) });
  return must(await createOrder(shop.deps, guestCall(), input)).order;
}

type Ref = { readonly orderId: string; readonly orderToken?: string };

/** Every call that a token opens. */
const CALLS: readonly [string, (call: Call, ref: Ref) => Promise<Outcome<unknown>>][] = [
  ["get", (call, ref) => getOrder(shop.deps, call, ref)],
  ["tracking", (call, ref) => getTracking(shop.deps, call, ref)],
  ["payments", (call, ref) => listOrderPayments(shop.deps, call, ref)],
  ["intent", (call, ref) => payOrder(shop.deps, call, ref)],
  ["cancel", (call, ref) => cancelOrder(shop.deps, call, ref)],
  ["status", (call, ref) => changeStatus(shop.deps, call, { ...ref, status: "CANCELLED" })],
];

describe("a guest's order", () => {
  it.each(CALLS)(
    "is not there (%s) for any other token, any account, or its own token after 90 days",
    async (_name, run) => {
      const cartToken = randomToken();
      const order = await guestOrder("owner@example.com", cartToken);
      const other = await guestOrder("owner@example.com", cartToken);
      const orderToken = order.accessToken ?? "";
      expect(other.accessToken).not.toBe(orderToken);
      const hash = await sha256Hex(orderToken);
      const owner = { ...callAs("customer").actor, email: "owner@example.com" };
      for (const [call, token] of [
        [guestCall(), undefined],
        [guestCall(), ""],
        [guestCall(), randomToken()],
        [guestCall(), other.accessToken],
        [guestCall(), cartToken],
        [guestCall(), hash],
        [guestCall(), orderToken.slice(0, -1)],
        [{ ...guestCall(), actor: owner }, undefined],
        [callAs("vendor"), undefined],
      ] as const) {
        const ref = { orderId: order.id, ...(token === undefined ? {} : { orderToken: token }) };
        expect(refusal(await run(call, ref)).code).toBe("not_found");
      }
      shop.advance(ACCESS_TOKEN_TTL_MS);
      expect(refusal(await run(guestCall(), { orderId: order.id, orderToken })).code).toBe("not_found");
      expect(await reread(shop, order.id)).toMatchObject({ status: "PENDING", paymentStatus: "NONE" });
    },
  );

  it("opens to its token until the last moment of its 90 days, and a guest stays a buyer", async () => {
    const { id: orderId, accessToken: orderToken, items } = await guestOrder("owner@example.com");
    const ref = { orderId, ...(orderToken === undefined ? {} : { orderToken }) };
    shop.advance(ACCESS_TOKEN_TTL_MS - 1);
    expect(must(await getOrder(shop.deps, guestCall(), ref)).id).toBe(orderId);
    expect(refusal(await changeStatus(shop.deps, guestCall(), { ...ref, status: "PROCESSING" })).code).toBe(
      "forbidden",
    );
    const lines = [{ itemId: items[0]?.id ?? "", quantity: 1, restock: true }];
    const refunded = await refundLines(shop.deps, guestCall(), { orderId, lines, includeShipping: false });
    expect(refusal(refunded).code).toBe("not_found");
  });

  it("is stored with only the digest of its token", async () => {
    const { id, accessToken = "" } = await guestOrder("owner@example.com", randomToken());
    const row = await ordersEnv.DB.prepare("SELECT * FROM orders WHERE id = ?").bind(id).first();
    const envelopes = await ordersEnv.DB.prepare("SELECT envelope FROM outbox WHERE subject = ?").bind(id).all();
    expect(row?.["access_token_hash"]).toBe(await sha256Hex(accessToken));
    expect(JSON.stringify([row, envelopes.results])).not.toContain(accessToken);
    await shop.idle();
    expect(JSON.stringify(shop.sent)).not.toContain(accessToken);
  });
});

describe("a guest with the e-mail address of an account", () => {
  /** An account with an order and a cart, and a guest who uses its address. */
  async function both() {
    const owner = callAs("customer");
    const { email } = owner.actor as { readonly email: string };
    const own = await ordered(shop, owner);
    const productId = shop.product();
    must(await addItem(shop.deps, owner, { productId, quantity: 2 }));
    return { owner, email, own };
  }

  it("reaches neither the orders nor the cart of the account, and the guest's order belongs to no account", async () => {
    const { owner, email, own } = await both();
    const cart = must(await getCart(shop.deps, owner, {}));
    const made = await guestOrder(email);
    expect(made.customerId).toBeNull();
    expect(must(await listOrders(shop.deps, owner, { limit: 20 })).items.map(({ id }) => id)).toEqual([own.id]);
    expect(must(await getCart(shop.deps, owner, {}))).toEqual(cart);
    expect(refusal(await getOrder(shop.deps, owner, { orderId: made.id })).code).toBe("not_found");
    await shop.idle();
    const told = shop.sent.find(({ event }) => event.subject === made.id);
    expect(told?.event.data).toMatchObject({ customer: { id: null, email } });
  });

  it("gets the same answer as with any other address, after the same work", async () => {
    const { email } = await both();
    const seen = await Promise.all(
      [email, email.toUpperCase(), "nobody@example.com"].map(async (address) => {
        const calls: string[] = [];
        const watched = shop.with({
          catalog: spied("catalog", shop.deps.catalog, calls),
          inventory: spied("inventory", shop.deps.inventory, calls),
        });
        const input = request({ items: [{ productId: shop.product(), quantity: 1 }], email: address });
        const { order } = must(await createOrder(watched.deps, guestCall(), input));
        return { members: Object.keys(order).toSorted(), calls };
      }),
    );
    expect(seen[0]).toEqual(seen[2]);
    expect(seen[1]).toEqual(seen[2]);
    // No peer can say whether an address has an account.
    expect(Object.keys(ordersEnv)).not.toContain("ACCOUNTS");
  });

  it("can neither repeat the account's request nor find it by its key", async () => {
    const { owner, email } = await both();
    const items = [{ productId: shop.product(), quantity: 1 }];
    const mine = must(await createOrder(shop.deps, owner, request({ items, idempotencyKey: "k" })));
    const guests = must(await createOrder(shop.deps, guestCall(), request({ items, idempotencyKey: "k", email })));
    expect(guests.replayed).toBe(false);
    expect(guests.order.id).not.toBe(mine.order.id);
  });
});

describe("a guest's Idempotency-Key", () => {
  const email = "guest@example.com";
  const from = (network: string): Call => ({ ...guestCall(), network });
  const order = (call: Call, input: Record<string, unknown>) =>
    createOrder(shop.deps, call, request({ email, ...input }));

  it("without a cart token is refused to the same e-mail from another network, which sees nothing, and makes no second order", async () => {
    const productId = shop.product();
    const asked = { items: [{ productId, quantity: 1 }], idempotencyKey: "1" };
    const mine = must(await order(from("192.0.2.1"), asked));
    const stolen = await order(from("198.51.100.7"), asked);
    expect(refusal(stolen)).toEqual({ code: "idempotency_key_reused", detail: expect.any(String) });
    expect(JSON.stringify(stolen)).not.toContain(mine.order.id);
    expect(shop.inventory.available(productId)).toBe(9);
    expect(must(await order(from("192.0.2.1"), asked))).toMatchObject({ replayed: true, order: { id: mine.order.id } });
  });

  it("sent from two networks concurrently makes one order and leaves no second hold", async () => {
    const productId = shop.product();
    const asked = { items: [{ productId, quantity: 1 }], idempotencyKey: "2" };
    const made = await Promise.all(["192.0.2.1", "198.51.100.7"].map((network) => order(from(network), asked)));
    expect(made.filter(({ ok }) => ok)).toHaveLength(1);
    expect(shop.inventory.available(productId)).toBe(9);
  });

  it("with a cart token works from every network", async () => {
    const asked = {
      items: [{ productId: shop.product(), quantity: 1 }],
      idempotencyKey: "3",
      cartToken: randomToken(),
    };
    const mine = must(await order(from("192.0.2.1"), asked));
    const moved = must(await order(from("198.51.100.7"), asked));
    expect(moved).toMatchObject({ replayed: true, order: { id: mine.order.id, accessToken: mine.order.accessToken } });
  });
});

/** A peer whose calls are recorded by name. */
function spied<Peer extends object>(name: string, peer: Peer, calls: string[]): Peer {
  return new Proxy(peer, {
    get(target, property, receiver) {
      calls.push(`${name}.${String(property)}`);
      return Reflect.get(target, property, receiver) as unknown;
    },
  });
}
