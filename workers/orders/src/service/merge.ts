// Merges a guest's cart into the account's after sign-in: close the one, absorb its lines into the other, drop them. Each step is
// decided by one object and can be repeated, so the client or the guest's cart, by its alarm, finishes what a crash interrupted.
import type * as z from "zod";
import type { Call } from "#shared/call";
import { isUser } from "#shared/call";
import type { MergeCartInput, MergedCart, NotMerged } from "#shared/contracts/carts";
import { SIGN_IN_FIRST, fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { MAX_STALE_RETRIES } from "../constants.ts";
import { versionConflict } from "../domain/cart.ts";
import type { CartView } from "../domain/cart-view.ts";
import type { CartTransfer } from "../domain/merge.ts";
import { render, contextOf, writeOf } from "./cart.ts";
import type { OrdersDeps } from "./deps.ts";
import { guestCartName } from "./owner.ts";

/** The two carts of a merge, by their objects' names. */
interface Pair {
  readonly guest: string;
  readonly own: string;
}

async function renderMerged(
  deps: OrdersDeps,
  call: Call,
  { own }: Pair,
  view: CartView,
  notMerged: readonly NotMerged[],
): Promise<Outcome<MergedCart>> {
  const cart = await render(deps, call, own, view);
  return cart.ok ? ok({ ...cart.value, notMerged: [...notMerged] }) : cart;
}

/** Nothing to merge: the user's cart as it is. Fails with cart_version_conflict. */
async function unchanged(
  deps: OrdersDeps,
  call: Call,
  pair: Pair,
  ifVersion: number | undefined,
): Promise<Outcome<MergedCart>> {
  const view = await deps.cart(pair.own).view(contextOf(deps, call));
  if (ifVersion !== undefined && ifVersion !== view.version) {
    return versionConflict(view.version);
  }
  return await renderMerged(deps, call, pair, view, []);
}

/** Has the guest's cart drop its lines, without delaying the answer. If this is lost, its alarm does the same. */
function releaseGuestCart(deps: OrdersDeps, call: Call, { guest }: Pair, mergeId: string): void {
  const dropped = deps.cart(guest).endTransfer({ ...contextOf(deps, call), mergeId, isAbsorbed: true });
  deps.waitUntil(
    dropped.catch((error: unknown) => {
      log("warn", "a merged cart is left to its alarm", { mergeId, error });
    }),
  );
}

/** Undefined when this merge was refused to a copy of the request, and the guest's cart is open again. */
async function deliver(
  deps: OrdersDeps,
  call: Call,
  pair: Pair,
  { mergeId, lines }: CartTransfer,
  ifVersion: number | undefined,
): Promise<Outcome<MergedCart> | undefined> {
  const absorbed = await deps.cart(pair.own).absorb({ ...writeOf(deps, call, ifVersion), mergeId, lines });
  if (absorbed.ok && absorbed.value.taken) {
    releaseGuestCart(deps, call, pair, mergeId);
    return await renderMerged(deps, call, pair, absorbed.value.view, absorbed.value.notMerged);
  }
  // Before the refusal is returned, so that its reader finds the guest's cart open.
  await deps.cart(pair.guest).endTransfer({ ...contextOf(deps, call), mergeId, isAbsorbed: false });
  return absorbed.ok ? undefined : absorbed;
}

/** See OrdersContract.mergeCart. */
export async function mergeCart(
  deps: OrdersDeps,
  call: Call,
  { cartToken, ifVersion }: z.output<typeof MergeCartInput>,
): Promise<Outcome<MergedCart>> {
  if (!isUser(call.actor)) return SIGN_IN_FIRST;
  const pair = { guest: await guestCartName(cartToken), own: call.actor.id };
  for (let attempt = 0; attempt <= MAX_STALE_RETRIES; attempt += 1) {
    const write = writeOf(deps, call, ifVersion);
    const closed = await deps.cart(pair.guest).close({ ...write, mergeId: newId("req"), into: pair.own });
    if (!closed.ok) return closed;
    if (closed.value === null) return await unchanged(deps, call, pair, ifVersion);
    const merged = await deliver(deps, call, pair, closed.value, ifVersion);
    if (merged !== undefined) return merged;
  }
  return fail("idempotency_in_progress", "This cart is being merged; try again in a moment.");
}
