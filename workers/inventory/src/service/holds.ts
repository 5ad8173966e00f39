// Holds several products at once, all or none, though each has an object of its own. The lines are taken in the order of the products'
// ids, HOLD_CHUNK at a time: all of a chunk in parallel, and the next chunk when it is held. What was held is undone before a failure is
// returned. Two carts that each hold what the other lacks would both fail. So while lines of a chunk are short only because of other
// owners' holds, the chunk is held again one by one in that order: one cart wins.
import type * as z from "zod";
import type { Call } from "#shared/call";
import { mapConcurrent } from "#shared/concurrency";
import type { HoldInput, ReleaseHoldInput, Released } from "#shared/contracts/inventory";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { log } from "#shared/logger";
import { err, ok } from "#shared/result";
import {
  HOLD_CHUNK,
  HOLD_DEADLINE_MS,
  HOLD_RETRIES,
  HOLD_RETRY_PAUSE_MS,
  HOLD_TTL_MS,
  STOCK_CONCURRENCY,
} from "../constants.ts";
import { sumLines } from "../domain/stock.ts";
import type { Held, HoldRequest, StockFailure, Trace } from "../objects/requests.ts";
import type { InventoryDeps, StockCalls } from "./deps.ts";
import { onStocks, productNotFound, traceOf } from "./products.ts";
import type { Answer as StockAnswer } from "./products.ts";

type HoldAll = Pick<HoldRequest, "owner" | "expiresAt" | "projected" | "counted"> & {
  /** One line per product, in the order of the products' ids. */
  readonly lines: readonly StockLine[];
  /** The minimum order quantity of each product. Default: 1. */
  readonly minimums?: ReadonlyMap<string, number | undefined>;
};

/** Products that the text of a refusal names. */
const MAX_NAMED = 10;

/** `failed`: the object did not answer. Whether the line is held is not known; if it is, the hold expires. */
type Failure = StockFailure | { readonly reason: "failed"; readonly error: unknown };
type Answer = StockAnswer<StockLine, Held, Failure>;

/** How one attempt calls the objects. */
interface Attempt {
  readonly hold: (lines: readonly StockLine[], options?: { readonly isCheck: boolean }) => Promise<Answer[]>;
  /** Undoes what the answers say was held. */
  readonly undo: (answers: readonly Answer[]) => Promise<void>;
}

/** Holds an order's lines. See InventoryContract.hold. */
export async function hold(
  deps: InventoryDeps,
  call: Call,
  { owner, lines, counted }: z.output<typeof HoldInput>,
): Promise<Outcome<{ readonly expiresAt: string; readonly newlyHeld: readonly StockLine[] }>> {
  const expiresAt = deps.now() + HOLD_TTL_MS;
  const minimums = new Map(lines.map(({ productId, minimum }) => [productId, minimum]));
  const held = await holdAll(deps, call, {
    owner,
    lines: sumLines(lines),
    expiresAt,
    projected: false,
    counted,
    minimums,
  });
  return held.ok ? ok({ ...held.value, expiresAt: new Date(held.value.expiresAt).toISOString() }) : held;
}

/** Holds every line or none. Fails as InventoryContract.hold says. @throws when an object does not answer. */
export async function holdAll(
  deps: InventoryDeps,
  call: Call,
  { lines, ...wanted }: HoldAll,
): Promise<Outcome<{ readonly expiresAt: number; readonly newlyHeld: readonly StockLine[] }>> {
  const attempt = newAttempt(deps, call, wanted);
  const startedAt = deps.now();
  // Only orders of several lines can be in each other's way for a moment.
  const retries = lines.length > 1 ? HOLD_RETRIES : 0;
  const answers: Answer[] = [];
  for (let from = 0; from < lines.length; from += HOLD_CHUNK) {
    if (deps.now() - startedAt > HOLD_DEADLINE_MS) {
      await attempt.undo(answers);
      return fail("service_unavailable", "Holding the stock took too long; try again.");
    }
    try {
      answers.push(...(await holdChunk(lines.slice(from, from + HOLD_CHUNK), attempt, retries)));
    } catch (error) {
      await attempt.undo(answers);
      throw error;
    }
    if (answers.some(({ result }) => !result.ok)) {
      await attempt.undo(answers);
      throwIfFailed(answers);
      // The others are only checked, so that the refusal names every line that is short.
      const rest = await attempt.hold(lines.slice(from + HOLD_CHUNK), { isCheck: true });
      throwIfFailed(rest);
      return refusalOf([...answers, ...rest]);
    }
  }
  const held = answers.flatMap(({ line, result }) => (result.ok ? [{ line, ...result.value }] : []));
  return ok({
    expiresAt: Math.min(...held.map((one) => one.expiresAt)),
    newlyHeld: held.filter((one) => one.newlyHeld).map(({ line }) => line),
  });
}

