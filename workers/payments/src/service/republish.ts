// The net under the events that orders hears: what ended there as a dead letter is told again when orders asks or acts as if it
// had not heard. Orders takes an event by the payment's version, so telling it what it knows changes nothing.
import { sql } from "drizzle-orm";
import { parseEvent } from "#shared/events/envelope";
import { findingInsert } from "#shared/findings";
import { log } from "#shared/logger";
import { republishEvent, save } from "#shared/outbox";
import { REPUBLISH_AFTER_MS } from "../constants.ts";
import type { PaymentRow } from "../schema.ts";
import type { PaymentsDeps } from "./deps.ts";

/**
 * Publishes a payment's last event anew, for orders alone. One that is not confirmed yet is the outbox sweep's. The pause since
 * it was last published is at least TELL_AGAIN_AFTER_MS and doubles each time.
 */
export async function republishLastEvent(deps: PaymentsDeps, row: PaymentRow): Promise<void> {
  const [last] = await deps.db.all<{ envelope: string; time: number; confirmed_at: number | null }>(
    sql`SELECT envelope, time, confirmed_at FROM outbox
      WHERE subject = ${row.orderId} AND envelope ->> '$.data.paymentId' = ${row.id} ORDER BY time DESC, id DESC LIMIT 1`,
  );
  if (last === undefined || last.confirmed_at === null) return;
  if (deps.now() - last.time < Math.max(REPUBLISH_AFTER_MS, last.time - row.updatedAt)) return;
  const event = parseEvent(JSON.parse(last.envelope));
  if (event === undefined) return;
  log("warn", "orders has not followed a payment; its last event is published anew", { orderId: row.orderId });
  const { id, orderId, status } = row;
  const details = { orderId, status, eventId: event.id };
  await save(deps, [findingInsert(deps.now(), { kind: "payment_untold", subject: id, outcome: "mended", details })]);
  await republishEvent(deps, event, ["orders"]);
}
