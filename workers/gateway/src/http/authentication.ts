// Turns the Authorization header into an identity. access.ts decides what an identity may call.
import { log } from "#shared/logger";
import type { Access, Identity } from "../access.ts";
import type { TokenVerifier } from "./tokens.ts";

const IS_BEARER = /^\s*bearer\b/i;
const BEARER = /^bearer +(\S+)$/i;
/** An order's token is base64url without padding; a text with a dot is meant as a JWT. */
const OPAQUE_TOKEN = /^[A-Za-z0-9_-]{20,100}$/;
/** Far longer than any token of ours: not worth a signature check. */
const MAX_TOKEN_CHARACTERS = 4_096;

/** Compares digests in constant time, so that the time reveals neither the secret nor its length. */
async function isSame(given: string, secret: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [given, secret].map((text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
  );
  return a !== undefined && b !== undefined && crypto.subtle.timingSafeEqual(a, b);
}

/** The one token after `Bearer`, if the header has that form. */
export function bearerTokenOf(header: string | null): string | undefined {
  return BEARER.exec(header?.trim() ?? "")?.[1];
}

export interface Credentials {
  readonly tokens: TokenVerifier;
  /** METRICS_TOKEN; undefined where the shop has none. */
  readonly metricsToken: string | undefined;
}

/** Throws when the signing keys are needed and accounts does not answer, except on a public route, where nobody has to sign in. */
export async function identify(
  request: Request,
  { tokens, metricsToken }: Credentials,
  access: Access,
): Promise<Identity> {
  const header = request.headers.get("authorization");
  if (header === null) return { kind: "none" };
  const token = bearerTokenOf(header);
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
