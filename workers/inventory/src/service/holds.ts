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
import { sumLines } from "../domain/stock.ts";
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
  readonly projected: boolean;
  /** Whether they count toward the share of buyers without proof. */
  readonly counted?: boolean | undefined;
  /** The least that the share may be, by product; 1 where nothing is said. */
  readonly minimums?: ReadonlyMap<string, number | undefined>;
}

interface Attempt {
  readonly line: StockLine;
  readonly result: Result<Held, StockFailure>;
}

/** How a line is asked for at its object. */
interface HoldCalls {
  readonly hold: (line: StockLine) => Promise<Attempt>;
  /** Why the line would be refused; undefined when it would be held. */
  readonly refusalOf: (line: StockLine) => Promise<Attempt | undefined>;
  /** Gives back what this attempt holds. */
  readonly undo: (attempts: readonly Attempt[]) => Promise<void>;
}

/** An order's hold. See InventoryContract.hold. */
export async function hold(
  deps: InventoryDeps,
  call: Call,
  { owner, lines, counted }: z.output<typeof HoldInput>,
): Promise<Outcome<{ readonly expiresAt: string; readonly newlyHeld: readonly StockLine[] }>> {
  const minimums = new Map(lines.map(({ productId, minimum }) => [productId, minimum]));
  const expiresAt = deps.now() + HOLD_TTL_MS;
  const held = await holdAll(deps, call, {
    owner,
    lines: sumLines(lines),
    expiresAt,
    projected: false,
    counted,
    minimums,
  });
  if (!held.ok) return held;
  return ok({ expiresAt: new Date(held.value.expiresAt).toISOString(), newlyHeld: held.value.newlyHeld });
}

function holdCallsOf(deps: InventoryDeps, call: Call, all: HoldAll): HoldCalls {
  const { owner, expiresAt, projected, counted, minimums } = all;
  const attempt = crypto.randomUUID();
  const trace = traceOf(call);
  const request = ({ productId, quantity }: StockLine): HoldRequest => {
    const minimum = minimums?.get(productId);
    return { owner, quantity, expiresAt, attempt, projected, counted, minimum };
  };
  return {
    hold: async (line) => {
      const result = await onStock(deps, call, line.productId, (stock) => stock.hold(request(line), trace));
      return { line, result };
    },
    refusalOf: async (line) => {
      const answer = await onStock(deps, call, line.productId, (stock) => stock.refusalOf(request(line), trace));
      return answer.ok ? undefined : { line, result: answer };
    },
    undo: async (attempts) => {
      await Promise.all(undoable(attempts).map(({ productId }) => deps.stock(productId).undo(owner, attempt, trace)));
    },
  };
}

/** Holds every line or none. Fails as InventoryContract.hold says. */
export async function holdAll(
  deps: InventoryDeps,
  call: Call,
  all: HoldAll,
): Promise<Outcome<{ readonly expiresAt: number; readonly newlyHeld: readonly StockLine[] }>> {
  const { lines } = all;
  const calls = holdCallsOf(deps, call, all);
  let attempts = await Promise.all(lines.map(calls.hold));
  // A single line waits for nobody's other line: trying again could only ask for luck.
  const retries = lines.length > 1 ? HOLD_RETRIES : 0;
  for (let retry = 0; retry < retries && isContended(attempts); retry += 1) {
    await calls.undo(attempts);
    await scheduler.wait(Math.random() * HOLD_RETRY_PAUSE_MS);
    attempts = await holdInTurn(lines, calls);
  }
  const failure = failureOf(attempts);
  if (failure !== undefined) {
    await calls.undo(attempts);
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
  return refused.length > 0 && refused.every((failure) => "heldByOthers" in failure && failure.heldByOthers);
}

/** Line by line. After the first refusal the rest is only looked at: holding it would stand in somebody's way for nothing. */
async function holdInTurn(lines: readonly StockLine[], calls: HoldCalls): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  let isRefused = false;
  for (const line of lines) {
    const attempt: Attempt | undefined = isRefused ? await calls.refusalOf(line) : await calls.hold(line);
    if (attempt === undefined) continue;
    attempts.push(attempt);
    isRefused ||= !attempt.result.ok;
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
  const because = (reason: "short" | "limited"): { productId: string; requested: number; available: number }[] =>
    refused.flatMap(({ line: { productId, quantity: requested }, failure }) =>
      failure.reason === reason ? [{ productId, requested, available: failure.available }] : [],
    );
  const shortages = because("short");
  return shortages.length > 0
    ? fail("insufficient_stock", "There is not enough stock for all lines.", { shortages })
    : quantityLimited(because("limited"));
}

/** `allowed` is that of the first line; `limits` has it for each line that is over. */
function quantityLimited(
  lines: readonly { readonly productId: string; readonly requested: number; readonly available: number }[],
): Outcome<never> {
  const limits = lines.map(({ productId, requested, available }) => ({ productId, requested, allowed: available }));
  const most = limits.map(({ productId, allowed }) => `${String(allowed)} of ${productId}`).join(", ");
  const allowed = limits[0]?.allowed ?? 0;
  const detail = `Without a verified e-mail address you may order at most ${most} now. Sign in with a verified address to order more.`;
  return fail("quantity_limited", detail, { allowed, limits });
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
