// Merging a guest's cart into a user's: once, completely, whatever fails between the two objects.
import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import { systemCall } from "#shared/call";
import type { Cart, MergedCart } from "#shared/contracts/carts";
import type { Outcome } from "#shared/errors";
import { randomToken } from "#shared/hash";
import { MAX_LINES, MAX_QUANTITY } from "#shared/limits";
import { callAs, guestCall } from "#shared/testkit/kit";
import { runSweeps } from "#shared/sweep";
import { plan } from "../src/scheduled.ts";
import { addItem, changeItem, clearCart, getCart } from "../src/service/cart.ts";
import { createOrder } from "../src/service/place-order.ts";
import { mergeCart } from "../src/service/merge.ts";
import { guestCartName } from "../src/service/owner.ts";
import { eventTypes, fillCart, must, openShop, ordersEnv, refusal, request } from "./shop.ts";
import type { Shop } from "./shop.ts";

const shop = openShop();

const add = async (call: Call, productId: string, quantity = 1, cartToken?: string): Promise<Cart> =>
  must(await addItem(shop.deps, call, { productId, quantity, cartToken }));
const merge = async (
  call: Call,
  cartToken: string,
  on: Shop = shop,
  ifVersion?: number,
): Promise<Outcome<MergedCart>> => await mergeCart(on.deps, call, { cartToken, ifVersion });
const cartOf = async (call: Call, cartToken?: string): Promise<Cart> =>
  must(await getCart(shop.deps, call, { cartToken }));

/** Product and quantity of each line. */
function quantities({ items }: Cart): Record<string, number> {
  return Object.fromEntries(items.map(({ productId, quantity }) => [productId, quantity]));
}

/** A guest's cart with one line of each product. */
async function guestCart(products: Readonly<Record<string, number>>): Promise<string> {
  const cartToken = randomToken();
  for (const [productId, quantity] of Object.entries(products)) await add(guestCall(), productId, quantity, cartToken);
  return cartToken;
}

type Method = "close" | "absorb" | "endTransfer";

/** A shop in which one step between the objects breaks, before it reaches its object or after it did its work. */
function breaking(method: Method, when: "before" | "after"): Shop {
  return shop.with({
    cart: (name) => {
      const object = shop.deps.cart(name);
      return new Proxy(object, {
        get(target, property) {
          const methods = target as unknown as Record<string | symbol, (input: unknown) => Promise<unknown>>;
          return async (input: unknown): Promise<unknown> => {
            if (property === method && when === "before") throw new Error("crash");
            const result = await methods[property]?.(input);
            if (property === method) throw new Error("crash");
            return result;
          };
        },
      });
    },
  });
}

async function alarmOf(cartToken: string): Promise<boolean> {
  return await runDurableObjectAlarm(ordersEnv.CART.getByName(await guestCartName(cartToken)));
}

