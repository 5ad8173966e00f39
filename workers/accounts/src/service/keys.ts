// The keys that access tokens are signed with: made on first use, encrypted at rest, published as a JWKS, rotated by the sweep.
import { CompactEncrypt, calculateJwkThumbprint, compactDecrypt, exportJWK, generateKeyPair, importJWK } from "jose";
import type { JWK } from "jose";
import { z } from "zod";
import type { Call } from "#shared/call";
import type { PublicJwk } from "#shared/contracts/accounts";
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { nextKey, publishedKeys, signingKeyOf } from "../domain/key-rotation.ts";
import type { KeyTimes } from "../domain/key-rotation.ts";
import type { SigningKeyRow } from "../schema.ts";
import { deleteKeys, insertKey, readKeys } from "../store/keys.ts";
import type { AccountsDeps } from "./deps.ts";
import type { SigningKey } from "./key-cache.ts";

export const SIGNING_ALGORITHM = "EdDSA";

const StoredPublicJwk = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  kid: z.string(),
  alg: z.literal(SIGNING_ALGORITHM),
  use: z.literal("sig"),
});

/** A key of 256 bits for one purpose. The secret is text of any length, so it goes through HKDF first. */
export async function derivedKey(secret: string | undefined, purpose: string): Promise<Uint8Array> {
  // An absent secret would pass as an empty one, and private keys would lie there as good as open.
  if (secret === undefined || secret === "") throw new Error("the secret SIGNING_KEY_SECRET is not set");
  const encoder = new TextEncoder();
  const base = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(purpose) },
    base,
    256,
  );
  return new Uint8Array(bits);
}

/** The key that encrypts private keys. */
async function wrappingKey(secret: string | undefined): Promise<Uint8Array> {
  return await derivedKey(secret, "tradepost signing keys");
}

async function makeKey(deps: AccountsDeps, { generation, activeFrom }: KeyTimes): Promise<SigningKeyRow> {
  const pair = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const jwk = await exportJWK(pair.privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  const { kty, crv, x } = jwk;
  const plaintext = new TextEncoder().encode(JSON.stringify(jwk));
  const privateJwe = await new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid })
    .encrypt(await wrappingKey(deps.signingKeySecret));
  const publicJwk = JSON.stringify({ kty, crv, x, kid, alg: SIGNING_ALGORITHM, use: "sig" });
  return { generation, kid, publicJwk, privateJwe, createdAt: deps.now(), activeFrom };
}

/** @throws Error when SIGNING_KEY_SECRET is not the one that the key was stored under. */
async function openKey(deps: AccountsDeps, row: SigningKeyRow): Promise<SigningKey> {
  const { plaintext } = await compactDecrypt(row.privateJwe, await wrappingKey(deps.signingKeySecret));
  const jwk = JSON.parse(new TextDecoder().decode(plaintext)) as JWK;
  const privateKey = await importJWK(jwk, SIGNING_ALGORITHM);
  if (privateKey instanceof Uint8Array) throw new Error("a signing key is symmetric");
  return { kid: row.kid, privateKey };
}

/** Every key there is; the very first one is made here. Whoever loses that race reads the winner's. */
async function allKeys(deps: AccountsDeps): Promise<SigningKeyRow[]> {
  const keys = await readKeys(deps.db);
  if (keys.length > 0) return keys;
  await insertKey(deps, await makeKey(deps, { generation: 1, activeFrom: deps.now() }));
  return await readKeys(deps.db);
}

/** The key that signs now. Reads D1 only when the isolate holds none. */
export async function signingKey(deps: AccountsDeps): Promise<SigningKey> {
  const now = deps.now();
  const held = deps.keys.get(now);
  if (held !== undefined) return held;
  const row = signingKeyOf(await allKeys(deps), now);
  if (row === undefined) throw new Error("there is no signing key");
  const key = await openKey(deps, row);
  deps.keys.put(key, now);
  return key;
}

export async function jwks(deps: AccountsDeps, _call: Call): Promise<Outcome<{ readonly keys: readonly PublicJwk[] }>> {
  const keys = publishedKeys(await allKeys(deps), deps.now());
  return ok({ keys: keys.map(({ publicJwk }) => StoredPublicJwk.parse(JSON.parse(publicJwk))) });
}

/** Makes the next key when it is time, or at once when `early`. Returns how many it made. */
export async function rotateKeys(deps: AccountsDeps, early: boolean): Promise<number> {
  const next = nextKey(await allKeys(deps), deps.now(), early);
  if (next === undefined) return 0;
  const made = await insertKey(deps, await makeKey(deps, next));
  if (made) log("info", "next signing key published", { generation: next.generation, activeFrom: next.activeFrom });
  return made ? 1 : 0;
}

/** Drops the keys that no living token can be signed with. Returns how many. */
export async function purgeKeys(deps: AccountsDeps): Promise<number> {
  const keys = await readKeys(deps.db);
  const published = new Set(publishedKeys(keys, deps.now()).map(({ generation }) => generation));
  const ended = keys.filter(({ generation }) => !published.has(generation)).map(({ generation }) => generation);
  await deleteKeys(deps, ended);
  return ended.length;
}
