// Confirming a PaymentIntent: the card is charged, declined, or has to be authenticated by its bank first
// (https://docs.stripe.com/api/payment_intents/confirm).
import { authenticated, findCard, methodId, withoutAuthentication } from "./cards.ts";
import { charge, declined } from "./charges.ts";
import { AUTHENTICATION_REQUIRED, GENERIC } from "./declines.ts";
import { invalid, unexpectedState } from "./failure.ts";
import type { FormMap } from "./form.ts";
import { flag, only, optionalText } from "./params.ts";
import { emit, idOf } from "./session.ts";
import type { Answer, PaymentIntent, Session } from "./session.ts";
import type { TestCard } from "./test-cards.ts";

export const CONFIRM_PARAMS = [
  "payment_method",
  "return_url",
  "receipt_email",
  "off_session",
  "use_stripe_sdk",
  "expand",
] as const;

/** The statuses in which an intent can be paid, and its amount changed. */
export const CONFIRMABLE: readonly PaymentIntent["status"][] = [
  "requires_payment_method",
  "requires_confirmation",
  "requires_action",
];

/** Whether the shop wants 3-D Secure on every card that has it (https://docs.stripe.com/payments/3d-secure/authentication-flow). */
function requestsThreeDSecure({ payment_method_options: options }: PaymentIntent): boolean {
  const request = options?.card?.request_three_d_secure;
  return request === "any" || request === "challenge";
}

/** The first step of charging a card. */
function nextStep(
  { authentication, authenticationFails, decline }: TestCard,
  { isOffSession, isRequested }: { readonly isOffSession: boolean; readonly isRequested: boolean },
): "authenticate" | "charge" | "decline" {
  const authenticates = authentication === "always" || authentication === "on_session";
  if (authenticates || (authentication === "optional" && isRequested)) {
    if (isOffSession && authentication !== "on_session") return "decline";
    if (!isOffSession) return authenticationFails === true ? "decline" : "authenticate";
  }
  return decline === undefined ? "charge" : "decline";
}

/** Checks a confirmation and returns the function that executes it. A refused one thus throws before an intent is created. */
export function prepareConfirmation(session: Session, present: PaymentIntent, params: FormMap): () => Answer {
  const sent = optionalText(params, "payment_method");
  const id = sent === undefined ? present.payment_method : methodId(sent);
  const card = typeof id === "string" ? findCard(id) : undefined;
  if (typeof id !== "string" || card === undefined) {
    throw unexpectedState(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      present,
    );
  }
  const returnUrl = optionalText(params, "return_url");
  if (returnUrl !== undefined && !/^https?:$/.test(URL.parse(returnUrl)?.protocol ?? "")) {
    throw invalid("The `return_url` must be a valid URL.", "return_url", "url_invalid");
  }
  const intent: PaymentIntent = { ...present, payment_method: id, last_payment_error: null, next_action: null };
  const isOffSession = flag(params, "off_session");
  const isRequested = requestsThreeDSecure(intent);
  const step = nextStep(card, { isOffSession, isRequested });
  if (step === "decline") {
    const decline = isOffSession && card.decline === undefined ? AUTHENTICATION_REQUIRED : (card.decline ?? GENERIC);
    return () => declined(session, intent, card, id, { decline });
  }
  if (step === "charge") {
    return () => charge(session, intent, card, id, isRequested ? withoutAuthentication(card) : undefined);
  }
  return () => {
    const secret = encodeURIComponent(String(intent.client_secret));
    const waiting: PaymentIntent = {
      ...intent,
      status: "requires_action",
      next_action: {
        type: "redirect_to_url",
        redirect_to_url: {
          url: `${session.publicUrl}/_stripe/3ds/${intent.id}?secret=${secret}`,
          return_url: returnUrl ?? null,
        },
      },
    };
    session.store.update(waiting);
    emit(session, "payment_intent.requires_action", waiting);
    return { status: 200, body: waiting };
  };
}

export function confirmIntent(session: Session, id: string, params: FormMap): Answer {
  only(params, [...CONFIRM_PARAMS, "client_secret"]);
  const intent = session.store.get<PaymentIntent>("payment_intent", id);
  if (!CONFIRMABLE.includes(intent.status)) {
    throw unexpectedState(
      intent.status === "succeeded"
        ? "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
        : `You cannot confirm this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.`,
      intent,
    );
  }
  return prepareConfirmation(session, intent, params)();
}

/** An intent that waits for its bank's 3-D Secure page, and its card. @throws StripeFailure when it does not wait. */
function waitingIntent(session: Session, id: string): { readonly intent: PaymentIntent; readonly card: TestCard } {
  const intent = session.store.get<PaymentIntent>("payment_intent", id);
  const card = findCard(idOf(intent.payment_method));
  if (intent.status !== "requires_action" || card === undefined) {
    throw unexpectedState(
      `This PaymentIntent is not waiting for authentication: its status is ${intent.status}.`,
      intent,
    );
  }
  return { intent, card };
}

/** The buyer approved on the bank's page: charges or declines the card. */
export function approveAuthentication(session: Session, id: string): Answer {
  const { intent, card } = waitingIntent(session, id);
  const approved: PaymentIntent = { ...intent, next_action: null };
  const method = idOf(intent.payment_method);
  const threeDSecure = authenticated();
  return card.decline === undefined
    ? charge(session, approved, card, method, threeDSecure)
    : declined(session, approved, card, method, { decline: card.decline, threeDSecure });
}

/** The buyer failed on the bank's page: the intent can be paid with another card. */
export function failAuthentication(session: Session, id: string): Answer {
  const { intent } = waitingIntent(session, id);
  const failed: PaymentIntent = {
    ...intent,
    status: "requires_payment_method",
    next_action: null,
    payment_method: null,
    last_payment_error: {
      code: "payment_intent_authentication_failure",
      doc_url: "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
      message:
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
      type: "invalid_request_error",
    },
  };
  session.store.update(failed);
  emit(session, "payment_intent.payment_failed", failed);
  return { status: 200, body: failed };
}
