// Sweeps of payments: the nets under webhooks that never came, processes that died between two steps, and Stripe's outages. Each
// takes its rows by putting off their next turn first, so a row that makes a sweep die does not hold up the others.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { SweepCounts } from "#shared/contracts/messaging";
import { StaleWrite } from "#shared/database";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { sweepEach } from "#shared/sweep";
import type { SweepRun } from "#shared/sweep";
import type { SweepPlan } from "#shared/sweep";
import { runCron } from "#shared/worker";
import {
  FIRST_CHECK_MS,
  MAX_CHECK_MS,
  REFUND_RETRY_MS,
  SWEEP_BATCH,
  SWEEP_CONCURRENCY,
  WEBHOOK_RETRY_MS,
} from "./constants.ts";
import { payments, refunds, stripeEvents } from "./schema.ts";
import type { PaymentRow, RefundRow, StripeEventRow } from "./schema.ts";
import { endClosedPayment } from "./service/closing.ts";
import { createDeps } from "./service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "./service/deps.ts";
import { completeIntent } from "./service/intents.ts";
import { reconcile } from "./service/reconcile.ts";
import { executeRefund } from "./service/refunds.ts";
import { compareEvents } from "./service/stripe/missed-events.ts";
import { processStored } from "./service/stripe/events.ts";
import { retrieveIntent } from "./service/stripe/client.ts";
import { captureUntilOf } from "./service/stripe/snapshot.ts";
import { declinesPurge } from "./store/declines.ts";
import { captureUntilUpdate, expiringPayments, flagExpiry } from "./store/expiring.ts";
import type { Change } from "./store/payments.ts";
import { fromRow } from "./store/rows.ts";
import { eventsPurge } from "./store/stripe-events.ts";
import { loadView } from "./store/views.ts";

/** What "everything" takes at once; a shop on one machine does not have more open. */
const EVERYTHING_LIMIT = 10_000;

const SWEEP_ITEMS = { concurrency: SWEEP_CONCURRENCY, idOf: ({ id }: { readonly id: string }): string => id };

const CHECK: Change = { actor: "sweep:open_payments", reason: "asked Stripe", missedWebhook: true };
const REFUND: Change = { actor: "sweep:pending_refunds", reason: "asked Stripe", missedWebhook: true };

/**
 * Takes the rows that are due and puts off their next turn, doubling from `first`, in one
 * statement. `everything` takes whatever is open, whatever its turn.
 */
async function claimDue(
  deps: PaymentsDeps,
  table: "payments" | "refunds" | "stripe_events",
  due: "next_check_at" | "next_attempt_at",
  first: number,
  { everything }: { readonly everything: boolean },
): Promise<Record<string, unknown>[]> {
  const now = deps.now();
  const [name, column] = [sql.identifier(table), sql.identifier(due)];
  const until: SQL = everything ? sql`${column} IS NOT NULL` : sql`${column} <= ${now}`;
  const { results } = await save(deps, [
    sql`UPDATE ${name} SET attempts = attempts + 1,
        ${column} = ${now} + min(${first} * (1 << min(attempts + 1, 20)), ${MAX_CHECK_MS})
      WHERE id IN (SELECT id FROM ${name} WHERE ${until} ORDER BY ${column}
        LIMIT ${everything ? EVERYTHING_LIMIT : SWEEP_BATCH})
      RETURNING *`,
  ]);
  return results[0]?.results ?? [];
}

/** True when Stripe knew more than its webhooks had told. */
async function checkPayment(deps: PaymentsDeps, { id }: PaymentRow): Promise<boolean> {
  const view = await loadView(deps.db, id);
  if (view.closed !== null) {
    await endClosedPayment(deps, view, { ...CHECK, voidReason: view.closed });
    return false;
  }
  if (view.row.stripePaymentIntentId === null) {
    await completeIntent(deps, view.row);
    return false;
  }
  const { status } = await reconcile(deps, view, CHECK);
  return status !== view.row.status && view.row.stoppedBy === null;
}

