// Reading payments for a decision: the row, its refunds and disputes, and whether its order is closed, from one state of the
// database.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { z } from "zod";
import { readAll } from "#shared/database";
import type { Database } from "#shared/database";
import { payments, refunds } from "../schema.ts";
import type { PaymentRow, RefundRow } from "../schema.ts";
import { fromRow } from "./rows.ts";
import type { RawRow } from "./rows.ts";

/** What of a dispute can change. */
const KnownDispute = z.object({
  id: z.string(),
  status: z.string(),
  amount: z.int(),
  amountWithdrawn: z.int(),
  evidenceDueAt: z.int().nullable(),
});
export type KnownDispute = z.infer<typeof KnownDispute>;
const KnownDisputes = z.array(KnownDispute);
const ChargeIds = z.array(z.string());

export interface View {
  readonly row: PaymentRow;
  readonly refunds: readonly RefundRow[];
  readonly disputes: readonly KnownDispute[];
  /** The failed charges of the order that are counted, by Stripe's ids. */
  readonly declines: readonly string[];
  /** Why the order must not be paid any more; null while it may. */
  readonly closed: string | null;
}

/** Two statements for `viewsOf`. `match` is a condition on payments. */
export function viewStatements(match: SQL): [SQL, SQL] {
  return [
    sql`SELECT payments.*, (SELECT reason FROM closed_orders WHERE order_id = payments.order_id) AS closed_reason,
        (SELECT json_group_array(json_object('id', id, 'status', status, 'amount', amount, 'amountWithdrawn', amount_withdrawn,
          'evidenceDueAt', evidence_due_at)) FROM disputes WHERE payment_id = payments.id) AS disputes,
        (SELECT json_group_array(charge_id) FROM declines WHERE order_id = payments.order_id) AS declines
      FROM payments WHERE ${match} ORDER BY created_at, id`,
    sql`SELECT * FROM refunds WHERE payment_id IN (SELECT id FROM payments WHERE ${match}) ORDER BY created_at, id`,
  ];
}

/** The views of what `viewStatements` selected, oldest payment first. */
export function viewsOf(paymentRows: readonly RawRow[], refundRows: readonly RawRow[]): View[] {
  const allRefunds = refundRows.map((row) => fromRow(refunds, row));
  return paymentRows.map((raw) => {
    const row = fromRow(payments, raw);
    const closed = raw["closed_reason"];
    return {
      row,
      refunds: allRefunds.filter(({ paymentId }) => paymentId === row.id),
      disputes: KnownDisputes.parse(JSON.parse(String(raw["disputes"]))),
      declines: ChargeIds.parse(JSON.parse(String(raw["declines"]))),
      closed: typeof closed === "string" ? closed : null,
    };
  });
}

export async function loadViews(db: Database, match: SQL): Promise<View[]> {
  return viewsOf(...(await readAll<[RawRow, RawRow]>(db, viewStatements(match))));
}

/** @throws when there is no such payment; payments are never deleted. */
export async function loadView(db: Database, paymentId: string): Promise<View> {
  const [view] = await loadViews(db, byId(paymentId));
  if (view === undefined) throw new Error(`payment ${paymentId} is gone`);
  return view;
}

export function byId(paymentId: string): SQL {
  return sql`id = ${paymentId}`;
}

export function byOrder(orderId: string): SQL {
  return sql`order_id = ${orderId}`;
}

/** A webhook tells of an intent, and of our payment where Stripe's object carries the metadata. */
export function byIntent(intentId: string, paymentId: string | undefined): SQL {
  const ofIntent = sql`stripe_payment_intent_id = ${intentId}`;
  return paymentId === undefined ? ofIntent : sql`(${ofIntent} OR id = ${paymentId})`;
}
