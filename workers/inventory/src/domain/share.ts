// The share of a product that buyers without proof may hold together. Whoever pays nothing must not be able to keep the goods from
// those who would buy them, so guests and unproven accounts hold only a part of what nobody else has: docs/adr/020-abuse-caps.md.
// Pure, like stock.ts.

/** The figures of a product, without what the asker has of it. */
export interface CountedStock {
  readonly onHand: number;
  /** Held and reserved, by anybody. */
  readonly taken: number;
  /** The part of `taken` that counts toward the share: without proof of the buyer and without authorized money. */
  readonly takenCounted: number;
}

export interface ShareRule {
  /** Of on hand less what does not count, 0 to 100. */
  readonly percent: number;
  /** The product's minimum order quantity: the share is never less, or nobody without proof could buy the product at all. */
  readonly minimum: number;
}

/** Of this product, the most that may count together. */
export function shareOf({ onHand, taken, takenCounted }: CountedStock, { percent, minimum }: ShareRule): number {
  const open = onHand - (taken - takenCounted);
  return Math.max(1, minimum, Math.floor((open * percent) / 100));
}

/** The most that one more buyer without proof may order now; 0 when that is under the minimum, which nobody may order. */
export function allowedOf(stock: CountedStock, rule: ShareRule): number {
  const allowed = Math.min(shareOf(stock, rule) - stock.takenCounted, stock.onHand - stock.taken);
  return allowed < rule.minimum ? 0 : allowed;
}
