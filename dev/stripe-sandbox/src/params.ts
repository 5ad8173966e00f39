// Typed readers of a call's parameters. What is invalid becomes Stripe's error.
import { formatMoney } from "#shared/money";
import { MAX_AMOUNT_MINOR } from "./constants.ts";
import { invalid, unsupported } from "./failure.ts";
import type { FormMap, FormValue } from "./form.ts";

/**
 * Smallest charges by settlement currency, in minor units
 * (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
 */
const MINIMUM_AMOUNTS: Readonly<Record<string, number>> = {
  aud: 50,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1_500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17_500,
  inr: 50,
  jpy: 50,
  mxn: 1_000,
  nok: 300,
  nzd: 50,
  pln: 200,
  sek: 300,
  sgd: 50,
  usd: 50,
};

/** Parameters that Stripe has and the sandbox does not support. */
const UNSUPPORTED_PARAMS: ReadonlySet<string> = new Set([
  "allowed_payment_method_types",
  "amount_details",
  "application_fee_amount",
  "confirmation_token",
  "customer",
  "customer_account",
  "delivery_success",
  "error_on_requires_action",
  "excluded_payment_method_types",
  "final_capture",
  "hooks",
  "instructions_email",
  "mandate",
  "mandate_data",
  "on_behalf_of",
  "origin",
  "payment_details",
  "payment_method_configuration",
  "payment_method_data",
  "radar_options",
  "refund_application_fee",
  "reverse_transfer",
  "setup_future_usage",
  "transfer_data",
]);

/** https://docs.stripe.com/api/metadata */
const MAX_METADATA_KEYS = 50;
const MAX_METADATA_KEY_LENGTH = 40;
const MAX_METADATA_VALUE_LENGTH = 500;

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency").map((code) => code.toLowerCase()));

/**
 * Refuses unknown parameters, so that a typing error in a client is found. The message differs for those that Stripe has and the
 * sandbox does not. `parent` names the hash that contains them.
 */
export function only(params: FormMap, known: readonly string[], parent?: string): void {
  for (const name of Object.keys(params)) {
    if (known.includes(name)) continue;
    const shown = parent === undefined ? name : `${parent}[${name}]`;
    if (parent === undefined && UNSUPPORTED_PARAMS.has(name)) throw unsupported(`The parameter ${name}`, name);
    throw invalid(`Received unknown parameter: ${shown}`, shown, "parameter_unknown");
  }
}

/** The members of a nested parameter. */
export function hash(value: FormValue, name: string): FormMap {
  if (typeof value === "string" || Array.isArray(value)) throw invalid(`Invalid object: ${name}`, name);
  return value as FormMap;
}

export function optionalText(params: FormMap, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw invalid(`Invalid string: ${name}`, name);
  return value;
}

export function optionalInteger(params: FormMap, name: string): number | undefined {
  const text = optionalText(params, name);
  if (text === undefined) return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw invalid(`Invalid integer: ${text}`, name, "parameter_invalid_integer");
  return Number(text);
}

export function flag(params: FormMap, name: string): boolean {
  const text = optionalText(params, name);
  if (text === undefined || text === "false") return false;
  if (text !== "true") throw invalid(`Invalid boolean: ${text}`, name);
  return true;
}

export function oneOf<T extends string>(params: FormMap, name: string, allowed: readonly T[]): T | undefined {
  const text = optionalText(params, name);
  if (text === undefined) return undefined;
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw invalid(`Invalid ${name}: must be one of ${allowed.join(", ")}`, name);
  return found;
}

/** A list of strings, in either encoding. */
export function texts(params: FormMap, name: string): readonly string[] {
  const value: FormValue = params[name] ?? [];
  const list = Array.isArray(value) ? (value as readonly FormValue[]) : [value];
  return list.map((item) => {
    if (typeof item !== "string") throw invalid(`Invalid array: ${name}`, name);
    return item;
  });
}

export function requiredText(params: FormMap, name: string, parent?: string): string {
  const text = optionalText(params, name);
  const shown = parent === undefined ? name : `${parent}[${name}]`;
  if (text === undefined) throw invalid(`Missing required param: ${shown}.`, shown, "parameter_missing");
  return text;
}

export function currencyParam(params: FormMap): string {
  const currency = requiredText(params, "currency").toLowerCase();
  if (!CURRENCIES.has(currency)) throw invalid(`Invalid currency: ${currency}.`, "currency");
  return currency;
}

/** An amount within what can be charged in this currency. */
export function amountParam(params: FormMap, currency: string): number {
  requiredText(params, "amount");
  const amount = positiveAmount(params, "amount") ?? 0;
  if (amount > MAX_AMOUNT_MINOR) {
    const most = formatMoney(MAX_AMOUNT_MINOR, currency.toUpperCase());
    throw invalid(`Amount must be no more than ${most}`, "amount", "amount_too_large");
  }
  const least = MINIMUM_AMOUNTS[currency] ?? 1;
  if (amount < least) {
    const shown = formatMoney(least, currency.toUpperCase());
    throw invalid(`Amount must be at least ${shown} ${currency}`, "amount", "amount_too_small");
  }
  return amount;
}

export function positiveAmount(params: FormMap, name: string): number | undefined {
  const amount = optionalInteger(params, name);
  if (amount !== undefined && amount < 1) {
    throw invalid("This value must be greater than or equal to 1.", name, "parameter_invalid_integer");
  }
  return amount;
}

/** The metadata after the call: keys that were sent are set, an empty value removes a key, all others remain. */
export function mergedMetadata(
  params: FormMap,
  present: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const sent = params["metadata"];
  if (sent === undefined) return { ...present };
  if (sent === "") return {};
  if (typeof sent === "string") throw invalid("Invalid hash: metadata", "metadata");
  const merged = new Map(Object.entries(present));
  for (const [key, value] of Object.entries(sent)) {
    const param = `metadata[${key}]`;
    if (typeof value !== "string") throw invalid(`Metadata values must be strings: ${key}`, param);
    if (key.length > MAX_METADATA_KEY_LENGTH) throw invalid(`Metadata keys can be up to 40 characters: ${key}`, param);
    if (value.length > MAX_METADATA_VALUE_LENGTH) throw invalid("Metadata values can be up to 500 characters.", param);
    if (value === "") merged.delete(key);
    else merged.set(key, value);
  }
  if (merged.size > MAX_METADATA_KEYS) throw invalid("You can have up to 50 metadata keys.", "metadata");
  return Object.fromEntries(merged);
}
