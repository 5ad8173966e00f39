// Staff's references on an order: its id in another system, and metadata. The buyer never sees them.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import type { UpdateOrderInput } from "#shared/contracts/orders-staff";
import type { Order } from "#shared/contracts/orders";
import { UniqueViolation } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { canonicalJson } from "#shared/hash";
import { ok } from "#shared/result";
import { retryOnStale } from "#shared/retry";
import { isStaff } from "../domain/commands.ts";
import { writeReferences } from "../store/write.ts";
import { openOrder } from "./access.ts";
import type { OrdersDeps } from "./deps.ts";
import { renderFor } from "./orders.ts";

type Input = z.output<typeof UpdateOrderInput>;

async function update(deps: OrdersDeps, call: Call, { externalId, metadata, ...ref }: Input): Promise<Outcome<Order>> {
  const visible = await openOrder(deps, call, ref);
  if (!visible.ok) return visible;
  const { stored, party } = visible.value;
  if (!isStaff(party)) return fail("forbidden", "Only staff sets the references of an order.");
  const before = stored.references;
  const references = {
    externalId: externalId === undefined ? before.externalId : externalId,
    metadata: metadata === undefined ? before.metadata : metadata,
  };
  if (canonicalJson(references) === canonicalJson(before)) return ok(renderFor(visible.value));
  const now = deps.now();
  const details = { from: before, to: references };
  const audit = auditInsert(call, now, { action: "order.update", subject: stored.order.id, details });
  await writeReferences(deps, stored, references, now, audit);
  const order = { ...stored.order, updatedAt: new Date(now).toISOString() };
  return ok(renderFor({ party, stored: { ...stored, order, references } }));
}

/** See OrdersContract.updateOrder. */
export async function updateOrder(deps: OrdersDeps, call: Call, input: Input): Promise<Outcome<Order>> {
  try {
    return await retryOnStale(() => update(deps, call, input));
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    return fail("external_id_taken", "Another order has this external id.");
  }
}
