// What an order costs: the lines at the catalog's prices, the shipping, and their sum.
import type { PricedProduct } from "#shared/contracts/catalog";
import type { Quote, ShippingMethodId } from "#shared/contracts/orders";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { MAX_QUANTITY } from "#shared/limits";
import { MAX_AMOUNT_MINOR, lineTotalMinor, sumForDisplay, sumMinor } from "#shared/money";
import { ok } from "#shared/result";
import { shippingMethods } from "./shipping.ts";

export interface PricedLine {
  readonly product: PricedProduct;
  readonly quantity: number;
}

/** Priced lines, what they cost, and the shipping method in that price. */
export interface Calculation {
  readonly lines: readonly PricedLine[];
  readonly quote: Quote;
  readonly method: ShippingMethodId;
}

function invalid(path: string, message: string): Outcome<never> {
  return invalidInput([{ path, message }]);
}

/** One line per product, quantities added up, in the order of first mention. */
export function mergeLines(lines: readonly StockLine[]): Outcome<readonly StockLine[]> {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  const merged = [...sums].map(([productId, quantity]) => ({ productId, quantity }));
  return merged.some(({ quantity }) => quantity > MAX_QUANTITY)
    ? invalid("items", `may not ask for more than ${String(MAX_QUANTITY)} of one product`)
    : ok(merged);
}

/** Joins the lines with the catalog's products. Fails with product_not_found, product_unavailable, quantity_below_minimum. */
export function priceLines(
  lines: readonly StockLine[],
  products: readonly PricedProduct[],
  currency: string,
): Outcome<readonly PricedLine[]> {
  const byId = new Map(products.map((product) => [product.id, product]));
  const unknown = lines.filter(({ productId }) => !byId.has(productId));
  if (unknown.length > 0) {
    return fail("product_not_found", "There is no such product in the shop, or not any more.", {
      lines: unknown.map(({ productId }) => ({ productId, name: "", reason: "unknown" })),
    });
  }
  const priced = lines.flatMap(({ productId, quantity }) => {
    const product = byId.get(productId);
    return product === undefined ? [] : [{ product, quantity }];
  });
  const gone = priced.filter(({ product }) => product.status !== "active" || product.currency !== currency);
  if (gone.length > 0) {
    return fail("product_unavailable", "Some of these products are not sold any more.", {
      lines: gone.map(({ product }) => ({ productId: product.id, name: product.name, reason: product.status })),
    });
  }
  const below = priced.find(({ product, quantity }) => quantity < product.minOrderQuantity);
  if (below !== undefined) {
    const { product } = below;
    return fail("quantity_below_minimum", `${product.name} is sold from ${String(product.minOrderQuantity)} on.`, {
      minimum: product.minOrderQuantity,
      lines: [{ productId: product.id, name: product.name, reason: "below_minimum" }],
    });
  }
  return ok(priced);
}

/** Computes the totals. Discounts and taxes do not exist yet and are 0. Fails with validation_failed. */
export function calculate(
  lines: readonly PricedLine[],
  country: string,
  currency: string,
  wanted: ShippingMethodId | undefined,
): Outcome<Calculation> {
  const items = lines.map(({ product, quantity }) => ({
    productId: product.id,
    sku: product.sku,
    name: product.name,
    unitPrice: product.unitPrice,
    quantity,
    lineTotal: lineTotalMinor(product.unitPrice, quantity),
  }));
  const weight = lines.reduce((sum, { product, quantity }) => sum + product.weightGrams * quantity, 0);
  const methods = shippingMethods(weight, country, currency);
  const method = wanted === undefined ? methods[0] : methods.find(({ id }) => id === wanted);
  if (method === undefined) return invalid("shippingMethod", "cannot carry an order of this weight");
  // Not exact above what is refused below.
  const atLeast = sumForDisplay([...items.map(({ lineTotal }) => lineTotal), method.amount]);
  if (atLeast > MAX_AMOUNT_MINOR || methods.some(({ amount }) => amount > MAX_AMOUNT_MINOR)) {
    return invalid("items", "cost more together than one payment can carry");
  }
  const subtotal = sumMinor(items.map(({ lineTotal }) => lineTotal));
  const total = sumMinor([subtotal, method.amount]);
  const amounts = { subtotal, discount: 0, shipping: method.amount, tax: 0, total, currency };
  return ok({ lines, quote: { items, ...amounts, shippingMethods: [...methods] }, method: method.id });
}
