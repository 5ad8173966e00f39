// Brings a payment's row to what Stripe holds. Every way in (webhook, call, event, sweep) ends here, so there is one place where
// a payment's state is written. The row is read first and Stripe is asked after: truth is then never older than the row.
import type { Stripe } from "stripe";
import { StaleWrite } from "#shared/database";
import type { Statement } from "#shared/database";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { MAX_TRIES } from "../constants.ts";
import { Cap, TOO_MANY_DECLINES, decide, isPaid } from "../domain/payment.ts";
import type { DerivedState, StripeSnapshot } from "../domain/payment.ts";
import type { PaymentRow } from "../schema.ts";
import { declineInserts, stopPayment } from "../store/declines.ts";
import { disputeUpserts } from "../store/disputes.ts";
import { adoptIntent, flagMismatch, stateUpdate, versionStep } from "../store/payments.ts";
import type { Change } from "../store/payments.ts";
import { refundUpserts } from "../store/refunds.ts";
import { loadView } from "../store/views.ts";
import type { View } from "../store/views.ts";
import type { PaymentsDeps } from "./deps.ts";
import { refundRemainder } from "./closed-refund.ts";
import { EXPAND_CHARGE, ask, isUnexpectedState, retrieveIntent } from "./stripe/client.ts";
import { takeSnapshot } from "./stripe/snapshot.ts";

/** The payment's money is on its way at Stripe: neither to be cancelled nor to be refunded yet. */
export class StillProcessing extends Error {
  override readonly name = "StillProcessing";
}

interface Consequence {
  readonly statements: readonly Statement[];
  /** Whether they move the version on, and abort when it has passed. */
  readonly steps: boolean;
  /** The row as it is once they are written. */
  readonly row: PaymentRow;
}

/** What a sweep finds changed without having been told of it. The void of what we have ended is the sweep's own doing. */
function missedWebhook(view: View, next: DerivedState, change: Change, now: number): Statement[] {
  if (change.missedWebhook !== true || voidReasonOf(view) !== undefined) return [];
  const { id, orderId, status: from, stripePaymentIntentId } = view.row;
  const details = { orderId, stripePaymentIntentId, from, to: next.status };
  return [findingInsert(now, { kind: "webhook_missed", subject: id, outcome: "mended", details })];
}

/** Why we cancel the payment's intent; undefined while it may be paid. */
function voidReasonOf({ closed, row }: View): string | undefined {
  return closed ?? (row.stoppedBy === null ? undefined : TOO_MANY_DECLINES);
}

/** Tells operators of a payment that a cap on declines has ended, once that is done. */
function cappedFinding({ row }: View, next: DerivedState, now: number): Statement[] {
  if (row.stoppedBy === null || next.status !== "VOIDED") return [];
  const { id, orderId, stoppedBy } = row;
  log("warn", "declined too often, and ended", { paymentId: id, orderId, cap: stoppedBy });
  return [
    findingInsert(now, { kind: "card_testing", subject: id, outcome: "mended", details: { orderId, cap: stoppedBy } }),
  ];
}

function consequenceOf(deps: PaymentsDeps, view: View, snapshot: StripeSnapshot, change: Change): Consequence {
  const { row } = view;
  const decision = decide(row, snapshot, change.voidReason ?? voidReasonOf(view));
  const adopted = { ...row, stripePaymentIntentId: snapshot.intentId, clientSecret: snapshot.clientSecret };
  switch (decision.kind) {
    case "change":
      return {
        statements: [
          ...stateUpdate(view, decision.next, snapshot, change, deps.now()),
          ...missedWebhook(view, decision.next, change, deps.now()),
          ...cappedFinding(view, decision.next, deps.now()),
        ],
        steps: true,
        row: {
          ...adopted,
          ...decision.next,
          version: row.version + 1,
          stoppedBy: isPaid(decision.next.status) ? null : row.stoppedBy,
        },
      };
    case "mismatch":
      log("error", "Stripe's intent holds other money than the payment", { paymentId: row.id });
      return row.flag === null
        ? { statements: flagMismatch(view, snapshot, change, deps.now()), steps: true, row }
        : { statements: [], steps: false, row };
    case "backwards":
      log("warn", "Stripe's answer is older than the payment", { paymentId: row.id, status: row.status });
      return { statements: [], steps: false, row };
    case "unchanged":
      break;
  }
  if (row.stripePaymentIntentId !== null) return { statements: [], steps: false, row };
  const adoption = adoptIntent(row.id, snapshot.intentId, snapshot.clientSecret, deps.now());
  return { statements: [adoption], steps: false, row: adopted };
}

