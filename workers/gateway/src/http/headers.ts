// Reads the request headers that routes act on. Each function takes one header.
import { LOCALES } from "#shared/call";
import type { Locale } from "#shared/call";
import { CartToken } from "#shared/contracts/carts";
import { fail, invalidInput } from "#shared/errors";
import type { ErrorCode, Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,100}$/;
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The client's X-Request-Id when it is well formed, so that both sides log the same id; else a new one. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && REQUEST_ID.test(given) ? given : newId("req");
}

export function traceparentOf(request: Request): string | undefined {
  const given = request.headers.get("traceparent");
  return given !== null && TRACEPARENT.test(given) ? given : undefined;
}

/** The guest's cart token, if one was sent. Fails with validation_failed when it is malformed. */
export function cartTokenOf(request: Request): Outcome<string | undefined> {
  const given = request.headers.get("x-cart-token");
  if (given === null) return ok(undefined);
  if (CartToken.safeParse(given).success) return ok(given);
  return invalidInput([{ path: "X-Cart-Token", message: "is not a cart token: 43 characters of base64url" }]);
}

/**
 * The version that If-Match requires; undefined when the write is unconditional, which `*` is too. The comparison is strong (RFC
 * 9110, 13.1.1): a weak tag or a list matches nothing and fails with `conflict`.
 */
export function ifVersionOf(request: Request, conflict: ErrorCode): Outcome<number | undefined> {
  const given = request.headers.get("if-match")?.trim();
  if (given === undefined || given === "*") return ok(undefined);
  const version = /^"(\d{1,15})"$/.exec(given)?.[1];
  return version === undefined
    ? fail(conflict, "If-Match is not a version that this API has sent; send the ETag of the last answer.")
    : ok(Number(version));
}

/** The Idempotency-Key, if one was sent. Fails with validation_failed when it is empty or too long. */
export function idempotencyKeyOf(request: Request): Outcome<string | undefined> {
  const key = request.headers.get("idempotency-key");
  if (key === null || (key.length >= 1 && key.length <= 255)) return ok(key ?? undefined);
  return invalidInput([{ path: "Idempotency-Key", message: "must have 1 to 255 characters" }]);
}

/** Browsers send some hundred characters at most. */
const MAX_ACCEPT_LANGUAGE_CHARACTERS = 1_000;

interface LanguageRange {
  readonly language: string;
  readonly quality: number;
}

function languageRangeOf(element: string): LanguageRange[] {
  const [tag = "", ...parameters] = element.split(";").map((part) => part.trim());
  const weight = parameters.find((parameter) => /^q=/i.test(parameter))?.slice(2) ?? "1";
  const language = /^([a-z]{1,8})(-[a-z0-9]{1,8})*$/i.exec(tag)?.[1];
  if (language === undefined || !/^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight)) return [];
  return [{ language: language.toLowerCase(), quality: Number(weight) }];
}

/** The best match of Accept-Language (RFC 9110, 12.5.4) among the shop's locales; `de-AT` matches `de`. */
export function preferredLocale(header: string | null): Locale | undefined {
  if (header === null || header.length > MAX_ACCEPT_LANGUAGE_CHARACTERS) return undefined;
  return (
    header
      .split(",")
      .flatMap(languageRangeOf)
      .filter(({ quality }) => quality > 0)
      // The sort is stable: of equal weights the first named wins.
      .toSorted((a, b) => b.quality - a.quality)
      .map(({ language }) => LOCALES.find((locale) => locale === language))
      .find((locale) => locale !== undefined)
  );
}
