// What people do in Stripe's dashboard and what banks do: changes that the shop did not call for. Each is one transaction of the
// ledger, and its events are delivered like all others.
import { answerDispute, closeDispute, openDispute } from "./disputes.ts";
import { invalid, unrecognizedUrl } from "./failure.ts";
import type { FormMap } from "./form.ts";
import { cancelIntent, captureIntent, expireIntent } from "./intents.ts";
import { oneOf, only, optionalText, positiveAmount } from "./params.ts";
import { createRefund, settleRefund } from "./refunds.ts";
import { chargeOf } from "./session.ts";
import type { Answer, PaymentIntent, Session } from "./session.ts";

type Action = (session: Session, id: string, params: FormMap) => Answer;

/** https://docs.stripe.com/disputes/categories */
const DISPUTE_REASONS = [
  "credit_not_processed",
  "duplicate",
  "fraudulent",
  "general",
  "product_not_received",
  "product_unacceptable",
  "subscription_canceled",
  "unrecognized",
] as const;

function dispute(session: Session, _id: string, params: FormMap): Answer {
  only(params, ["payment_intent", "amount", "reason"]);
  const intentId = optionalText(params, "payment_intent") ?? "";
  const intent = session.store.get<PaymentIntent>("payment_intent", intentId, "payment_intent");
  const reason = oneOf(params, "reason", DISPUTE_REASONS) ?? "fraudulent";
  if (intent.latest_charge === null) throw invalid("Nobody has paid this PaymentIntent.", "payment_intent");
  return openDispute(session, chargeOf(session, intent), { reason }, positiveAmount(params, "amount"));
}

function close(session: Session, id: string, params: FormMap): Answer {
  only(params, ["outcome"]);
  const outcome = oneOf(params, "outcome", ["won", "lost"]);
  if (outcome === undefined) throw invalid("Missing required param: outcome.", "outcome", "parameter_missing");
  return closeDispute(session, id, outcome);
}

function settle(session: Session, id: string, params: FormMap): Answer {
  only(params, ["status"]);
  return settleRefund(session, id, oneOf(params, "status", ["succeeded", "failed"]) ?? "succeeded");
}

const ACTIONS: readonly (readonly [RegExp, Action])[] = [
  [/^\/refunds$/, (session, _id, params) => createRefund(session, params)],
  [/^\/refunds\/([^/]+)\/settle$/, settle],
  [/^\/disputes$/, dispute],
  [/^\/disputes\/([^/]+)\/respond$/, (session, id) => answerDispute(session, id)],
  [/^\/disputes\/([^/]+)\/close$/, close],
  [
    /^\/payment_intents\/([^/]+)\/capture$/,
    (session, id, params) => {
      only(params, ["amount"]);
      const amount = optionalText(params, "amount");
      return captureIntent(session, id, amount === undefined ? {} : { amount_to_capture: amount });
    },
  ],
  [/^\/payment_intents\/([^/]+)\/cancel$/, (session, id) => cancelIntent(session, id, {})],
  [/^\/payment_intents\/([^/]+)\/expire$/, (session, id) => expireIntent(session, id)],
];

/** Executes one dashboard action. `path` is what follows `/dashboard`. @throws StripeFailure for what cannot be done. */
export function runDashboardAction(session: Session, path: string, params: FormMap): Answer {
  for (const [pattern, work] of ACTIONS) {
    const match = pattern.exec(path);
    if (match !== null) return work(session, match[1] ?? "", params);
  }
  throw unrecognizedUrl("POST", `/dashboard${path}`);
}
