// What operators read in every Worker, from the tables that every database has: the log of events, the audit log, findings, and
// whether the database answers. The gateway makes one list of all Workers' rows.
import { getTableColumns, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type * as z from "zod";
import type { Call } from "./call.ts";
import type {
  AuditRecord,
  FindingRecord,
  ListAuditInput,
  ListEventsInput,
  ListFeedInput,
  ListFindingsInput,
  PlacedEvent,
  Rows,
  StoredEvent,
  SweepCounts,
} from "./contracts/messaging.ts";
import { commit, readAll } from "./database.ts";
import { select } from "./statement.ts";
import { withTimeout } from "./timeout.ts";
import type { Outcome } from "./errors.ts";
import { redactEnvelope } from "./events/commands.ts";
import { firstIdAt } from "./ids.ts";
import { log } from "./logger.ts";
import type { Deps } from "./deps.ts";
import { ok } from "./result.ts";
import { auditLog, findings, outbox } from "./schema.ts";
import { SEARCHED_ROWS, isBehind, searchBack } from "./search.ts";
import type { Part } from "./search.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Who did what is asked about at the end of a business year, so the log reaches over it. */
export const AUDIT_RETENTION_MS = 400 * DAY_MS;
/** As long as the events that a finding may be about; one that still holds is found again. */
const FINDING_RETENTION_MS = 90 * DAY_MS;
/** Within the time that the gateway gives a Worker to answer at all, so that a database that hangs is told from a Worker that does. */
const DATABASE_DEADLINE_MS = 500;

/** Of a dead letter: whether its consumer has come to it after all. */
export const HANDLED = sql`EXISTS (SELECT 1 FROM inbox WHERE inbox.event_id = dead_letters.event_id)`;

const STORED_EVENT = { id: outbox.id, envelope: outbox.envelope };

type Key = readonly (string | number)[] | undefined;

/** The condition `column = value` for each filter that is set, and the place to go on from. */
export function matching(
  filters: Readonly<Record<string, string | undefined>>,
  keyColumns: readonly string[],
  before: Key,
): SQL {
  const equal = Object.entries(filters).flatMap(([column, value]) =>
    value === undefined ? [] : [sql`${sql.identifier(column)} = ${value}`],
  );
  return sql.join([isBehind(keyColumns, before), ...equal], sql` AND `);
}

function shownEvent({ id, envelope }: StoredEvent): StoredEvent {
  return { id, envelope: redactEnvelope(envelope) };
}

/** A page as the contract has it. */
export function rowsOf<Row, Shown>({ rows, reached }: Part<Row>, render: (row: Row) => Shown): Rows<Shown> {
  return { items: rows.map(render), ...(reached === undefined ? {} : { reached }) };
}

/** Ids of events sort by the time they were made, so the primary key and every index end in the order of the list. */
export async function listEvents(
  deps: Deps,
  _call: Call,
  { limit, before, type, subject, correlationId }: z.output<typeof ListEventsInput>,
): Promise<Outcome<Rows<StoredEvent>>> {
  const filters = { type, subject, correlation_id: correlationId };
  if (subject === undefined && (type ?? correlationId) !== undefined) {
    const wanted = matching(filters, [], undefined);
    const found = await searchBack(deps.db, {
      fields: STORED_EVENT,
      table: "outbox",
      key: ["id"],
      wanted,
      before,
      limit,
    });
    return ok(rowsOf(found, shownEvent));
  }
  const where = matching(filters, ["id"], before);
  const rows = await deps.db.all(select(STORED_EVENT, sql`FROM outbox WHERE ${where} ORDER BY id DESC LIMIT ${limit}`));
  return ok({ items: rows.map(shownEvent) });
}

/** Goes through the log forwards, a bounded way at a time where filters leave most of it out. */
export async function listFeed(
  deps: Deps,
  _call: Call,
  { limit, after, type, subject, correlationId }: z.output<typeof ListFeedInput>,
): Promise<Outcome<Rows<PlacedEvent>>> {
  const filters = { type, subject, correlation_id: correlationId };
  const isFiltered = Object.values(filters).some((value) => value !== undefined);
  // Without a filter the page itself is all that is searched.
  const following = sql`FROM outbox WHERE seq > ${after} ORDER BY seq LIMIT ${isFiltered ? SEARCHED_ROWS : limit}`;
  const { rows, searched } = await readAll(deps.db, {
    rows: select(
      { ...STORED_EVENT, seq: outbox.seq },
      sql`FROM (SELECT id, type, subject, correlation_id, envelope, seq ${following}) AS outbox
        WHERE ${matching(filters, [], undefined)} ORDER BY seq LIMIT ${limit}`,
    ),
    searched: select({ seq: sql<number | null>`max(seq)` }, sql`FROM (SELECT seq ${following})`),
  });
  const [end] = searched;
  const items = rows.map(({ id, envelope, seq }) => ({ id, envelope: redactEnvelope(envelope), seq }));
  const isSearched = rows.length < limit && end !== undefined && end.seq !== null;
  return ok({ items, ...(isSearched ? { reached: [end.seq ?? after] } : {}) });
}

export async function listAudit(
  deps: Deps,
  _call: Call,
  { limit, before, actor, subject, action }: z.output<typeof ListAuditInput>,
): Promise<Outcome<Rows<AuditRecord>>> {
  const where = matching({ actor_id: actor, subject, action }, ["id"], before);
  const rows = sql`FROM audit_log WHERE ${where} ORDER BY id DESC LIMIT ${limit}`;
  return ok({ items: await deps.db.all(select(getTableColumns(auditLog), rows)) });
}

export async function listFindings(
  deps: Deps,
  _call: Call,
  { limit, before, kind, outcome }: z.output<typeof ListFindingsInput>,
): Promise<Outcome<Rows<FindingRecord>>> {
  const where = matching({ kind, outcome }, ["last_found_at", "kind", "subject"], before);
  // Literal text, because a partial index serves no bound parameter.
  const isOpen = outcome === "open" ? sql`outcome = 'open'` : sql`true`;
  const rows = sql`FROM findings WHERE ${where} AND ${isOpen} ORDER BY last_found_at DESC, kind DESC, subject DESC LIMIT ${limit}`;
  return ok({ items: await deps.db.all(select(getTableColumns(findings), rows)) });
}

/** Drops audit rows, findings and handled dead letters past their retention. A dead letter that nobody handled stays, however old. */
export async function purgeOperations(deps: Deps): Promise<SweepCounts> {
  const now = deps.now();
  const { results } = await commit(deps.db, {
    audit: sql`DELETE FROM audit_log WHERE id < ${firstIdAt("aud", now - AUDIT_RETENTION_MS)}`,
    findings: sql`DELETE FROM findings WHERE last_found_at < ${now - FINDING_RETENTION_MS}`,
    letters: sql`DELETE FROM dead_letters WHERE dead_at < ${now - FINDING_RETENTION_MS} AND ${HANDLED}`,
  });
  return {
    purgedAudit: results.audit.changes,
    purgedFindings: results.findings.changes,
    purgedDeadLetters: results.letters.changes,
  };
}

async function reachesDatabase(deps: Deps): Promise<boolean> {
  try {
    await deps.db.run(sql`SELECT 1`);
    return true;
  } catch (error) {
    log("warn", "the database does not answer", { error });
    return false;
  }
}

/** Whether the database answers, and in time. */
export async function health(deps: Deps): Promise<Outcome<{ readonly database: "up" | "down" }>> {
  const isUp = await withTimeout(reachesDatabase(deps), DATABASE_DEADLINE_MS, () => false);
  return ok({ database: isUp ? "up" : "down" });
}
