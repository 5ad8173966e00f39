// Sweeps of payments: the nets under webhooks that never came, processes that died between two steps, and Stripe's outages. Each
// takes its rows by putting off their next turn first, so a row that makes a sweep die does not hold up the others.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { log } from "#shared/logger";
import { purgeOutbox, save } from "#shared/outbox";
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
import { settleClosed } from "./service/close.ts";
import { createDeps } from "./service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "./service/deps.ts";
import { completeIntent } from "./service/intents.ts";
import { reconcile } from "./service/reconcile.ts";
import { carryOut } from "./service/refunds.ts";
import { processStored } from "./service/stripe-events.ts";
import type { Change } from "./store/payments.ts";
import { fromRow } from "./store/rows.ts";
import { eventsPurge } from "./store/stripe-events.ts";
import { loadView } from "./store/views.ts";

/** What "everything" takes at once; a shop on one machine does not have more open. */
const EVERYTHING_LIMIT = 10_000;

const CHANGE: Change = { actor: "payments", reason: "sweep" };

/** Purging reads whole tables; once an hour is often enough. */
const PURGE_EVERY_MS = 60 * 60_000;

/**
 * Takes the rows that are due and puts off their next turn, doubling from `first`, in one statement. `everything` takes whatever
 * is open, whatever its turn.
 */
async function takeDue(
  deps: PaymentsDeps,
  table: "payments" | "refunds" | "stripe_events",
  due: "next_check_at" | "next_attempt_at",
  first: number,
  everything: boolean,
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

/** Works on each row, a few at once. A failure is logged, and the row has its next turn already. */
async function each<Row extends { readonly id: string }>(
  rows: readonly Row[],
  work: (row: Row) => Promise<void>,
): Promise<number> {
  const queue = rows.values();
  const worker = async (): Promise<void> => {
    for (const row of queue) {
      try {
        await work(row);
      } catch (error) {
        log("warn", "left to the next sweep", { id: row.id, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(SWEEP_CONCURRENCY, rows.length) }, worker));
  return rows.length;
}

async function checkPayment(deps: PaymentsDeps, { id }: PaymentRow): Promise<void> {
  const view = await loadView(deps.db, id);
  if (view.closed !== null) await settleClosed(deps, view, { ...CHANGE, voidReason: view.closed });
  else if (view.row.stripePaymentIntentId === null) await completeIntent(deps, view.row);
  else await reconcile(deps, view, CHANGE);
}

async function checkRefund(deps: PaymentsDeps, refund: RefundRow): Promise<void> {
  const view = await loadView(deps.db, refund.paymentId);
  if (refund.stripeRefundId === null) await carryOut(deps, view, refund, CHANGE, false);
  else await reconcile(deps, view, CHANGE);
}

async function purge(deps: PaymentsDeps, everything: boolean): Promise<SweepCounts> {
  const now = deps.now();
  const isItsMinute = now % PURGE_EVERY_MS < 60_000;
  if (!everything && !isItsMinute) return {};
  const { results } = await save(deps, [eventsPurge(now)]);
  return {
    purgedStripeEvents: results[0]?.meta.changes ?? 0,
    purgedEvents: await purgeOutbox(deps),
    purgedInbox: await purgeInbox(deps),
  };
}

/** Runs all sweeps of payments; each is idempotent. */
export async function sweep(deps: PaymentsDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  const events = await takeDue(deps, "stripe_events", "next_attempt_at", WEBHOOK_RETRY_MS, everything);
  const webhooks = await each(
    events.map((row) => fromRow(stripeEvents, row) satisfies StripeEventRow),
    (row) => processStored(deps, row),
  );
  const due = await takeDue(deps, "payments", "next_check_at", FIRST_CHECK_MS, everything);
  const openPayments = await each(
    due.map((row) => fromRow(payments, row)),
    (row) => checkPayment(deps, row),
  );
  const pending = await takeDue(deps, "refunds", "next_attempt_at", REFUND_RETRY_MS, everything);
  const pendingRefunds = await each(
    pending.map((row) => fromRow(refunds, row)),
    (row) => checkRefund(deps, row),
  );
  return { webhooks, openPayments, pendingRefunds, ...(await purge(deps, everything)) };
}

export async function runScheduled(env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
