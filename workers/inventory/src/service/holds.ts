// Holding several products at once, all or nothing, though each is an object of its own. All are asked in parallel; what was
// held is undone before a failure is answered. Two carts that take the last of each other's goods would both fail, so while a
// shortage is only due to others' holds it is tried again in the order of the products' ids: then one of them gets ahead.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { HoldInput, ReleaseHoldInput, Released } from "#shared/contracts/inventory";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { ok } from "#shared/result";
import type { Result } from "#shared/result";
import { HOLD_RETRIES, HOLD_RETRY_PAUSE_MS, HOLD_TTL_MS } from "../constants.ts";
import { sumLines } from "../domain.ts";
import type { Held, HoldRequest } from "../objects/book.ts";
import type { StockFailure } from "../objects/stock.ts";
import type { InventoryDeps } from "./deps.ts";
import { onStock, productNotFound, traceOf } from "./products.ts";

export interface HoldAll {
  readonly owner: string;
  /** One line per product, in the order of the products' ids. */
  readonly lines: readonly StockLine[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Whether the projection shows the holds. */
  readonly shown: boolean;
}

interface Attempt {
  readonly line: StockLine;
  readonly result: Result<Held, StockFailure>;
}

type Ask = (line: StockLine) => Promise<Attempt>;

/** An order's hold. See InventoryContract.hold. */
export async function hold(
  deps: InventoryDeps,
  call: Call,
  { owner, lines }: z.output<typeof HoldInput>,
): Promise<Outcome<{ readonly expiresAt: string; readonly newlyHeld: readonly StockLine[] }>> {
  const request = { owner, lines: sumLines(lines), expiresAt: deps.now() + HOLD_TTL_MS, shown: false };
  const held = await holdAll(deps, call, request);
  if (!held.ok) return held;
  return ok({ expiresAt: new Date(held.value.expiresAt).toISOString(), newlyHeld: held.value.newlyHeld });
}

/** Holds every line or none. Fails with insufficient_stock and all short lines, product_not_found, reservation_conflict. */
export async function holdAll(
  deps: InventoryDeps,
  call: Call,
  { owner, lines, expiresAt, shown }: HoldAll,
): Promise<Outcome<{ readonly expiresAt: number; readonly newlyHeld: readonly StockLine[] }>> {
  const attempt = crypto.randomUUID();
  const ask: Ask = async (line) => {
    const request: HoldRequest = { owner, quantity: line.quantity, expiresAt, attempt, shown };
    const result = await onStock(deps, call, line.productId, (stock) => stock.hold(request, traceOf(call)));
    return { line, result };
  };
  const undo = async (attempts: readonly Attempt[]): Promise<void> => {
    const mayBeUndone = undoable(attempts);
    await Promise.all(mayBeUndone.map(({ productId }) => deps.stock(productId).undo(owner, attempt, traceOf(call))));
  };
  let attempts = await Promise.all(lines.map(ask));
  // A single line waits for nobody's other line: trying again could only ask for luck.
  const retries = lines.length > 1 ? HOLD_RETRIES : 0;
  for (let retry = 0; retry < retries && isContended(attempts); retry += 1) {
    await undo(attempts);
    await scheduler.wait(Math.random() * HOLD_RETRY_PAUSE_MS);
    attempts = await holdInTurn(deps, lines, ask);
  }
  const failure = failureOf(attempts);
  if (failure !== undefined) {
    await undo(attempts);
    return failure;
  }
  const held = attempts.flatMap(({ line, result }) => (result.ok ? [{ line, ...result.value }] : []));
  return ok({
    expiresAt: Math.min(...held.map((one) => one.expiresAt)),
    newlyHeld: held.filter((one) => one.newlyHeld).map(({ line }) => line),
  });
}

/** Whether all that is missing is only held by others. */
function isContended(attempts: readonly Attempt[]): boolean {
  const refused = attempts.flatMap(({ result }) => (result.ok ? [] : [result.error]));
  return refused.length > 0 && refused.every((failure) => failure.reason === "short" && failure.heldByOthers);
}

/** Line by line. After the first refusal the rest is only looked at: holding it would stand in somebody's way for nothing. */
async function holdInTurn(deps: InventoryDeps, lines: readonly StockLine[], ask: Ask): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  let isRefused = false;
  for (const line of lines) {
    if (!isRefused) {
      const attempt = await ask(line);
      attempts.push(attempt);
      isRefused = !attempt.result.ok;
      continue;
    }
    const level = await deps.stock(line.productId).level();
    const available = level.ok ? level.value.available : 0;
    if (available >= line.quantity) continue;
    attempts.push({ line, result: { ok: false, error: { reason: "short", available, heldByOthers: true } } });
  }
  return attempts;
}

/**
 * What a failed attempt gives back. A hold that it only found is its own now, unless the owner's other call asks for other
 * quantities: then that one's holds are left alone.
 */
function undoable(attempts: readonly Attempt[]): StockLine[] {
  const isConflict = attempts.some(({ result }) => !result.ok && result.error.reason === "closed");
  return attempts.flatMap(({ line, result }) => (result.ok && (result.value.newlyHeld || !isConflict) ? [line] : []));
}

function failureOf(attempts: readonly Attempt[]): Outcome<never> | undefined {
  const refused = attempts.flatMap(({ line, result }) => (result.ok ? [] : [{ line, failure: result.error }]));
  if (refused.length === 0) return undefined;
  if (refused.some(({ failure }) => failure.reason === "unknown_product")) return productNotFound();
  if (refused.some(({ failure }) => failure.reason === "closed")) {
    return fail("reservation_conflict", "This reservation was released, or holds other quantities.");
  }
  const shortages = refused.flatMap(({ line, failure }) =>
    failure.reason === "short"
      ? [{ productId: line.productId, requested: line.quantity, available: failure.available }]
      : [],
  );
  return fail("insufficient_stock", "There is not enough stock for all lines.", { shortages });
}

/** Releases what an owner has of these products and shuts it out. See InventoryContract.releaseHold. */
export async function releaseHold(
  deps: InventoryDeps,
  call: Call,
  { owner, productIds }: z.output<typeof ReleaseHoldInput>,
): Promise<Outcome<Released>> {
  return ok({ released: await releaseAll(deps, call, owner, [...new Set(productIds)]) });
}

/** What came back, product by product. */
export async function releaseAll(
  deps: InventoryDeps,
  call: Call,
  owner: string,
  productIds: readonly string[],
): Promise<StockLine[]> {
  const released = await Promise.all(
    productIds.map(async (productId) => ({
      productId,
      quantity: await deps.stock(productId).release(owner, traceOf(call)),
    })),
  );
  return released.filter(({ quantity }) => quantity > 0);
}
