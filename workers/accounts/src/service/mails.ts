// Outbox rows of accounts: the commands that have notifications send a mail, and the events about an account.
import type { SQL } from "drizzle-orm";
import { localeOf } from "#shared/call";
import type { Call } from "#shared/call";
import { StaleWrite, mustChange } from "#shared/database";
import type { Statement } from "#shared/statement";
import { makeEvent } from "#shared/events/envelope";
import type { Cause } from "#shared/events/envelope";
import { randomToken, sha256Hex } from "#shared/hash";
import { outboxInsert, save } from "#shared/outbox";
import { MAIL_TOKEN_LIFE_MS } from "../constants.ts";
import type { PublicUser } from "../domain/session.ts";
import type { MailTokenRow } from "../schema.ts";
import { insertMailToken } from "../store/mail-tokens.ts";
import type { AccountsDeps } from "./deps.ts";

type Recipient = Pick<PublicUser, "id" | "email" | "name" | "emailVerifiedAt">;

/** The shop's page that a mailed link opens. */
const PAGES = { password_reset: "reset-password", email_verification: "verify-email" } as const;

function causeOf(deps: AccountsDeps, { correlationId, traceparent }: Call): Cause {
  return { worker: deps.worker, correlationId, traceparent, now: deps.now() };
}

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

export function userRegistered(deps: AccountsDeps, call: Call, { id, email, name }: PublicUser): Statement {
  const data = { userId: id, email, name, locale: localeOf(call) };
  return outboxInsert(makeEvent("USER_REGISTERED", id, data, causeOf(deps, call)));
}

/** Notifications then deletes the push subscriptions and the phone that were added before: an intruder may have added them. */
export function passwordChanged(deps: AccountsDeps, call: Call, userId: string): Statement {
  return outboxInsert(makeEvent("PASSWORD_CHANGED", userId, { userId }, causeOf(deps, call)));
}

/** For the batch that marks the e-mail verified; empty when it was verified before. */
export function emailVerified(deps: AccountsDeps, call: Call, user: Omit<Recipient, "name">): Statement[] {
  const { id, email, emailVerifiedAt } = user;
  if (emailVerifiedAt !== null) return [];
  return [outboxInsert(makeEvent("EMAIL_VERIFIED", id, { userId: id, email }, causeOf(deps, call)))];
}

/** Warns the owner, in case somebody else changed the password. */
export function passwordChangedMail(deps: AccountsDeps, call: Call, user: Recipient): Statement {
  return mail(deps, call, "password_changed", user, {});
}

export interface TokenMail {
  /** Inserts nothing when the user has MAX_LIVE_MAIL_TOKENS valid ones. */
  readonly token: SQL;
  readonly mail: Statement;
}

/** A token and the mail that carries it, for one batch. The mail has the token, D1's table only its hash. */
export async function tokenMail(
  deps: AccountsDeps,
  call: Call,
  purpose: MailTokenRow["purpose"],
  user: Recipient,
): Promise<TokenMail> {
  const token = randomToken();
  const now = deps.now();
  const lifeMs = MAIL_TOKEN_LIFE_MS[purpose];
  // Browsers send no fragment to a server, so the token appears in no access log and no Referer.
  const link = `${deps.shopUrl}/${PAGES[purpose]}#token=${token}`;
  const variables = { link, token, expiresInMinutes: String(lifeMs / 60_000) };
  const tokenHash = await sha256Hex(token);
  return {
    token: insertMailToken({ tokenHash, userId: user.id, purpose, createdAt: now, expiresAt: now + lifeMs }),
    mail: mail(deps, call, purpose, user, variables),
  };
}

/** Mails a token, unless the user has MAX_LIVE_MAIL_TOKENS valid ones: the mails that carry those serve as well. */
export async function sendTokenMail(
  deps: AccountsDeps,
  call: Call,
  purpose: MailTokenRow["purpose"],
  user: Recipient,
): Promise<void> {
  const { token, mail: command } = await tokenMail(deps, call, purpose, user);
  try {
    await save(deps, { token, inserted: mustChange(), command });
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
  }
}
