// The rows of manual reservations. Each change is one conditional statement; of two concurrent changes one finds its condition false.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { StaleWrite, commit, mustChange } from "#shared/database";
import { inJson, select } from "#shared/statement";
import type { Query } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { manualReservations } from "../schema.ts";
import type { ManualRow } from "../schema.ts";

function manualWhere(condition: SQL): Query<ManualRow> {
  return select(getTableColumns(manualReservations), sql`FROM manual_reservations WHERE ${condition}`);
}

/**
 * Opens a reservation. Returns the row that has the name now: this one, or one that is still open. A released, failed or
 * expired one is replaced, with the next generation.
 */
export async function openManual(
  deps: Deps,
  { owner, items, expiresAt }: Pick<ManualRow, "owner" | "items" | "expiresAt">,
): Promise<ManualRow> {
  const now = deps.now();
  const { results } = await commit(deps.db, {
    opened: sql`INSERT INTO manual_reservations (owner, items, state, expires_at, updated_at)
      VALUES (${owner}, ${items}, 'pending', ${expiresAt}, ${now})
      ON CONFLICT (owner) DO UPDATE SET generation = generation + 1, items = excluded.items, state = 'pending',
        expires_at = excluded.expires_at, updated_at = excluded.updated_at
      WHERE state IN ('released', 'failed') OR expires_at <= ${now}`,
    current: manualWhere(sql`owner = ${owner}`),
  });
  const [row] = results.current.rows;
  if (row === undefined) throw new Error(`the reservation ${owner} was not written`);
  return row;
}

export async function findManual(deps: Deps, owner: string): Promise<ManualRow | undefined> {
  return await deps.db.first(manualWhere(sql`owner = ${owner}`));
}

/** Changes the state of this generation, and writes `andThen` with it. False when it was in none of the states `from`. */
export async function moveManual(
  deps: Deps,
  { owner, generation }: Pick<ManualRow, "owner" | "generation">,
  from: readonly ManualRow["state"][],
  to: ManualRow["state"],
  andThen: readonly SQL[] = [],
): Promise<boolean> {
  try {
    await commit(deps.db, {
      moved: sql`UPDATE manual_reservations SET state = ${to}, updated_at = ${deps.now()}
        WHERE owner = ${owner} AND generation = ${generation} AND ${inJson(sql`state`, from)}`,
      mustHaveMoved: mustChange(),
      andThen,
    });
    return true;
  } catch (error) {
    if (error instanceof StaleWrite) return false;
    throw error;
  }
}

/** Reservations pending since `before` (ms), which a crash left unfinished. */
export async function readStalePending(deps: Deps, before: number): Promise<ManualRow[]> {
  return await deps.db.all(manualWhere(sql`state = 'pending' AND updated_at <= ${before} LIMIT 100`));
}

/** Closes expired reservations, whose holds have ended by themselves. Returns how many. */
export async function closeExpired(deps: Deps): Promise<number> {
  const { results } = await commit(deps.db, {
    closed: sql`UPDATE manual_reservations SET state = 'released', updated_at = ${deps.now()}
      WHERE state IN ('pending', 'held') AND expires_at <= ${deps.now()}`,
  });
  return results.closed.changes;
}
