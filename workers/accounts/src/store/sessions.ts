// Token families and refresh tokens. Conditional writes in one batch decide which of two concurrent uses of a token counts: D1 runs
// batches one after the other.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange } from "#shared/database";
import type { Database } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { REFRESH_TOKEN_LIFE_MS } from "../constants.ts";
import { familyTimes } from "../domain/session.ts";
import type { PublicUser } from "../domain/session.ts";
import type { FamilyRow, UserRow } from "../schema.ts";

/**
 * Begins a family with its first token. The batch fails with StaleWrite unless the user's password is still `passwordHash`, so
 * that a sign-in with the old password cannot follow a change of it.
 */
export function beginFamily(
  user: Pick<UserRow, "id" | "passwordHash">,
  familyId: string,
  tokenHash: string,
  now: number,
): SQL[] {
  const { expiresAt, endsAt } = familyTimes(now);
  return [
    sql`INSERT INTO token_families (id, user_id, created_at, expires_at, ends_at, last_used_at)
      SELECT ${familyId}, id, ${now}, ${expiresAt}, ${endsAt}, ${now} FROM users
      WHERE id = ${user.id} AND password_hash = ${user.passwordHash}`,
    mustChange(),
    sql`INSERT INTO refresh_tokens (token_hash, family_id, created_at, expires_at)
      VALUES (${tokenHash}, ${familyId}, ${now}, ${expiresAt})`,
  ];
}

export type SessionRow = Pick<FamilyRow, "id" | "createdAt" | "expiresAt" | "lastUsedAt">;

export type Rotation =
  | { readonly kind: "rotated"; readonly user: PublicUser }
  | { readonly kind: "reused"; readonly familyId: string }
  | { readonly kind: "invalid" };

interface RotationRow extends PublicUser {
  readonly familyId: string;
  readonly usedAt: number | null;
  readonly rotated: number;
}

/**
 * Replaces a refresh token with the next one. A token that was used before ends its family instead, because thief and owner cannot
 * be told apart (RFC 9700, 4.14.2). Of two concurrent uses the second is such a reuse.
 */
export async function rotateToken(deps: Deps, tokenHash: string, nextHash: string): Promise<Rotation> {
  const now = deps.now();
  const expiresAt = sql`min(${now + REFRESH_TOKEN_LIFE_MS}, ends_at)`;
  const { results } = await save(deps, [
    sql`UPDATE token_families SET ended_at = ${now}, ended_by = 'reuse' WHERE ended_at IS NULL
      AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${tokenHash} AND used_at IS NOT NULL)`,
    sql`UPDATE refresh_tokens SET used_at = ${now}
      WHERE token_hash = ${tokenHash} AND used_at IS NULL AND expires_at > ${now}
        AND EXISTS (SELECT 1 FROM token_families WHERE id = family_id AND ended_at IS NULL)`,
    sql`INSERT INTO refresh_tokens (token_hash, family_id, created_at, expires_at)
      SELECT ${nextHash}, id, ${now}, ${expiresAt} FROM token_families
      WHERE changes() > 0 AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${tokenHash})`,
    sql`UPDATE token_families SET expires_at = ${expiresAt}, last_used_at = ${now}
      WHERE id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${nextHash})`,
    sql`SELECT u.id, u.email, u.name, u.role, u.created_at AS createdAt, u.email_verified_at AS emailVerifiedAt,
        t.family_id AS familyId, t.used_at AS usedAt,
        EXISTS (SELECT 1 FROM refresh_tokens WHERE token_hash = ${nextHash}) AS rotated
      FROM refresh_tokens t JOIN token_families f ON f.id = t.family_id JOIN users u ON u.id = f.user_id
      WHERE t.token_hash = ${tokenHash}`,
  ]);
  const row = results[4]?.results[0] as RotationRow | undefined;
  if (row === undefined) return { kind: "invalid" };
  const { familyId, usedAt, rotated, ...user } = row;
  if (rotated === 1) return { kind: "rotated", user };
  return usedAt === null ? { kind: "invalid" } : { kind: "reused", familyId };
}

/** Sessions that can still be refreshed, the last used first. */
export async function readSessions(db: Database, userId: string, now: number, limit: number): Promise<SessionRow[]> {
  return await db.all<SessionRow>(
    sql`SELECT id, created_at AS createdAt, expires_at AS expiresAt, last_used_at AS lastUsedAt FROM token_families
      WHERE user_id = ${userId} AND ended_at IS NULL AND expires_at > ${now}
      ORDER BY last_used_at DESC, id DESC LIMIT ${limit}`,
  );
}

/** Ends the family of a refresh token, if there is one. */
export async function endFamilyOf(deps: Deps, tokenHash: string): Promise<void> {
  await save(deps, [
    sql`UPDATE token_families SET ended_at = ${deps.now()}, ended_by = 'logout'
      WHERE ended_at IS NULL AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${tokenHash})`,
  ]);
}

export function endFamiliesOfUser(userId: string, now: number, by: "password" | "role"): SQL {
  return sql`UPDATE token_families SET ended_at = ${now}, ended_by = ${by}
    WHERE user_id = ${userId} AND ended_at IS NULL`;
}

/** Deletes expired tokens and families. Returns how many tokens. */
export async function purgeSessions(deps: Deps): Promise<number> {
  const now = deps.now();
  const { results } = await save(deps, [
    sql`DELETE FROM refresh_tokens WHERE expires_at <= ${now}`,
    sql`DELETE FROM token_families WHERE expires_at <= ${now}`,
  ]);
  return results[0]?.meta.changes ?? 0;
}
