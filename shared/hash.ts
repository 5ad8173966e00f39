// Digests for keys that must be equal when their inputs are equal, and for secrets that are stored hashed.
import { base64urlEncode } from "./base64url.ts";

const encoder = new TextEncoder();

export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** 256 random bits as base64url without padding: 43 characters, for opaque tokens. */
export function randomToken(): string {
  return base64urlEncode(crypto.getRandomValues(new Uint8Array(32)));
}

/** JSON with sorted keys and without undefined members: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

/**
 * The identity of a request that must happen once: same actor, same route, same key, same digest.
 * Parts are length-prefixed by JSON, so no two lists of parts collide by concatenation.
 */
export function requestKey(...parts: readonly string[]): Promise<string> {
  return sha256Hex(JSON.stringify(parts));
}

/** What a request asked for; the same Idempotency-Key with another fingerprint is refused. `input` is the parsed input. */
export function fingerprint(route: string, input: unknown): Promise<string> {
  return sha256Hex(`${route}\n${canonicalJson(input)}`);
}
