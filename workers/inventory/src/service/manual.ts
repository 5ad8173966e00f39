// Reservations made by the API, outside orders. The row with its lines is in D1 before anything is held, so a crash leaves
// nothing that release or the sweep could not find. Their owners begin with `manual`, which no order's owner does.
import type { z } from "zod";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import type { ManualReservation, ReleaseInput, Released, ReserveInput } from "#shared/contracts/inventory";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { PENDING_STALE_MS } from "../constants.ts";
import { sumLines } from "../domain/stock.ts";
import type { ManualRow } from "../schema.ts";
import { findManual, moveManual, openManual, readStalePending } from "../store/manual.ts";
import type { InventoryDeps } from "./deps.ts";
import { holdAll, releaseAll } from "./holds.ts";

function rowOwner(orderId: string): string {
  return `manual:${orderId}`;
}

/**
 * The owner in the objects. An owner that was released stays shut out there, so each later use of an id has its own, which
 * no id can imitate: what follows `manual:` is always the id of a first use.
 */
function stockOwner({ owner, generation }: ManualRow): string {
  return generation === 1 ? owner : owner.replace("manual:", `manual.${String(generation)}:`);
}

function linesOf(row: ManualRow): StockLine[] {
  return JSON.parse(row.items) as StockLine[];
}

/** Gives back what a reservation holds. */
async function releaseManualLines(deps: InventoryDeps, call: Call, row: ManualRow): Promise<StockLine[]> {
  const productIds = linesOf(row).map(({ productId }) => productId);
  return await releaseAll(deps, call, stockOwner(row), productIds);
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
  // A copy of this request may have failed beside it, or finished first; only a release in between takes it back.
  const entry = { action: "stock.reserve", subject: orderId, details: { items: reservation.items, ttlSeconds } };
  const audit = auditInsert(call, deps.now(), entry);
  if (await moveManual(deps, row, ["pending", "failed"], "held", [audit])) return ok(reservation);
  if (await moveManual(deps, row, ["held"], "held")) return ok(reservation);
  await releaseManualLines(deps, call, row);
  return fail("reservation_conflict", "This reservation was released while it was made.");
}

/** See InventoryContract.release. The objects first: a crash in between leaves a row that can be released again. */
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

/** Manual reservations that a crash left between their row and their last hold. */
export async function releaseAbandoned(
  deps: InventoryDeps,
  call: Call,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const rows = await readStalePending(deps, everything ? deps.now() : deps.now() - PENDING_STALE_MS);
  let released = 0;
  for (const row of rows) {
    try {
      await releaseManualLines(deps, call, row);
      await moveManual(deps, row, ["pending"], "released");
      released += 1;
    } catch (error) {
      // One product whose object is down must not keep the other sweeps from running.
      log("warn", "a reservation is left to the next sweep", { owner: row.owner, error });
    }
  }
  return released;
}
