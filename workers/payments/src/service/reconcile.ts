// Brings a payment's row to what Stripe holds. Every webhook, call, event and sweep ends here, so a payment's state is written in one
// place. The row is read before Stripe, so a snapshot is never older than the row it is compared with.
import type { Stripe } from "stripe";
import { StaleWrite } from "#shared/database";
import type { Statement } from "#shared/statement";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { retryOnStale } from "#shared/retry";
import { MAX_ATTEMPTS } from "../constants.ts";
import { decide, isPaid, voidReasonOf } from "../domain/payment.ts";
import type { StripeSnapshot } from "../domain/snapshot.ts";
import type { PaymentRow } from "../schema.ts";
import { declineInserts, stopPayment } from "../store/declines.ts";
import { adoptIntent } from "../store/intents.ts";
import { versionStep } from "../store/payments.ts";
import type { ChangeCause } from "../store/payments.ts";
import { loadView } from "../store/views.ts";
import type { View } from "../store/views.ts";
import { mismatchChange, partChanges, stateChange } from "./changes.ts";
import { refundRemainder } from "./closed-refund.ts";
import type { PaymentsDeps } from "./deps.ts";
import { cancelIntent, retrieveIntent } from "./stripe/client.ts";
import { CannotCloseYet } from "./stripe/failures.ts";
import { takeSnapshot } from "./stripe/snapshot.ts";
import type { Report } from "./stripe/snapshot.ts";

/** `stepsVersion`: the statements check and step the payment's version. `row` is as it is after them. */
interface StateWrite {
  readonly statements: readonly Statement[];
  readonly stepsVersion: boolean;
  readonly row: PaymentRow;
}

function stateWrite(view: View, snapshot: StripeSnapshot, cause: ChangeCause, now: number): StateWrite {
  const { row, closed } = view;
  const { intentId: stripePaymentIntentId, clientSecret } = snapshot;
  const adopted = { ...row, stripePaymentIntentId, clientSecret };
  const nothing = { statements: [], stepsVersion: false, row };
  const decision = decide(row, snapshot, cause.voidReason ?? voidReasonOf(closed, row.stoppedBy));
  switch (decision.kind) {
    case "change": {
      const { next } = decision;
      const stoppedBy = isPaid(next.status) ? null : row.stoppedBy;
      const statements = stateChange(view, next, snapshot, cause, now);
      return { statements, stepsVersion: true, row: { ...adopted, ...next, version: row.version + 1, stoppedBy } };
    }
    case "mismatch":
      log("error", "Stripe's intent holds other money than the payment", { paymentId: row.id });
      if (row.flag !== null) return nothing;
      return { statements: mismatchChange(view, snapshot, cause, now), stepsVersion: true, row };
    case "backwards":
      log("warn", "Stripe's answer is older than the payment", { paymentId: row.id, status: row.status });
      return nothing;
    case "unchanged":
      break;
  }
  if (row.stripePaymentIntentId !== null) return nothing;
  return { ...nothing, statements: [adoptIntent(row.id, stripePaymentIntentId, clientSecret, now)], row: adopted };
}

/** Writes what follows from a snapshot, and returns the row after it. @throws StaleWrite when the payment changed in the meantime */
async function record(
  deps: PaymentsDeps,
  view: View,
  snapshot: StripeSnapshot,
  cause: ChangeCause,
  also: readonly Statement[] = [],
): Promise<PaymentRow> {
  const now = deps.now();
  const { id } = view.row;
  const { statements, stepsVersion, row } = stateWrite(view, snapshot, cause, now);
  const parts = partChanges(view, snapshot, now);
  const declines = snapshot.declines ?? [];
  const hasDeclines = declines.length > 0;
  const { stopped } = await save(deps, {
    // First, because the state's change may delete who the payer is.
    declines: hasDeclines ? [declineInserts(id, declines)] : [],
    // Without it an older snapshot could overwrite a newer one where only refunds or disputes differ.
    version: parts.length > 0 && !stepsVersion ? versionStep(view.row) : [],
    state: statements,
    parts,
    stopped: hasDeclines && deps.declineCaps !== undefined ? [stopPayment(id, deps.declineCaps, now)] : [],
    also,
  });
  const stoppedBy = stopped[0]?.rows[0]?.stoppedBy ?? row.stoppedBy;
  return { ...row, stoppedBy };
}