/** Writes what follows from the truth, with `also` in the same batch. Undefined when the row changed meanwhile and nothing was written. */
async function record(
  deps: PaymentsDeps,
  view: View,
  snapshot: StripeSnapshot,
  change: Change,
  also: readonly Statement[],
): Promise<PaymentRow | undefined> {
  const consequence = consequenceOf(deps, view, snapshot, change);
  const now = deps.now();
  const declines = snapshot.declines ?? [];
  const { declineCaps } = deps;
  const parts = [
    ...disputeUpserts(view, snapshot.disputes ?? [], now),
    ...refundUpserts(view, snapshot.refunds ?? [], now),
  ];
  const statements = [
    // First, because what follows may forget who the payer is.
    ...(declines.length > 0 ? [declineInserts(view.row, declines)] : []),
    // Else an older truth could come after a newer one, where neither changes the payment itself.
    ...(parts.length > 0 && !consequence.steps ? versionStep(view.row) : []),
    ...consequence.statements,
    ...parts,
    ...(declines.length > 0 && declineCaps !== undefined ? [stopPayment(view.row, declineCaps, now)] : []),
    ...also,
  ];
  try {
    if (statements.length === 0) return consequence.row;
    const { results } = await save(deps, statements);
    const stop = results.flatMap((result) => result.results).find((row) => "stopped_by" in row);
    return stop === undefined ? consequence.row : { ...consequence.row, stoppedBy: Cap.parse(stop["stopped_by"]) };
  } catch (error) {
    if (error instanceof StaleWrite) return undefined;
    throw error;
  }
}

/** Cancels an intent that can be. Undefined when its state moved on meanwhile, and has to be read again. */
export async function cancelIntent(deps: PaymentsDeps, intentId: string): Promise<Stripe.PaymentIntent | undefined> {
  try {
    // No idempotency key of ours: the intent's own state lets it be cancelled once, and a key would repeat an old failure.
    return await ask(() => deps.stripe.paymentIntents.cancel(intentId, EXPAND_CHARGE));
  } catch (error) {
    if (isUnexpectedState(error)) return undefined;
    throw error;
  }
}

/** States of an intent that nobody has paid. */
const UNPAID: readonly Stripe.PaymentIntent["status"][] = [
  "requires_payment_method",
  "requires_confirmation",
  "requires_action",
];

/** An intent that is not to be paid: cancelled, when it can still be. Money that came before a cap ended the payment is welcome. */
async function cancelIfEnded(
  deps: PaymentsDeps,
  view: View,
  intent: Stripe.PaymentIntent,
): Promise<Stripe.PaymentIntent | undefined> {
  if (view.row.stoppedBy !== null && UNPAID.includes(intent.status)) return await cancelIntent(deps, intent.id);
  if (view.closed === null || intent.status === "succeeded" || intent.status === "canceled") return intent;
  if (intent.status === "processing") throw new StillProcessing(`payment ${view.row.id} is being processed`);
  return await cancelIntent(deps, intent.id);
}

/** The intent's id is the row's; a row that has none takes over the one that was made for it. */
function intentIdOf(view: View, adopt: string | undefined): string {
  const intentId = view.row.stripePaymentIntentId ?? adopt;
  if (intentId === undefined) throw new Error(`payment ${view.row.id} has no intent`);
  return intentId;
}

export interface ReconcileOptions {
  /** Stripe's answer to a call made after the view was read: as good as asking, once. */
  readonly answer?: Stripe.PaymentIntent | undefined;
  /** The intent that was made for a row which has none stored. */
  readonly adopt?: string | undefined;
  /** Written in the same batch as what follows from the truth. */
  readonly also?: readonly Statement[];
  /** An event told of a decline: the declines are read even when a good card has followed. */
  readonly declined?: boolean;
}

/**
 * Reads Stripe's truth and writes it. Money of a closed order goes back: an authorization is cancelled, what was captured is
 * refunded. Returns the row as it then is.
 * @throws StripeUnavailable, StillProcessing
 */
export async function reconcile(
  deps: PaymentsDeps,
  start: View,
  change: Change,
  options: ReconcileOptions = {},
): Promise<PaymentRow> {
  let view = start;
  let { answer } = options;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const intent = answer ?? (await retrieveIntent(deps.stripe, intentIdOf(view, options.adopt)));
    const settled = await cancelIfEnded(deps, view, intent);
    if (settled !== undefined) {
      const snapshot = await takeSnapshot(deps.stripe, settled, view, options);
      const row = await record(deps, view, snapshot, change, options.also ?? []);
      const hasStopped = row !== undefined && row.stoppedBy !== null && view.row.stoppedBy === null;
      if (row !== undefined && view.closed === null && !hasStopped) return row;
      if (row !== undefined && !hasStopped)
        return snapshot.status === "succeeded" ? await refundClosed(deps, row, change) : row;
    }
    answer = undefined;
    view = await loadView(deps.db, view.row.id);
  }
  throw new StaleWrite(`payment ${view.row.id} kept changing`);
}

/** The refund that a closed order's captured money needs, and then the state it leaves. */
async function refundClosed(deps: PaymentsDeps, row: PaymentRow, change: Change): Promise<PaymentRow> {
  const view = await loadView(deps.db, row.id);
  if (!(await refundRemainder(deps, view))) return view.row;
  const after = await loadView(deps.db, row.id);
  const snapshot = await takeSnapshot(
    deps.stripe,
    await retrieveIntent(deps.stripe, intentIdOf(after, undefined)),
    after,
  );
  // Refused, somebody else has written what they saw of the same refund.
  return (await record(deps, after, snapshot, change, [])) ?? (await loadView(deps.db, row.id)).row;
}
