// The reasons why a bank or Stripe declines a card (https://docs.stripe.com/declines/codes), in Stripe's words.

export interface Decline {
  readonly code: string;
  readonly declineCode: string;
  readonly message: string;
  /** The parameter that the buyer has to correct. */
  readonly param?: string;
  /** Stripe's advice (https://docs.stripe.com/declines/card#retrying-issuer-declines). Absent when the bank gives none. */
  readonly adviceCode?: "confirm_card_data" | "do_not_try_again" | "try_again_later";
  /** Stripe Radar blocked the charge, so the bank never saw it. */
  readonly blocked?: true;
}

const DECLINED = "Your card was declined.";

export const GENERIC: Decline = {
  code: "card_declined",
  declineCode: "generic_decline",
  message: DECLINED,
  adviceCode: "try_again_later",
};
export const INSUFFICIENT_FUNDS: Decline = {
  code: "card_declined",
  declineCode: "insufficient_funds",
  message: "Your card has insufficient funds.",
  adviceCode: "try_again_later",
};
export const LOST: Decline = {
  code: "card_declined",
  declineCode: "lost_card",
  message: DECLINED,
  adviceCode: "do_not_try_again",
};
export const STOLEN: Decline = { ...LOST, declineCode: "stolen_card" };
export const VELOCITY: Decline = {
  code: "card_declined",
  declineCode: "card_velocity_exceeded",
  message: "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
  adviceCode: "try_again_later",
};
export const EXPIRED: Decline = {
  code: "expired_card",
  declineCode: "expired_card",
  message: "Your card has expired.",
  param: "exp_month",
  adviceCode: "confirm_card_data",
};
export const INCORRECT_CVC: Decline = {
  code: "incorrect_cvc",
  declineCode: "incorrect_cvc",
  message: "Your card's security code is incorrect.",
  param: "cvc",
  adviceCode: "confirm_card_data",
};
export const PROCESSING_ERROR: Decline = {
  code: "processing_error",
  declineCode: "processing_error",
  message: "An error occurred while processing your card. Try again in a little bit.",
  adviceCode: "try_again_later",
};
/** Blocked by Radar's default rules. */
export const BLOCKED: Decline = {
  code: "card_declined",
  declineCode: "fraudulent",
  message: DECLINED,
  blocked: true,
};
/** The bank requires authentication, but the payment is off session. */
export const AUTHENTICATION_REQUIRED: Decline = {
  code: "authentication_required",
  declineCode: "authentication_required",
  message: "Your card was declined. This transaction requires authentication.",
};
