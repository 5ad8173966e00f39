// Stripe's test payment methods, by their names on https://docs.stripe.com/testing.
import {
  BLOCKED,
  EXPIRED,
  GENERIC,
  INCORRECT_CVC,
  INSUFFICIENT_FUNDS,
  LOST,
  PROCESSING_ERROR,
  STOLEN,
  VELOCITY,
} from "./declines.ts";
import type { Decline } from "./declines.ts";

type Check = "fail" | "pass" | "unavailable";

/**
 * When a card's bank requires 3-D Secure: at every payment, only on session (the card is set up for off-session payments), or only
 * when the shop requests it. `unenrolled`: the bank takes part, this card does not. `unsupported`: this kind of card has none.
 */
export type Authentication = "always" | "on_session" | "optional" | "unenrolled" | "unsupported";

export interface TestCard {
  readonly name: string;
  readonly brand: string;
  readonly last4: string;
  readonly country: string;
  readonly funding: "credit" | "debit" | "prepaid";
  readonly authentication: Authentication;
  /** A card with 3-D Secure is declined after the buyer's approval. */
  readonly decline?: Decline;
  /** 3-D Secure itself fails, so the buyer is never asked. */
  readonly authenticationFails?: true;
  readonly riskLevel?: "elevated" | "highest";
  readonly checks?: { readonly cvc?: Check; readonly line1?: Check; readonly postalCode?: Check };
  /** A refund stays pending, or the bank returns it. */
  readonly refund?: "pending" | "fails";
  /** The dispute that the buyer's bank opens as soon as the money is captured. */
  readonly dispute?: { readonly reason: string; readonly inquiry?: true };
}

type Details = Partial<Omit<TestCard, "name" | "last4">>;

function card(name: string, last4: string, details: Details = {}): TestCard {
  return {
    name: `pm_card_${name}`,
    brand: "visa",
    last4,
    country: "US",
    funding: "credit",
    authentication: "unenrolled",
    ...details,
  };
}

/** `country` is the bank's. */
function ofCountry(country: string, last4: string): TestCard {
  return card(country, last4, { country: country.toUpperCase() });
}

/** Some declines exist at Stripe both with and without the brand in the name. */
function declining(name: string, last4: string, decline: Decline): TestCard[] {
  return [card(name, last4, { decline }), card(`visa_${name}`, last4, { decline })];
}

