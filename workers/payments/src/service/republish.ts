// Republishes a payment's last event to orders when orders appears to have missed it, for example because it became a dead letter there.
// Orders compares the payment's version, so an event that it knows changes nothing.
import { parseEvent } from "#shared/events/envelope";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { republishEvent, save } from "#shared/outbox";
import { REPUBLISH_AFTER_MS } from "../constants.ts";
import type { PaymentRow } from "../schema.ts";
import { lastPaymentEvent } from "../store/payments.ts";
import type { PaymentsDeps } from "./deps.ts";

/** Does nothing for an unconfirmed event, which the outbox sweep resends, and before the pause since its last publication has passed. */
export async function republishLastEvent(deps: PaymentsDeps, row: PaymentRow): Promise<void> {
  const last = await deps.db.first(lastPaymentEvent(row));
  if (last === undefined || last.isConfirmed === 0) return;
  if (deps.now() - last.time < Math.max(REPUBLISH_AFTER_MS, last.time - row.updatedAt)) return;
  const event = parseEvent(JSON.parse(last.envelope));
  if (event === undefined) return;
  const { id, orderId, status } = row;
  log("warn", "orders missed a payment's last event; it is republished", { orderId });
  const details = { orderId, status, eventId: event.id };
  const finding = { kind: "payment_untold", subject: id, outcome: "mended", details } as const;
  await save(deps, { finding: findingInsert(deps.now(), finding) });
  await republishEvent(deps, event, ["orders"]);
}
