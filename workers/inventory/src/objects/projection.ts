// D1's copy of one product: read once when its object opens, and kept up to date by the object's flushes. Its writes are guarded by
// sequences and ids that the object made with the change: an older flush overwrites nothing newer, a repeated one changes nothing.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { auditInsertRows } from "#shared/audit";
import type { AuditRow } from "#shared/audit";
import { readAll } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { parseEvent } from "#shared/events/envelope";
import { outboxInsertFrom } from "#shared/outbox";
import { availabilityOf } from "../domain/stock.ts";
import { reservations as stored, stockLevels } from "../schema.ts";
import type { ProductDetails } from "./requests.ts";
import type { EventRow, LedgerRow, ReservationRow } from "./schema.ts";
import type { LevelState, Opening } from "./tables.ts";

/** The columns of a level that an object opens with and is compared by. Sequence 0, written by no object, is read as 1. */
export const LEVEL = {
  sku: stockLevels.sku,
  name: stockLevels.name,
  vendorId: stockLevels.vendorId,
  version: stockLevels.productVersion,
  opening: stockLevels.opening,
  onHand: stockLevels.onHand,
  reserved: stockLevels.reserved,
  ownThreshold: stockLevels.lowStockThreshold,
  availability: stockLevels.availability,
  sequence: sql<number>`max(sequence, 1)`,
};

/**
 * Reads what an object opens with; undefined when D1 has no level of the product. Finished reservations come along, so that late
 * copies of their events meet them.
 */
export async function readOpening(
  db: Database,
  productId: string,
  defaultThreshold: number,
): Promise<Opening | undefined> {
  const { owner, orderId, quantity, state, expiresAt, updatedAt, counted } = stored;
  const [attempt, sequence] = [sql<null>`NULL`, sql<number>`max(sequence, 1)`];
  const fields = { owner, orderId, quantity, state, expiresAt, attempt, updatedAt, sequence, counted };
  const { levels, reservations } = await readAll(db, {
    levels: select(LEVEL, sql`FROM stock_levels WHERE product_id = ${productId}`),
    reservations: select(fields, sql`FROM reservations WHERE product_id = ${productId}`),
  });
  const [level] = levels;
  if (level === undefined) return undefined;
  const threshold = level.ownThreshold ?? defaultThreshold;
  return { level: { ...level, productId, threshold, armed: level.onHand - level.reserved > threshold }, reservations };
}

/** What the object of a new product opens with: nothing on hand. D1 has nothing of it yet. */
export function emptyOpening(details: ProductDetails, threshold: number): Opening {
  const stock = { opening: 0, onHand: 0, ownThreshold: null, threshold, armed: false, sequence: 0 };
  return { level: { ...details, ...stock, availability: availabilityOf(0, threshold) }, reservations: [] };
}

export interface Flush {
  readonly level: LevelState;
  readonly reservations: readonly ReservationRow[];
  readonly ledger: readonly LedgerRow[];
  readonly events: readonly EventRow[];
  readonly audit: readonly AuditRow[];
}

/**
 * Details and thresholds have statements of their own, which write only where they changed: an UPDATE that names an indexed
 * column writes its indexes again even for the same value, and stock changes far more often.
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

/** A flush that the object crashed after may have written the row already. */
function eventInsert({ id, envelope }: EventRow): SQL {
  const event = parseEvent(JSON.parse(envelope));
  if (event === undefined) throw new Error(`stored event ${id} is not in the catalogue`);
  return outboxInsertFrom(event, sql`${envelope}`, sql`WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE id = ${id})`);
}

/** The statements of one atomic batch. Expired holds must have been marked. */
export function flushStatements({ level, reservations, ledger, events, audit }: Flush, now: number): SQL[] {
  return [
    ...levelUpsert(level, now),
    ...(reservations.length === 0 ? [] : [reservationsUpsert(level.productId, reservations)]),
    ...(ledger.length === 0 ? [] : [ledgerInsert(level.productId, ledger)]),
    ...(audit.length === 0 ? [] : [auditInsertRows(audit)]),
    ...events.map(eventInsert),
  ];
}
