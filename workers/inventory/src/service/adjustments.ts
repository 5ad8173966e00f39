// Adjustments, stock takes and thresholds by staff. The object remembers in the adjustment's own write which Idempotency-Key made
// it. The table of keys in D1 only keeps one key from being used for two products.
import type * as z from "zod";
import { auditRow } from "#shared/audit";
import type { Call } from "#shared/call";
import type { AdjustInput, CountInput, Level, SetThresholdInput } from "#shared/contracts/inventory";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { fingerprint } from "#shared/hash";
import { ok } from "#shared/result";
import { ADJUSTMENT_IN_PROGRESS_MS } from "../constants.ts";
import type { Adjustment, StockChange } from "../objects/requests.ts";
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
export async function adjust(
  deps: InventoryDeps,
  call: Call,
  { productId, idempotencyKey, delta, reason }: z.output<typeof AdjustInput>,
): Promise<Adjusted> {
  const body = { delta, reason };
  return await change(deps, call, { productId, idempotencyKey, action: "adjust", body, change: body });
}

/** See InventoryContract.count. */
export async function count(
  deps: InventoryDeps,
  call: Call,
  { productId, idempotencyKey, counted, reason }: z.output<typeof CountInput>,
): Promise<Adjusted> {
  const body = { counted, reason: reason ?? null };
  return await change(deps, call, { productId, idempotencyKey, action: "count", body, change: { counted } });
}

interface ChangeRequest {
  readonly productId: string;
  readonly idempotencyKey: string | undefined;
  /** The last part of the route and of the audit's action. */
  readonly action: "adjust" | "count";
  /** For the audit, and to recognise another request under the same key. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly change: StockChange;
}

async function change(
  deps: InventoryDeps,
  call: Call,
  { productId, idempotencyKey, action, body, change: stockChange }: ChangeRequest,
): Promise<Adjusted> {
  const audit = auditRow(call, deps.now(), { action: `stock.${action}`, subject: productId, details: body });
  const adjustment: Adjustment = { ...stockChange, actor: call.actor.id, vendorId: vendorOf(call), audit };
  if (idempotencyKey === undefined) return await apply(deps, call, productId, adjustment);
  const claim: AdjustmentKey = {
    actor: call.actor.id,
    key: idempotencyKey,
    productId,
    fingerprint: await fingerprint(`POST /api/inventory/${productId}/${action}`, body),
    createdAt: deps.now(),
  };
  const refusal = await claimOrRefuse(deps, claim);
  if (refusal !== undefined) return refusal;
  const adjusted = await apply(deps, call, productId, { ...adjustment, key: claim });
  if (!adjusted.ok) await releaseKey(deps, claim);
  return adjusted;
}

/** Undefined when this request has the key. A claim that its object never received is abandoned after a while. */
async function claimOrRefuse(deps: InventoryDeps, claim: AdjustmentKey): Promise<Outcome<never> | undefined> {
  const owner = await claimKey(deps, claim);
  if (owner.fingerprint === claim.fingerprint) return undefined;
  if (await deps.stock(owner.productId).remembersAdjustment(owner.actor, owner.key)) return keyReused();
  const isAbandoned = owner.createdAt <= deps.now() - ADJUSTMENT_IN_PROGRESS_MS;
  if (isAbandoned && (await takeOverKey(deps, owner, claim))) return undefined;
  return fail("idempotency_in_progress", "Another request with this Idempotency-Key is in progress.");
}

async function apply(deps: InventoryDeps, call: Call, productId: string, adjustment: Adjustment): Promise<Adjusted> {
  const answer = await onStock(deps, call, productId, (stock) => stock.adjust(adjustment, traceOf(call)));
  if (answer.ok) {
    const { vendorId: _, ...level } = answer.value.level;
    return ok({ level, replayed: answer.value.replayed });
  }
  const { error } = answer;
  if (error.reason === "key_reused") return keyReused();
  // A vendor must not learn that another vendor's product exists.
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
  if (!answer.ok) return productNotFound();
  const { vendorId: _, ...level } = answer.value;
  return ok(level);
}
