// Usage times prices. Pure.
import { PRICES } from "./prices.ts";
import type { Meter } from "./prices.ts";

/** Units by meter; a meter that is left out was not used. */
export type Usage = Readonly<Partial<Record<Meter, number>>>;

export interface Line {
  readonly meter: Meter;
  readonly units: number;
  /** At the price beyond the included units, as if they were used up. */
  readonly usd: number;
}

const METERS = Object.keys(PRICES) as Meter[];

/** Each meter's dollars, the dearest first, without what the base fee includes. */
export function billOf(usage: Usage): Line[] {
  return METERS.flatMap((meter) => {
    const units = usage[meter] ?? 0;
    const { usd, per } = PRICES[meter];
    return units === 0 ? [] : [{ meter, units, usd: (units / per) * usd }];
  }).toSorted((a, b) => b.usd - a.usd);
}

export function totalOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { usd }) => sum + usd, 0);
}

/** What a month's usage costs beyond the base fee. */
export function monthlyBill(usage: Usage): Line[] {
  const beyond = METERS.map((meter) => [meter, Math.max(0, (usage[meter] ?? 0) - PRICES[meter].included)] as const);
  return billOf(Object.fromEntries(beyond));
}

export function times(usage: Usage, factor: number): Usage {
  return Object.fromEntries(Object.entries(usage).map(([meter, units]) => [meter, units * factor]));
}

export function plus(...usages: readonly Usage[]): Usage {
  return Object.fromEntries(
    METERS.map((meter) => [meter, usages.reduce((sum, usage) => sum + (usage[meter] ?? 0), 0)]),
  );
}

/** How often `usage` fits into what the base fee includes in a month, and the meter that ends first. */
export function includedTimes(usage: Usage): { readonly times: number; readonly meter: Meter } | undefined {
  return METERS.flatMap((meter) => {
    const units = usage[meter] ?? 0;
    return units === 0 ? [] : [{ meter, times: PRICES[meter].included / units }];
  }).toSorted((a, b) => a.times - b.times)[0];
}
