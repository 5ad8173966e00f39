// Signing keys, encrypted.
import { getTableColumns, sql } from "drizzle-orm";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { signingKeys } from "../schema.ts";
import type { SigningKeyRow } from "../schema.ts";

/** All keys, by generation. */
export async function readKeys(db: Database): Promise<SigningKeyRow[]> {
  return await db.all(select(getTableColumns(signingKeys), sql`FROM signing_keys ORDER BY generation`));
}

/** Inserts a key unless its generation exists, so that of two concurrent inserts one wins. Returns whether it inserted. */
export async function insertKey(deps: Deps, key: SigningKeyRow): Promise<boolean> {
  const { insert } = await save(deps, {
    insert: sql`INSERT INTO signing_keys (generation, kid, public_jwk, private_jwe, created_at, active_from)
      VALUES (${key.generation}, ${key.kid}, ${key.publicJwk}, ${key.privateJwe}, ${key.createdAt}, ${key.activeFrom})
      ON CONFLICT (generation) DO NOTHING`,
  });
  return insert.changes > 0;
}

export async function deleteKeys(deps: Deps, generations: readonly number[]): Promise<void> {
  if (generations.length === 0) return;
  await save(deps, { keys: sql`DELETE FROM signing_keys WHERE ${inJson(sql`generation`, generations)}` });
}
