// The sweeps of payments. They make up for webhooks that never came, for processes that died between two steps, and for outages of
// Stripe. Each claims its rows first, so a row that makes a sweep fail does not block the others.
import { StaleWrite } from "#shared/database";
import type { SweepCounts } from "#shared/contracts/messaging";
import { save } from "#shared/outbox";
import { sweepEach } from "#shared/sweep";
import type { SweepRun } from "#shared/sweep";
import { SWEEP_CONCURRENCY } from "../constants.ts";
import type { PaymentRow, RefundRow } from "../schema.ts";
import { declinesPurge } from "../store/declines.ts";
import { claimPayments, claimRefunds, claimStripeEvents, expiringPayments } from "../store/due.ts";
import { captureUntilUpdate, expiryFlagUpdate } from "../store/payments.ts";
import type { ChangeCause } from "../store/payments.ts";
import { eventsPurge } from "../store/stripe-events.ts";
import { loadView } from "../store/views.ts";
import { endClosedPayment } from "./closing.ts";
import type { PaymentsDeps } from "./deps.ts";
import { completeIntent } from "./intents.ts";
import { expiryNotice } from "./notices.ts";
import { reconcile } from "./reconcile.ts";
import { executeRefund } from "./refunds.ts";
import { retrieveIntent } from "./stripe/client.ts";
import { processStored } from "./stripe/events.ts";
import { captureUntilOf } from "./stripe/snapshot.ts";

const EACH = { concurrency: SWEEP_CONCURRENCY, idOf: ({ id }: { readonly id: string }): string => id };

const CHECK: ChangeCause = { actor: "sweep:open_payments", reason: "asked Stripe", expectsWebhook: true };
const REFUND: ChangeCause = { actor: "sweep:pending_refunds", reason: "asked Stripe", expectsWebhook: true };

/** Processes Stripe's events that are stored and not processed. Returns how many it claimed. */
export async function processStoredEvents(deps: PaymentsDeps, { everything }: SweepRun): Promise<number> {
  const { due } = await save(deps, { due: claimStripeEvents({ now: deps.now(), everything }) });
  await sweepEach(due.rows, EACH, async (event) => {
    await processStored(deps, event);
    return true;
  });
  return due.rows.length;
}

/** Returns whether Stripe knew more than its webhooks had reported. */
async function checkPayment(deps: PaymentsDeps, paymentId: string): Promise<boolean> {
  const view = await loadView(deps.db, paymentId);
  const { row, closed } = view;
  if (closed !== null) {
    await endClosedPayment(deps, view, { ...CHECK, voidReason: closed });
    return false;
  }
  if (row.stripePaymentIntentId === null) {
    await completeIntent(deps, row);
    return false;
  }
  const { status } = await reconcile(deps, view, CHECK);
  return status !== row.status && row.stoppedBy === null;
}

/** Checks open payments at Stripe. */
export async function checkOpenPayments(deps: PaymentsDeps, { everything }: SweepRun): Promise<SweepCounts> {
  const { due } = await save(deps, { due: claimPayments({ now: deps.now(), everything }) });
  const missedWebhooks = await sweepEach(due.rows, EACH, ({ id }) => checkPayment(deps, id));
  return { openPayments: due.rows.length, missedWebhooks };
}

/** Returns whether Stripe knew more than its webhooks had reported. */
async function checkRefund(deps: PaymentsDeps, refund: RefundRow): Promise<boolean> {
  const view = await loadView(deps.db, refund.paymentId);
  if (refund.stripeRefundId === null) {
    // A process died before it executed the refund. It is executed in the name of who requested it.
    await executeRefund(deps, view, refund, { actor: refund.actor, reason: "refund" }, { isRepeated: true });
    return false;
  }
  return (await reconcile(deps, view, REFUND)).amountRefunded !== view.row.amountRefunded;
}

/** Executes or checks pending refunds at Stripe. */
export async function checkPendingRefunds(deps: PaymentsDeps, { everything }: SweepRun): Promise<SweepCounts> {
  const { due } = await save(deps, { due: claimRefunds({ now: deps.now(), everything }) });
  const missedWebhooks = await sweepEach(due.rows, EACH, (refund) => checkRefund(deps, refund));
  return { pendingRefunds: due.rows.length, missedWebhooks };
}

/** If the expiry was never stored, it is read from Stripe and stored for the next sweep. */
async function isStillExpiring(deps: PaymentsDeps, row: PaymentRow): Promise<boolean> {
  const { id, captureUntil, stripePaymentIntentId } = row;
  if (captureUntil !== null || stripePaymentIntentId === null) return true;
  const until = captureUntilOf(await retrieveIntent(deps.stripe, stripePaymentIntentId));
  if (until === null) return true;
  await save(deps, { captureUntil: captureUntilUpdate(id, until) });
  return false;
}

async function flagExpiring(deps: PaymentsDeps, row: PaymentRow): Promise<boolean> {
  if (!(await isStillExpiring(deps, row))) return false;
  const now = deps.now();
  try {
    await save(deps, { flag: expiryFlagUpdate(row, now), notice: expiryNotice(row, now) });
    return true;
  } catch (error) {
    // Another sweep flagged it first, or it is captured or void by now.
    if (error instanceof StaleWrite) return false;
    throw error;
  }
}

/** Notifies the admins, once each, of authorizations that expire soon. Returns how many. */
export async function flagExpiringAuthorizations(deps: PaymentsDeps, { everything }: SweepRun): Promise<number> {
  const rows = await deps.db.all(expiringPayments({ now: deps.now(), everything }));
  return await sweepEach(rows, EACH, (row) => flagExpiring(deps, row));
}

export async function purgeStripeEvents(deps: PaymentsDeps): Promise<number> {
  return (await save(deps, { events: eventsPurge(deps.now()) })).events.changes;
}

export async function purgeDeclines(deps: PaymentsDeps): Promise<number> {
  return (await save(deps, { declines: declinesPurge(deps.now()) })).declines.changes;
}
