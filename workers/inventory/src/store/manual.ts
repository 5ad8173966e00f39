// The rows of manual reservations. Each change is one conditional statement; of two concurrent changes one finds its condition false.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { StaleWrite, commit, mustChange } from "#shared/database";
import type { Deps } from "#shared/deps";
import type { ManualRow } from "../schema.ts";

const COLUMNS = sql`owner, generation, items, state, expires_at AS expiresAt, updated_at AS updatedAt`;

async function rowsOf(deps: Deps, statements: readonly SQL[]): Promise<ManualRow[]> {
  const { results } = await commit(deps.db, statements);
  return (results.at(-1)?.results ?? []) as unknown as ManualRow[];
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
  const [row] = await rowsOf(deps, [
    sql`INSERT INTO manual_reservations (owner, items, state, expires_at, updated_at)
      VALUES (${owner}, ${items}, 'pending', ${expiresAt}, ${now})
      ON CONFLICT (owner) DO UPDATE SET generation = generation + 1, items = excluded.items, state = 'pending',
        expires_at = excluded.expires_at, updated_at = excluded.updated_at
      WHERE state IN ('released', 'failed') OR expires_at <= ${now}`,
    sql`SELECT ${COLUMNS} FROM manual_reservations WHERE owner = ${owner}`,
  ]);
  if (row === undefined) throw new Error(`the reservation ${owner} was not written`);
  return row;
}

export async function findManual(deps: Deps, owner: string): Promise<ManualRow | undefined> {
  const [row] = await rowsOf(deps, [sql`SELECT ${COLUMNS} FROM manual_reservations WHERE owner = ${owner}`]);
  return row;
}

/** Changes the state of this generation, and writes `andThen` with it. False when it was in none of the states `from`. */
export async function moveManual(
  deps: Deps,
  { owner, generation }: Pick<ManualRow, "owner" | "generation">,
  from: readonly ManualRow["state"][],
  to: ManualRow["state"],
  andThen: readonly SQL[] = [],
): Promise<boolean> {
  const move = [
    sql`UPDATE manual_reservations SET state = ${to}, updated_at = ${deps.now()}
      WHERE owner = ${owner} AND generation = ${generation} AND state IN (SELECT value FROM json_each(${JSON.stringify(from)}))`,
    mustChange(),
    ...andThen,
  ];
  try {
    await commit(deps.db, move);
    return true;
  } catch (error) {
    if (error instanceof StaleWrite) return false;
    throw error;
  }
}

/** Reservations pending since `before` (ms), which a crash left unfinished. */
export async function readStalePending(deps: Deps, before: number): Promise<ManualRow[]> {
  return await rowsOf(deps, [
    sql`SELECT ${COLUMNS} FROM manual_reservations WHERE state = 'pending' AND updated_at <= ${before} LIMIT 100`,
  ]);
}

/** Closes expired reservations, whose holds have ended by themselves. Returns how many. */
export async function closeExpired(deps: Deps): Promise<number> {
  const rows = await rowsOf(deps, [
    sql`UPDATE manual_reservations SET state = 'released', updated_at = ${deps.now()}
      WHERE state IN ('pending', 'held') AND expires_at <= ${deps.now()} RETURNING ${COLUMNS}`,
  ]);
  return rows.length;
}
