// Disputes as Stripe has them.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { makeEvent } from "#shared/events/envelope";
import { formatMoney } from "#shared/money";
import { outboxInsert } from "#shared/outbox";
import type { TrueDispute } from "../domain.ts";
import type { PaymentRow } from "../schema.ts";
import { shownTime } from "./notices.ts";
import type { KnownDispute, View } from "./views.ts";

/** What lost disputes have given to the buyer, in a statement on payments; lostTo in SQL. */
export const LOST = sql`coalesce((SELECT sum(disputes.amount) FROM disputes
  WHERE disputes.payment_id = payments.id AND disputes.status = 'lost'), 0)`;

/** Tells the admins of a dispute. */
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
  return outboxInsert(makeEvent("NOTIFICATION_SEND", orderId, data, { worker: "payments", correlationId, now }));
}

function upsert({ id: paymentId, currency }: PaymentRow, dispute: TrueDispute, now: number): SQL {
  const { id, amount, reason, status, amountWithdrawn, evidenceDueAt, createdAt } = dispute;
  return sql`INSERT INTO disputes (id, payment_id, amount, currency, reason, status, amount_withdrawn, evidence_due_at, created_at,
      updated_at)
    VALUES (${id}, ${paymentId}, ${amount}, ${currency}, ${reason}, ${status}, ${amountWithdrawn}, ${evidenceDueAt}, ${createdAt},
      ${now})
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, reason = excluded.reason, status = excluded.status,
      amount_withdrawn = excluded.amount_withdrawn, evidence_due_at = excluded.evidence_due_at, updated_at = excluded.updated_at`;
}

function differs(known: KnownDispute, truth: TrueDispute): boolean {
  return (["status", "amount", "amountWithdrawn", "evidenceDueAt"] as const).some(
    (name) => known[name] !== truth[name],
  );
}

/** Brings the rows of a payment's disputes to what Stripe holds. The batch has to check the payment's version. */
export function disputeUpserts({ row, disputes }: View, truths: readonly TrueDispute[], now: number): SQL[] {
  return truths.flatMap((truth) => {
    const known = disputes.find(({ id }) => id === truth.id);
    if (known === undefined) return [notice(row, truth, now), upsert(row, truth, now)];
    return differs(known, truth) ? [upsert(row, truth, now)] : [];
  });
}
