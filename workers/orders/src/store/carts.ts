// The index of carts: which Cart objects the expiry sweep has to query.
import { getTableColumns, sql } from "drizzle-orm";
import { commit, mustChange } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { EventEnvelope } from "#shared/events/envelope";
import { outboxInsert, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import type { Customer } from "#shared/events/catalogue";
import { carts } from "../schema.ts";

export type CartRow = typeof carts.$inferSelect;

/** Written before the cart's first line, so that the sweep can find every line. */
export async function writeCartIndex(
  db: Database,
  id: string,
  customer: Customer | null,
  expiresAt: number,
): Promise<void> {
  const text = customer === null ? null : JSON.stringify(customer);
  await commit(db, {
    row: sql`INSERT INTO carts (id, customer, expires_at) VALUES (${id}, ${text}, ${expiresAt})
      ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, expires_at = excluded.expires_at`,
  });
}

export async function expiredCartRows(db: Database, now: number, limit: number): Promise<readonly CartRow[]> {
  const due = sql`FROM carts WHERE expires_at <= ${now} ORDER BY expires_at LIMIT ${limit}`;
  return await db.all(select(getTableColumns(carts), due));
}

/** Moves the row to the time that the object gave, unless it was rewritten since it was read. */
export async function postponeCartRow(db: Database, row: CartRow, expiresAt: number): Promise<void> {
  await commit(db, {
    row: sql`UPDATE carts SET expires_at = ${expiresAt} WHERE id = ${row.id} AND expires_at = ${row.expiresAt}`,
  });
}

/**
 * Deletes the row and publishes the event, once, however many sweeps run concurrently.
 * @throws StaleWrite when the cart was used again or another sweep was first.
 */
export async function endCartRow(deps: Deps, row: CartRow, event: EventEnvelope | undefined): Promise<void> {
  await save(deps, {
    row: sql`DELETE FROM carts WHERE id = ${row.id} AND expires_at = ${row.expiresAt}`,
    guard: mustChange(),
    event: event === undefined ? [] : [outboxInsert(event)],
  });
}
