// Reconciling one product: the object checks itself, then reads D1's copy back and compares. What is only a copy is written anew,
// in one batch with the finding that says so. What the object itself does not add up to is never mended by a guess: it stays open for
// a person, and the copy is left alone, because it may be what tells how it was.
import type { Deps } from "#shared/deps";
import type { Finding } from "#shared/findings";
import { findingInsert } from "#shared/findings";
import { save } from "#shared/outbox";
import { LOST_AFTER_MS, PURGE_MARGIN_MS, RECONCILE_TRIES, RETENTION_MS } from "../constants.ts";
import { readCopiedLedger, readCopy, rewriteStatements } from "./projection.ts";
import type { Copy, Figures, ProjectedLevel } from "./projection.ts";
import type { LedgerRow } from "./records.ts";
import type { StockTables } from "./tables.ts";

/** What reconciling needs of the object. */
export interface Reconcilable {
  readonly tables: StockTables;
  readonly deps: Deps;
  /** Brings D1 up to date; tells whether there was anything to write. */
  readonly flush: () => Promise<boolean>;
  /** Runs a write to D1 while no flush is under way. */
  readonly exclusively: (write: () => Promise<boolean>) => Promise<boolean>;
  /** When the alarm is set for (ms); null when it is not. */
  readonly alarm: () => Promise<number | null>;
  /** Runs `work` and counts a change up, as one transaction: the next flush shows the level as it is then. */
  readonly change: (work: () => void) => Promise<void>;
}

/** The kinds of what was found, each also a row in `findings`. */
export interface Reconciliation {
  readonly mended: readonly string[];
  readonly open: readonly string[];
  /** False when the object never rested: then nothing is known of its copy. */
  readonly isCompared: boolean;
}

export const NO_DIFFERENCES: Reconciliation = { mended: [], open: [], isCompared: true };

type Found = Omit<Finding, "subject">;

interface Staleness {
  /** Whether D1 shows a hold long past its time. */
  readonly isStale: boolean;
}

export async function reconcile(stock: Reconcilable, { isStale }: Staleness): Promise<Reconciliation> {
  const found = await checkObject(stock);
  let compared: readonly Found[] | undefined;
  if (found.every(({ outcome }) => outcome === "mended")) {
    found.push(...(await catchUp(stock, { isStale })));
    await write(stock, found);
    compared = await compare(stock);
    found.push(...(compared ?? []));
  } else {
    await write(stock, found);
  }
  const kindsOf = (outcome: Finding["outcome"]): string[] =>
    found.filter((one) => one.outcome === outcome).map(({ kind }) => kind);
  return { mended: kindsOf("mended"), open: kindsOf("open"), isCompared: compared !== undefined };
}

async function write({ tables, deps }: Reconcilable, found: readonly Found[]): Promise<void> {
  const subject = tables.level(deps.now()).productId;
  if (found.length > 0)
    await save(
      deps,
      found.map((one) => findingInsert(deps.now(), { ...one, subject })),
    );
}

/** Opening + ledger = on-hand, and taken = what is held and reserved. The second follows from the rows and is counted anew. */
async function checkObject({ tables, change }: Reconcilable): Promise<Found[]> {
  const { onHand, ledgerSum, taken, takenSum, takenCounted, takenCountedSum } = tables.records.sums();
  const found: Found[] = [];
  if (onHand !== ledgerSum) {
    found.push({ kind: "stock_ledger_differs", outcome: "open", details: { onHand, openingPlusLedger: ledgerSum } });
  }
  if (taken !== takenSum || takenCounted !== takenCountedSum) {
    const details = { onHand, taken, heldAndReserved: takenSum, takenCounted, countedRows: takenCountedSum };
    const isPossible = takenSum <= onHand;
    found.push({ kind: "stock_taken_differs", outcome: isPossible ? "mended" : "open", details });
    if (isPossible) {
      await change(() => {
        tables.records.recountTaken();
      });
    }
  }
  return found;
}

/** Writes what an alarm should have written. What is only on its way is no finding. */
async function catchUp({ tables, deps, flush, alarm }: Reconcilable, { isStale }: Staleness): Promise<Found[]> {
  const { sequence, flushedSequence } = tables.level(deps.now());
  const due = sequence > flushedSequence ? await alarm() : deps.now();
  const isLost = due === null || due < deps.now() - LOST_AFTER_MS;
  const hasWritten = await flush();
  if (!hasWritten || (!isLost && !isStale)) return [];
  const kind = isStale ? "stock_hold_stale" : "stock_alarm_lost";
  return [{ kind, outcome: "mended", details: { sequence, flushedSequence } }];
}

