// Token families and refresh tokens. Conditional writes in one batch decide which of two concurrent uses of a token counts: D1 runs
// batches one after the other.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { mustChange } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { REFRESH_TOKEN_LIFE_MS } from "../constants.ts";
import { familyTimes } from "../domain/session.ts";
import type { PublicUser } from "../domain/session.ts";
import { refreshTokens, tokenFamilies } from "../schema.ts";
import type { FamilyRow, UserRow } from "../schema.ts";
import { PUBLIC_FIELDS } from "./users.ts";

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

/**
 * Replaces a refresh token with the next one. A token that was used before ends its family instead, because thief and owner cannot
 * be told apart (RFC 9700, 4.14.2). Of two concurrent uses the second is such a reuse.
 */
export async function rotateToken(deps: Deps, tokenHash: string, nextHash: string): Promise<Rotation> {
  const now = deps.now();
  const expiresAt = sql`min(${now + REFRESH_TOKEN_LIFE_MS}, ends_at)`;
  const { token } = await save(deps, {
    endReused: sql`UPDATE token_families SET ended_at = ${now}, ended_by = 'reuse' WHERE ended_at IS NULL
      AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${tokenHash} AND used_at IS NOT NULL)`,
    use: sql`UPDATE refresh_tokens SET used_at = ${now}
      WHERE token_hash = ${tokenHash} AND used_at IS NULL AND expires_at > ${now}
        AND EXISTS (SELECT 1 FROM token_families WHERE id = family_id AND ended_at IS NULL)`,
    next: sql`INSERT INTO refresh_tokens (token_hash, family_id, created_at, expires_at)
      SELECT ${nextHash}, id, ${now}, ${expiresAt} FROM token_families
      WHERE changes() > 0 AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${tokenHash})`,
    extend: sql`UPDATE token_families SET expires_at = ${expiresAt}, last_used_at = ${now}
      WHERE id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${nextHash})`,
    token: select(
      {
        ...PUBLIC_FIELDS,
        familyId: refreshTokens.familyId,
        usedAt: refreshTokens.usedAt,
        rotated: sql<number>`EXISTS (SELECT 1 FROM refresh_tokens next WHERE next.token_hash = ${nextHash})`,
      },
      sql`FROM refresh_tokens JOIN token_families ON token_families.id = refresh_tokens.family_id
        JOIN users ON users.id = token_families.user_id
        WHERE refresh_tokens.token_hash = ${tokenHash}`,
    ),
  });
  const [row] = token.rows;
  if (row === undefined) return { kind: "invalid" };
  const { familyId, usedAt, rotated, ...user } = row;
  if (rotated === 1) return { kind: "rotated", user };
  return usedAt === null ? { kind: "invalid" } : { kind: "reused", familyId };
}

/** Sessions that can still be refreshed, the last used first. */
export async function readSessions(db: Database, userId: string, now: number, limit: number): Promise<SessionRow[]> {
  const { id, createdAt, expiresAt, lastUsedAt } = tokenFamilies;
  return await db.all(
    select(
      { id, createdAt, expiresAt, lastUsedAt },
      sql`FROM token_families WHERE user_id = ${userId} AND ended_at IS NULL AND expires_at > ${now}
        ORDER BY last_used_at DESC, id DESC LIMIT ${limit}`,
    ),
  );
}

/** Ends the family of a refresh token, if there is one. */
export async function endFamilyOf(deps: Deps, tokenHash: string): Promise<void> {
  await save(deps, {
    end: sql`UPDATE token_families SET ended_at = ${deps.now()}, ended_by = 'logout'
      WHERE ended_at IS NULL AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = ${tokenHash})`,
  });
}

export function endFamiliesOfUser(userId: string, now: number, by: "password" | "role"): SQL {
  return sql`UPDATE token_families SET ended_at = ${now}, ended_by = ${by}
    WHERE user_id = ${userId} AND ended_at IS NULL`;
}

/** Deletes expired tokens and families. Returns how many tokens. */
export async function purgeSessions(deps: Deps): Promise<number> {
  const now = deps.now();
  const { tokens } = await save(deps, {
    tokens: sql`DELETE FROM refresh_tokens WHERE expires_at <= ${now}`,
    families: sql`DELETE FROM token_families WHERE expires_at <= ${now}`,
  });
  return tokens.changes;
}