describe("a merge", () => {
  it("adds up common products, keeps the rest, and closes the guest's cart for good", async () => {
    const [both, mine, theirs] = [shop.product(), shop.product(), shop.product()];
    const user = callAs("customer");
    await add(user, both, 2);
    const { version } = await add(user, mine, 1);
    const cartToken = await guestCart({ [theirs]: 4, [both]: 3 });
    const merged = must(await merge(user, cartToken));
    expect(quantities(merged)).toEqual({ [both]: 5, [mine]: 1, [theirs]: 4 });
    expect(merged).toMatchObject({ version: version + 1, notMerged: [] });
    expect((await cartOf(guestCall(), cartToken)).items).toEqual([]);
    const productId = shop.product();
    expect(refusal(await addItem(shop.deps, guestCall(), { cartToken, productId, quantity: 1 })).code).toBe(
      "cart_closed",
    );
    expect(refusal(await clearCart(shop.deps, guestCall(), { cartToken })).code).toBe("cart_closed");
    const order = await createOrder(shop.deps, guestCall(), request({ cartToken, email: "guest@example.com" }));
    expect(refusal(order).code).toBe("cart_empty");
  });

  it("happens once, however often and however concurrently it is requested", async () => {
    const productId = shop.product();
    const user = callAs("customer");
    const cartToken = await guestCart({ [productId]: 3 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => merge(user, cartToken)));
    for (const answer of answers) expect(quantities(must(answer))).toEqual({ [productId]: 3 });
    must(await clearCart(shop.deps, user, {}));
    expect(must(await merge(user, cartToken)).items).toEqual([]);
  });

  it("is done for exactly one of two users", async () => {
    const productId = shop.product();
    const users = [callAs("customer"), callAs("customer"), callAs("customer")];
    const cartToken = await guestCart({ [productId]: 3 });
    const answers = await Promise.all(users.map((user) => merge(user, cartToken)));
    const verdicts = answers.map((answer) => (answer.ok ? "merged" : answer.error.code));
    expect(verdicts.toSorted()).toEqual(["cart_closed", "cart_closed", "merged"]);
    const counts = await Promise.all(users.map(async (user) => (await cartOf(user)).itemCount));
    expect(counts.toSorted((a, b) => a - b)).toEqual([0, 0, 3]);
  });

  it("changes nothing for a token that is unknown, empty or expired, and leaves it usable", async () => {
    const productId = shop.product();
    const user = callAs("customer");
    const { version } = await add(user, productId);
    const expired = await guestCart({ [productId]: 2 });
    shop.advance(shop.deps.cartTtlMs);
    await add(user, productId);
    const unknown = randomToken();
    for (const cartToken of [expired, unknown]) {
      expect(must(await merge(user, cartToken))).toMatchObject({ itemCount: 1, notMerged: [] });
    }
    expect((await cartOf(user)).version).toBeGreaterThan(version);
    expect(refusal(await merge(user, unknown, shop, 0)).code).toBe("cart_version_conflict");
    expect((await add(guestCall(), productId, 1, unknown)).itemCount).toBe(1);
    expect(refusal(await mergeCart(shop.deps, guestCall(), { cartToken: unknown })).code).toBe("unauthenticated");
  });

  it("lists what did not fit, the same for each repetition", async () => {
    const user = callAs("customer");
    const much = shop.product({ stock: MAX_QUANTITY });
    const ids = Array.from({ length: MAX_LINES - 2 }, () => shop.product());
    await fillCart(shop, user, ids);
    await add(user, much, MAX_QUANTITY - 1);
    const [first, second, third] = [shop.product(), shop.product(), shop.product()];
    const cartToken = await guestCart({ [first]: 1, [second]: 2, [much]: 5, [third]: 3 });
    const merged = must(await merge(user, cartToken));
    expect(merged.items).toHaveLength(MAX_LINES);
    expect(quantities(merged)).toMatchObject({ [first]: 1, [much]: MAX_QUANTITY });
    expect(merged.notMerged).toEqual([
      { productId: second, quantity: 2, reason: "too_many_lines" },
      { productId: much, quantity: 4, reason: "quantity_limit" },
      { productId: third, quantity: 3, reason: "too_many_lines" },
    ]);
    expect(must(await merge(user, cartToken)).notMerged).toEqual(merged.notMerged);
  });

  it("does not check stock: the checkout reports shortages", async () => {
    const productId = shop.product({ stock: 5 });
    const user = callAs("customer");
    await add(user, productId, 4);
    const cartToken = await guestCart({ [productId]: 4 });
    expect(quantities(must(await merge(user, cartToken)))).toEqual({ [productId]: 8 });
    expect(refusal(await createOrder(shop.deps, user, request({})))).toMatchObject({
      code: "insufficient_stock",
      shortages: [{ productId, requested: 8, available: 5 }],
    });
  });

  it("leads to CART_EXPIRED for the user's cart only", async () => {
    const productId = shop.product();
    const user = callAs("customer");
    const cartToken = await guestCart({ [productId]: 1 });
    must(await merge(user, cartToken));
    shop.advance(shop.deps.cartTtlMs);
    await runSweeps(shop.deps, plan, { call: systemCall("test", "c"), everything: true });
    expect(await eventTypes(shop, await guestCartName(cartToken))).toEqual([]);
    expect(await eventTypes(shop, user.actor.id)).toEqual(["CART_EXPIRED"]);
  });
});