/** States of an intent that nobody has paid. */
const UNPAID: readonly Stripe.PaymentIntent["status"][] = [
  "requires_payment_method",
  "requires_confirmation",
  "requires_action",
];

/** Cancels an intent that must not be paid any more. Money that arrived before a cap ended the payment is kept. */
async function cancelIfEnded(
  deps: PaymentsDeps,
  { row, closed }: View,
  intent: Stripe.PaymentIntent,
): Promise<Stripe.PaymentIntent> {
  const isStopped = row.stoppedBy !== null && UNPAID.includes(intent.status);
  const isClosed = closed !== null && intent.status !== "succeeded" && intent.status !== "canceled";
  if (!isStopped && !isClosed) return intent;
  if (intent.status === "processing") throw new CannotCloseYet(`payment ${row.id} is being processed`);
  const canceled = await cancelIntent(deps.stripe, intent.id);
  if (canceled === undefined) throw new StaleWrite(`the intent of payment ${row.id} changed`);
  return canceled;
}

/** The intent of a row. A row without one adopts the intent that was created for it. */
export function intentIdOf({ row }: View, adopt?: string): string {
  const intentId = row.stripePaymentIntentId ?? adopt;
  if (intentId === undefined) throw new Error(`payment ${row.id} has no intent`);
  return intentId;
}

export interface ReconcileOptions {
  /** Stripe's answer to a call made after the view was read. It saves reading the intent, once. */
  readonly answer?: Stripe.PaymentIntent | undefined;
  /** The intent that was created for a row without one. */
  readonly adopt?: string | undefined;
  /** Written in the same batch as the changes. */
  readonly also?: readonly Statement[];
  /** What an event reported that the charge may not show. */
  readonly reports?: Report | undefined;
}

/**
 * Takes a snapshot of a payment and writes it. A closed order's authorization is cancelled, its captured money refunded. Returns the row
 * after it. @throws StripeUnavailable, CannotCloseYet, StaleWrite when the payment kept changing
 */
export async function reconcile(
  deps: PaymentsDeps,
  start: View,
  cause: ChangeCause,
  options: ReconcileOptions = {},
): Promise<PaymentRow> {
  let first: { readonly view: View; readonly answer?: Stripe.PaymentIntent | undefined } | undefined = {
    view: start,
    answer: options.answer,
  };
  const attempt = async (): Promise<PaymentRow> => {
    const given = first;
    first = undefined;
    const view = given?.view ?? (await loadView(deps.db, start.row.id));
    const read = given?.answer ?? (await retrieveIntent(deps.stripe, intentIdOf(view, options.adopt)));
    const intent = await cancelIfEnded(deps, view, read);
    const snapshot = await takeSnapshot(deps.stripe, intent, view, options);
    const row = await record(deps, view, snapshot, cause, options.also);
    // A cap was just reached: the next round cancels the intent.
    if (row.stoppedBy !== null && view.row.stoppedBy === null) return await attempt();
    return view.closed !== null && snapshot.status === "succeeded" ? await refundClosed(deps, row, cause) : row;
  };
  return await retryOnStale(attempt, { attempts: MAX_ATTEMPTS });
}

/** Refunds the captured money of a closed order and writes the state after it. */
async function refundClosed(deps: PaymentsDeps, row: PaymentRow, cause: ChangeCause): Promise<PaymentRow> {
  const view = await loadView(deps.db, row.id);
  if (!(await refundRemainder(deps, view))) return view.row;
  const after = await loadView(deps.db, row.id);
  const intent = await retrieveIntent(deps.stripe, intentIdOf(after));
  return await record(deps, after, await takeSnapshot(deps.stripe, intent, after), cause);
}
