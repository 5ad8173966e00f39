// The parameters that a PaymentIntent stores and returns: texts, metadata, customer, shipping, and options of payment methods.
import type { FormMap } from "./form.ts";
import { CONFIRM_PARAMS } from "./confirmations.ts";
import { invalid, unsupported } from "./failure.ts";
import { flag, hash, mergedMetadata, oneOf, only, optionalText, requiredText, texts } from "./params.ts";
import type { PaymentIntent } from "./session.ts";

export const UPDATE_PARAMS = [
  "amount",
  "currency",
  "customer",
  "description",
  "metadata",
  "payment_method",
  "payment_method_options",
  "payment_method_types",
  "receipt_email",
  "shipping",
  "statement_descriptor",
  "statement_descriptor_suffix",
  "transfer_group",
  "expand",
] as const;
export const CREATE_PARAMS = [
  ...UPDATE_PARAMS,
  ...CONFIRM_PARAMS,
  "automatic_payment_methods",
  "capture_method",
  "confirm",
  "confirmation_method",
];

/** `customer`: the sandbox has no customers, so any customer id is accepted. */
function customerOf(params: FormMap, present: PaymentIntent["customer"]): PaymentIntent["customer"] {
  const sent = optionalText(params, "customer");
  if (sent === undefined) return present;
  if (!/^cus_\w+$/.test(sent)) throw invalid(`No such customer: '${sent}'`, "customer", "resource_missing");
  return sent;
}

const ADDRESS_PARTS = ["city", "country", "line1", "line2", "postal_code", "state"] as const;

function shippingOf(params: FormMap, present: PaymentIntent["shipping"]): PaymentIntent["shipping"] {
  const sent = params["shipping"];
  if (sent === undefined) return present;
  if (sent === "") return null;
  const shipping = hash(sent, "shipping");
  only(shipping, ["address", "carrier", "name", "phone", "tracking_number"], "shipping");
  const address = hash(shipping["address"] ?? {}, "shipping[address]");
  only(address, ADDRESS_PARTS, "shipping[address]");
  const part = (name: (typeof ADDRESS_PARTS)[number]): string | null => optionalText(address, name) ?? null;
  return {
    address: {
      city: part("city"),
      country: part("country"),
      line1: part("line1"),
      line2: part("line2"),
      postal_code: part("postal_code"),
      state: part("state"),
    },
    carrier: optionalText(shipping, "carrier") ?? null,
    name: requiredText(shipping, "name", "shipping"),
    phone: optionalText(shipping, "phone") ?? null,
    tracking_number: optionalText(shipping, "tracking_number") ?? null,
  };
}

const THREE_D_SECURE = ["any", "automatic", "challenge"] as const;

function optionsOf(
  params: FormMap,
  present: PaymentIntent["payment_method_options"],
): PaymentIntent["payment_method_options"] {
  const sent = params["payment_method_options"];
  if (sent === undefined || sent === "") return present;
  const options = hash(sent, "payment_method_options");
  const other = Object.keys(options).find((type) => type !== "card");
  if (other !== undefined) {
    throw unsupported(`The payment method type "${other}"`, `payment_method_options[${other}]`);
  }
  const card = hash(options["card"] ?? {}, "payment_method_options[card]");
  const unknown = Object.keys(card).find((name) => name !== "request_three_d_secure");
  if (unknown !== undefined) {
    const param = `payment_method_options[card][${unknown}]`;
    throw unsupported(`The parameter ${param}`, param);
  }
  const asked = oneOf(card, "request_three_d_secure", THREE_D_SECURE);
  const before = present?.card ?? BLANK_CARD_OPTIONS;
  return { ...present, card: { ...before, ...(asked === undefined ? {} : { request_three_d_secure: asked }) } };
}

/** The card options that Stripe returns by default. */
export const BLANK_CARD_OPTIONS = {
  installments: null,
  mandate_options: null,
  network: null,
  request_three_d_secure: "automatic",
} as const;

export function automaticMethods(params: FormMap): PaymentIntent["automatic_payment_methods"] {
  const sent = params["automatic_payment_methods"];
  if (sent === undefined || sent === "") return null;
  const automatic = hash(sent, "automatic_payment_methods");
  only(automatic, ["enabled", "allow_redirects"], "automatic_payment_methods");
  return {
    enabled: flag(automatic, "enabled"),
    allow_redirects: oneOf(automatic, "allow_redirects", ["always", "never"]) ?? "always",
  };
}

/** The intent `present` with a call's parameters applied. */
export function details(params: FormMap, present: PaymentIntent): PaymentIntent {
  const other = texts(params, "payment_method_types").find((type) => type !== "card");
  if (other !== undefined) throw unsupported(`The payment method type "${other}"`, "payment_method_types");
  const text = (name: "description" | "receipt_email" | "statement_descriptor" | "transfer_group"): string | null =>
    optionalText(params, name) ?? present[name];
  return {
    ...present,
    customer: customerOf(params, present.customer),
    description: text("description"),
    receipt_email: text("receipt_email"),
    shipping: shippingOf(params, present.shipping),
    statement_descriptor: text("statement_descriptor"),
    statement_descriptor_suffix:
      optionalText(params, "statement_descriptor_suffix") ?? present.statement_descriptor_suffix,
    transfer_group: text("transfer_group"),
    payment_method_options: optionsOf(params, present.payment_method_options),
    metadata: mergedMetadata(params, present.metadata),
  };
}
