// Money is an integer in the currency's minor unit. No float ever holds an amount.
import * as z from "zod";

/**
 * Digits after the decimal point, where they are not two: ISO 4217 as Stripe counts it
 * (https://docs.stripe.com/currencies#zero-decimal, #three-decimal).
 */
const EXPONENTS: Readonly<Record<string, number>> = {
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  MGA: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
  BHD: 3,
  JOD: 3,
  KWD: 3,
  OMR: 3,
  TND: 3,
};

/** The largest amount Stripe takes: eight digits (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
export const MAX_AMOUNT_MINOR = 99_999_999;

/** ISO 4217, upper case. */
export const Currency = z
  .string()
  .regex(/^[A-Z]{3}$/, "must be an ISO 4217 code in upper case")
  .describe("ISO 4217 code in upper case.");

/** An amount from `min`, within what a payment can carry. Every way to be none is told in the same words. */
export function amountFrom(min: number): z.ZodInt {
  const range = `from ${String(min)} to ${String(MAX_AMOUNT_MINOR)}`;
  return z
    .int({
      error: ({ input }) => (input === undefined ? undefined : `must be an integer in minor units (cents), ${range}`),
    })
    .min(min)
    .max(MAX_AMOUNT_MINOR);
}

/** Minor units, zero or more. */
export const Amount = amountFrom(0).describe("An amount in the currency's minor unit: 1999 is 19.99 USD.");

export function currencyExponent(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

/** One formatter for each locale and currency: making one costs thirty times as much as using it. */
const formatters = new Map<string, Intl.NumberFormat>();

function formatterOf(currency: string, locale: string): Intl.NumberFormat {
  const key = `${locale} ${currency}`;
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const digits = currencyExponent(currency);
  const options = {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  } as const;
  const made = new Intl.NumberFormat(locale, options);
  formatters.set(key, made);
  return made;
}

/** `formatMoney(123456, "USD")` is `$1,234.56`; the locale decides separators and the symbol's place. */
export function formatMoney(amountMinor: number, currency: string, locale = "en-US"): string {
  return formatterOf(currency, locale).format(amountMinor / 10 ** currencyExponent(currency));
}

/** Adds amounts and refuses a sum that a number cannot hold exactly. */
export function sumMinor(amounts: readonly number[]): number {
  const total = amounts.reduce((sum, amount) => sum + amount, 0);
  if (!Number.isSafeInteger(total)) throw new RangeError("amount out of range");
  return total;
}

/** The same for a display, which shows the largest number there is instead of refusing. */
export function sumForDisplay(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => Math.min(sum + amount, Number.MAX_SAFE_INTEGER), 0);
}

/** Unit price times quantity, exactly. */
export function lineTotalMinor(unitPriceMinor: number, quantity: number): number {
  const total = unitPriceMinor * quantity;
  if (!Number.isSafeInteger(total)) throw new RangeError("amount out of range");
  return total;
}
