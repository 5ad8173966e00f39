// Reconciles one product: the object checks its own sums, then compares D1's copy with itself. A copy that differs is written again in
// one batch with the finding. Sums that do not add up inside the object are never repaired by a guess: the finding stays open for
// a person, and D1's copy is left alone, because it may show what was right.
import type { Deps } from "#shared/deps";
import type { Finding } from "#shared/findings";
import { findingInsert } from "#shared/findings";
import { save } from "#shared/outbox";
import { LOST_AFTER_MS, PURGE_MARGIN_MS, RECONCILE_TRIES, RETENTION_MS } from "../constants.ts";
import type { Flusher } from "./flusher.ts";
import { readCopiedLedger, readCopy, rewriteStatements } from "./repair.ts";
import type { ProjectedLevel } from "./repair.ts";
import type { LedgerRow } from "./schema.ts";
import type { StockTables } from "./tables.ts";

/** What reconciling needs of the object. */
export interface Reconcilable {
  readonly tables: StockTables;
  readonly deps: Deps;
  readonly flusher: Pick<Flusher, "flush" | "exclusively" | "change" | "noteProjected" | "dueAt">;
}

/** The kinds of the findings. */
export interface Reconciliation {
  readonly mended: readonly string[];
  readonly open: readonly string[];
  /** False when the object changed during every comparison: then nothing is known of its copy. */
  readonly isCompared: boolean;
}

export const NO_DIFFERENCES: Reconciliation = { mended: [], open: [], isCompared: true };

type Found = Omit<Finding, "subject">;

interface Staleness {
  /** Whether D1 shows a hold long past its time. */
  readonly isStale: boolean;
}

export async function reconcile(stock: Reconcilable, { isStale }: Staleness): Promise<Reconciliation> {
  const found = await checkSums(stock);
  let compared: readonly Found[] | undefined;
  if (found.some(({ outcome }) => outcome === "open")) {
    await save(stock.deps, { findings: findingInserts(stock, found) });
  } else {
    found.push(...(await catchUp(stock, { isStale })));
    await save(stock.deps, { findings: findingInserts(stock, found) });
    compared = await compare(stock);
    found.push(...(compared ?? []));
  }
  const kindsOf = (outcome: Finding["outcome"]): string[] =>
    found.filter((one) => one.outcome === outcome).map(({ kind }) => kind);
  return { mended: kindsOf("mended"), open: kindsOf("open"), isCompared: compared !== undefined };
}

function findingInserts({ tables, deps }: Reconcilable, found: readonly Found[]): ReturnType<typeof findingInsert>[] {
  const now = deps.now();
  const subject = tables.level(now).productId;
  return found.map((one) => findingInsert(now, { ...one, subject }));
}

/** Checks opening + ledger = on-hand, and that `taken` is the sum of the reservations. The second can be summed again. */
async function checkSums({ tables, deps, flusher }: Reconcilable): Promise<Found[]> {
  const { opening, onHand, taken, takenCounted } = tables.level(deps.now());
  const openingPlusLedger = opening + tables.records.ledgerSum();
  const rows = tables.takenByRows();
  const found: Found[] = [];
  if (onHand !== openingPlusLedger) {
    found.push({ kind: "stock_ledger_differs", outcome: "open", details: { onHand, openingPlusLedger } });
  }
  if (taken !== rows.taken || takenCounted !== rows.takenCounted) {
    const isPossible = rows.taken <= onHand;
    const sums = { heldAndReserved: rows.taken, countedRows: rows.takenCounted };
    const details = { onHand, taken, takenCounted, ...sums };
    found.push({ kind: "stock_taken_differs", outcome: isPossible ? "mended" : "open", details });
    if (isPossible) {
      await flusher.change((book) => {
        tables.setTaken(rows);
        book.markChanged();
      });
    }
  }
  return found;
}

/** Flushes. It is a finding when the alarm should have done so long ago. */
async function catchUp({ tables, deps, flusher }: Reconcilable, { isStale }: Staleness): Promise<Found[]> {
  const { sequence, flushedSequence } = tables.level(deps.now());
  const due = sequence > flushedSequence ? await flusher.dueAt() : deps.now();
  const isLost = due === null || due < deps.now() - LOST_AFTER_MS;
  const hasWritten = await flusher.flush();
  if (!hasWritten || (!isLost && !isStale)) return [];
  const kind = isStale ? "stock_hold_stale" : "stock_alarm_lost";
  return [{ kind, outcome: "mended", details: { sequence, flushedSequence } }];
}

