// The index of carts: which Cart objects the expiry sweep has to query.
import { and, asc, eq, lte } from "drizzle-orm";
import { commit, mustChange } from "#shared/database";
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
  const row = { customer: customer === null ? null : JSON.stringify(customer), expiresAt };
  await commit(db, [
    db
      .insert(carts)
      .values({ id, ...row })
      .onConflictDoUpdate({ target: carts.id, set: row }),
  ]);
}

export async function expiredCartRows(db: Database, now: number, limit: number): Promise<readonly CartRow[]> {
  return await db.select().from(carts).where(lte(carts.expiresAt, now)).orderBy(asc(carts.expiresAt)).limit(limit);
}

/** Moves the row to the time that the object gave, unless it was rewritten since it was read. */
export async function postponeCartRow(db: Database, row: CartRow, expiresAt: number): Promise<void> {
  await commit(db, [
    db
      .update(carts)
      .set({ expiresAt })
      .where(and(eq(carts.id, row.id), eq(carts.expiresAt, row.expiresAt))),
  ]);
}

/**
 * Deletes the row and publishes the event, once, however many sweeps run concurrently.
 * @throws StaleWrite when the cart was used again or another sweep was first.
 */
export async function endCartRow(deps: Deps, row: CartRow, event: EventEnvelope | undefined): Promise<void> {
  await save(deps, [
    deps.db.delete(carts).where(and(eq(carts.id, row.id), eq(carts.expiresAt, row.expiresAt))),
    mustChange(),
    ...(event === undefined ? [] : [outboxInsert(event)]),
  ]);
}