describe("If-Match", () => {
  it("keeps both carts when the user's has another version, and merges at the right one", async () => {
    const [mine, theirs] = [shop.product(), shop.product()];
    const user = callAs("customer");
    const { version } = await add(user, mine);
    const cartToken = await guestCart({ [theirs]: 2 });
    const before = await cartOf(guestCall(), cartToken);
    expect(refusal(await merge(user, cartToken, shop, version + 1))).toMatchObject({
      code: "cart_version_conflict",
      currentVersion: version,
    });
    const after = await cartOf(guestCall(), cartToken);
    expect(quantities(after)).toEqual(quantities(before));
    expect(after.items[0]?.id).toBe(before.items[0]?.id);
    expect((await add(guestCall(), theirs, 1, cartToken)).itemCount).toBe(3);
    expect(quantities(must(await merge(user, cartToken, shop, version)))).toEqual({ [mine]: 1, [theirs]: 3 });
  });

  it("lets one of two writes of one version succeed, whichever it is", async () => {
    for (let round = 0; round < 5; round += 1) {
      const [mine, theirs] = [shop.product(), shop.product()];
      const user = callAs("customer");
      const { version, items } = await add(user, mine);
      const cartToken = await guestCart({ [theirs]: 2 });
      const itemId = items[0]?.id ?? "";
      const [merged, changed] = await Promise.all([
        merge(user, cartToken, shop, version),
        changeItem(shop.deps, user, { itemId, quantity: 7, ifVersion: version }),
      ]);
      expect([merged.ok, changed.ok].filter(Boolean)).toHaveLength(1);
      const total = (await cartOf(user)).itemCount + (await cartOf(guestCall(), cartToken)).itemCount;
      expect(total).toBe(merged.ok ? 3 : 9);
    }
  });

  it("does not lose the lines when one of two copies is refused", async () => {
    for (let round = 0; round < 5; round += 1) {
      const [mine, theirs] = [shop.product(), shop.product()];
      const user = callAs("customer");
      await add(user, mine);
      const cartToken = await guestCart({ [theirs]: 2 });
      const answers = await Promise.all([
        merge(user, cartToken, shop, 99),
        merge(user, cartToken),
        merge(user, cartToken, shop, 99),
      ]);
      expect(answers[1]?.ok).toBe(true);
      expect(quantities(await cartOf(user))).toEqual({ [mine]: 1, [theirs]: 2 });
      expect((await cartOf(guestCall(), cartToken)).items).toEqual([]);
    }
  });
});

