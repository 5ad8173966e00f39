// Wrong passwords and known sources. An attempt counts as a failure before its password is checked and is uncounted when the password
// was right, so that concurrent attempts cannot exceed the limit: D1 runs batches one after the other.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { MAX_KNOWN_SOURCES } from "../constants.ts";

/** The most failures that a bucket may count in a window. */
export interface FailureLimit {
  readonly failures: number;
  readonly windowMs: number;
}

export interface Attempt {
  readonly email: string;
  readonly emailBucket: string;
  readonly source: string;
  readonly sourceBucket: string;
}

/** An attempt that was counted. One from a known source does not count against the e-mail. */
export interface CountedAttempt extends Attempt {
  readonly countsForEmail: boolean;
}

export interface AttemptLimits {
  readonly perSource: FailureLimit;
  readonly perEmail: FailureLimit;
  /** A source that was last seen after this is known. Milliseconds since the epoch. */
  readonly knownSince: number;
}

/** How an attempt was counted, or which limit refused it and until when (milliseconds since the epoch). */
export type AttemptCount =
  | { readonly countsForEmail: boolean }
  | { readonly refusedBy: "source" | "email"; readonly until: number };

function isKnown(email: string, source: string, since: number): SQL<number> {
  return sql<number>`EXISTS (SELECT 1 FROM users u JOIN known_sources k ON k.user_id = u.id
    WHERE u.email = ${email} AND k.source = ${source} AND k.seen_at > ${since})`;
}

export async function isKnownSource(db: Database, email: string, source: string, since: number): Promise<boolean> {
  const row = await db.first(select({ known: isKnown(email, source, since) }, sql``));
  return row?.known === 1;
}

/** Adds a failure if `condition` holds and the bucket is not full. A full bucket whose window has ended begins again. */
function addFailure(bucket: string, { failures, windowMs }: FailureLimit, now: number, condition: SQL): SQL {
  return sql`INSERT INTO wrong_passwords (bucket, failures, ends_at) SELECT ${bucket}, 1, ${now + windowMs} WHERE ${condition}
    ON CONFLICT (bucket) DO UPDATE SET failures = iif(ends_at <= ${now}, 1, failures + 1),
      ends_at = iif(ends_at <= ${now}, excluded.ends_at, ends_at)
    WHERE ends_at <= ${now} OR failures < ${failures}`;
}

/** Counts an attempt as a failure of its source and, where the source is unknown, of the e-mail. */
export async function countAttempt(deps: Deps, attempt: Attempt, limits: AttemptLimits): Promise<AttemptCount> {
  const { email, emailBucket, source, sourceBucket } = attempt;
  const now = deps.now();
  const known = isKnown(email, source, limits.knownSince);
  const endOf = (bucket: string): SQL<number | null> =>
    sql<number | null>`(SELECT ends_at FROM wrong_passwords WHERE bucket = ${bucket})`;
  const { perSource, perEmail, context } = await save(deps, {
    perSource: addFailure(sourceBucket, limits.perSource, now, sql`true`),
    perEmail: addFailure(emailBucket, limits.perEmail, now, sql`changes() > 0 AND NOT ${known}`),
    context: select({ known, sourceEnds: endOf(sourceBucket), emailEnds: endOf(emailBucket) }, sql``),
  });
  const [row] = context.rows;
  if (perSource.changes === 0) return { refusedBy: "source", until: row?.sourceEnds ?? now };
  const countsForEmail = row?.known !== 1;
  if (perEmail.changes === 0 && countsForEmail) return { refusedBy: "email", until: row?.emailEnds ?? now };
  return { countsForEmail };
}

/** Uncounts one failure, unless the window has been purged. */
function decrement(bucket: string): SQL {
  return sql`UPDATE wrong_passwords SET failures = failures - 1 WHERE bucket = ${bucket} AND failures > 0`;
}

/** Uncounts an attempt whose password was not checked. */
export function cancelAttempt({ emailBucket, sourceBucket, countsForEmail }: CountedAttempt): SQL[] {
  return [decrement(sourceBucket), ...(countsForEmail ? [decrement(emailBucket)] : [])];
}

/** Clears the failures of a source whose password was right. Failures of other sources still count against the e-mail. */
export function clearAttempt({ emailBucket, sourceBucket, countsForEmail }: CountedAttempt): SQL[] {
  return [deleteFailures(sourceBucket), ...(countsForEmail ? [decrement(emailBucket)] : [])];
}

export function deleteFailures(bucket: string): SQL {
  return sql`DELETE FROM wrong_passwords WHERE bucket = ${bucket}`;
}

/** Makes sources known for a user, and forgets the oldest ones beyond MAX_KNOWN_SOURCES. */
export function rememberSources(userId: string, sources: readonly string[], now: number): SQL[] {
  return [
    ...sources.map(
      (source) => sql`INSERT INTO known_sources (user_id, source, seen_at) VALUES (${userId}, ${source}, ${now})
        ON CONFLICT (user_id, source) DO UPDATE SET seen_at = excluded.seen_at`,
    ),
    sql`DELETE FROM known_sources WHERE user_id = ${userId} AND source NOT IN
      (SELECT source FROM known_sources WHERE user_id = ${userId} ORDER BY seen_at DESC, source LIMIT ${MAX_KNOWN_SOURCES})`,
  ];
}

/** Deletes ended windows. Returns how many. */
export async function purgeWrongPasswords(deps: Deps): Promise<number> {
  const { windows } = await save(deps, { windows: sql`DELETE FROM wrong_passwords WHERE ends_at <= ${deps.now()}` });
  return windows.changes;
}

/** Deletes sources that were last seen before `since`. Returns how many. */
export async function purgeKnownSources(deps: Deps, since: number): Promise<number> {
  const { sources } = await save(deps, { sources: sql`DELETE FROM known_sources WHERE seen_at <= ${since}` });
  return sources.changes;
}
