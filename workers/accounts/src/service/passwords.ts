// Hashes and checks passwords with scrypt, one at a time: see service/hash-queue.ts.
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { HASH_BYTES, MAX_SCRYPT_LOG2N, MIN_SCRYPT_LOG2N, SALT_BYTES, SCRYPT_SHAPE } from "../constants.ts";
import { formatHash, isOutdated, parseHash } from "../domain/password-hash.ts";
import type { ScryptParameters } from "../domain/password-hash.ts";
import type { AccountsDeps } from "./deps.ts";

type Hashing = Pick<AccountsDeps, "hashes" | "scrypt">;

/** The hosts of a shop that only its own machine reaches. */
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/**
 * The cost of new hashes, by SCRYPT_LOG2N. Where pages are on this machine alone, tests may lower it; anywhere else a weak hash would
 * give stolen passwords away.
 * @throws Error when it is not a whole number within the limits.
 */
export function scryptParameters(env: Pick<AccountsEnv, "SCRYPT_LOG2N" | "SHOP_URL">): ScryptParameters {
  const log2N = Number(env.SCRYPT_LOG2N);
  const least = LOOPBACK.includes(new URL(env.SHOP_URL).hostname) ? 1 : MIN_SCRYPT_LOG2N;
  if (!Number.isInteger(log2N) || log2N < least || log2N > MAX_SCRYPT_LOG2N) {
    throw new Error(`SCRYPT_LOG2N must be a whole number from ${String(least)} to ${String(MAX_SCRYPT_LOG2N)}`);
  }
  return { log2N, ...SCRYPT_SHAPE };
}

/** Runs scrypt at the turn of the caller's network. Fails with service_unavailable. */
async function derive(
  { hashes }: Hashing,
  { network = "unknown" }: Call,
  password: string,
  { salt, bytes, log2N, r, p }: ScryptParameters & { readonly salt: Uint8Array; readonly bytes: number },
): Promise<Outcome<Buffer>> {
  const N = 2 ** log2N;
  // scrypt needs a little more than 128 * N * r bytes. Node's default limit is lower, so twice that is allowed here.
  const options = { N, r, p, maxmem: 256 * N * r };
  return await hashes.run(network, () => scryptSync(password.normalize("NFKC"), salt, bytes, options));
}

/** Fails with service_unavailable. */
export async function hashPassword(deps: Hashing, call: Call, password: string): Promise<Outcome<string>> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(deps, call, password, { ...deps.scrypt, salt, bytes: HASH_BYTES });
  return key.ok ? ok(formatHash({ ...deps.scrypt, salt, key: key.value })) : key;
}

/** A hash that no password has. Checking one against it takes as long as against a user's. */
export function unknownUserHash({ scrypt }: Pick<Hashing, "scrypt">): string {
  return formatHash({ ...scrypt, salt: new Uint8Array(SALT_BYTES), key: new Uint8Array(HASH_BYTES) });
}

export interface PasswordCheck {
  readonly matches: boolean;
  /** The password matches, but its hash has other parameters than the current ones: hash it again. */
  readonly outdated: boolean;
}

/** Fails with service_unavailable. */
export async function checkPassword(
  deps: Hashing,
  call: Call,
  password: string,
  stored: string,
): Promise<Outcome<PasswordCheck>> {
  const hash = parseHash(stored);
  const key = await derive(deps, call, password, { ...hash, bytes: hash.key.length });
  if (!key.ok) return key;
  const matches = timingSafeEqual(key.value, hash.key);
  return ok({ matches, outdated: matches && isOutdated(hash, deps.scrypt) });
}
