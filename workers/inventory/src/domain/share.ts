// The share of a product that buyers without proof (guests, unverified accounts) may hold together without paying. It keeps
// them from blocking the stock for buyers who pay: docs/adr/020-abuse-caps.md. Pure, like stock.ts.

/** Units of a product. */
export interface CountedStock {
  readonly onHand: number;
  /** Held and reserved, by anybody. */
  readonly taken: number;
  /** The part of `taken` that counts toward the share: buyer without proof, money not authorized. */
  readonly takenCounted: number;
}

export interface ShareRule {
  /** Percentage of what is on hand less what is taken without counting, 0 to 100. */
  readonly percent: number;
  /** The product's minimum order quantity. The share is never less, or a buyer without proof could never order it. */
  readonly minimum: number;
}

/** The most that may count together. */
export function shareOf({ onHand, taken, takenCounted }: CountedStock, { percent, minimum }: ShareRule): number {
  const open = onHand - (taken - takenCounted);
  return Math.max(1, minimum, Math.floor((open * percent) / 100));
}

/** The most that one more buyer without proof may order now; 0 when that is less than the minimum order. `stock` is without the buyer's own. */
export function allowedOf(stock: CountedStock, rule: ShareRule): number {
  const allowed = Math.min(shareOf(stock, rule) - stock.takenCounted, stock.onHand - stock.taken);
  return allowed < rule.minimum ? 0 : allowed;
}
