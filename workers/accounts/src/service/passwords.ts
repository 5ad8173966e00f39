// Hashing and checking passwords with scrypt.
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { HASH_BYTES, SALT_BYTES, SCRYPT_PARAMETERS } from "../constants.ts";
import { formatHash, isOutdated, parseHash } from "../domain/password-hash.ts";
import type { ScryptParameters } from "../domain/password-hash.ts";

function derive(password: string, salt: Uint8Array, bytes: number, { log2N, r, p }: ScryptParameters): Promise<Buffer> {
  const N = 2 ** log2N;
  return new Promise((resolve, reject) => {
    // scrypt needs 128 * N * r bytes and a little; twice that is allowed, because the default refuses larger parameters.
    scrypt(password.normalize("NFKC"), salt, bytes, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, HASH_BYTES, SCRYPT_PARAMETERS);
  return formatHash({ ...SCRYPT_PARAMETERS, salt, key });
}

/** No password has this hash; checking one against it takes as long as against a real one. */
export const UNKNOWN_USER_HASH = formatHash({
  ...SCRYPT_PARAMETERS,
  salt: new Uint8Array(SALT_BYTES),
  key: new Uint8Array(HASH_BYTES),
});

export interface PasswordCheck {
  readonly matches: boolean;
  /** Matches, but was hashed with other parameters than today's: hash it again. */
  readonly outdated: boolean;
}

export async function checkPassword(password: string, stored: string): Promise<PasswordCheck> {
  const hash = parseHash(stored);
  const key = await derive(password, hash.salt, hash.key.length, hash);
  const matches = timingSafeEqual(key, hash.key);
  return { matches, outdated: matches && isOutdated(hash, SCRYPT_PARAMETERS) };
}
