// The rate limits that answers name are those of the bindings in wrangler.toml. The size of an order is the same wherever it passes.
import { describe, expect, it } from "vitest";
import type * as z from "zod";
import { PricedProductsInput } from "#shared/contracts/catalog";
import { HoldInput, ReleaseHoldInput } from "#shared/contracts/inventory";
import { CreateOrderBody, QuoteBody } from "#shared/contracts/orders";
import { RefundLinesBody } from "#shared/contracts/orders-staff";
import { MAX_BODY_BYTES } from "../../workers/gateway/src/constants.ts";
import { LIMITS } from "../../workers/gateway/src/http/rate-limit.ts";
import { readWranglerFile } from "../local/configs.ts";
import { wranglerFile } from "../local/workers.ts";

interface Binding {
  readonly name: string;
  readonly namespace_id: string;
  readonly simple: { readonly limit: number; readonly period: number };
}

const bindings = readWranglerFile(wranglerFile("gateway"))["ratelimits"] as readonly Binding[];

it("names every binding of wrangler.toml, with its limit and period", () => {
  const told = Object.values(LIMITS).map(({ binding, limit, windowSeconds }) => ({
    name: binding,
    simple: { limit, period: windowSeconds },
  }));
  expect(told.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
    bindings.map(({ name, simple }) => ({ name, simple })).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
});

it("counts each class in a namespace of its own", () => {
  expect(new Set(bindings.map(({ namespace_id: namespace }) => namespace)).size).toBe(bindings.length);
});

describe("an order", () => {
  const lines = (count: number, quantity = 999_999): { productId: string; quantity: number }[] =>
    Array.from({ length: count }, (_, index) => ({ productId: `prd_${String(index)}`, quantity }));
  const address = { name: "Ada", line1: "1 Main Street", city: "Springfield", postalCode: "12345", country: "US" };

  it.each<[string, z.ZodType, (of: ReturnType<typeof lines>) => object]>([
    ["as it is quoted", QuoteBody, (items) => ({ items, shippingAddress: address })],
    ["as it is placed", CreateOrderBody, (items) => ({ items, shippingAddress: address })],
    ["as its stock is held", HoldInput, (held) => ({ owner: "key", lines: held })],
  ])("%s has at most 1,000 lines of 999,999 units", (_name, schema, bodyOf) => {
    expect(schema.safeParse(bodyOf(lines(1_000))).success).toBe(true);
    expect(schema.safeParse(bodyOf(lines(1_001))).success).toBe(false);
    expect(schema.safeParse(bodyOf(lines(1, 1_000_000))).success).toBe(false);
  });

  it("is priced, released and refunded whole", () => {
    const ids = lines(1_000).map(({ productId }) => productId);
    expect(PricedProductsInput.safeParse({ ids }).success).toBe(true);
    expect(ReleaseHoldInput.safeParse({ owner: "key", productIds: ids }).success).toBe(true);
    const refunded = [true, false].flatMap((restock) =>
      lines(1_000).map(({ quantity }, index) => ({ itemId: `itm_${String(index)}`, quantity, restock })),
    );
    expect(RefundLinesBody.safeParse({ lines: refunded }).success).toBe(true);
    expect(RefundLinesBody.safeParse({ lines: [...refunded, ...refunded.slice(0, 1)] }).success).toBe(false);
    // Indented, as people write it, the largest body is still taken.
    expect(Buffer.byteLength(JSON.stringify({ lines: refunded }, null, 2))).toBeLessThan(MAX_BODY_BYTES);
  });
});
