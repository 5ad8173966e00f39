// The metrics of payments: payments by status, revenue, and what waits for Stripe or for its webhooks. Each query uses a partial index,
// except payments by status, which counts the newest only.
import { sql } from "drizzle-orm";
import { PaymentState } from "#shared/contracts/payments";
import type { PaymentsOverview } from "#shared/contracts/payments";
import { select } from "#shared/database";
import type { Query } from "#shared/database";
import { countOpenDeadLetters } from "#shared/dead-letters";
import type { Outcome } from "#shared/errors";
import type { MetricQuery } from "#shared/metrics";
import { ok } from "#shared/result";
import { DECLINE_WINDOW_MS } from "../constants.ts";
import { payments } from "../schema.ts";
import type { PaymentsDeps } from "./deps.ts";

/** Reading these takes some 20 ms. The count is exact for a shop that has no more. */
const COUNTED_PAYMENTS = 20_000;
/** The index has all columns of this query. A month has some 300,000 short entries in a large shop. */
const REVENUE_WINDOW_MS = 30 * 24 * 60 * 60 * 1_000;

/** Every status, including those that no payment has. */
const STATUSES = sql`SELECT value AS status, 0 AS counted FROM json_each(${JSON.stringify(PaymentState.options)})`;

/** Captured and refunded of the payments begun since, by currency. */
function revenue(since: number): Query<PaymentsOverview["revenue"][number]> {
  return select(
    {
      currency: payments.currency,
      captured: sql<number>`sum(amount_captured)`,
      refunded: sql<number>`sum(amount_refunded)`,
    },
    sql`FROM payments WHERE amount_captured > 0 AND created_at >= ${since} GROUP BY currency`,
  );
}

export async function overview(deps: PaymentsDeps): Promise<Outcome<PaymentsOverview>> {
  const [openDeadLetters, rows] = await Promise.all([
    countOpenDeadLetters(deps),
    deps.db.all(revenue(deps.now() - REVENUE_WINDOW_MS)),
  ]);
  return ok({ openDeadLetters, revenue: rows });
}

export function metrics(deps: PaymentsDeps): readonly MetricQuery[] {
  const now = deps.now();
  const since = now - REVENUE_WINDOW_MS;
  return [
    {
      name: "tradepost_payments",
      help: `The newest ${String(COUNTED_PAYMENTS)} payments by status.`,
      rows: sql`SELECT status, sum(counted) AS value FROM (${STATUSES} UNION ALL
          SELECT status, 1 FROM (SELECT status FROM payments ORDER BY id DESC LIMIT ${COUNTED_PAYMENTS}))
        GROUP BY status`,
    },
    {
      name: "tradepost_revenue_minor_30d",
      help: "Captured and refunded of the payments begun in the last 30 days, in minor units of the currency.",
      rows: sql`WITH totals AS MATERIALIZED (${revenue(since).getSQL()})
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
