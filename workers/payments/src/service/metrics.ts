// The metrics of payments: payments by status, revenue, and what waits for Stripe or for its webhooks. Triggers keep the sums over all
// payments; the other queries use partial indexes.
import { sql } from "drizzle-orm";
import { PaymentState } from "#shared/contracts/payments";
import type { PaymentsOverview } from "#shared/contracts/payments";
import { select } from "#shared/statement";
import type { Query } from "#shared/statement";
import { countOpenDeadLetters } from "#shared/dead-letters";
import type { Outcome } from "#shared/errors";
import type { MetricQuery } from "#shared/metrics";
import { ok } from "#shared/result";
import { DECLINE_WINDOW_MS } from "../constants.ts";
import { revenueDays } from "../schema.ts";
import type { PaymentsDeps } from "./deps.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const REVENUE_DAYS = 30;

/** Every status, including those that no payment has. The open payments are those that are checked at Stripe. */
const STATUSES = sql`SELECT value AS status, 0 AS counted FROM json_each(${JSON.stringify(PaymentState.options)})`;

/** Captured and refunded of the payments begun since the day in UTC that began 30 days ago, by currency. */
function revenue(now: number): Query<PaymentsOverview["revenue"][number]> {
  const { currency, day } = revenueDays;
  return select(
    { currency, captured: sql<number>`sum(captured)`, refunded: sql<number>`sum(refunded)` },
    sql`FROM revenue_days WHERE ${day} >= ${Math.floor(now / DAY_MS) - REVENUE_DAYS} GROUP BY currency`,
  );
}

export async function overview(deps: PaymentsDeps): Promise<Outcome<PaymentsOverview>> {
  const [openDeadLetters, rows] = await Promise.all([countOpenDeadLetters(deps), deps.db.all(revenue(deps.now()))]);
  return ok({ openDeadLetters, revenue: rows });
}

export function metrics(deps: PaymentsDeps): readonly MetricQuery[] {
  const now = deps.now();
  return [
    {
      name: "tradepost_payments",
      help: "Payments by status.",
      rows: sql`SELECT status, sum(counted) AS value FROM (${STATUSES} UNION ALL SELECT status, count FROM payment_counts
          UNION ALL SELECT status, 1 FROM payments
            WHERE next_check_at IS NOT NULL AND status IN ('CREATED', 'REQUIRES_ACTION', 'FAILED', 'AUTHORIZED'))
        GROUP BY status`,
    },
    {
      name: "tradepost_revenue_minor_30d",
      help: "Captured and refunded of the payments begun in the last 30 days and today, in UTC, in minor units of the currency.",
      rows: sql`WITH totals AS MATERIALIZED (${revenue(now).getSQL()})
        SELECT 'captured' AS kind, currency, captured AS value FROM totals
        UNION ALL SELECT 'refunded', currency, refunded FROM totals`,
    },
    {
      name: "tradepost_payments_to_check",
      help: "Payments that will be checked at Stripe.",
      rows: sql`SELECT count(*) AS value FROM payments WHERE next_check_at IS NOT NULL`,
    },
    {
      name: "tradepost_refunds_pending",
      help: "Refunds that are pending at Stripe.",
      rows: sql`SELECT count(*) AS value FROM refunds WHERE next_attempt_at IS NOT NULL`,
    },
    {
      name: "tradepost_declines_1h",
      help: "Declined cards of the last hour. Many mean that somebody tests card numbers.",
      rows: sql`SELECT count(*) AS value FROM declines WHERE at > ${now - DECLINE_WINDOW_MS}`,
    },
    {
      name: "tradepost_webhooks_unprocessed",
      help: "Stripe's events that are stored and not processed.",
      rows: sql`SELECT count(*) AS value FROM stripe_events WHERE next_attempt_at IS NOT NULL`,
    },
    {
      name: "tradepost_webhooks_oldest_unprocessed_seconds",
      help: "Age of the oldest of them; 0 without one.",
      rows: sql`SELECT coalesce((${now} - min(received_at)) / 1000, 0) AS value FROM stripe_events
        WHERE next_attempt_at IS NOT NULL`,
    },
  ];
}