function newAttempt(deps: InventoryDeps, call: Call, { minimums, ...common }: Omit<HoldAll, "lines">): Attempt {
  const [attempt, trace] = [crypto.randomUUID(), traceOf(call)];
  const undoOne = async (productId: string): Promise<void> => {
    try {
      await deps.stock(productId).undo(common.owner, attempt, trace);
    } catch (error) {
      log("warn", "a hold was not undone; it expires by itself", { productId, error });
    }
  };
  return {
    hold: (lines, { isCheck } = { isCheck: false }) => {
      let hasFailed = false;
      const holdOne = async (stock: StockCalls, { productId, quantity }: StockLine): Promise<Answer["result"]> => {
        // No new holds for an attempt that has failed.
        if (hasFailed) return err({ reason: "failed", error: undefined });
        try {
          const request = { ...common, quantity, attempt, isCheck, minimum: minimums?.get(productId) };
          return await stock.hold(request, trace);
        } catch (error) {
          hasFailed = true;
          return err({ reason: "failed", error });
        }
      };
      return onStocks<StockLine, Held, Failure>(deps, call, lines, holdOne);
    },
    undo: async (answers) => {
      const held = undoable(answers).map(({ productId }) => productId);
      await mapConcurrent(held, { concurrency: STOCK_CONCURRENCY }, undoOne);
    },
  };
}

/** Holds a chunk, again in turn while it is contended. The last answers may be refusals; what they held is not undone. */
async function holdChunk(lines: readonly StockLine[], attempt: Attempt, retries: number): Promise<Answer[]> {
  let answers = await attempt.hold(lines);
  for (let retry = 0; retry < retries && isContended(answers); retry += 1) {
    await attempt.undo(answers);
    await scheduler.wait(Math.random() * HOLD_RETRY_PAUSE_MS);
    answers = await holdInTurn(lines, attempt);
  }
  return answers;
}

function throwIfFailed(answers: readonly Answer[]): void {
  for (const { result } of answers) {
    if (!result.ok && result.error.reason === "failed" && result.error.error !== undefined) throw result.error.error;
  }
}

/** Whether every refused line is short only because of other owners' holds. */
function isContended(answers: readonly Answer[]): boolean {
  const refused = answers.flatMap(({ result }) => (result.ok ? [] : [result.error]));
  return refused.length > 0 && refused.every((error) => "heldByOthers" in error && error.heldByOthers);
}

/** Holds line by line. After the first refusal it only checks the others: holding them would block other carts. */
async function holdInTurn(lines: readonly StockLine[], attempt: Attempt): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const [index, line] of lines.entries()) {
    const held = await attempt.hold([line]);
    answers.push(...held);
    if (held.every(({ result }) => result.ok)) continue;
    const checked = await attempt.hold(lines.slice(index + 1), { isCheck: true });
    // A check that passed held nothing: there is nothing to undo.
    return [...answers, ...checked.filter(({ result }) => !result.ok)];
  }
  return answers;
}

/**
 * The holds that a failed attempt undoes. Those that it only found belong to the same request, unless the owner wanted other
 * quantities there: then they stay.
 */
function undoable(answers: readonly Answer[]): StockLine[] {
  const isConflict = answers.some(({ result }) => !result.ok && result.error.reason === "closed");
  return answers.flatMap(({ line, result }) => (result.ok && (result.value.newlyHeld || !isConflict) ? [line] : []));
}

/** Why an order with refused lines is not held. */
function refusalOf(answers: readonly Answer[]): Outcome<never> {
  const refused = answers.flatMap(({ line, result }) => (result.ok ? [] : [{ line, failure: result.error }]));
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

/** `allowed` is that of the first line; `limits` has one entry for each line. */
function quantityLimited(
  lines: readonly { readonly productId: string; readonly requested: number; readonly available: number }[],
): Outcome<never> {
  const limits = lines.map(({ productId, requested, available }) => ({ productId, requested, allowed: available }));
  const named = limits.slice(0, MAX_NAMED).map(({ productId, allowed }) => `${String(allowed)} of ${productId}`);
  const most = [...named, ...(limits.length > named.length ? ["so on"] : [])].join(", ");
  const allowed = limits[0]?.allowed ?? 0;
  const detail = `Without a verified e-mail address you may order at most ${most} now. Sign in with a verified address to order more.`;
  return fail("quantity_limited", detail, { allowed, limits });
}

/** See InventoryContract.releaseHold. */
export async function releaseHold(
  deps: InventoryDeps,
  call: Call,
  { owner, productIds }: z.output<typeof ReleaseHoldInput>,
): Promise<Outcome<Released>> {
  return ok({ released: await releaseAll(deps, traceOf(call), owner, [...new Set(productIds)]) });
}

/** Releases what an owner has of these products and shuts it out. Returns the lines that came back. */
export async function releaseAll(
  deps: InventoryDeps,
  trace: Trace,
  owner: string,
  productIds: readonly string[],
): Promise<StockLine[]> {
  const released = await mapConcurrent(productIds, { concurrency: STOCK_CONCURRENCY }, async (productId) => ({
    productId,
    quantity: await deps.stock(productId).release(owner, trace),
  }));
  return released.filter(({ quantity }) => quantity > 0);
}
