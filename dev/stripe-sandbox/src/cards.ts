// A payment method as the API shows it. Each use of a test method's name is a payment method of its own, as at Stripe; its id alone
// tells the card, so none of them is stored.
import type { Stripe } from "stripe";
import type { Decline } from "./declines.ts";
import { StripeFailure, unsupported } from "./failure.ts";
import { randomId } from "./ids.ts";
import { TEST_CARDS, UNSUPPORTED_CARDS } from "./test-cards.ts";
import type { TestCard } from "./test-cards.ts";

const ID_PREFIX = "pm_3";
/** How many digits of an id, in base 36, tell the card. */
const PLACE_DIGITS = 2;

/** The card behind a test method's name or an id made for it, or undefined. */
export function findCard(method: string): TestCard | undefined {
  if (!method.startsWith(ID_PREFIX)) return TEST_CARDS.find(({ name }) => name === method);
  return TEST_CARDS[Number.parseInt(method.slice(ID_PREFIX.length, ID_PREFIX.length + PLACE_DIGITS), 36)];
}

/** The id under which a call's `payment_method` is kept. */
export function methodId(method: string): string {
  if (UNSUPPORTED_CARDS.includes(method)) throw unsupported(`The payment method ${method}`, "payment_method");
  const card = findCard(method);
  if (card === undefined) {
    throw new StripeFailure(400, {
      type: "invalid_request_error",
      code: "resource_missing",
      doc_url: "https://stripe.com/docs/error-codes/resource-missing",
      message: `No such PaymentMethod: '${method}'`,
      param: "payment_method",
    });
  }
  if (method !== card.name) return method;
  return `${ID_PREFIX}${TEST_CARDS.indexOf(card).toString(36).padStart(PLACE_DIGITS, "0")}${randomId(20)}`;
}

const EXPIRY = { month: 12, year: 2034 } as const;
const NO_ADDRESS = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };
export const NO_BILLING = { address: NO_ADDRESS, email: null, name: null, phone: null, tax_id: null };

function checksOf({ checks = {} }: TestCard): Stripe.PaymentMethod.Card.Checks {
  return {
    address_line1_check: checks.line1 ?? null,
    address_postal_code_check: checks.postalCode ?? null,
    cvc_check: checks.cvc ?? "pass",
  };
}

export function paymentMethod(id: string, card: TestCard, created: number): Stripe.PaymentMethod {
  return {
    id,
    object: "payment_method",
    billing_details: NO_BILLING,
    card: {
      brand: card.brand,
      checks: checksOf(card),
      country: card.country,
      display_brand: card.brand,
      exp_month: EXPIRY.month,
      exp_year: EXPIRY.year,
      funding: card.funding,
      generated_from: null,
      last4: card.last4,
      networks: { available: [card.brand], preferred: null },
      regulated_status: "unregulated",
      three_d_secure_usage: { supported: card.authentication !== "unsupported" },
      wallet: null,
    },
    created,
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: "card",
  };
}

export type ThreeDSecure = Stripe.Charge.PaymentMethodDetails.Card.ThreeDSecure;

/** The buyer has approved on the bank's page. */
export function authenticated(): ThreeDSecure {
  return {
    authentication_flow: "challenge",
    electronic_commerce_indicator: "05",
    exemption_indicator: null,
    result: "authenticated",
    result_reason: null,
    transaction_id: crypto.randomUUID(),
    version: "2.2.0",
  };
}

/** 3-D Secure was asked for, and this card has none. */
export function withoutAuthentication({ authentication }: TestCard): ThreeDSecure {
  const notSupported = authentication === "unsupported";
  return {
    ...authenticated(),
    authentication_flow: null,
    electronic_commerce_indicator: notSupported ? null : "06",
    result: notSupported ? "not_supported" : "attempt_acknowledged",
    result_reason: notSupported ? "network_not_supported" : "card_not_enrolled",
  };
}

/** How a card was charged. */
export interface Charging {
  readonly decline?: Decline | undefined;
  /** Until when (seconds) the money can be captured; only where it is authorized and not captured yet. */
  readonly captureBefore?: number | undefined;
  /** What came of 3-D Secure; absent where nobody asked for it. */
  readonly threeDSecure?: ThreeDSecure | undefined;
}

/** How a charge shows the card. */
export function cardDetails(
  card: TestCard,
  amount: number,
  { decline, captureBefore, threeDSecure }: Charging,
): Stripe.Charge.PaymentMethodDetails {
  return {
    type: "card",
    card: {
      amount_authorized: decline === undefined ? amount : null,
      authorization_code: decline === undefined ? "123456" : null,
      brand: card.brand,
      ...(captureBefore === undefined ? {} : { capture_before: captureBefore }),
      checks: checksOf(card),
      country: card.country,
      electronic_commerce_indicator: threeDSecure?.electronic_commerce_indicator ?? null,
      exp_month: EXPIRY.month,
      exp_year: EXPIRY.year,
      funding: card.funding,
      installments: null,
      last4: card.last4,
      mandate: null,
      network: card.brand,
      network_transaction_id: null,
      regulated_status: "unregulated",
      three_d_secure: threeDSecure ?? null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}
