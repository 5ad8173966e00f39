// Mails to the admins about a payment, and findings about refunds that failed.
import { makeEvent } from "#shared/events/envelope";
import type { Statement } from "#shared/statement";
import { findingInsert } from "#shared/findings";
import { formatMoney } from "#shared/money";
import { outboxInsert } from "#shared/outbox";
import { expiryOf } from "../domain/checks.ts";
import type { SnapshotDispute } from "../domain/snapshot.ts";
import type { PaymentRow } from "../schema.ts";

/** A time in mails to admins, in UTC because they may be anywhere. */
function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function adminNotice(
  { orderId, orderNumber, correlationId }: PaymentRow,
  kind: "dispute_opened" | "authorization_expiring",
  details: Readonly<Record<string, string>>,
  now: number,
): Statement {
  const data = { kind, recipient: null, variables: { orderId, orderNumber, ...details } };
  return outboxInsert(makeEvent("NOTIFICATION_SEND", orderId, data, { worker: "payments", correlationId, now }));
}

export function disputeNotice(
  row: PaymentRow,
  { amount, reason, evidenceDueAt }: SnapshotDispute,
  now: number,
): Statement {
  const evidence = evidenceDueAt === null ? {} : { evidenceDueBy: formatTime(evidenceDueAt) };
  const details = { amount: formatMoney(amount, row.currency), reason, ...evidence };
  return adminNotice(row, "dispute_opened", details, now);
}

export function expiryNotice(row: PaymentRow, now: number): Statement[] {
  const kind = "authorization_expiring";
  const amount = formatMoney(row.amountCapturable, row.currency);
  const details = { orderId: row.orderId, amount, expiresAt: new Date(expiryOf(row)).toISOString() };
  return [
    findingInsert(now, { kind, subject: row.id, outcome: "open", details }),
    adminNotice(row, kind, { amount, expiresAt: formatTime(expiryOf(row)) }, now),
  ];
}

/** Money that was to be refunded and was not: the buyer's bank returned it, or Stripe refused. */
export function refundFinding(
  kind: "refund_failed" | "refund_refused",
  { id, orderId, currency }: PaymentRow,
  amount: number,
  now: number,
): Statement {
  return findingInsert(now, { kind, subject: id, outcome: "open", details: { orderId, amount, currency } });
}
