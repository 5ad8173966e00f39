// Reads payments as the contract renders them, and the pages of all payments, newest first. Each filter of the list begins at an index.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import * as z from "zod";
import { PaymentState } from "#shared/contracts/payments";
import { readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Query } from "#shared/statement";
import type { NumberThenId } from "#shared/paging";
import { disputes, paymentHistory, payments, refunds } from "../schema.ts";
import type { DisputeRow, HistoryRow, PaymentRow, RefundRow } from "../schema.ts";

export interface PaymentFilter {
  readonly status?: PaymentState | undefined;
  /** From this time on (ms). */
  readonly createdFrom?: number | undefined;
  /** Before this time (ms). */
  readonly createdTo?: number | undefined;
  /** Only payments that somebody has to look at. */
  readonly flagged: boolean;
}

export interface PaymentKey {
  readonly createdAt: number;
  readonly id: string;
}

/** The indexes with their conditions, word for word: SQLite uses a partial index only if the query contains its condition. */
const INDEXES = {
  payments_flagged: sql`(status = 'DISPUTED' OR flag IS NOT NULL OR (status = 'AUTHORIZED' AND expiry_flagged_at IS NOT NULL))`,
  payments_by_rare_status: sql`status IN ('PARTIALLY_REFUNDED', 'REFUNDED', 'VOIDED', 'DISPUTED')`,
  payments_to_check: sql`next_check_at IS NOT NULL`,
  payments_by_time: sql`true`,
};

/** Payments in these states all have a next check, and there are few: the open ones and the uncaptured ones. */
const CHECKED: readonly PaymentState[] = ["CREATED", "REQUIRES_ACTION", "FAILED", "AUTHORIZED"];

function indexOf({ status, flagged }: PaymentFilter): keyof typeof INDEXES {
  if (flagged) return "payments_flagged";
  // Most payments are CAPTURED, so the newest payments of all contain a page of them.
  if (status === undefined || status === "CAPTURED") return "payments_by_time";
  return CHECKED.includes(status) ? "payments_to_check" : "payments_by_rare_status";
}

export function listKeys(filter: PaymentFilter, after: NumberThenId | undefined, limit: number): Query<PaymentKey> {
  const { status, createdFrom, createdTo } = filter;
  const index = indexOf(filter);
  // A single upper bound, because SQLite could begin at either of two. A cursor's place is before createdTo anyway.
  const before =
    after !== undefined
      ? [sql`(created_at, id) < (${after[0]}, ${after[1]})`]
      : createdTo === undefined
        ? []
        : [sql`created_at < ${createdTo}`];
  const conditions = [
    INDEXES[index],
    ...(status === undefined ? [] : [sql`status = ${status}`]),
    ...(createdFrom === undefined ? [] : [sql`created_at >= ${createdFrom}`]),
    ...before,
  ];
  return select(
    { id: payments.id, createdAt: payments.createdAt },
    sql`FROM payments INDEXED BY ${sql.identifier(index)}
      WHERE ${sql.join(conditions, sql` AND `)} ORDER BY payments.created_at DESC, payments.id DESC LIMIT ${limit}`,
  );
}

const HistoryEntry = z.object({
  /** The payment's version after the change. */
  version: z.int(),
  status: PaymentState,
  at: z.int(),
  actor: z.string(),
  reason: z.string().nullable(),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;
const StoredHistory = z.array(HistoryEntry);

/** All entries of a payment, of which those of the version before have rows of their own. */
export function historyOf({ history }: Pick<PaymentRow, "history">, earlier: readonly HistoryRow[]): HistoryEntry[] {
  return [...earlier, ...StoredHistory.parse(JSON.parse(history))].toSorted((a, b) => a.version - b.version);
}

export interface PaymentsWithParts {
  readonly payments: readonly PaymentRow[];
  readonly refunds: readonly RefundRow[];
  readonly disputes: readonly DisputeRow[];
  readonly earlierHistory: readonly HistoryRow[];
}

/** Reads payments in one round trip. `match` is a condition on them. */
export async function readPaymentsWithParts(db: Database, match: SQL): Promise<PaymentsWithParts> {
  const ofPayments = sql`payment_id IN (SELECT id FROM payments WHERE ${match})`;
  return await readAll(db, {
    payments: select(
      getTableColumns(payments),
      sql`FROM payments WHERE ${match} ORDER BY payments.created_at, payments.id`,
    ),
    refunds: select(
      getTableColumns(refunds),
      sql`FROM refunds WHERE ${ofPayments} ORDER BY refunds.created_at, refunds.id`,
    ),
    disputes: select(getTableColumns(disputes), sql`FROM disputes WHERE ${ofPayments} ORDER BY disputes.created_at`),
    earlierHistory: select(getTableColumns(paymentHistory), sql`FROM payment_history WHERE ${ofPayments}`),
  });
}
