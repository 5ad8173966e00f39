// The keys that sign access tokens: made on first use, encrypted at rest, published as a JWKS, rotated by the daily sweep.
import { CompactEncrypt, calculateJwkThumbprint, compactDecrypt, exportJWK, generateKeyPair, importJWK } from "jose";
import type { JWK } from "jose";
import * as z from "zod";
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

/** Derives a key of 256 bits for one purpose. The secret is text of any length, so HKDF extracts it first. */
export async function derivedKey(secret: string | undefined, purpose: string): Promise<Uint8Array> {
  // HKDF accepts an empty secret, under which anybody could decrypt the private keys.
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

/** @throws Error when SIGNING_KEY_SECRET has changed since the key was stored. */
async function openKey(deps: AccountsDeps, row: SigningKeyRow): Promise<SigningKey> {
  const { plaintext } = await compactDecrypt(row.privateJwe, await wrappingKey(deps.signingKeySecret));
  const jwk = JSON.parse(new TextDecoder().decode(plaintext)) as JWK;
  const privateKey = await importJWK(jwk, SIGNING_ALGORITHM);
  if (privateKey instanceof Uint8Array) throw new Error("a signing key is symmetric");
  return { kid: row.kid, privateKey };
}

/** All stored keys, by generation. Makes the very first one; of two isolates that do, both read the winner's. */
async function allKeys(deps: AccountsDeps): Promise<SigningKeyRow[]> {
  const keys = await readKeys(deps.db);
  if (keys.length > 0) return keys;
  await insertKey(deps, await makeKey(deps, { generation: 1, activeFrom: deps.now() }));
  return await readKeys(deps.db);
}

/** The key that signs now. Reads D1 only when the isolate has none cached. */
export async function signingKey(deps: AccountsDeps): Promise<SigningKey> {
  const now = deps.now();
  const cached = deps.keys.get(now);
  if (cached !== undefined) return cached;
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

/** Makes the next key when it is due; `early` ignores the age of the current one. Returns how many keys were made. */
export async function rotateKeys(deps: AccountsDeps, options: { readonly early: boolean }): Promise<number> {
  const next = nextKey(await allKeys(deps), deps.now(), options);
  if (next === undefined) return 0;
  const isInserted = await insertKey(deps, await makeKey(deps, next));
  if (isInserted) {
    log("info", "next signing key published", { generation: next.generation, activeFrom: next.activeFrom });
  }
  return isInserted ? 1 : 0;
}

/** Deletes the keys that have signed no valid token. Returns how many. */
export async function purgeKeys(deps: AccountsDeps): Promise<number> {
  const keys = await readKeys(deps.db);
  const published = new Set(publishedKeys(keys, deps.now()).map(({ generation }) => generation));
  const ended = keys.filter(({ generation }) => !published.has(generation)).map(({ generation }) => generation);
  await deleteKeys(deps, ended);
  return ended.length;
}