describe("an interrupted merge", () => {
  const STEPS: readonly (readonly [Method, "before" | "after"])[] = [
    ["close", "after"],
    ["absorb", "before"],
    ["absorb", "after"],
    ["endTransfer", "before"],
    ["endTransfer", "after"],
  ];

  describe.each(STEPS)("at %s, %s it", (method, when) => {
    const broken = async (): Promise<{ user: Call; cartToken: string; expected: Record<string, number> }> => {
      const [mine, theirs] = [shop.product(), shop.product()];
      const user = callAs("customer");
      await add(user, mine, 2);
      const cartToken = await guestCart({ [theirs]: 4, [mine]: 1 });
      const attempt = merge(user, cartToken, breaking(method, when));
      // The guest's cart is notified without delaying the answer.
      if (method === "endTransfer") must(await attempt);
      else await expect(attempt).rejects.toThrow("crash");
      return { user, cartToken, expected: { [mine]: 3, [theirs]: 4 } };
    };

    it("is finished by a retry", async () => {
      const { user, cartToken, expected } = await broken();
      expect(quantities(must(await merge(user, cartToken)))).toEqual(expected);
      await alarmOf(cartToken);
      expect(quantities(await cartOf(user))).toEqual(expected);
    });

    it("is finished by the guest's cart without a retry", async () => {
      const { user, cartToken, expected } = await broken();
      expect(await alarmOf(cartToken)).toBe(true);
      expect(quantities(await cartOf(user))).toEqual(expected);
      expect((await cartOf(guestCall(), cartToken)).items).toEqual([]);
      expect(quantities(must(await merge(user, cartToken)))).toEqual(expected);
    });
  });

  it.each(["close", "absorb"] as const)(
    "before %s is through keeps to its If-Match when nobody comes again",
    async (method) => {
      const [mine, theirs] = [shop.product(), shop.product()];
      const user = callAs("customer");
      const { version } = await add(user, mine);
      const cartToken = await guestCart({ [theirs]: 2 });
      const broken = breaking(method, method === "close" ? "after" : "before");
      await expect(merge(user, cartToken, broken, version + 1)).rejects.toThrow("crash");
      expect(await alarmOf(cartToken)).toBe(true);
      expect(quantities(await cartOf(user))).toEqual({ [mine]: 1 });
      expect(quantities(await cartOf(guestCall(), cartToken))).toEqual({ [theirs]: 2 });
      await expect(merge(user, cartToken, broken, version)).rejects.toThrow("crash");
      expect(await alarmOf(cartToken)).toBe(true);
      expect(quantities(await cartOf(user))).toEqual({ [mine]: 1, [theirs]: 2 });
    },
  );

  it("after a refusal leaves the guest's cart open, not lost", async () => {
    const [mine, theirs] = [shop.product(), shop.product()];
    const user = callAs("customer");
    await add(user, mine);
    const cartToken = await guestCart({ [theirs]: 2 });
    const attempt = merge(user, cartToken, breaking("endTransfer", "before"), 99);
    await expect(attempt).rejects.toThrow("crash");
    await alarmOf(cartToken);
    expect(quantities(await cartOf(guestCall(), cartToken))).toEqual({ [theirs]: 2 });
    expect(quantities(await cartOf(user))).toEqual({ [mine]: 1 });
    expect(quantities(must(await merge(user, cartToken)))).toEqual({ [mine]: 1, [theirs]: 2 });
  });
});

describe("a guest's checkout and a merge", () => {
  it("exclude each other while the order is being placed, and the merge takes what was not ordered", async () => {
    const productId = shop.product();
    const cartToken = await guestCart({ [productId]: 2 });
    const user = callAs("customer");
    const order = request({ cartToken, email: "guest@example.com" });
    const during: Outcome<MergedCart>[] = [];
    const slow = shop.with({
      inventory: {
        ...shop.deps.inventory,
        hold: async (call, input) => {
          during.push(await merge(user, cartToken));
          return await shop.deps.inventory.hold(call, input);
        },
      },
    });
    must(await createOrder(slow.deps, guestCall(), order));
    expect(during.map((answer) => refusal(answer).code)).toEqual(["idempotency_in_progress"]);
    expect(must(await merge(user, cartToken)).items).toEqual([]);
    await add(guestCall(), productId, 1, cartToken);
    expect(quantities(must(await merge(user, cartToken)))).toEqual({ [productId]: 1 });
  });

  it("never both get the lines", async () => {
    for (let round = 0; round < 8; round += 1) {
      const productId = shop.product();
      const cartToken = await guestCart({ [productId]: 2 });
      const user = callAs("customer");
      const [ordered, merged] = await Promise.all([
        createOrder(shop.deps, guestCall(), request({ cartToken, email: "guest@example.com" })),
        merge(user, cartToken),
      ]);
      const inCart = (await cartOf(user)).itemCount;
      expect(ordered.ok ? 2 : 0).toBe(2 - inCart);
      expect(merged.ok ? "merged" : merged.error.code).toMatch(/^(merged|idempotency_in_progress)$/);
    }
  });
});
