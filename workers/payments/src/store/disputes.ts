// Disputes as Stripe has them.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { makeEvent } from "#shared/events/envelope";
import { formatMoney } from "#shared/money";
import { outboxInsertFrom } from "#shared/outbox";
import type { TrueDispute } from "../domain.ts";
import type { PaymentRow } from "../schema.ts";
import { shownTime } from "./notices.ts";

/** Tells the admins of a dispute whose row is not there yet. Stands before the insert of that row, in the same batch. */
function notice(row: PaymentRow, dispute: TrueDispute, now: number): SQL {
  const { orderId, orderNumber, currency, correlationId } = row;
  const { evidenceDueAt } = dispute;
  const variables = {
    orderId,
    orderNumber,
    amount: formatMoney(dispute.amount, currency),
    reason: dispute.reason,
    ...(evidenceDueAt === null ? {} : { evidenceDueBy: shownTime(evidenceDueAt) }),
  };
  const data = { kind: "dispute_opened", recipient: null, variables };
  const event = makeEvent("NOTIFICATION_SEND", orderId, data, { worker: "payments", correlationId, now });
  const isNew = sql`WHERE NOT EXISTS (SELECT 1 FROM disputes WHERE id = ${dispute.id})
    AND EXISTS (SELECT 1 FROM payments WHERE id = ${row.id} AND version = ${row.version})`;
  return outboxInsertFrom(event, sql`${JSON.stringify(event)}`, isNew);
}

function upsert(row: PaymentRow, dispute: TrueDispute, now: number): SQL {
  const { id, amount, reason, status, amountWithdrawn, evidenceDueAt, createdAt } = dispute;
  return sql`INSERT INTO disputes (id, payment_id, amount, currency, reason, status, amount_withdrawn, evidence_due_at, created_at,
      updated_at)
    SELECT ${id}, id, ${amount}, currency, ${reason}, ${status}, ${amountWithdrawn}, ${evidenceDueAt}, ${createdAt}, ${now}
    FROM payments WHERE id = ${row.id} AND version = ${row.version}
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, reason = excluded.reason, status = excluded.status,
      amount_withdrawn = excluded.amount_withdrawn, evidence_due_at = excluded.evidence_due_at, updated_at = excluded.updated_at
    WHERE (disputes.status, disputes.amount_withdrawn, disputes.evidence_due_at)
      IS NOT (excluded.status, excluded.amount_withdrawn, excluded.evidence_due_at)`;
}

/**
 * Brings the rows of a payment's disputes to what Stripe holds, as long as the payment is at the version that was read before
 * Stripe was asked: so they come before the write that moves it on.
 */
export function disputeUpserts(row: PaymentRow, truths: readonly TrueDispute[], now: number): SQL[] {
  return truths.flatMap((dispute) => [notice(row, dispute, now), upsert(row, dispute, now)]);
}
