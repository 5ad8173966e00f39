// A customer's orders and cart as an admin sees them.
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { callAs } from "#shared/testkit/kit";
import { addItem, customerCart } from "../src/service/cart.ts";
import { cancelOrder } from "../src/service/commands.ts";
import { customerTotals } from "../src/service/orders.ts";
import { customerTotalsQuery } from "../src/store/orders.ts";
import { confirmedOrder, must, openShop, ordered, refusal } from "./shop.ts";

const admin = callAs("admin");
const shop = openShop();

describe("a customer's orders", () => {
  it("are counted, and summed by currency without the cancelled ones", async () => {
    const buyer = callAs("customer");
    const [kept, dropped] = [await confirmedOrder(shop, buyer), await ordered(shop, buyer)];
    must(await cancelOrder(shop.deps, buyer, { orderId: dropped.id }));
    await confirmedOrder(shop, callAs("customer"));
    const totals = must(await customerTotals(shop.deps, admin, { customerId: buyer.actor.id }));
    expect(totals).toEqual({ count: 2, total: { [kept.currency]: kept.total } });
  });

  it("sum to nothing for a customer with only cancelled orders, or none", async () => {
    const buyer = callAs("customer");
    const none = { customerId: buyer.actor.id };
    expect(must(await customerTotals(shop.deps, admin, none))).toEqual({ count: 0, total: {} });
    must(await cancelOrder(shop.deps, buyer, { orderId: (await ordered(shop, buyer)).id }));
    expect(must(await customerTotals(shop.deps, admin, none))).toEqual({ count: 1, total: {} });
  });

  it("are found by the index of a customer's orders", async () => {
    const plan = await shop.deps.db.all(
      sql<{ detail: string }>`EXPLAIN QUERY PLAN ${customerTotalsQuery("usr_1").getSQL()}`,
    );
    expect(plan[0]?.detail).toContain("USING INDEX orders_by_customer");
  });
});

describe("a customer's cart", () => {
  it("is the cart that its owner sees", async () => {
    const buyer = callAs("customer");
    const added = must(await addItem(shop.deps, buyer, { productId: shop.product(), quantity: 2 }));
    expect(must(await customerCart(shop.deps, admin, { customerId: buyer.actor.id }))).toEqual(added);
  });
});

it("and orders are visible to admins only", async () => {
  const buyer = callAs("customer");
  const own = { customerId: buyer.actor.id };
  for (const call of [buyer, callAs("vendor")]) {
    expect(refusal(await customerTotals(shop.deps, call, own)).code).toBe("forbidden");
    expect(refusal(await customerCart(shop.deps, call, own)).code).toBe("forbidden");
  }
});
