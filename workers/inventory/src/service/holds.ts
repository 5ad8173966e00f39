// Holds several products at once, all or none, though each has an object of its own. All objects are called in parallel, and what
// was held is undone before a failure is returned. Two carts that each hold what the other lacks would both fail. So while lines
// are short only because of other owners' holds, they are held again one by one in the order of the products' ids: one cart wins.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { HoldInput, ReleaseHoldInput, Released } from "#shared/contracts/inventory";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { StockLine } from "#shared/events/catalogue";
import { ok } from "#shared/result";
import type { Result } from "#shared/result";
import { HOLD_RETRIES, HOLD_RETRY_PAUSE_MS, HOLD_TTL_MS } from "../constants.ts";
import { sumLines } from "../domain/stock.ts";
import type { Held, HoldRequest, StockFailure, Trace } from "../objects/requests.ts";
import type { InventoryDeps } from "./deps.ts";
import { onStock, productNotFound, traceOf } from "./products.ts";

type HoldAll = Pick<HoldRequest, "owner" | "expiresAt" | "projected" | "counted"> & {
  /** One line per product, in the order of the products' ids. */
  readonly lines: readonly StockLine[];
  /** The minimum order quantity of each product. Default: 1. */
  readonly minimums?: ReadonlyMap<string, number | undefined>;
};

/** What the object of a line returned. */
interface Answer {
  readonly line: StockLine;
  readonly result: Result<Held, StockFailure>;
}

type HoldLine = (line: StockLine, options?: { readonly isCheck: boolean }) => Promise<Answer>;

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

/** Holds every line or none. Fails as InventoryContract.hold says. */
export async function holdAll(
  deps: InventoryDeps,
  call: Call,
  { lines, minimums, ...common }: HoldAll,
): Promise<Outcome<{ readonly expiresAt: number; readonly newlyHeld: readonly StockLine[] }>> {
  const [attempt, trace] = [crypto.randomUUID(), traceOf(call)];
  const holdLine: HoldLine = async (line, { isCheck } = { isCheck: false }) => {
    const { productId, quantity } = line;
    const request = { ...common, quantity, attempt, isCheck, minimum: minimums?.get(productId) };
    return { line, result: await onStock(deps, call, productId, (stock) => stock.hold(request, trace)) };
  };
  const undo = async (answers: readonly Answer[]): Promise<void> => {
    const held = undoable(answers);
    await Promise.all(held.map(({ productId }) => deps.stock(productId).undo(common.owner, attempt, trace)));
  };
  let answers = await Promise.all(lines.map((line) => holdLine(line)));
  // Only orders of several lines can be in each other's way for a moment.
  const retries = lines.length > 1 ? HOLD_RETRIES : 0;
  for (let retry = 0; retry < retries && isContended(answers); retry += 1) {
    await undo(answers);
    await scheduler.wait(Math.random() * HOLD_RETRY_PAUSE_MS);
    answers = await holdInTurn(lines, holdLine);
  }
  const failure = failureOf(answers);
  if (failure !== undefined) {
    await undo(answers);
    return failure;
  }
  const held = answers.flatMap(({ line, result }) => (result.ok ? [{ line, ...result.value }] : []));
  return ok({
    expiresAt: Math.min(...held.map((one) => one.expiresAt)),
    newlyHeld: held.filter((one) => one.newlyHeld).map(({ line }) => line),
  });
}

/** Whether every refused line is short only because of other owners' holds. */
function isContended(answers: readonly Answer[]): boolean {
  const refused = answers.flatMap(({ result }) => (result.ok ? [] : [result.error]));
  return refused.length > 0 && refused.every((error) => error.reason !== "unknown_product" && error.heldByOthers);
}

/** Holds line by line. After the first refusal it only checks the others: holding them would block other carts. */
async function holdInTurn(lines: readonly StockLine[], holdLine: HoldLine): Promise<Answer[]> {
  const answers: Answer[] = [];
  let isRefused = false;
  for (const line of lines) {
    const answer = await holdLine(line, { isCheck: isRefused });
    // A check that passed held nothing: there is nothing to undo.
    if (!isRefused || !answer.result.ok) answers.push(answer);
    isRefused ||= !answer.result.ok;
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

function failureOf(answers: readonly Answer[]): Outcome<never> | undefined {
  const refused = answers.flatMap(({ line, result }) => (result.ok ? [] : [{ line, failure: result.error }]));
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

/** `allowed` is that of the first line; `limits` has one entry for each line. */
function quantityLimited(
  lines: readonly { readonly productId: string; readonly requested: number; readonly available: number }[],
): Outcome<never> {
  const limits = lines.map(({ productId, requested, available }) => ({ productId, requested, allowed: available }));
  const most = limits.map(({ productId, allowed }) => `${String(allowed)} of ${productId}`).join(", ");
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
  const released = await Promise.all(
    productIds.map(async (productId) => ({
      productId,
      quantity: await deps.stock(productId).release(owner, trace),
    })),
  );
  return released.filter(({ quantity }) => quantity > 0);
}
