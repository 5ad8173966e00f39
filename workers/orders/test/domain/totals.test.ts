// Totals, shipping and order numbers, over random baskets.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PricedProduct } from "#shared/contracts/catalog";
import { MAX_QUANTITY } from "#shared/limits";
import { MAX_AMOUNT_MINOR } from "#shared/money";
import { orderNumber } from "../../src/domain/new-order.ts";
import { PARCEL_MAX_GRAMS, estimatedDelivery, shippingMethods } from "../../src/domain/shipping.ts";
import { calculate, mergeLines, priceLines } from "../../src/domain/totals.ts";

function product(id: string, unitPrice: number, weightGrams: number): PricedProduct {
  const fixed = { sku: id, name: id, currency: "USD", imageUrl: "", minOrderQuantity: 1, vendorId: null };
  return { ...fixed, id, unitPrice, weightGrams, status: "active", availability: "in_stock" };
}

const baskets = fc.array(
  fc.record({
    price: fc.nat({ max: 90_000 }),
    weight: fc.nat({ max: 4_000 }),
    quantity: fc.integer({ min: 1, max: 50 }),
  }),
  { minLength: 1, maxLength: 20 },
);
const countries = fc.constantFrom("US", "CA", "MX", "DE", "JP");

const DAY_MS = 24 * 60 * 60 * 1_000;

describe("totals", () => {
  it("are the sum of their parts, in whole minor units, and no more than a payment carries", () => {
    fc.assert(
      fc.property(baskets, countries, (basket, country) => {
        const products = basket.map(({ price, weight }, index) => product(`prd_${String(index)}`, price, weight));
        const lines = basket.map(({ quantity }, index) => ({ productId: `prd_${String(index)}`, quantity }));
        const priced = priceLines(lines, products, "USD");
        const result = priced.ok ? calculate(priced.value, country, "USD", undefined) : priced;
        // A payment can carry any of these baskets.
        if (!result.ok) throw new Error(result.error.code);
        const { quote, method } = result.value;
        expect(quote.subtotal).toBe(basket.reduce((sum, { price, quantity }) => sum + price * quantity, 0));
        expect(quote.total).toBe(quote.subtotal - quote.discount + quote.shipping + quote.tax);
        expect(quote.items.every((item) => item.lineTotal === item.unitPrice * item.quantity)).toBe(true);
        expect(Number.isInteger(quote.total) && quote.total <= MAX_AMOUNT_MINOR).toBe(true);
        expect(quote.shippingMethods[0]).toMatchObject({ id: method, amount: quote.shipping });
      }),
    );
  });

  it("are refused when a payment could not carry them", () => {
    const dear = { product: product("prd_1", 50_000_000, 1), quantity: 2 };
    expect(calculate([dear], "US", "USD", undefined)).toMatchObject({ error: { code: "validation_failed" } });
  });

  it("sum the lines of one product before any limit is checked", () => {
    const lines = [
      { productId: "prd_1", quantity: MAX_QUANTITY - 999 },
      { productId: "prd_2", quantity: 1 },
      { productId: "prd_1", quantity: 999 },
    ];
    expect(mergeLines(lines)).toEqual({
      ok: true,
      value: [
        { productId: "prd_1", quantity: MAX_QUANTITY },
        { productId: "prd_2", quantity: 1 },
      ],
    });
    expect(mergeLines([...lines, { productId: "prd_1", quantity: 1 }]).ok).toBe(false);
  });

  it("name every line that is not sold any more", () => {
    const archived = { ...product("prd_1", 1, 1), status: "archived" as const };
    const foreign = { ...product("prd_2", 1, 1), currency: "EUR" };
    const lines = ["prd_1", "prd_2"].map((productId) => ({ productId, quantity: 1 }));
    const refused = priceLines(lines, [archived, foreign], "USD");
    expect(!refused.ok && refused.error.lines?.map(({ productId }) => productId)).toEqual(["prd_1", "prd_2"]);
  });
});

describe("shipping", () => {
  it("always has a method, cheapest first; it never gets cheaper by weight, and heavy goods go by freight", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2_000_000 }), fc.nat({ max: 50_000 }), countries, (grams, more, country) => {
        const methods = shippingMethods(grams, country, "USD");
        const amounts = methods.map(({ amount }) => amount);
        expect(amounts).toEqual(amounts.toSorted((one, other) => one - other));
        expect(amounts.every((amount) => Number.isInteger(amount) && amount > 0)).toBe(true);
        expect(methods.some(({ id }) => id === "freight")).toBe(true);
        expect(methods.length).toBe(grams > PARCEL_MAX_GRAMS ? 1 : 3);
        for (const heavier of shippingMethods(grams + more, country, "USD")) {
          const lighter = methods.find(({ id }) => id === heavier.id);
          expect(heavier.amount).toBeGreaterThanOrEqual(lighter?.amount ?? 0);
        }
      }),
    );
  });

  it("is whole in the currency's own minor unit", () => {
    const amountIn = (currency: string): number | undefined =>
      shippingMethods(1_000, "US", currency).find(({ id }) => id === "standard")?.amount;
    expect([amountIn("USD"), amountIn("JPY"), amountIn("KWD")]).toEqual([674, 7, 6_740]);
  });

  it("promises a working day", () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2030, 0) }), countries, (from, country) => {
        const day = estimatedDelivery(from, "standard", country);
        expect(day).toBeGreaterThan(from);
        expect([0, 6]).not.toContain(new Date(day).getUTCDay());
      }),
    );
    // Five working days from a Friday end on the next one.
    expect(estimatedDelivery(Date.UTC(2026, 10, 20), "standard", "US")).toBe(Date.UTC(2026, 10, 27));
  });

  it("promises the method's last day to that country, which is that many working days on", () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2030, 0) }), countries, (from, country) => {
        for (const { id, maxDays } of shippingMethods(1_000, country, "USD")) {
          const until = estimatedDelivery(from, id, country);
          const days = Array.from({ length: (until - from) / DAY_MS }, (_, index) => from + (index + 1) * DAY_MS);
          expect(days.filter((day) => ![0, 6].includes(new Date(day).getUTCDay()))).toHaveLength(maxDays);
        }
      }),
    );
    // What leaves on a Saturday or a Sunday leaves, for the promise, on the Friday before.
    const promises = [20, 21, 22].map((day) => estimatedDelivery(Date.UTC(2026, 10, day, 8), "express", "US"));
    expect(promises).toEqual([24, 24, 24].map((day) => Date.UTC(2026, 10, day, 8)));
  });
});

it("numbers orders by day, without letters that sound alike", () => {
  const number = orderNumber(Date.UTC(2026, 10, 23), Uint8Array.from([0, 31, 32, 63, 255, 1, 2, 3]));
  expect(number).toBe("TP-261123-0Z0ZZ123");
});
