// Stripe's test payment methods (https://docs.stripe.com/testing) and what each does when it is charged.
import type { Stripe } from "stripe";
import { StripeFailure } from "./failure.ts";
import { randomId } from "./ids.ts";

export interface Decline {
  readonly code: string;
  readonly declineCode: string;
  readonly message: string;
}

export interface TestCard {
  readonly name: string;
  /** Stands in the ids made for this card, so that an id alone tells the card. */
  readonly letter: string;
  readonly brand: string;
  readonly last4: string;
  readonly decline?: Decline;
  /** The bank wants to see the buyer first. */
  readonly authenticates?: true;
  /** A refund to it is not settled at once. */
  readonly refundsLater?: true;
}

function declining(name: string, letter: string, last4: string, decline: Decline): TestCard {
  return { name, letter, brand: "visa", last4, decline };
}

const CARDS: readonly TestCard[] = [
  { name: "pm_card_visa", letter: "V", brand: "visa", last4: "4242" },
  { name: "pm_card_mastercard", letter: "M", brand: "mastercard", last4: "4444" },
  { name: "pm_card_amex", letter: "X", brand: "amex", last4: "8431" },
  { name: "pm_card_authenticationRequired", letter: "A", brand: "visa", last4: "3184", authenticates: true },
  { name: "pm_card_threeDSecure2Required", letter: "T", brand: "visa", last4: "3220", authenticates: true },
  { name: "pm_card_pendingRefund", letter: "R", brand: "visa", last4: "7726", refundsLater: true },
  declining("pm_card_chargeDeclined", "D", "0002", {
    code: "card_declined",
    declineCode: "generic_decline",
    message: "Your card was declined.",
  }),
  declining("pm_card_visa_chargeDeclined", "G", "0002", {
    code: "card_declined",
    declineCode: "generic_decline",
    message: "Your card was declined.",
  }),
  declining("pm_card_chargeDeclinedInsufficientFunds", "I", "9995", {
    code: "card_declined",
    declineCode: "insufficient_funds",
    message: "Your card has insufficient funds.",
  }),
  declining("pm_card_visa_chargeDeclinedInsufficientFunds", "J", "9995", {
    code: "card_declined",
    declineCode: "insufficient_funds",
    message: "Your card has insufficient funds.",
  }),
  declining("pm_card_chargeDeclinedLostCard", "L", "9987", {
    code: "card_declined",
    declineCode: "lost_card",
    message: "Your card was declined.",
  }),
  declining("pm_card_chargeDeclinedExpiredCard", "E", "0069", {
    code: "expired_card",
    declineCode: "expired_card",
    message: "Your card has expired.",
  }),
  declining("pm_card_chargeDeclinedIncorrectCvc", "C", "0127", {
    code: "incorrect_cvc",
    declineCode: "incorrect_cvc",
    message: "Your card's security code is incorrect.",
  }),
  declining("pm_card_chargeDeclinedProcessingError", "P", "0119", {
    code: "processing_error",
    declineCode: "processing_error",
    message: "An error occurred while processing your card. Try again in a little bit.",
  }),
];

const EXPIRY = { month: 12, year: 2034 } as const;

/** The card behind a test method's name or an id made for it, or undefined. */
export function findCard(method: string): TestCard | undefined {
  const letter = /^pm_1([A-Z])/.exec(method)?.[1];
  return CARDS.find((card) => card.name === method || card.letter === letter);
}

/** The id under which a call's `payment_method` is kept: each use of a test name is a new payment method, as at Stripe. */
export function methodId(method: string): string {
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
  return method === card.name ? `pm_1${card.letter}${randomId(22)}` : method;
}

const NO_ADDRESS = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };
export const NO_BILLING = { address: NO_ADDRESS, email: null, name: null, phone: null, tax_id: null };
const CHECKS = { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" };

export function paymentMethod(id: string, card: TestCard, created: number): Stripe.PaymentMethod {
  return {
    id,
    object: "payment_method",
    billing_details: NO_BILLING,
    card: {
      brand: card.brand,
      checks: CHECKS,
      country: "US",
      display_brand: card.brand,
      exp_month: EXPIRY.month,
      exp_year: EXPIRY.year,
      funding: "credit",
      generated_from: null,
      last4: card.last4,
      networks: { available: [card.brand], preferred: null },
      regulated_status: "unregulated",
      three_d_secure_usage: { supported: true },
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

/** How a charge shows the card. `captureBefore` (seconds) only where the money is authorized and not yet captured. */
export function cardDetails(
  card: TestCard,
  amount: number,
  captureBefore: number | undefined,
): Stripe.Charge.PaymentMethodDetails {
  return {
    type: "card",
    card: {
      amount_authorized: card.decline === undefined ? amount : null,
      authorization_code: card.decline === undefined ? "123456" : null,
      brand: card.brand,
      ...(captureBefore === undefined ? {} : { capture_before: captureBefore }),
      checks: CHECKS,
      country: "US",
      electronic_commerce_indicator: null,
      exp_month: EXPIRY.month,
      exp_year: EXPIRY.year,
      funding: "credit",
      installments: null,
      last4: card.last4,
      mandate: null,
      network: card.brand,
      network_transaction_id: null,
      regulated_status: "unregulated",
      three_d_secure: null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}
