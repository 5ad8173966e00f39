// Adjustments of on-hand and stock takes. Whether a key was served is the object's to say, in the same write as the adjustment; the table of
// keys in D1 only stops one key from serving two products.
import type { z } from "zod";
import { auditRow } from "#shared/audit";
import type { Call } from "#shared/call";
import type { AdjustInput, CountInput, Level, SetThresholdInput } from "#shared/contracts/inventory";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { fingerprint } from "#shared/hash";
import { ok } from "#shared/result";
import { ADJUSTMENT_IN_PROGRESS_MS } from "../constants.ts";
import type { Adjustment, StockChange } from "../objects/book.ts";
import type { AdjustmentKey } from "../schema.ts";
import { claimKey, releaseKey, takeOverKey } from "../store/keys.ts";
import type { InventoryDeps } from "./deps.ts";
import { vendorOf } from "./levels.ts";
import { onStock, productNotFound, traceOf } from "./products.ts";

type Adjusted = Outcome<{ readonly level: Level; readonly replayed: boolean }>;

function keyReused(): Outcome<never> {
  return fail("idempotency_key_reused", "This Idempotency-Key was used for another adjustment or count.");
}

/** See InventoryContract.adjust. */
export async function adjust(deps: InventoryDeps, call: Call, input: z.output<typeof AdjustInput>): Promise<Adjusted> {
  const { productId, delta, reason, idempotencyKey } = input;
  return await change(deps, call, {
    productId,
    idempotencyKey,
    action: "adjust",
    asked: { delta, reason },
    change: { delta, reason },
  });
}

/** See InventoryContract.count. */
export async function count(deps: InventoryDeps, call: Call, input: z.output<typeof CountInput>): Promise<Adjusted> {
  const { productId, counted, reason = null, idempotencyKey } = input;
  return await change(deps, call, {
    productId,
    idempotencyKey,
    action: "count",
    asked: { counted, reason },
    change: { counted },
  });
}

interface Asked {
  readonly productId: string;
  readonly idempotencyKey: string | undefined;
  /** The last part of the route and of the audit's action. */
  readonly action: "adjust" | "count";
  /** The body, for the audit and to tell another request under the same key. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly change: StockChange;
}

async function change(
  deps: InventoryDeps,
  call: Call,
  { productId, idempotencyKey, action, asked, change: stockChange }: Asked,
): Promise<Adjusted> {
  const audit = auditRow(call, deps.now(), { action: `stock.${action}`, subject: productId, details: asked });
  const adjustment: Adjustment = { ...stockChange, actor: call.actor.id, vendorId: vendorOf(call), audit };
  if (idempotencyKey === undefined) return await apply(deps, call, productId, adjustment);
  const claim: AdjustmentKey = {
    actor: call.actor.id,
    key: idempotencyKey,
    productId,
    fingerprint: await fingerprint(`POST /api/inventory/${productId}/${action}`, asked),
    createdAt: deps.now(),
  };
  const refusal = await claimOrRefuse(deps, claim);
  if (refusal !== undefined) return refusal;
  const key = { key: claim.key, fingerprint: claim.fingerprint };
  const adjusted = await apply(deps, call, productId, { ...adjustment, key });
  if (!adjusted.ok) await releaseKey(deps, claim);
  return adjusted;
}

/** Undefined when the key is this adjustment's. A claim that its object knows nothing of is over once it had time to arrive. */
async function claimOrRefuse(deps: InventoryDeps, claim: AdjustmentKey): Promise<Outcome<never> | undefined> {
  const stands = await claimKey(deps, claim);
  if (stands.fingerprint === claim.fingerprint) return undefined;
  if (await deps.stock(stands.productId).remembersAdjustment(stands.actor, stands.key)) return keyReused();
  const isOver = stands.createdAt <= deps.now() - ADJUSTMENT_IN_PROGRESS_MS;
  if (isOver && (await takeOverKey(deps, stands, claim))) return undefined;
  return fail("idempotency_in_progress", "Another request with this Idempotency-Key is under way.");
}

async function apply(deps: InventoryDeps, call: Call, productId: string, adjustment: Adjustment): Promise<Adjusted> {
  const answer = await onStock(deps, call, productId, (stock) => stock.adjust(adjustment, traceOf(call)));
  if (answer.ok) {
    const { vendorId: _, ...level } = answer.value.level;
    return ok({ level, replayed: answer.value.replayed });
  }
  const { error } = answer;
  if (error.reason === "key_reused") return keyReused();
  // Another vendor's product is to this one as unknown as one that does not exist.
  if (error.reason === "foreign_product" || error.reason === "unknown_product") return productNotFound();
  const { available, taken } = error;
  const detail = `That would leave less on hand than the ${String(taken)} that are held and reserved.`;
  return fail("stock_held", detail, { available });
}

/** See InventoryContract.setThreshold. */
export async function setThreshold(
  deps: InventoryDeps,
  call: Call,
  { productId, lowStockThreshold }: z.output<typeof SetThresholdInput>,
): Promise<Outcome<Level>> {
  const audit = auditRow(call, deps.now(), {
    action: "stock.set_threshold",
    subject: productId,
    details: { lowStockThreshold },
  });
  const change = { threshold: lowStockThreshold, vendorId: vendorOf(call), audit };
  const answer = await onStock(deps, call, productId, (stock) => stock.setThreshold(change, traceOf(call)));
  // Another vendor's product is to this one as unknown as one that does not exist.
  if (!answer.ok) return productNotFound();
  const { vendorId: _, ...level } = answer.value;
  return ok(level);
}