/** Payment method ids encode a card's place in this list, so new cards go to the end. */
export const TEST_CARDS: readonly TestCard[] = [
  card("visa", "4242"),
  card("visa_debit", "5556", { funding: "debit" }),
  card("mastercard", "4444", { brand: "mastercard" }),
  card("mastercard_debit", "8210", { brand: "mastercard", funding: "debit" }),
  card("mastercard_prepaid", "5100", { brand: "mastercard", funding: "prepaid" }),
  card("amex", "8431", { brand: "amex", authentication: "unsupported" }),
  card("discover", "1117", { brand: "discover" }),
  card("diners", "0004", { brand: "diners" }),
  card("jcb", "0505", { brand: "jcb", country: "JP" }),
  card("unionpay", "0005", { brand: "unionpay", country: "CN" }),

  ofCountry("us", "4242"),
  ofCountry("ar", "0021"),
  ofCountry("br", "0002"),
  ofCountry("ca", "0000"),
  ofCountry("cl", "0001"),
  ofCountry("co", "0003"),
  ofCountry("cr", "0005"),
  ofCountry("ec", "0000"),
  ofCountry("mx", "8001"),
  ofCountry("pa", "0000"),
  ofCountry("py", "0066"),
  ofCountry("pe", "0068"),
  ofCountry("uy", "0003"),
  ofCountry("ae", "0001"),
  ofCountry("at", "0008"),
  ofCountry("be", "0004"),
  ofCountry("bg", "0000"),
  ofCountry("by", "0005"),
  ofCountry("hr", "0009"),
  ofCountry("cy", "0008"),
  ofCountry("cz", "0002"),
  ofCountry("dk", "0001"),
  ofCountry("ee", "0009"),
  ofCountry("fi", "0001"),
  ofCountry("fr", "0003"),
  ofCountry("de", "0016"),
  ofCountry("gi", "0005"),
  ofCountry("gr", "0030"),
  ofCountry("hu", "0005"),
  ofCountry("ie", "0005"),
  ofCountry("it", "0008"),
  ofCountry("lv", "0005"),
  ofCountry("li", "0004"),
  ofCountry("lt", "0000"),
  ofCountry("lu", "0006"),
  ofCountry("mt", "0007"),
  ofCountry("nl", "0002"),
  ofCountry("no", "0007"),
  ofCountry("pl", "0005"),
  ofCountry("pt", "0007"),
  ofCountry("ro", "0001"),
  ofCountry("sa", "0007"),
  ofCountry("si", "0006"),
  ofCountry("sk", "0001"),
  ofCountry("es", "0007"),
  ofCountry("se", "0008"),
  ofCountry("ch", "0009"),
  ofCountry("gb", "0000"),
  card("gb_debit", "0005", { country: "GB", funding: "debit" }),
  ofCountry("au", "0006"),
  ofCountry("cn", "0002"),
  ofCountry("hk", "0004"),
  ofCountry("in", "0008"),
  ofCountry("jp", "0003"),
  ofCountry("my", "0002"),
  ofCountry("nz", "0008"),
  ofCountry("sg", "0003"),
  ofCountry("tw", "0008"),
  card("th_credit", "0003", { country: "TH" }),
  card("th_debit", "0025", { country: "TH", funding: "debit" }),

  ...declining("chargeDeclined", "0002", GENERIC),
  ...declining("chargeDeclinedInsufficientFunds", "9995", INSUFFICIENT_FUNDS),
  ...declining("chargeDeclinedLostCard", "9987", LOST),
  ...declining("chargeDeclinedStolenCard", "9979", STOLEN),
  ...declining("chargeDeclinedVelocityLimitExceeded", "6975", VELOCITY),
  card("chargeDeclinedExpiredCard", "0069", { decline: EXPIRED }),
  card("chargeDeclinedIncorrectCvc", "0127", { decline: INCORRECT_CVC }),
  card("chargeDeclinedProcessingError", "0119", { decline: PROCESSING_ERROR }),
  card("chargeDeclinedFraudulent", "0019", { decline: BLOCKED, riskLevel: "highest" }),
  card("chargeCustomerFail", "0341", { decline: GENERIC }),

  card("radarBlock", "0019", { decline: BLOCKED, riskLevel: "highest" }),
  card("riskLevelHighest", "4954", { decline: BLOCKED, riskLevel: "highest" }),
  card("riskLevelElevated", "9235", { riskLevel: "elevated" }),
  card("cvcCheckFail", "0101", { checks: { cvc: "fail" } }),
  card("avsFail", "0010", { checks: { line1: "fail", postalCode: "fail" } }),
  card("avsLine1Fail", "0028", { checks: { line1: "fail" } }),
  card("avsZipFail", "0036", { checks: { postalCode: "fail" } }),
  card("avsUnchecked", "0044", { checks: { line1: "unavailable", postalCode: "unavailable" } }),

  card("createDispute", "0259", { dispute: { reason: "fraudulent" } }),
  card("createDisputeProductNotReceived", "2685", { dispute: { reason: "product_not_received" } }),
  card("createDisputeInquiry", "1976", { dispute: { reason: "fraudulent", inquiry: true } }),

  card("pendingRefund", "7726", { refund: "pending" }),
  card("refundFail", "5126", { refund: "fails" }),
  card("bypassPending", "0077"),
  card("bypassPendingInternational", "3720"),

  card("authenticationRequired", "3184", { authentication: "always" }),
  card("authenticationRequiredOnSetup", "3155", { authentication: "always" }),
  card("authenticationRequiredSetupForOffSession", "0446", { authentication: "on_session" }),
  card("authenticationRequiredChargeDeclinedInsufficientFunds", "3178", {
    authentication: "always",
    decline: INSUFFICIENT_FUNDS,
  }),
  card("threeDSecureRequired", "3063", { authentication: "always" }),
  card("threeDSecure2Required", "3220", { authentication: "always" }),
  card("threeDSecureRequiredChargeDeclined", "1629", { authentication: "always", decline: GENERIC }),
  card("threeDSecureRequiredProcessingError", "1280", {
    authentication: "always",
    authenticationFails: true,
    decline: GENERIC,
  }),
  card("threeDSecureOptional", "3055", { authentication: "optional" }),
  card("threeDSecureOptionalProcessingError", "3097", { authentication: "optional", authenticationFails: true }),
  card("amex_threeDSecureNotSupported", "0005", { brand: "amex", authentication: "unsupported" }),
];

/** The remaining cards of Stripe's page. They need objects or flows that the sandbox does not have. */
export const UNSUPPORTED_CARDS: readonly string[] = [
  "pm_card_createIssuerFraudRecord",
  "pm_card_createMultipleDisputes",
  "pm_card_visa_cartesBancaires",
  "pm_card_mastercard_cartesBancaires",
];
