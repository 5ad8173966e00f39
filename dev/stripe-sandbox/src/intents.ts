// PaymentIntents: https://docs.stripe.com/api/payment_intents. Confirming one is in confirmations.ts.
import type { Stripe } from "stripe";
import { formatMoney } from "#shared/money";
import { methodId } from "./cards.ts";
import { disputeAfterCapture } from "./charges.ts";
import { CONFIRMABLE, prepareConfirmation } from "./confirmations.ts";
import { invalid, unexpectedState, unsupported } from "./failure.ts";
import type { FormMap } from "./form.ts";
import { randomId, stripeId } from "./ids.ts";
import { BLANK_CARD_OPTIONS, CREATE_PARAMS, UPDATE_PARAMS, automaticMethods, details } from "./intent-params.ts";
import { amountParam, currencyParam, flag, oneOf, only, optionalText, positiveAmount } from "./params.ts";
import { chargeOf, emit } from "./session.ts";
import type { Answer, PaymentIntent, Session } from "./session.ts";

type Status = Stripe.PaymentIntent.Status;
const CANCELABLE: readonly Status[] = [
  "requires_payment_method",
  "requires_capture",
  "requires_confirmation",
  "requires_action",
  "processing",
];
const CANCEL_REASONS = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"] as const;

function answer(intent: PaymentIntent): Answer {
  return { status: 200, body: intent };
}

/** A new, unpaid PaymentIntent. */
export function blankIntent(id: string, amount: number, currency: string, created: number): PaymentIntent {
  return {
    id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: "automatic_async",
    client_secret: `${id}_secret_${randomId(25)}`,
    confirmation_method: "automatic",
    created,
    currency,
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: { card: BLANK_CARD_OPTIONS },
    payment_method_types: ["card"],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: "requires_payment_method",
    transfer_data: null,
    transfer_group: null,
  };
}

export function createIntent(session: Session, params: FormMap): Answer {
  only(params, CREATE_PARAMS);
  const currency = currencyParam(params);
  const amount = amountParam(params, currency);
  const captureMethod =
    oneOf(params, "capture_method", ["automatic", "automatic_async", "manual"]) ?? "automatic_async";
  const confirmationMethod = oneOf(params, "confirmation_method", ["automatic", "manual"]) ?? "automatic";
  const method = optionalText(params, "payment_method");
  const confirmed = flag(params, "confirm");
  if (!confirmed && params["return_url"] !== undefined) {
    throw invalid("return_url can only be set when confirm is true.", "return_url");
  }
  const blank = blankIntent(stripeId("pi"), amount, currency, session.now);
  const intent: PaymentIntent = {
    ...details(params, blank),
    capture_method: captureMethod,
    confirmation_method: confirmationMethod,
    automatic_payment_methods: automaticMethods(params),
    payment_method: method === undefined ? null : methodId(method),
    status: method === undefined ? "requires_payment_method" : "requires_confirmation",
  };
  const confirmation = confirmed ? prepareConfirmation(session, intent, params) : undefined;
  session.store.insert("payment_intent", null, intent);
  emit(session, "payment_intent.created", intent);
  return confirmation === undefined ? answer(intent) : confirmation();
}

export function updateIntent(session: Session, id: string, params: FormMap): Answer {
  only(params, UPDATE_PARAMS);
  const present = session.store.get<PaymentIntent>("payment_intent", id);
  const method = optionalText(params, "payment_method");
  const changesMoney = params["amount"] !== undefined || params["currency"] !== undefined || method !== undefined;
  if (changesMoney && !CONFIRMABLE.includes(present.status)) {
    throw unexpectedState(
      `This PaymentIntent's amount could not be updated because it has a status of ${present.status}. You may only update the amount of a PaymentIntent with one of the following statuses: ${CONFIRMABLE.join(", ")}.`,
      present,
    );
  }
  const currency = params["currency"] === undefined ? present.currency : currencyParam(params);
  const intent: PaymentIntent = {
    ...details(params, present),
    currency,
    amount: params["amount"] === undefined ? present.amount : amountParam(params, currency),
    ...(method === undefined
      ? {}
      : { payment_method: methodId(method), status: "requires_confirmation", next_action: null }),
  };
  session.store.update(intent);
  return answer(intent);
}

export function captureIntent(session: Session, id: string, params: FormMap): Answer {
  only(params, [
    "amount_to_capture",
    "final_capture",
    "metadata",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "expand",
  ]);
  if (params["final_capture"] === "false") throw unsupported("A capture that is not the last", "final_capture");
  const present = session.store.get<PaymentIntent>("payment_intent", id);
  if (present.status !== "requires_capture") {
    throw unexpectedState(
      present.status === "succeeded"
        ? "This PaymentIntent could not be captured because it has already been captured."
        : `This PaymentIntent could not be captured because it has a status of ${present.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
      present,
    );
  }
  const amount = positiveAmount(params, "amount_to_capture") ?? present.amount_capturable;
  if (amount > present.amount_capturable) {
    const most = formatMoney(present.amount_capturable, present.currency.toUpperCase());
    throw invalid(
      `The requested capture amount is greater than the amount you can capture for this charge (${most}).`,
      "amount_to_capture",
      "amount_too_large",
    );
  }
  const charged = chargeOf(session, present);
  // The rest of the authorization is released. Since 2025-03-31.basil this appears in no refund.
  const captured = { ...charged, captured: true, amount_captured: amount };
  const intent: PaymentIntent = {
    ...details(params, present),
    status: "succeeded",
    amount_capturable: 0,
    amount_received: amount,
  };
  session.store.update(captured);
  session.store.update(intent);
  emit(session, "charge.captured", captured, charged);
  emit(session, "payment_intent.succeeded", intent);
  disputeAfterCapture(session, captured);
  return answer(intent);
}

export function cancelIntent(session: Session, id: string, params: FormMap): Answer {
  only(params, ["cancellation_reason", "expand"]);
  const reason = oneOf(params, "cancellation_reason", CANCEL_REASONS) ?? null;
  const present = session.store.get<PaymentIntent>("payment_intent", id);
  if (!CANCELABLE.includes(present.status)) {
    throw unexpectedState(
      `You cannot cancel this PaymentIntent because it has a status of ${present.status}. Only a PaymentIntent with one of the following statuses may be canceled: ${CANCELABLE.join(", ")}.`,
      present,
    );
  }
  return voided(session, present, reason);
}

/** The authorization expires at the bank, and Stripe cancels the intent. */
export function expireIntent(session: Session, id: string): Answer {
  const present = session.store.get<PaymentIntent>("payment_intent", id);
  if (present.status !== "requires_capture") throw unexpectedState("There is no authorization to expire.", present);
  const answered = voided(session, present, "expired");
  emit(session, "charge.expired", chargeOf(session, present));
  return answered;
}

function voided(session: Session, present: PaymentIntent, reason: PaymentIntent["cancellation_reason"]): Answer {
  const intent: PaymentIntent = {
    ...present,
    status: "canceled",
    amount_capturable: 0,
    canceled_at: session.now,
    cancellation_reason: reason,
    next_action: null,
  };
  session.store.update(intent);
  emit(session, "payment_intent.canceled", intent);
  return answer(intent);
}
