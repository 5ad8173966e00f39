// The headers that carts are addressed and guarded with: X-Cart-Token and If-Match.
import { CartToken } from "#shared/contracts/orders";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";

/** The guest's cart token, if one was sent. Fails with validation_failed when it cannot be one. */
export function cartTokenOf(request: Request): Outcome<string | undefined> {
  const given = request.headers.get("x-cart-token");
  if (given === null) return ok(undefined);
  if (CartToken.safeParse(given).success) return ok(given);
  return fail("validation_failed", "The request is not valid.", {
    errors: [{ path: "X-Cart-Token", message: "is not a cart token" }],
  });
}

/**
 * The version that If-Match asks for; undefined when the write is unconditional (`*` too: there is always a cart). The
 * comparison is strong (RFC 9110, 13.1.1), so a weak tag matches nothing, nor does anything else that no cart answer ever carried.
 */
export function ifVersionOf(request: Request): Outcome<number | undefined> {
  const given = request.headers.get("if-match")?.trim();
  if (given === undefined || given === "*") return ok(undefined);
  const version = /^"(\d{1,15})"$/.exec(given)?.[1];
  return version === undefined
    ? fail("cart_version_conflict", "If-Match names no version of this cart; send the ETag of its last answer.")
    : ok(Number(version));
}
