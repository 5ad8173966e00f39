// What a Stock object opens with: the level and the remembered reservations of its product, from D1.
import { sql } from "drizzle-orm";
import type { Availability } from "#shared/events/catalogue";
import { readAll } from "#shared/database";
import type { Database } from "#shared/database";
import { availabilityOf } from "../domain/stock.ts";
import { toReservation } from "./tables.ts";
import type { Opening, ProductDetails, StoredReservation } from "./tables.ts";

interface StoredLevel extends ProductDetails {
  readonly opening: number;
  readonly onHand: number;
  readonly available: number;
  readonly ownThreshold: number | null;
  readonly availability: Availability;
  readonly sequence: number;
}

/**
 * Reads the opening of a product; undefined when D1 has no level for it. Released and consumed reservations come along, so that
 * late copies of their events find them.
 */
export async function readOpening(db: Database, productId: string, threshold: number): Promise<Opening | undefined> {
  const [levels, reservations] = await readAll<[StoredLevel, StoredReservation]>(db, [
    sql`SELECT product_id AS productId, sku, name, vendor_id AS vendorId, product_version AS version, opening, on_hand AS onHand,
      available, low_stock_threshold AS ownThreshold, availability, max(sequence, 1) AS sequence
      FROM stock_levels WHERE product_id = ${productId}`,
    sql`SELECT owner, order_id AS orderId, quantity, state, expires_at AS expiresAt, NULL AS attempt, updated_at AS updatedAt,
      max(sequence, 1) AS sequence, counted FROM reservations WHERE product_id = ${productId}`,
  ]);
  const [level] = levels;
  if (level === undefined) return undefined;
  const effective = level.ownThreshold ?? threshold;
  return {
    ...level,
    threshold: effective,
    armed: level.available > effective,
    reservations: reservations.map(toReservation),
  };
}

/** A product that has no level yet: nothing on hand, and D1 is still to be told. */
export function emptyOpening(details: ProductDetails, threshold: number): Opening {
  return {
    ...details,
    opening: 0,
    onHand: 0,
    ownThreshold: null,
    threshold,
    armed: false,
    availability: availabilityOf(0, threshold),
    sequence: 0,
    reservations: [],
  };
}
