// The cost and the days of shipping, by weight and destination. Pure integer arithmetic in minor units.
import type { ShippingMethod, ShippingMethodId } from "#shared/contracts/orders";
import { currencyExponent } from "#shared/money";

type Zone = "domestic" | "continent" | "world";

/** The warehouse stands in the United States; a truck reaches its neighbours. */
const DOMESTIC = "US";
const CONTINENT: ReadonlySet<string> = new Set(["CA", "MX"]);

/** The heaviest consignment that parcel carriers usually take; heavier ones go on a pallet. */
export const PARCEL_MAX_GRAMS = 30_000;

interface Rate {
  /** Hundredths of the currency's main unit. */
  readonly base: number;
  /** For each started kilogram, as carriers count. */
  readonly perKilogram: number;
  readonly minDays: number;
  readonly maxDays: number;
}

const NAMES: Readonly<Record<ShippingMethodId, string>> = {
  standard: "Standard parcel",
  express: "Express parcel",
  freight: "Pallet freight",
};

/**
 * Freight has the highest base, since a truck comes whatever it loads, and the cheapest kilogram. Express always costs more than
 * standard. Days are working days from dispatch.
 */
const RATES: Readonly<Record<ShippingMethodId, Readonly<Record<Zone, Rate>>>> = {
  standard: {
    domestic: { base: 599, perKilogram: 75, minDays: 3, maxDays: 5 },
    continent: { base: 1_299, perKilogram: 180, minDays: 5, maxDays: 8 },
    world: { base: 2_499, perKilogram: 450, minDays: 7, maxDays: 14 },
  },
  express: {
    domestic: { base: 1_499, perKilogram: 220, minDays: 1, maxDays: 2 },
    continent: { base: 2_999, perKilogram: 480, minDays: 2, maxDays: 3 },
    world: { base: 4_999, perKilogram: 950, minDays: 2, maxDays: 5 },
  },
  freight: {
    domestic: { base: 8_900, perKilogram: 38, minDays: 4, maxDays: 8 },
    continent: { base: 16_900, perKilogram: 85, minDays: 6, maxDays: 12 },
    world: { base: 39_900, perKilogram: 210, minDays: 14, maxDays: 30 },
  },
};

const METHODS: readonly ShippingMethodId[] = ["standard", "express", "freight"];
const GRAMS_PER_KILOGRAM = 1_000;
const WEEKEND: ReadonlySet<number> = new Set([0, 6]);
const DAY_MS = 24 * 60 * 60 * 1_000;

function zoneOf(country: string): Zone {
  if (country === DOMESTIC) return "domestic";
  return CONTINENT.has(country) ? "continent" : "world";
}

/** The methods that can carry this weight to this country (ISO 3166-1 alpha-2), cheapest first. There is always one. */
export function shippingMethods(weightGrams: number, country: string, currency: string): readonly ShippingMethod[] {
  const kilograms = Math.max(1, Math.ceil(weightGrams / GRAMS_PER_KILOGRAM));
  const scale = 10 ** (currencyExponent(currency) - 2);
  return METHODS.filter((id) => id === "freight" || weightGrams <= PARCEL_MAX_GRAMS)
    .map((id) => {
      const { base, perKilogram, minDays, maxDays } = RATES[id][zoneOf(country)];
      // Rounds up in currencies without cents, so that the shop does not pay the difference.
      return { id, name: NAMES[id], amount: Math.ceil((base + perKilogram * kilograms) * scale), minDays, maxDays };
    })
    .toSorted((one, other) => one.amount - other.amount);
}

/** The last day promised for a consignment that leaves at `from`: so many working days later, Saturdays and Sundays not counted. */
export function estimatedDelivery(from: number, method: ShippingMethodId, country: string): number {
  let day = from;
  for (let left = RATES[method][zoneOf(country)].maxDays; left > 0;) {
    day += DAY_MS;
    if (!WEEKEND.has(new Date(day).getUTCDay())) left -= 1;
  }
  return day;
}
