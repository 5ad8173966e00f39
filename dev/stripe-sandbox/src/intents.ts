// PaymentIntents: https://docs.stripe.com/api/payment_intents. One call is one transaction of the ledger. Confirming one is in
// confirmations.ts.
import type { Stripe } from "stripe";
import { methodId } from "./cards.ts";
import { CONFIRMABLE, CONFIRM_PARAMS, prepareConfirmation } from "./confirmations.ts";
import { invalid, unexpectedState } from "./failure.ts";
import type { FormMap } from "./form.ts";
import { randomId, stripeId } from "./ids.ts";
import {
  amountParam,
  currencyParam,
  flag,
  mergedMetadata,
  oneOf,
  only,
  optionalText,
  positiveAmount,
  texts,
} from "./params.ts";
import { chargeOf, emit } from "./session.ts";
import type { Answer, PaymentIntent, Session } from "./session.ts";

const DETAIL_PARAMS = [
  "amount",
  "currency",
  "description",
  "metadata",
  "payment_method",
  "payment_method_types",
  "receipt_email",
  "statement_descriptor",
  "statement_descriptor_suffix",
  "transfer_group",
  "expand",
] as const;
const CREATE_PARAMS = [
  ...DETAIL_PARAMS,
  ...CONFIRM_PARAMS,
  "automatic_payment_methods",
  "capture_method",
  "confirm",
  "confirmation_method",
];

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

function details(params: FormMap, present?: PaymentIntent): Partial<PaymentIntent> {
  const methods = texts(params, "payment_method_types");
  const unsupported = methods.find((type) => type !== "card");
  if (unsupported !== undefined) {
    throw invalid(
      `The payment method type "${unsupported}" is invalid: the sandbox takes cards.`,
      "payment_method_types",
    );
  }
  const text = (name: "description" | "receipt_email" | "statement_descriptor" | "transfer_group"): string | null =>
    optionalText(params, name) ?? present?.[name] ?? null;
  return {
    description: text("description"),
    receipt_email: text("receipt_email"),
    statement_descriptor: text("statement_descriptor"),
    statement_descriptor_suffix:
      optionalText(params, "statement_descriptor_suffix") ?? present?.statement_descriptor_suffix ?? null,
    transfer_group: text("transfer_group"),
    metadata: mergedMetadata(params, present?.metadata),
  };
}

/** A PaymentIntent that nobody has paid. */
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
    payment_method_options: {
      card: { installments: null, mandate_options: null, network: null, request_three_d_secure: "automatic" },
    },
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
  const automatic = params["automatic_payment_methods"];
  const method = optionalText(params, "payment_method");
  const confirmed = flag(params, "confirm");
  if (!confirmed && params["return_url"] !== undefined) {
    throw invalid("return_url can only be set when confirm is true.", "return_url");
  }
  const blank = blankIntent(stripeId("pi"), amount, currency, session.now);
  const intent: PaymentIntent = {
    ...blank,
    ...details(params),
    capture_method: captureMethod,
    confirmation_method: confirmationMethod,
    automatic_payment_methods:
      typeof automatic === "object" && !Array.isArray(automatic)
        ? { enabled: flag(automatic as FormMap, "enabled"), allow_redirects: "always" }
        : null,
    payment_method: method === undefined ? null : methodId(method),
    status: method === undefined ? "requires_payment_method" : "requires_confirmation",
  };
  const confirmation = confirmed ? prepareConfirmation(session, intent, params) : undefined;
  session.store.insert("payment_intent", null, intent);
  emit(session, "payment_intent.created", intent);
  return confirmation === undefined ? answer(intent) : confirmation();
}

export function updateIntent(session: Session, id: string, params: FormMap): Answer {
  only(params, DETAIL_PARAMS);
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
    ...present,
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
    throw invalid(
      `The amount_to_capture (${String(amount)}) is greater than the PaymentIntent's amount_capturable (${String(present.amount_capturable)}).`,
      "amount_to_capture",
      "amount_too_large",
    );
  }
  const charged = chargeOf(session, present);
  // What is not captured is released, and Stripe shows it as refunded on the charge although there is no Refund.
  const captured = { ...charged, captured: true, amount_captured: amount, amount_refunded: charged.amount - amount };
  const intent: PaymentIntent = {
    ...present,
    ...details(params, present),
    status: "succeeded",
    amount_capturable: 0,
    amount_received: amount,
  };
  session.store.update(captured);
  session.store.update(intent);
  emit(session, "charge.captured", captured);
  emit(session, "payment_intent.succeeded", intent);
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

/** The bank lets go of money that was not captured in time, and Stripe cancels the intent. */
export function expireIntent(session: Session, id: string): Answer {
  const present = session.store.get<PaymentIntent>("payment_intent", id);
  if (present.status !== "requires_capture") throw unexpectedState("There is no authorization to expire.", present);
  const answered = voided(session, present, "automatic");
  emit(session, "charge.expired", chargeOf(session, present));
  return answered;
}

function voided(session: Session, present: PaymentIntent, reason: PaymentIntent["cancellation_reason"]): Answer {
  if (present.status === "requires_capture") {
    const charged = chargeOf(session, present);
    session.store.update({ ...charged, refunded: true, amount_refunded: charged.amount } as typeof charged);
  }
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
