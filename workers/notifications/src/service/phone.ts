// Proves a user's phone number by a code in a text message.
import type * as z from "zod";
import { isProven, isUser } from "#shared/call";
import type { Call } from "#shared/call";
import type { PhoneCode, Preferences, SetPhoneInput, VerifyPhoneInput } from "#shared/contracts/notifications";
import { StaleWrite } from "#shared/database";
import { SIGN_IN_FIRST, fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { Customer } from "#shared/events/catalogue";
import { sha256Hex } from "#shared/hash";
import { newId } from "#shared/ids";
import { networkDigest } from "#shared/network";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { MINUTE_MS, PHONE_CODE_TTL_MS } from "../constants.ts";
import { isSmsDestination } from "../domain/countries.ts";
import { requestedMessage } from "../domain/messages.ts";
import { insertDraft } from "../store/draft.ts";
import type { Draft } from "../store/draft.ts";
import { dropPhone, nextTextAt, nextUnprovenCodeAt, proveNumber, writeCode } from "../store/phones.ts";
import { claimedRows, compose } from "./compose.ts";
import type { NotificationsDeps } from "./deps.ts";
import { dispatch } from "./dispatch.ts";
import { customerOf, preferences, securityMail } from "./preferences.ts";

const INVALID = fail(
  "phone_code_invalid",
  "The code is wrong, older than 10 minutes, or was tried 5 times. Request a new one with POST /api/notifications/phone.",
);

/** Six digits. The modulo makes some codes likelier by less than 1 in 4,000, which is no help to a guesser. */
function newCode(): string {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return String(random % 1_000_000).padStart(6, "0");
}

function hashOf(userId: string, code: string): Promise<string> {
  return sha256Hex(`phone code ${userId} ${code}`);
}

async function networkRefused(deps: NotificationsDeps, network: string): Promise<Outcome<never>> {
  const retryAt = new Date(await nextUnprovenCodeAt(deps, network)).toISOString();
  const detail = `This network's accounts without a verified e-mail address have used up their codes for the day. Verify your e-mail address and sign in again, or try again at ${retryAt}.`;
  return fail("too_many_texts", detail, { retryAt });
}

/** The text message with a code. */
async function codeMessage(
  deps: NotificationsDeps,
  recipient: Customer & { readonly id: string },
  phone: string,
  code: string,
): Promise<Draft> {
  const variables = { code, expiresInMinutes: String(PHONE_CODE_TTL_MS / MINUTE_MS) };
  const content = requestedMessage({ kind: "phone_code", recipient, variables }, deps.shop);
  const templates = await deps.templates.read(deps.db, deps.now());
  return { ...compose({ id: newId("evt"), subject: recipient.id }, content, templates, ["sms"]), phone };
}

export async function setPhone(
  deps: NotificationsDeps,
  call: Call,
  { phone }: z.output<typeof SetPhoneInput>,
): Promise<Outcome<PhoneCode>> {
  const { actor } = call;
  if (!isUser(actor)) return SIGN_IN_FIRST;
  if (!deps.senders.has("sms")) return fail("not_found", "This shop sends no text messages.");
  if (!isSmsDestination(phone, deps.smsCountries)) {
    const message = `must be a mobile number in international form, in one of the shop's countries: ${deps.smsCountries}`;
    return fail("validation_failed", "The shop cannot send text messages to this number.", {
      errors: [{ path: "phone", message }],
    });
  }
  const code = newCode();
  const codeHash = await hashOf(actor.id, code);
  const expiresAt = deps.now() + PHONE_CODE_TTL_MS;
  const draft = await codeMessage(deps, { ...customerOf(call, actor), id: actor.id }, phone, code);
  const unprovenNetwork = isProven(actor) ? undefined : await networkDigest(call.network);
  const written = await writeCode(
    deps,
    { userId: actor.id, phone, codeHash, expiresAt },
    { notificationId: draft.offers[0]?.id ?? "", insert: insertDraft(deps, draft), unprovenNetwork },
  ).catch((error: unknown) => {
    if (error instanceof StaleWrite) return undefined;
    throw error;
  });
  if (written === undefined) return await networkRefused(deps, unprovenNetwork ?? "");
  const rows = claimedRows(deps, written);
  if (rows.length === 0) {
    const retryAt = new Date(await nextTextAt(deps, actor.id, phone)).toISOString();
    const detail = `This number or this account has used up its text messages for the day. Try again at ${retryAt}.`;
    return fail("too_many_texts", detail, { retryAt });
  }
  try {
    await dispatch(deps, rows);
  } catch (error) {
    log("error", "phone code not sent; the sweep tries again", { error });
  }
  return ok({ phone, expiresAt: new Date(expiresAt).toISOString() });
}

export async function verifyPhone(
  deps: NotificationsDeps,
  call: Call,
  { code }: z.output<typeof VerifyPhoneInput>,
): Promise<Outcome<Preferences>> {
  const { actor } = call;
  if (!isUser(actor)) return SIGN_IN_FIRST;
  const event = securityMail(deps, call, actor, "phone_changed");
  try {
    const isRight = await proveNumber(deps, actor.id, await hashOf(actor.id, code), event);
    return isRight ? await preferences(deps, call) : INVALID;
  } catch (error) {
    if (error instanceof StaleWrite) return INVALID;
    throw error;
  }
}

export async function removePhone(deps: NotificationsDeps, { actor }: Call): Promise<Outcome<null>> {
  if (!isUser(actor)) return SIGN_IN_FIRST;
  await dropPhone(deps, actor.id);
  return ok(null);
}
