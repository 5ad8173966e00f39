// In which capacity a caller sees an order. Another's order is not found, so that nobody learns that it exists.
import type { Call } from "#shared/call";
import { isAdmin, isUser } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { ok } from "#shared/result";
import { ACCESS_TOKEN_TTL_MS } from "../constants.ts";
import { sellerOfAll } from "../domain/new-order.ts";
import type { Party } from "../domain/commands.ts";
import { findOrder } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import type { OrdersDeps } from "./deps.ts";

/** An order, and in which capacity the caller sees it. */
export interface Visible {
  readonly stored: StoredOrder;
  readonly party: Party;
}

const NO_ORDER = fail("not_found", "There is no such order.");

/** The digest of a guest's token, as stored; undefined without a token. */
export async function tokenHash(orderToken: string | undefined): Promise<string | undefined> {
  return orderToken === undefined ? undefined : await sha256Hex(orderToken);
}

function sellsAll({ actor }: Call, { vendorIds }: StoredOrder): boolean {
  return actor.role === "vendor" && sellerOfAll(vendorIds) === actor.id;
}

async function partyOf(
  call: Call,
  stored: StoredOrder,
  orderToken: string | undefined,
  now: number,
): Promise<Party | undefined> {
  if (call.actor.role === "system") return "system";
  if (isAdmin(call.actor)) return "admin";
  if (sellsAll(call, stored)) return "vendor";
  if (isUser(call.actor) && stored.order.customerId === call.actor.id) return "buyer";
  const opens =
    stored.accessTokenHash !== null &&
    stored.accessTokenHash === (await tokenHash(orderToken)) &&
    now < stored.createdAt + ACCESS_TOKEN_TTL_MS;
  return opens ? "buyer" : undefined;
}

/** Fails with not_found, for another's order too. */
export async function openOrder(
  deps: OrdersDeps,
  call: Call,
  { orderId, orderToken }: { readonly orderId: string; readonly orderToken?: string | undefined },
): Promise<Outcome<Visible>> {
  const stored = await findOrder(deps.db, orderId);
  if (stored === undefined) return NO_ORDER;
  const party = await partyOf(call, stored, orderToken, deps.now());
  return party === undefined ? NO_ORDER : ok({ stored, party });
}
