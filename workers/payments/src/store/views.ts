// Reads payments for a decision: the row, its refunds and disputes, and whether its order is closed, from one state of the database.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import * as z from "zod";
import { readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Query, RowOf } from "#shared/statement";
import { payments, refunds } from "../schema.ts";
import type { PaymentRow, RefundRow } from "../schema.ts";

/** The members of a dispute that can change. */
const RecordedDispute = z.object({
  id: z.string(),
  status: z.string(),
  amount: z.int(),
  amountWithdrawn: z.int(),
  evidenceDueAt: z.int().nullable(),
});
export type RecordedDispute = z.infer<typeof RecordedDispute>;
const RecordedDisputes = z.array(RecordedDispute);
const ChargeIds = z.array(z.string());

export interface View {
  readonly row: PaymentRow;
  readonly refunds: readonly RefundRow[];
  readonly disputes: readonly RecordedDispute[];
  /** The failed charges of the order that are counted as declines, by Stripe's ids. */
  readonly declines: readonly string[];
  /** Why the order must not be paid any more; null while it may be. */
  readonly closed: string | null;
}

const VIEW_FIELDS = {
  ...getTableColumns(payments),
  closed: sql<string | null>`(SELECT reason FROM closed_orders WHERE order_id = payments.order_id)`,
  disputes: sql<string>`(SELECT json_group_array(json_object('id', id, 'status', status, 'amount', amount,
    'amountWithdrawn', amount_withdrawn, 'evidenceDueAt', evidence_due_at)) FROM disputes WHERE payment_id = payments.id)`,
  declines: sql<string>`(SELECT json_group_array(charge_id) FROM declines WHERE order_id = payments.order_id)`,
};
type ViewRow = RowOf<typeof VIEW_FIELDS>;

/** The two reads of `viewsOf`. `match` is a condition on payments. */
export function viewQueries(match: SQL): { readonly payments: Query<ViewRow>; readonly refunds: Query<RefundRow> } {
  return {
    payments: select(VIEW_FIELDS, sql`FROM payments WHERE ${match} ORDER BY payments.created_at, payments.id`),
    refunds: select(
      getTableColumns(refunds),
      sql`FROM refunds WHERE payment_id IN (SELECT id FROM payments WHERE ${match}) ORDER BY refunds.created_at, refunds.id`,
    ),
  };
}

/** The views made of the rows of `viewQueries`, oldest payment first. */
export function viewsOf(paymentRows: readonly ViewRow[], refundRows: readonly RefundRow[]): View[] {
  return paymentRows.map(({ closed, disputes, declines, ...row }) => ({
    row,
    refunds: refundRows.filter(({ paymentId }) => paymentId === row.id),
    disputes: RecordedDisputes.parse(JSON.parse(disputes)),
    declines: ChargeIds.parse(JSON.parse(declines)),
    closed,
  }));
}

export async function loadViews(db: Database, match: SQL): Promise<View[]> {
  const rows = await readAll(db, viewQueries(match));
  return viewsOf(rows.payments, rows.refunds);
}

/** @throws when there is no such payment; payments are never deleted. */
export async function loadView(db: Database, paymentId: string): Promise<View> {
  return onlyView(await loadViews(db, byId(paymentId)));
}

/** @throws when there is none */
export function onlyView([view]: readonly View[]): View {
  if (view === undefined) throw new Error("the payment does not exist");
  return view;
}

export function byId(paymentId: string): SQL {
  return sql`id = ${paymentId}`;
}

export function byIds(ids: readonly string[]): SQL {
  return sql`id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;
}

export function byOrder(orderId: string): SQL {
  return sql`order_id = ${orderId}`;
}

/** `paymentId` comes from the metadata of Stripe's object, where it has any. */
export function byIntent(intentId: string, paymentId: string | undefined): SQL {
  const ofIntent = sql`stripe_payment_intent_id = ${intentId}`;
  return paymentId === undefined ? ofIntent : sql`(${ofIntent} OR id = ${paymentId})`;
}
