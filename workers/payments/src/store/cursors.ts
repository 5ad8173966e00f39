// How far a sweep has come that works its way through time.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Database } from "#shared/database";

/** Milliseconds since the epoch; undefined before the first time. */
export async function readCursor(db: Database, name: string): Promise<number | undefined> {
  const [row] = await db.all<{ at: number }>(sql`SELECT at FROM marks WHERE name = ${name}`);
  return row?.at;
}

/** Moves a mark on, never back: of two sweeps at once the one that came further wins. */
export function advanceCursor(name: string, at: number): SQL {
  return sql`INSERT INTO marks (name, at) VALUES (${name}, ${at})
    ON CONFLICT (name) DO UPDATE SET at = max(at, excluded.at)`;
}
