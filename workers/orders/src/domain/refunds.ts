// What a refund of lines is worth. Pure integer arithmetic in minor units: in whatever parts an order is refunded, no line refunds
// more than was paid for it, and all lines with the shipping refund exactly the total.
import type { Order, OrderRefund, OrderRefundLine } from "#shared/contracts/orders";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sumMinor } from "#shared/money";
import { ok } from "#shared/result";

/** Part of a line to refund. */
export interface WantedLine {
  readonly itemId: string;
  readonly quantity: number;
  readonly restock: boolean;
}

/** Lines with the amount of each; `amount` is the sum with the shipping. */
export interface RefundDraft {
  readonly lines: readonly OrderRefundLine[];
  readonly shipping: number;
  readonly amount: number;
}

/**
 * Shares an amount in proportion to the weights, by largest remainder: each share is its exact part rounded down or up, and they
 * add up to the amount. If all weights are zero, the first gets it.
 */
export function shareOut(amount: number, weights: readonly number[]): readonly number[] {
  const whole = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  if (whole === 0n) return weights.map((_weight, index) => (index === 0 ? amount : 0));
  // An amount times a weight can be more than a number holds exactly.
  const parts = weights.map((weight, index) => {
    const product = BigInt(amount) * BigInt(weight);
    return { index, floor: Number(product / whole), remainder: product % whole };
  });
  const missing = amount - sumMinor(parts.map(({ floor }) => floor));
  const byRemainder = parts.toSorted((a, b) => Number(b.remainder - a.remainder) || a.index - b.index);
  const raised = new Set(byRemainder.slice(0, missing).map(({ index }) => index));
  return parts.map(({ index, floor }) => (raised.has(index) ? floor + 1 : floor));
}

/** What was paid for each line: its part of the goods after the discount and with the tax. */
export function paidPerLine({ subtotal, discount, tax, items }: Order): readonly number[] {
  return shareOut(
    subtotal - discount + tax,
    items.map(({ lineTotal }) => lineTotal),
  );
}

/** What a line has left to refund while a refund is being computed. */
interface Left {
  readonly productId: string;
  readonly name: string;
  quantity: number;
  amount: number;
}

function standing(refunds: readonly OrderRefund[]): readonly OrderRefund[] {
  return refunds.filter(({ status }) => status !== "refused");
}

/** What each line has left to refund, after all refunds that were not refused. */
function leftOf(order: Order): Map<string, Left> {
  const refunded = Map.groupBy(
    standing(order.refunds).flatMap(({ lines }) => lines),
    ({ itemId }) => itemId,
  );
  const paid = paidPerLine(order);
  return new Map(
    order.items.map(({ id, productId, name, quantity }, index) => {
      const own = refunded.get(id) ?? [];
      return [
        id,
        {
          productId,
          name,
          quantity: quantity - sumMinor(own.map((line) => line.quantity)),
          amount: (paid[index] ?? 0) - sumMinor(own.map(({ amount }) => amount)),
        },
      ];
    }),
  );
}

function exceeds(detail: string, over: readonly Left[] = []): Outcome<never> {
  const lines = over.map(({ productId, name }) => ({ productId, name, reason: "over_what_is_left" }));
  return fail("refund_exceeds_order", detail, lines.length === 0 ? {} : { lines });
}

/** Takes units out of what is left, at their part of the amount rounded down; the last units get all that is left. */
function take(left: Left, quantity: number): number {
  // An amount times a quantity can be more than a number holds exactly.
  const amount = Number((BigInt(left.amount) * BigInt(quantity)) / BigInt(left.quantity));
  left.quantity -= quantity;
  left.amount -= amount;
  return amount;
}

/**
 * Computes a refund. Fails with validation_failed for a line that the order does not have, refund_exceeds_order for more than is
 * left of a line, or for the shipping a second time.
 */
export function draftRefund(
  order: Order,
  wanted: readonly WantedLine[],
  { includeShipping }: { readonly includeShipping: boolean },
): Outcome<RefundDraft> {
  const left = leftOf(order);
  const errors = wanted.flatMap(({ itemId }, index) =>
    left.has(itemId) ? [] : [{ path: `lines.${String(index)}.itemId`, message: "is no line of this order" }],
  );
  if (errors.length > 0) return invalidInput(errors);
  const wantedOf = Map.groupBy(wanted, ({ itemId }) => itemId);
  const over = [...left].filter(([itemId, line]) => {
    const quantities = (wantedOf.get(itemId) ?? []).map(({ quantity }) => quantity);
    return sumMinor(quantities) > line.quantity;
  });
  if (over.length > 0) {
    return exceeds(
      "This is more than was ordered and not refunded yet.",
      over.map(([, line]) => line),
    );
  }
  const isShippingGone = standing(order.refunds).some(({ shipping }) => shipping > 0);
  if (includeShipping && isShippingGone) return exceeds("The shipping was refunded before.");
  const lines = wanted.flatMap(({ itemId, quantity, restock }) => {
    const line = left.get(itemId);
    if (line === undefined) return [];
    return [{ itemId, productId: line.productId, quantity, amount: take(line, quantity), restock }];
  });
  const shipping = includeShipping ? order.shipping : 0;
  return ok({ lines, shipping, amount: sumMinor([...lines.map(({ amount }) => amount), shipping]) });
}

/** The goods to restock, one line per product. */
export function restocked(lines: readonly OrderRefundLine[]): readonly { productId: string; quantity: number }[] {
  const sums = new Map<string, number>();
  for (const { productId, quantity, restock } of lines) {
    if (restock) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  }
  return [...sums].map(([productId, quantity]) => ({ productId, quantity }));
}

/** Milliseconds until the next attempt at a refund: doubling from `first` up to `max`. */
export function retryAfterMs(attempts: number, first: number, max: number): number {
  return Math.min(first * 2 ** Math.min(attempts - 1, 30), max);
}
