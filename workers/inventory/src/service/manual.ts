// Reservations that staff and API clients make outside orders. The row with its lines is in D1 before anything is held, so whatever a
// crash leaves is found by release or the sweep. Their owners begin with `manual`, which no order's owner does.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import { ManualReservation } from "#shared/contracts/inventory";
import type { ReleaseInput, Released, ReserveInput } from "#shared/contracts/inventory";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { ok } from "#shared/result";
import { sweepEach } from "#shared/sweep";
import type { SweepRun } from "#shared/sweep";
import { PENDING_STALE_MS, SWEEP_CONCURRENCY } from "../constants.ts";
import { sumLines } from "../domain/stock.ts";
import type { ManualRow } from "../schema.ts";
import { findManual, moveManual, openManual, readStalePending } from "../store/manual.ts";
import type { InventoryDeps } from "./deps.ts";
import { holdAll, releaseAll } from "./holds.ts";
import { traceOf } from "./products.ts";

function rowOwner(orderId: string): string {
  return `manual:${orderId}`;
}

/**
 * The owner in the objects. A released owner stays shut out there, so each later use of an id has an owner of its own. No id can
 * produce it: `manual:` is always followed by the id of a first use.
 */
function stockOwner({ owner, generation }: ManualRow): string {
  return generation === 1 ? owner : owner.replace("manual:", `manual.${String(generation)}:`);
}

function linesOf(row: ManualRow): StockLine[] {
  return ManualReservation.shape.items.parse(JSON.parse(row.items));
}

async function releaseManualLines(deps: InventoryDeps, call: Call, row: ManualRow): Promise<StockLine[]> {
  const productIds = linesOf(row).map(({ productId }) => productId);
  return await releaseAll(deps, traceOf(call), stockOwner(row), productIds);
}

/** See InventoryContract.reserve. An id whose reservation was released, failed or expired may be used again. */
export async function reserve(
  deps: InventoryDeps,
  call: Call,
  { orderId, items, ttlSeconds }: z.output<typeof ReserveInput>,
): Promise<Outcome<ManualReservation>> {
  const wanted = { owner: rowOwner(orderId), items: JSON.stringify(sumLines(items)) };
  const row = await openManual(deps, { ...wanted, expiresAt: deps.now() + ttlSeconds * 1_000 });
  if (row.items !== wanted.items) return fail("reservation_conflict", "This orderId is reserved with other items.");
  const reservation = { orderId, items: linesOf(row), expiresAt: new Date(row.expiresAt).toISOString() };
  if (row.state === "held") return ok(reservation);
  const held = await holdAll(deps, call, {
    owner: stockOwner(row),
    lines: linesOf(row),
    expiresAt: row.expiresAt,
    projected: true,
  });
  if (!held.ok) {
    await moveManual(deps, row, ["pending"], "failed");
    return held;
  }
  // A copy of this request may have failed or finished first. Only a release during it undoes this one.
  const entry = { action: "stock.reserve", subject: orderId, details: { items: reservation.items, ttlSeconds } };
  const audit = auditInsert(call, deps.now(), entry);
  if (await moveManual(deps, row, ["pending", "failed"], "held", [audit])) return ok(reservation);
  if (await moveManual(deps, row, ["held"], "held")) return ok(reservation);
  await releaseManualLines(deps, call, row);
  return fail("reservation_conflict", "This reservation was released while it was being made.");
}

/** See InventoryContract.release. The objects come first: a crash then leaves a row that can be released again. */
export async function release(
  deps: InventoryDeps,
  call: Call,
  { orderId }: z.output<typeof ReleaseInput>,
): Promise<Outcome<Released>> {
  const row = await findManual(deps, rowOwner(orderId));
  if (row === undefined || row.state === "released" || row.state === "failed") return ok({ released: [] });
  const released = await releaseManualLines(deps, call, row);
  const audit = auditInsert(call, deps.now(), {
    action: "stock.release",
    subject: orderId,
    details: { items: linesOf(row) },
  });
  await moveManual(deps, row, ["pending", "held"], "released", [audit]);
  return ok({ released });
}

/** Releases reservations that a crash left between their row and their last hold. Returns how many. */
export async function releaseAbandoned(deps: InventoryDeps, { call, everything }: SweepRun): Promise<number> {
  const rows = await readStalePending(deps, everything ? deps.now() : deps.now() - PENDING_STALE_MS);
  return await sweepEach(rows, { concurrency: SWEEP_CONCURRENCY, idOf: ({ owner }) => owner }, async (row) => {
    await releaseManualLines(deps, call, row);
    return await moveManual(deps, row, ["pending"], "released");
  });
}
