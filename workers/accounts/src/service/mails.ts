// What accounts tells notifications: the mails that it asks for, by NOTIFICATION_SEND, with the tokens in them, and what becomes of
// an account. Notifications writes the words.
import type { SQL } from "drizzle-orm";
import { localeOf } from "#shared/call";
import type { Call } from "#shared/call";
import type { Statement } from "#shared/database";
import { makeEvent } from "#shared/events/envelope";
import type { Cause } from "#shared/events/envelope";
import { randomToken, sha256Hex } from "#shared/hash";
import { outboxInsert } from "#shared/outbox";
import { MAIL_TOKEN_LIFE_MS } from "../constants.ts";
import type { MailTokenRow, UserRow } from "../schema.ts";
import { insertMailToken } from "../store/mail-tokens.ts";
import type { AccountsDeps } from "./deps.ts";

type Recipient = Pick<UserRow, "id" | "email" | "name" | "emailVerifiedAt">;

/** The page of the shop that takes the token. */
const PAGES = { password_reset: "reset-password", email_verification: "verify-email" } as const;

function mail(
  deps: AccountsDeps,
  call: Call,
  kind: string,
  { id, email, name, emailVerifiedAt }: Recipient,
  variables: Record<string, string>,
): Statement {
  const recipient = { id, email, name, locale: localeOf(call), proven: emailVerifiedAt !== null };
  return outboxInsert(makeEvent("NOTIFICATION_SEND", id, { kind, recipient, variables }, causeOf(deps, call)));
}

function causeOf(deps: AccountsDeps, { correlationId, traceparent }: Call): Cause {
  return { worker: deps.worker, correlationId, traceparent, now: deps.now() };
}

/** What reaches the owner beside the e-mail address is dropped with it. */
export function passwordChanged(deps: AccountsDeps, call: Call, userId: string): Statement {
  return outboxInsert(makeEvent("PASSWORD_CHANGED", userId, { userId }, causeOf(deps, call)));
}

/** For the batch that marks the e-mail verified; nothing when it was already. */
export function emailVerified(
  deps: AccountsDeps,
  call: Call,
  { id, email, emailVerifiedAt }: Pick<UserRow, "id" | "email" | "emailVerifiedAt">,
): Statement[] {
  if (emailVerifiedAt !== null) return [];
  return [outboxInsert(makeEvent("EMAIL_VERIFIED", id, { userId: id, email }, causeOf(deps, call)))];
}

/** Tells the owner, who may not be the one who did it. */
export function passwordChangedMail(deps: AccountsDeps, call: Call, user: Recipient): Statement {
  return mail(deps, call, "password_changed", user, {});
}

export interface TokenMail {
  /** Changes nothing when the user has too many good tokens; put `mustChange` behind it where that matters. */
  readonly token: SQL;
  readonly mail: Statement;
}

/** A token and the mail that carries it, for one batch. The token is in the mail alone; D1's table has its hash. */
export async function tokenMail(
  deps: AccountsDeps,
  call: Call,
  purpose: MailTokenRow["purpose"],
  user: Recipient,
): Promise<TokenMail> {
  const token = randomToken();
  const now = deps.now();
  const lifeMs = MAIL_TOKEN_LIFE_MS[purpose];
  // In the fragment: browsers send it to no server, so it is in no access log and no Referer.
  const link = `${deps.shopUrl}/${PAGES[purpose]}#token=${token}`;
  const variables = { link, token, expiresInMinutes: String(lifeMs / 60_000) };
  const tokenHash = await sha256Hex(token);
  return {
    token: insertMailToken({ tokenHash, userId: user.id, purpose, createdAt: now, expiresAt: now + lifeMs }),
    mail: mail(deps, call, purpose, user, variables),
  };
}
