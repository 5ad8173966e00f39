// Claims rows that are due for a sweep: one statement returns them and moves their next turn, doubling up to MAX_CHECK_MS. A row that
// makes a sweep fail thus does not block the others.
import { getTableColumns, sql } from "drizzle-orm";
import type { Column, SQL } from "drizzle-orm";
import { returning, select } from "#shared/statement";
import type { Query } from "#shared/statement";
import {
  DEFAULT_CAPTURE_WINDOW_MS,
  EVERYTHING_LIMIT,
  EXPIRY_NOTICE_MS,
  FIRST_CHECK_MS,
  MAX_CHECK_MS,
  REFUND_RETRY_MS,
  SWEEP_BATCH,
  WEBHOOK_RETRY_MS,
} from "../constants.ts";
import { payments, refunds, stripeEvents } from "../schema.ts";
import type { PaymentRow, RefundRow } from "../schema.ts";
import { STORED_EVENT } from "./stripe-events.ts";
import type { StoredEvent } from "./stripe-events.ts";

export interface Due {
  readonly now: number;
  /** Claims all open rows, whenever they are due. */
  readonly everything: boolean;
}

function limitOf({ everything }: Due): number {
  return everything ? EVERYTHING_LIMIT : SWEEP_BATCH;
}

/** `first`: the pause after the first attempt, in milliseconds. */
function claim({ table, name }: Column, first: number, due: Due): SQL {
  const column = sql.identifier(name);
  const isDue = due.everything ? sql`${column} IS NOT NULL` : sql`${column} <= ${due.now}`;
  return sql`UPDATE ${table} SET attempts = attempts + 1,
      ${column} = ${due.now} + min(${first} * (1 << min(attempts + 1, 20)), ${MAX_CHECK_MS})
    WHERE id IN (SELECT id FROM ${table} WHERE ${isDue} ORDER BY ${column} LIMIT ${limitOf(due)})`;
}

export function claimPayments(due: Due): Query<{ readonly id: string }> {
  return returning(claim(payments.nextCheckAt, FIRST_CHECK_MS, due), { id: payments.id });
}

export function claimRefunds(due: Due): Query<RefundRow> {
  return returning(claim(refunds.nextAttemptAt, REFUND_RETRY_MS, due), getTableColumns(refunds));
}

export function claimStripeEvents(due: Due): Query<StoredEvent> {
  return returning(claim(stripeEvents.nextAttemptAt, WEBHOOK_RETRY_MS, due), STORED_EVENT);
}

/** Authorizations that expire within the notice and are not flagged. All of them have a next check, which is indexed. */
export function expiringPayments(due: Due): Query<PaymentRow> {
  return select(
    getTableColumns(payments),
    sql`FROM payments WHERE next_check_at IS NOT NULL AND status = 'AUTHORIZED' AND expiry_flagged_at IS NULL
      AND coalesce(capture_until, updated_at + ${DEFAULT_CAPTURE_WINDOW_MS}) <= ${due.now + EXPIRY_NOTICE_MS}
      ORDER BY capture_until LIMIT ${limitOf(due)}`,
  );
}
