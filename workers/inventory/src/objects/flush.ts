// One flush of a Stock object: the D1 statements that bring the projection up to a sequence. Everything in it is guarded by
// sequences or ids that the object made when the change happened, so an older flush never overwrites a newer one and the same
// flush twice has one effect.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { auditInsertRows } from "#shared/audit";
import type { AuditRow } from "#shared/audit";
import { parseEvent } from "#shared/events/envelope";
import { outboxInsertFrom } from "#shared/outbox";
import type { LedgerRow } from "./records.ts";
import type { EventRow, LevelState, ReservationRow } from "./tables.ts";

export interface Flush {
  readonly level: LevelState;
  readonly reservations: readonly ReservationRow[];
  readonly ledger: readonly LedgerRow[];
  readonly events: readonly EventRow[];
  readonly audit: readonly AuditRow[];
}

/**
 * Words and thresholds are written only where they changed, and stand in statements of their own: naming an indexed column in an
 * UPDATE writes its indexes again, whether its value changed or not, and stock moves far more often than words.
 */
export function levelUpsert(level: LevelState, now: number): SQL[] {
  const { productId, sku, name, vendorId, version, ownThreshold, threshold, sequence } = level;
  return [
    sql`UPDATE stock_levels SET sku = ${sku}, name = ${name}, vendor_id = ${vendorId}, product_version = ${version}
      WHERE product_id = ${productId} AND sequence < ${sequence} AND product_version <> ${version}`,
    sql`UPDATE stock_levels SET low_stock_threshold = ${ownThreshold}, threshold = ${threshold}
      WHERE product_id = ${productId} AND sequence < ${sequence}
        AND (low_stock_threshold IS NOT ${ownThreshold} OR threshold <> ${threshold})`,
    sql`INSERT INTO stock_levels (product_id, sku, name, vendor_id, product_version, opening, on_hand, reserved, available,
        low_stock_threshold, threshold, availability, sequence, updated_at)
      VALUES (${productId}, ${sku}, ${name}, ${vendorId}, ${version}, ${level.opening}, ${level.onHand}, ${level.taken},
        ${level.onHand - level.taken}, ${ownThreshold}, ${threshold}, ${level.availability}, ${sequence}, ${now})
      ON CONFLICT (product_id) DO UPDATE SET on_hand = excluded.on_hand, reserved = excluded.reserved,
        available = excluded.available, availability = excluded.availability, sequence = excluded.sequence,
        updated_at = excluded.updated_at
      WHERE excluded.sequence > stock_levels.sequence`,
  ];
}

export function reservationsUpsert(productId: string, rows: readonly ReservationRow[]): SQL {
  return sql`INSERT INTO reservations (product_id, owner, order_id, quantity, state, expires_at, updated_at, sequence, counted)
    SELECT ${productId}, value ->> 'owner', value ->> 'orderId', value ->> 'quantity', value ->> 'state', value ->> 'expiresAt',
      value ->> 'updatedAt', value ->> 'sequence', value ->> 'counted'
    FROM json_each(${JSON.stringify(rows)}) WHERE true
    ON CONFLICT (product_id, owner) DO UPDATE SET order_id = excluded.order_id, quantity = excluded.quantity,
      state = excluded.state, expires_at = excluded.expires_at, updated_at = excluded.updated_at, sequence = excluded.sequence,
      counted = excluded.counted
    WHERE excluded.sequence > reservations.sequence`;
}

export function ledgerInsert(productId: string, rows: readonly LedgerRow[]): SQL {
  return sql`INSERT INTO ledger (id, product_id, type, delta, on_hand_after, reference, actor, created_at)
    SELECT value ->> 'id', ${productId}, value ->> 'type', value ->> 'delta', value ->> 'onHandAfter', value ->> 'reference',
      value ->> 'actor', value ->> 'createdAt'
    FROM json_each(${JSON.stringify(rows)}) WHERE true ON CONFLICT DO NOTHING`;
}

/** The row may be there from a flush whose end the object did not live to see. */
function eventInsert({ id, envelope }: EventRow): SQL {
  const event = parseEvent(JSON.parse(envelope));
  if (event === undefined) throw new Error(`stored event ${id} is not in the catalogue`);
  return outboxInsertFrom(event, sql`${envelope}`, sql`WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE id = ${id})`);
}

/** The statements of one atomic batch. `level` must have no holds past their time left unmarked. */
export function flushStatements({ level, reservations, ledger, events, audit }: Flush, now: number): SQL[] {
  return [
    ...levelUpsert(level, now),
    ...(reservations.length === 0 ? [] : [reservationsUpsert(level.productId, reservations)]),
    ...(ledger.length === 0 ? [] : [ledgerInsert(level.productId, ledger)]),
    ...(audit.length === 0 ? [] : [auditInsertRows(audit)]),
    ...events.map(eventInsert),
  ];
}