/** Reads the copy until nothing changed meanwhile, and mends it. Undefined: an object that never rests is looked at in another sweep. */
async function compare(stock: Reconcilable): Promise<Found[] | undefined> {
  const { tables, deps, flush } = stock;
  for (let tries = 0; tries < RECONCILE_TRIES; tries += 1) {
    await flush();
    const { sequence, productId, flushedSequence } = tables.level(deps.now());
    const ledgerSince = tables.records.oldestEntry();
    const settledSince = deps.now() - RETENTION_MS + PURGE_MARGIN_MS;
    const copy = await readCopy(deps.db, productId, { settledSince, ledgerSince });
    const ledger = isSame(copy.ledger, tables.records.ledgerFigures())
      ? NO_LEDGER_DIFFERENCE
      : await ledgerDifference(stock, ledgerSince);
    if (sequence !== flushedSequence || tables.level(deps.now()).sequence !== sequence) continue;
    const reservations = tables.reservationFigures(settledSince);
    const projected = projectedLevel(stock);
    const differs =
      !isSame(copy.level, projected) || !isSame(copy.reservations, reservations) || ledger.wrong.length > 0;
    const found = [
      ...(differs
        ? [projectionDiffers(copy, { level: projected, reservations, wrongEntries: ledger.wrong.length })]
        : []),
      ...ledgerDiffers(stock, copy, ledger.delta),
    ];
    if (differs) await rewrite(stock, ledger.wrong, found);
    else await write(stock, found);
    return found;
  }
  return undefined;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What D1 should show of the level, in the order of the columns that are read. */
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

interface LedgerDifference {
  /** Entries that D1 lacks or has otherwise. */
  readonly wrong: readonly LedgerRow[];
  /** What writing them adds to the sum of D1's entries. */
  readonly delta: number;
}

const NO_LEDGER_DIFFERENCE: LedgerDifference = { wrong: [], delta: 0 };

async function ledgerDifference({ tables, deps }: Reconcilable, since: number): Promise<LedgerDifference> {
  const { productId, flushedSequence } = tables.level(deps.now());
  const rows = tables.records.newLedger(0, flushedSequence);
  const copied = new Map((await readCopiedLedger(deps.db, productId, since)).map((row) => [row.id, row]));
  const wrong = rows.filter((row) => !isSame({ ...copied.get(row.id), sequence: row.sequence }, row));
  return {
    wrong,
    delta: wrong.reduce((sum, { id, delta }) => sum + delta - (copied.get(id)?.delta ?? 0), 0),
  };
}

function projectionDiffers(
  { level, reservations }: Copy,
  object: { readonly level: ProjectedLevel; readonly reservations: readonly Figures[]; readonly wrongEntries: number },
): Found {
  const projection = { level: level ?? null, reservations };
  return { kind: "stock_projection_differs", outcome: "mended", details: { object, projection } };
}

/** Entries that only D1 has cannot be made anew from the object: when they do not add up, somebody has to look. */
function ledgerDiffers({ tables, deps }: Reconcilable, copy: Copy, mended: number): Found[] {
  const { onHand, opening } = tables.level(deps.now());
  const projected = opening + copy.ledgerDelta + mended;
  if (projected === onHand) return [];
  const details = { onHand, projectedOpeningPlusLedger: projected };
  return [{ kind: "stock_ledger_differs", outcome: "open", details }];
}

/** The whole copy and what was found, as one batch. A change meanwhile has a later sequence, and its own flush follows. */
async function rewrite(
  { tables, deps, exclusively, change }: Reconcilable,
  ledger: readonly LedgerRow[],
  found: readonly Found[],
): Promise<void> {
  await exclusively(async () => {
    const now = deps.now();
    const { flushedSequence: sequence, ...level } = tables.level(now);
    const reservations = tables.changedReservations(0, Number.MAX_SAFE_INTEGER);
    await save(deps, [
      ...rewriteStatements({ level: { ...level, sequence, flushedSequence: sequence }, reservations, ledger }, now),
      ...found.map((one) => findingInsert(now, { ...one, subject: level.productId })),
    ]);
    // A hold that was counted may have ended while the copy was written.
    if (tables.level(deps.now()).taken >= level.taken) tables.setProjectedTaken(level.taken);
    else await change(() => tables.setProjectedTaken(level.taken));
    return true;
  });
}
