// Reads the Authorization header into an identity. What a route makes of it, access.ts says.
import type { Access, Identity } from "../access.ts";
import { log } from "#shared/logger";
import type { TokenVerifier } from "./tokens.ts";

const IS_BEARER = /^\s*bearer\b/i;
const BEARER = /^bearer +(\S+)$/i;
/** An order's token is base64url without padding; anything with a dot is meant as a JWT. */
const OPAQUE_TOKEN = /^[A-Za-z0-9_-]{20,100}$/;
/** Longer than any token of ours by far; a header this long is not worth a signature check. */
const MAX_TOKEN_CHARACTERS = 4_096;

/** Compares digests in constant time, so that neither the token nor its length shows in how long it takes. */
async function isSame(given: string, secret: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [given, secret].map((text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
  );
  return a !== undefined && b !== undefined && crypto.subtle.timingSafeEqual(a, b);
}

export interface Credentials {
  readonly tokens: TokenVerifier;
  /** What figures are read with; absent: only by an admin. */
  readonly metricsToken: string | undefined;
}

/**
 * Throws when the signing keys are needed and accounts does not answer, but not
 * for a public route: nobody needs to be anyone there.
 */
export async function identify(
  request: Request,
  { tokens, metricsToken }: Credentials,
  access: Access,
): Promise<Identity> {
  const header = request.headers.get("authorization");
  if (header === null) return { kind: "none" };
  const token = BEARER.exec(header.trim())?.[1];
  if (token === undefined) return { kind: "bad", fault: IS_BEARER.test(header) ? "header" : "scheme" };
  if (token.length > MAX_TOKEN_CHARACTERS) return { kind: "bad", fault: "malformed" };
  if (access === "admin-or-metrics-token" && metricsToken !== undefined && (await isSame(token, metricsToken))) {
    return { kind: "metrics" };
  }
  if (OPAQUE_TOKEN.test(token)) return { kind: "opaque", token };
  try {
    const user = await tokens.verify(token);
    return typeof user === "string" ? { kind: "bad", fault: user } : { kind: "user", user };
  } catch (error) {
    if (access !== "public") throw error;
    log("warn", "a token could not be checked", { error });
    return { kind: "bad", fault: "invalid" };
  }
}
