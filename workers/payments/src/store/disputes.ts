// Disputes as Stripe has them.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { makeEvent } from "#shared/events/envelope";
import { formatMoney } from "#shared/money";
import { outboxInsert } from "#shared/outbox";
import type { SnapshotDispute } from "../domain/payment.ts";
import type { PaymentRow } from "../schema.ts";
import { formatTime } from "./notices.ts";
import type { KnownDispute, View } from "./views.ts";

/** What lost disputes have given to the buyer, in a statement on payments; lostTo in SQL. */
export const LOST_DISPUTES = sql`coalesce((SELECT sum(disputes.amount) FROM disputes
  WHERE disputes.payment_id = payments.id AND disputes.status = 'lost'), 0)`;

/** Tells the admins of a dispute. */
function notice(row: PaymentRow, dispute: SnapshotDispute, now: number): SQL {
  const { orderId, orderNumber, currency, correlationId } = row;
  const { evidenceDueAt } = dispute;
  const variables = {
    orderId,
    orderNumber,
    amount: formatMoney(dispute.amount, currency),
    reason: dispute.reason,
    ...(evidenceDueAt === null ? {} : { evidenceDueBy: formatTime(evidenceDueAt) }),
  };
  const data = { kind: "dispute_opened", recipient: null, variables };
  return outboxInsert(makeEvent("NOTIFICATION_SEND", orderId, data, { worker: "payments", correlationId, now }));
}

function upsert({ id: paymentId, currency }: PaymentRow, dispute: SnapshotDispute, now: number): SQL {
  const { id, amount, reason, status, amountWithdrawn, evidenceDueAt, createdAt } = dispute;
  return sql`INSERT INTO disputes (id, payment_id, amount, currency, reason, status, amount_withdrawn, evidence_due_at, created_at,
      updated_at)
    VALUES (${id}, ${paymentId}, ${amount}, ${currency}, ${reason}, ${status}, ${amountWithdrawn}, ${evidenceDueAt}, ${createdAt},
      ${now})
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, reason = excluded.reason, status = excluded.status,
      amount_withdrawn = excluded.amount_withdrawn, evidence_due_at = excluded.evidence_due_at, updated_at = excluded.updated_at`;
}

function differs(known: KnownDispute, snapshot: SnapshotDispute): boolean {
  return (["status", "amount", "amountWithdrawn", "evidenceDueAt"] as const).some(
    (name) => known[name] !== snapshot[name],
  );
}

/** Brings the rows of a payment's disputes to what Stripe holds. The batch has to check the payment's version. */
export function disputeUpserts({ row, disputes }: View, snapshots: readonly SnapshotDispute[], now: number): SQL[] {
  return snapshots.flatMap((snapshot) => {
    const known = disputes.find(({ id }) => id === snapshot.id);
    if (known === undefined) return [notice(row, snapshot, now), upsert(row, snapshot, now)];
    return differs(known, snapshot) ? [upsert(row, snapshot, now)] : [];
  });
}
