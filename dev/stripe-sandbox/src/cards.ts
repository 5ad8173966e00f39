// Payment methods as the API returns them. As at Stripe, each use of a test method's name makes a new payment method. Its id encodes
// the card, so none of them is stored.
import type { Stripe } from "stripe";
import type { Decline } from "./declines.ts";
import { StripeFailure, unsupported } from "./failure.ts";
import { randomId } from "./ids.ts";
import { TEST_CARDS, UNSUPPORTED_CARDS } from "./test-cards.ts";
import type { TestCard } from "./test-cards.ts";

const ID_PREFIX = "pm_3";
/** How many base-36 digits of an id encode the card's place in TEST_CARDS. */
const PLACE_DIGITS = 2;

/** The card of a test method's name or of an id made for it. */
export function findCard(method: string): TestCard | undefined {
  if (!method.startsWith(ID_PREFIX)) return TEST_CARDS.find(({ name }) => name === method);
  return TEST_CARDS[Number.parseInt(method.slice(ID_PREFIX.length, ID_PREFIX.length + PLACE_DIGITS), 36)];
}

/** The id to store for a call's `payment_method`. @throws StripeFailure for an unknown or unsupported one. */
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

/** The 3-D Secure result after the buyer approved on the bank's page. */
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

/** The 3-D Secure result when the shop requested it and the card does not have it. */
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
  /** Until when (seconds) an authorization can be captured. Only while it is not captured. */
  readonly captureBefore?: number | undefined;
  /** The result of 3-D Secure. Absent when it was not requested. */
  readonly threeDSecure?: ThreeDSecure | undefined;
}

/** `payment_method_details` of a charge. */
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
