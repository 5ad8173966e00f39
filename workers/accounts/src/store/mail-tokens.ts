// Tokens that a mail carries. Which of two uses of one counts is decided by the row: whoever deletes it has won.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Database } from "#shared/database";
import { save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { MAX_LIVE_MAIL_TOKENS } from "../constants.ts";
import type { MailTokenRow, UserRow } from "../schema.ts";

type Purpose = MailTokenRow["purpose"];

/** Adds a token, unless the user has MAX_LIVE_MAIL_TOKENS good ones already: then it changes nothing. */
export function insertMailToken({ tokenHash, userId, purpose, createdAt, expiresAt }: MailTokenRow): SQL {
  return sql`INSERT INTO mail_tokens (token_hash, user_id, purpose, created_at, expires_at)
    SELECT ${tokenHash}, ${userId}, ${purpose}, ${createdAt}, ${expiresAt}
    WHERE (SELECT count(*) FROM mail_tokens WHERE user_id = ${userId} AND purpose = ${purpose}
      AND expires_at > ${createdAt}) < ${MAX_LIVE_MAIL_TOKENS}`;
}

type TokenOwner = Pick<UserRow, "id" | "email" | "name" | "emailVerifiedAt">;

/** Whose token it is; undefined when it is unknown, used, for something else or past its end. */
export async function findMailTokenUser(
  db: Database,
  tokenHash: string,
  purpose: Purpose,
  now: number,
): Promise<TokenOwner | undefined> {
  const [user] = await db.all<TokenOwner>(
    sql`SELECT u.id, u.email, u.name, u.email_verified_at AS emailVerifiedAt FROM mail_tokens t JOIN users u ON u.id = t.user_id
      WHERE t.token_hash = ${tokenHash} AND t.purpose = ${purpose} AND t.expires_at > ${now}`,
  );
  return user;
}

/** Uses a token up; stands before `mustChange`. */
export function useMailToken(tokenHash: string, purpose: Purpose, now: number): SQL {
  return sql`DELETE FROM mail_tokens
    WHERE token_hash = ${tokenHash} AND purpose = ${purpose} AND expires_at > ${now}`;
}

/** Ends all of a user's tokens for one purpose. */
export function deleteMailTokens(userId: string, purpose: Purpose): SQL {
  return sql`DELETE FROM mail_tokens WHERE user_id = ${userId} AND purpose = ${purpose}`;
}

/** Drops tokens past their end. Returns how many. */
export async function purgeMailTokens(deps: Deps): Promise<number> {
  const { results } = await save(deps, [sql`DELETE FROM mail_tokens WHERE expires_at <= ${deps.now()}`]);
  return results[0]?.meta.changes ?? 0;
}