/** Compares D1's copy, and repairs it. Undefined when the object changed each time: another sweep will compare it. */
async function compare(stock: Reconcilable): Promise<Found[] | undefined> {
  const { tables, deps, flusher } = stock;
  for (let tries = 0; tries < RECONCILE_TRIES; tries += 1) {
    await flusher.flush();
    const { sequence, productId, flushedSequence } = tables.level(deps.now());
    const ledgerSince = tables.records.oldestEntry();
    const finishedSince = deps.now() - RETENTION_MS + PURGE_MARGIN_MS;
    const copy = await readCopy(deps.db, productId, { finishedSince, ledgerSince });
    const hasSameLedger = isSame(copy.ledger, tables.records.ledgerFigures());
    const wrong = hasSameLedger ? [] : await wrongEntries(stock, ledgerSince);
    if (sequence !== flushedSequence || tables.level(deps.now()).sequence !== sequence) continue;
    const level = projectedLevel(stock);
    const reservations = tables.reservationFigures(finishedSince);
    const found: Found[] = [];
    if (!isSame(copy.level, level) || !isSame(copy.reservations, reservations) || wrong.length > 0) {
      const object = { level, reservations, wrongEntries: wrong.length };
      const projection = { level: copy.level ?? null, reservations: copy.reservations };
      found.push({ kind: "stock_projection_differs", outcome: "mended", details: { object, projection } });
    }
    const repaired = wrong.reduce((sum, { row, copied }) => sum + row.delta - copied, copy.ledgerDelta);
    // Entries that only D1 has cannot be made from the object: a person has to look at them.
    if (level.opening + repaired !== level.onHand) {
      const details = { onHand: level.onHand, projectedOpeningPlusLedger: level.opening + repaired };
      found.push({ kind: "stock_ledger_differs", outcome: "open", details });
    }
    const entries = wrong.map(({ row }) => row);
    if (found[0]?.outcome === "mended") await rewrite(stock, entries, found);
    else await save(deps, { findings: findingInserts(stock, found) });
    return found;
  }
  return undefined;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The level that D1 should have, its members in the order in which D1's are read. */
function projectedLevel({ tables, deps }: Reconcilable): ProjectedLevel {
  const { sku, name, vendorId, version, opening, onHand, projectedTaken, ownThreshold, availability, flushedSequence } =
    tables.level(deps.now());
  const sequence = Math.max(flushedSequence, 1);
  return {
    sku,
    name,
    vendorId,
    version,
    opening,
    onHand,
    reserved: projectedTaken,
    ownThreshold,
    availability,
    sequence,
  };
}

/** The entries that D1 lacks or that differ there, with the delta that D1 has of each. */
async function wrongEntries(
  { tables, deps }: Reconcilable,
  since: number,
): Promise<{ readonly row: LedgerRow; readonly copied: number }[]> {
  const { productId, flushedSequence } = tables.level(deps.now());
  const rows = tables.records.newLedger(0, flushedSequence);
  const copies = new Map((await readCopiedLedger(deps.db, productId, since)).map((row) => [row.id, row]));
  return rows
    .filter((row) => !isSame({ ...copies.get(row.id), sequence: row.sequence }, row))
    .map((row) => ({ row, copied: copies.get(row.id)?.delta ?? 0 }));
}

/** Writes the whole copy and the findings in one batch. A change during it has a later sequence and its own flush. */
async function rewrite(stock: Reconcilable, ledger: readonly LedgerRow[], found: readonly Found[]): Promise<void> {
  const { tables, deps, flusher } = stock;
  await flusher.exclusively(async () => {
    const now = deps.now();
    const level = tables.level(now);
    const reservations = tables.changedReservations(0, Number.MAX_SAFE_INTEGER);
    // What the object has not flushed yet stays with its own flush.
    const copy = { level: { ...level, sequence: level.flushedSequence }, reservations, ledger };
    await save(deps, { copy: rewriteStatements(copy, now), findings: findingInserts(stock, found) });
    await flusher.noteProjected(level.taken);
    return true;
  });
}
