// Signing keys in D1.
import { asc, sql } from "drizzle-orm";
import { inJson } from "#shared/database";
import type { Database } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { signingKeys } from "../schema.ts";
import type { SigningKeyRow } from "../schema.ts";

/** All keys there are, in order of generation. */
export async function readKeys(db: Database): Promise<SigningKeyRow[]> {
  return await db.select().from(signingKeys).orderBy(asc(signingKeys.generation));
}

/** Adds a key unless its generation exists: of two makers one wins, and both read the winner's afterwards. */
export async function insertKey(deps: Deps, key: SigningKeyRow): Promise<boolean> {
  const { results } = await save(deps, [
    sql`INSERT INTO signing_keys (generation, kid, public_jwk, private_jwe, created_at, active_from)
      VALUES (${key.generation}, ${key.kid}, ${key.publicJwk}, ${key.privateJwe}, ${key.createdAt}, ${key.activeFrom})
      ON CONFLICT (generation) DO NOTHING`,
  ]);
  return (results[0]?.meta.changes ?? 0) > 0;
}

export async function deleteKeys(deps: Deps, generations: readonly number[]): Promise<void> {
  if (generations.length === 0) return;
  await save(deps, [sql`DELETE FROM signing_keys WHERE ${inJson(sql`generation`, generations)}`]);
}
