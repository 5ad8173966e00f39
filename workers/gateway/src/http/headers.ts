// The headers that carts are addressed and guarded with: X-Cart-Token and If-Match, which guards products too.
import { CartToken } from "#shared/contracts/orders";
import { fail, invalidInput } from "#shared/errors";
import type { ErrorCode, Outcome } from "#shared/errors";
import { ok } from "#shared/result";

/** The guest's cart token, if one was sent. Fails with validation_failed when it cannot be one. */
export function cartTokenOf(request: Request): Outcome<string | undefined> {
  const given = request.headers.get("x-cart-token");
  if (given === null) return ok(undefined);
  if (CartToken.safeParse(given).success) return ok(given);
  return invalidInput([{ path: "X-Cart-Token", message: "is not a cart token: 43 characters of base64url" }]);
}

/**
 * The version that If-Match asks for; undefined when the write is unconditional (`*` too: what is addressed by id is there, or
 * it is 404). The comparison is strong (RFC 9110, 13.1.1), so a weak tag matches nothing, nor does anything else that no answer
 * ever carried. Fails with `conflict`.
 */
export function ifVersionOf(
  request: Request,
  conflict: ErrorCode = "cart_version_conflict",
): Outcome<number | undefined> {
  const given = request.headers.get("if-match")?.trim();
  if (given === undefined || given === "*") return ok(undefined);
  const version = /^"(\d{1,15})"$/.exec(given)?.[1];
  return version === undefined
    ? fail(conflict, "If-Match names no version that was ever answered; send the ETag of the last answer.")
    : ok(Number(version));
}
