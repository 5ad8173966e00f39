// Hashes and checks passwords with scrypt, one at a time: see service/hash-queue.ts.
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { HASH_BYTES, SALT_BYTES, SCRYPT_PARAMETERS } from "../constants.ts";
import { formatHash, isOutdated, parseHash } from "../domain/password-hash.ts";
import type { ScryptParameters } from "../domain/password-hash.ts";
import type { AccountsDeps } from "./deps.ts";

type Hashing = Pick<AccountsDeps, "hashes">;

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
  const key = await derive(deps, call, password, { ...SCRYPT_PARAMETERS, salt, bytes: HASH_BYTES });
  return key.ok ? ok(formatHash({ ...SCRYPT_PARAMETERS, salt, key: key.value })) : key;
}

/** A hash that no password has. Checking one against it takes as long as against a user's. */
export const UNKNOWN_USER_HASH = formatHash({
  ...SCRYPT_PARAMETERS,
  salt: new Uint8Array(SALT_BYTES),
  key: new Uint8Array(HASH_BYTES),
});

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
  return ok({ matches, outdated: matches && isOutdated(hash, SCRYPT_PARAMETERS) });
}
