// Whose cart a call means, and who an order is for.
import type { Call } from "#shared/call";
import { isProven, isUser, localeOf } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { Customer } from "#shared/events/catalogue";
import { sha256Hex } from "#shared/hash";
import { ok } from "#shared/result";

/** The account's customer, or null for a guest. */
export function customerOf(call: Call): Customer | null {
  const { actor } = call;
  if (!isUser(actor)) return null;
  const { id, email, name } = actor;
  return { id, email, name, locale: localeOf(call), proven: isProven(actor) };
}

/** The name of a guest's cart. The token is a secret, so it is stored nowhere. */
export async function guestCartName(cartToken: string): Promise<string> {
  return `guest:${await sha256Hex(cartToken)}`;
}

/** The name of the caller's Cart object; undefined for a guest without a token. */
export async function cartName(call: Call, cartToken: string | undefined): Promise<string | undefined> {
  if (isUser(call.actor)) return call.actor.id;
  return cartToken === undefined ? undefined : await guestCartName(cartToken);
}

/** The same, where a cart is needed. Fails with validation_failed. */
export async function requireCart(call: Call, cartToken: string | undefined): Promise<Outcome<string>> {
  const name = await cartName(call, cartToken);
  if (name !== undefined) return ok(name);
  const errors = [{ path: "cartToken", message: "is needed without an account" }];
  return fail("validation_failed", "A guest's cart is identified by its token.", { errors });
}
