// Tokens that a mail carries. Each is valid once: of two concurrent uses, the one whose batch deletes the row wins.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { StaleWrite, mustChange } from "#shared/database";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import type { Statement } from "#shared/statement";
import type { Deps } from "#shared/deps";
import { save } from "#shared/outbox";
import { MAX_LIVE_MAIL_TOKENS } from "../constants.ts";
import { users } from "../schema.ts";
import type { MailTokenRow, UserRow } from "../schema.ts";

type Purpose = MailTokenRow["purpose"];

/** Inserts a token, or nothing when the user has MAX_LIVE_MAIL_TOKENS valid ones already. */
export function insertMailToken({ tokenHash, userId, purpose, createdAt, expiresAt }: MailTokenRow): SQL {
  return sql`INSERT INTO mail_tokens (token_hash, user_id, purpose, created_at, expires_at)
    SELECT ${tokenHash}, ${userId}, ${purpose}, ${createdAt}, ${expiresAt}
    WHERE (SELECT count(*) FROM mail_tokens WHERE user_id = ${userId} AND purpose = ${purpose}
      AND expires_at > ${createdAt}) < ${MAX_LIVE_MAIL_TOKENS}`;
}

type TokenOwner = Pick<UserRow, "id" | "email" | "name" | "emailVerifiedAt">;

/** The user that a token was mailed to; undefined when it is unknown, used, expired, or for another purpose. */
export async function findMailTokenUser(
  db: Database,
  tokenHash: string,
  purpose: Purpose,
  now: number,
): Promise<TokenOwner | undefined> {
  const { id, email, name, emailVerifiedAt } = users;
  return await db.first(
    select(
      { id, email, name, emailVerifiedAt },
      sql`FROM mail_tokens t JOIN users ON users.id = t.user_id
        WHERE t.token_hash = ${tokenHash} AND t.purpose = ${purpose} AND t.expires_at > ${now}`,
    ),
  );
}

/**
 * Uses up a token in one batch with `statements`, which write its effect, and deletes the user's other tokens of this purpose.
 * False when the token was used or has expired since it was read; nothing is written then.
 */
export async function useMailToken(
  deps: Deps,
  { tokenHash, userId, purpose }: Pick<MailTokenRow, "tokenHash" | "userId" | "purpose">,
  statements: readonly Statement[],
): Promise<boolean> {
  try {
    await save(deps, {
      use: sql`DELETE FROM mail_tokens WHERE token_hash = ${tokenHash} AND purpose = ${purpose} AND expires_at > ${deps.now()}`,
      used: mustChange(),
      otherTokens: deleteMailTokens(userId, purpose),
      effect: statements,
    });
    return true;
  } catch (error) {
    if (error instanceof StaleWrite) return false;
    throw error;
  }
}

/** Deletes all of a user's tokens for one purpose. */
export function deleteMailTokens(userId: string, purpose: Purpose): SQL {
  return sql`DELETE FROM mail_tokens WHERE user_id = ${userId} AND purpose = ${purpose}`;
}

/** Deletes expired tokens. Returns how many. */
export async function purgeMailTokens(deps: Deps): Promise<number> {
  const { expired } = await save(deps, { expired: sql`DELETE FROM mail_tokens WHERE expires_at <= ${deps.now()}` });
  return expired.changes;
}
