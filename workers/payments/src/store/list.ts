// Payments of all orders, newest first. Each filter has an index to begin with; a further one narrows what that gives.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { PaymentState } from "#shared/contracts/payments";
import type { Database } from "#shared/database";

export interface PaymentFilter {
  readonly status?: PaymentState | undefined;
  /** From this time on (ms). */
  readonly createdFrom?: number | undefined;
  /** Before this time (ms). */
  readonly createdTo?: number | undefined;
  /** Only what somebody has to look at. */
  readonly flagged: boolean;
}

/** Where a payment stands in the list. */
export interface PaymentKey {
  readonly createdAt: number;
  readonly id: string;
}

/** The conditions of the partial indexes, word for word: SQLite takes an index only where it finds its condition in the query. */
const FLAGGED = sql`(status = 'DISPUTED' OR flag IS NOT NULL OR (status = 'AUTHORIZED' AND expiry_flagged_at IS NOT NULL))`;
const RARE = sql`status IN ('PARTIALLY_REFUNDED', 'REFUNDED', 'VOIDED', 'DISPUTED')`;
const TO_CHECK = sql`next_check_at IS NOT NULL`;

type Source = "payments_flagged" | "payments_by_rare_status" | "payments_to_check" | "payments_by_time";

/** Payments of these states are all to be checked, and few: what is open, and what waits for its capture. */
const CHECKED: readonly PaymentState[] = ["CREATED", "REQUIRES_ACTION", "FAILED", "AUTHORIZED"];

function sourceOf({ status, flagged }: PaymentFilter): Source {
  if (flagged) return "payments_flagged";
  // Most payments are CAPTURED: the newest of all hold a page of them.
  if (status === undefined || status === "CAPTURED") return "payments_by_time";
  return CHECKED.includes(status) ? "payments_to_check" : "payments_by_rare_status";
}

const CONDITIONS: Readonly<Record<Source, SQL>> = {
  payments_flagged: FLAGGED,
  payments_by_rare_status: RARE,
  payments_to_check: TO_CHECK,
  payments_by_time: sql`true`,
};

export function listStatement(filter: PaymentFilter, after: PaymentKey | undefined, limit: number): SQL {
  const { status, createdFrom, createdTo } = filter;
  const source = sourceOf(filter);
  // One upper bound: given two, SQLite begins at either. A cursor's place is before createdTo.
  const before =
    after !== undefined
      ? [sql`(created_at, id) < (${after.createdAt}, ${after.id})`]
      : createdTo === undefined
        ? []
        : [sql`created_at < ${createdTo}`];
  const conditions = [
    CONDITIONS[source],
    ...(status === undefined ? [] : [sql`status = ${status}`]),
    ...(createdFrom === undefined ? [] : [sql`created_at >= ${createdFrom}`]),
    ...before,
  ];
  return sql`SELECT id, created_at AS createdAt FROM payments INDEXED BY ${sql.identifier(source)}
    WHERE ${sql.join(conditions, sql` AND `)} ORDER BY created_at DESC, id DESC LIMIT ${limit}`;
}

/** The keys of one page. */
export async function listKeys(
  db: Database,
  filter: PaymentFilter,
  after: PaymentKey | undefined,
  limit: number,
): Promise<PaymentKey[]> {
  return await db.all<{ id: string; createdAt: number }>(listStatement(filter, after, limit));
}
