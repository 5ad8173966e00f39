// Findings: what a sweep found that should not have been, and whether it could mend it. One row per kind and subject, however
// often it is found, so that something amiss every minute fills no table.
import { SQL, is, sql } from "drizzle-orm";
import { inJson } from "./statement.ts";

export interface Finding {
  /** What is amiss, for example `webhook_missed`, `projection_differs`. */
  readonly kind: string;
  /** The id of what it was found on. */
  readonly subject: string;
  /** `open`: somebody has to look at it. */
  readonly outcome: "mended" | "open";
  /** Both sides of what differs, or what was done. Plain JSON. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Closes open findings of these kinds: of these subjects, or where a condition on `subject` holds. `now`: milliseconds since the epoch. */
export function findingsMended(now: number, kinds: readonly string[], subjects: readonly string[] | SQL): SQL {
  const condition = is(subjects, SQL) ? subjects : inJson(sql`subject`, subjects);
  return sql`UPDATE findings SET outcome = 'mended', last_found_at = ${now}
    WHERE outcome = 'open' AND ${inJson(sql`kind`, kinds)} AND ${condition}`;
}

/** Writes a finding, or counts it once more. `now` is in milliseconds since the epoch. */
export function findingInsert(now: number, { kind, subject, outcome, details }: Finding): SQL {
  return sql`INSERT INTO findings (kind, subject, details, outcome, first_found_at, last_found_at)
    VALUES (${kind}, ${subject}, ${JSON.stringify(details)}, ${outcome}, ${now}, ${now})
    ON CONFLICT (kind, subject) DO UPDATE SET details = excluded.details, outcome = excluded.outcome,
      times = times + 1, last_found_at = excluded.last_found_at`;
}