/** True when Stripe knew more than its webhooks had told. */
async function checkRefund(deps: PaymentsDeps, refund: RefundRow): Promise<boolean> {
  const view = await loadView(deps.db, refund.paymentId);
  if (refund.stripeRefundId === null) {
    // What a lost process left undone is carried out by the name of who asked for it.
    await executeRefund(deps, view, refund, { actor: refund.actor, reason: "refund" }, false);
    return false;
  }
  return (await reconcile(deps, view, REFUND)).amountRefunded !== view.row.amountRefunded;
}

/**
 * Whether an authorization is still about to lapse once Stripe was asked, where it had not
 * said when: such as one that was made before its end was kept.
 */
async function isStillExpiring(deps: PaymentsDeps, row: PaymentRow): Promise<boolean> {
  const { id, captureUntil, stripePaymentIntentId } = row;
  if (captureUntil !== null || stripePaymentIntentId === null) return true;
  const until = captureUntilOf(await retrieveIntent(deps.stripe, stripePaymentIntentId));
  if (until === null) return true;
  await save(deps, [captureUntilUpdate(id, until)]);
  return false;
}

async function flagExpiring(deps: PaymentsDeps, { everything }: { readonly everything: boolean }): Promise<number> {
  const rows = await expiringPayments(deps.db, deps.now(), everything ? EVERYTHING_LIMIT : SWEEP_BATCH);
  return await sweepEach(rows, SWEEP_ITEMS, async (row) => {
    // What Stripe says now counts from the next sweep on.
    if (!(await isStillExpiring(deps, row))) return false;
    try {
      await save(deps, flagExpiry(row, deps.now()));
      return true;
    } catch (error) {
      // Captured, void, or flagged by another sweep meanwhile.
      if (error instanceof StaleWrite) return false;
      throw error;
    }
  });
}

/** The comparison asks Stripe before it knows what it is about, so an outage is met here and not row by row. */
async function compareWithStripe(
  deps: PaymentsDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  try {
    return await compareEvents(deps, { everything });
  } catch (error) {
    log("warn", "Stripe's list of events is left to the next sweep", { error });
    return 0;
  }
}

async function purge(deps: PaymentsDeps): Promise<SweepCounts> {
  const now = deps.now();
  const { events } = await save(deps, { events: eventsPurge(now), declines: declinesPurge(now) });
  return { purgedStripeEvents: events.changes };
}

async function processStripeEvents(deps: PaymentsDeps, { everything }: SweepRun): Promise<number> {
  const rows = await claimDue(deps, "stripe_events", "next_attempt_at", WEBHOOK_RETRY_MS, { everything });
  await sweepEach(
    rows.map((row) => fromRow(stripeEvents, row) satisfies StripeEventRow),
    SWEEP_ITEMS,
    async (row) => {
      await processStored(deps, row);
      return true;
    },
  );
  return rows.length;
}

async function checkPayments(deps: PaymentsDeps, { everything }: SweepRun): Promise<SweepCounts> {
  const missedEvents = await compareWithStripe(deps, { everything });
  const due = await claimDue(deps, "payments", "next_check_at", FIRST_CHECK_MS, { everything });
  const unheardPayments = await sweepEach(
    due.map((row) => fromRow(payments, row)),
    SWEEP_ITEMS,
    (row) => checkPayment(deps, row),
  );
  const pending = await claimDue(deps, "refunds", "next_attempt_at", REFUND_RETRY_MS, { everything });
  const unheardRefunds = await sweepEach(
    pending.map((row) => fromRow(refunds, row)),
    SWEEP_ITEMS,
    (row) => checkRefund(deps, row),
  );
  return {
    openPayments: due.length,
    pendingRefunds: pending.length,
    missedWebhooks: unheardPayments + unheardRefunds + missedEvents,
  };
}

export const plan: SweepPlan<PaymentsDeps> = {
  sweeps: {
    webhooks: processStripeEvents,
    checkedPayments: checkPayments,
    expiringAuthorizations: (deps, { everything }) => flagExpiring(deps, { everything }),
  },
  purges: { purgedStripeEvents: purge },
};

export async function runScheduled(env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
