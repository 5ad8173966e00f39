// A user's preferences (channels and language of each kind of message) and the browsers that get their pushes.
import { isProven, isUser, localeOf } from "#shared/call";
import type { Call, User } from "#shared/call";
import { UserKind } from "#shared/contracts/notifications";
import type {
  Channel,
  Preferences,
  PushKey,
  PushSubscription,
  PutPreferencesInput,
  SubscribeInput,
  UnsubscribeInput,
} from "#shared/contracts/notifications";
import { SIGN_IN_FIRST, fail } from "#shared/errors";
import type { FieldError, Outcome } from "#shared/errors";
import type { Customer } from "#shared/events/catalogue";
import type { CommandKind } from "#shared/events/commands";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { ok } from "#shared/result";
import type * as z from "zod";
import { kindOf } from "../domain/kinds.ts";
import { isPushEndpoint, isPushKey } from "../domain/web-push.ts";
import {
  findPreferences,
  listStoredSubscriptions,
  savePreferences,
  putSubscription,
  removeSubscription,
} from "../store/preferences.ts";
import type { StoredPreferences, StoredSubscription } from "../store/preferences.ts";
import type { NotificationsDeps } from "./deps.ts";

function isMandatory(kind: UserKind): boolean {
  return kindOf(kind)?.mandatory ?? false;
}

/** The channels in effect, in the order of the kind's channels. */
function effective(kind: UserKind, { channels, phoneVerified }: StoredPreferences): Channel[] {
  const { channels: open = [], defaults = [] } = kindOf(kind) ?? {};
  const chosen = channels[kind] ?? defaults;
  const reached = open.filter((channel) => channel !== "sms" || phoneVerified);
  return reached.filter((channel) => chosen.includes(channel) || (channel === "email" && isMandatory(kind)));
}

function renderPreferences(deps: NotificationsDeps, stored: StoredPreferences): Preferences {
  const entries = UserKind.options.map((kind) => [kind, effective(kind, stored)] as const);
  return {
    preferences: Object.fromEntries(entries) as Record<UserKind, Channel[]>,
    mandatory: UserKind.options.filter(isMandatory),
    available: [...deps.senders.keys()],
    phone: stored.phone,
    phoneVerified: stored.phoneVerified,
    locale: stored.locale,
  };
}

export async function preferences(deps: NotificationsDeps, { actor }: Call): Promise<Outcome<Preferences>> {
  if (!isUser(actor)) return SIGN_IN_FIRST;
  return ok(renderPreferences(deps, await findPreferences(deps, actor.id)));
}

type Wanted = z.output<typeof PutPreferencesInput>;

function faultsOf({ preferences: chosen }: Wanted, { phoneVerified }: StoredPreferences): FieldError[] {
  const entries = Object.entries(chosen) as [UserKind, Channel[]][];
  const closed = entries.flatMap(([kind, channels]) =>
    channels
      .filter((channel) => kindOf(kind)?.channels.includes(channel) !== true)
      .map((channel) => ({ path: `preferences.${kind}`, message: `cannot go out on ${channel}` })),
  );
  const wantsSms = entries.some(([, channels]) => channels.includes("sms"));
  const phoneless = wantsSms && !phoneVerified;
  const message = "sms needs a proven number: POST /api/notifications/phone";
  return [...closed, ...(phoneless ? [{ path: "preferences", message }] : [])];
}

export async function putPreferences(
  deps: NotificationsDeps,
  { actor }: Call,
  input: Wanted,
): Promise<Outcome<Preferences>> {
  if (!isUser(actor)) return SIGN_IN_FIRST;
  const before = await findPreferences(deps, actor.id);
  const errors = faultsOf(input, before);
  if (errors.length > 0) return fail("validation_failed", "The preferences are not valid.", { errors });
  const chosen = { channels: input.preferences, locale: input.locale ?? null };
  await savePreferences(deps, actor.id, chosen);
  return ok(renderPreferences(deps, { ...before, ...chosen }));
}

export function pushKey({ pushKey: publicKey }: NotificationsDeps): Promise<Outcome<PushKey>> {
  return Promise.resolve(publicKey === undefined ? fail("not_found", "This shop sends no pushes.") : ok({ publicKey }));
}

function renderSubscription({ createdAt, ...subscription }: StoredSubscription): PushSubscription {
  return { ...subscription, createdAt: new Date(createdAt).toISOString() };
}

export function customerOf(call: Call, { id, email, name }: User): Customer {
  return { id, email, name, locale: localeOf(call), proven: isProven(call.actor) };
}

/** The request for a mail that warns the account's owner. Written in one commit with the change that it reports. */
export function securityMail(
  deps: NotificationsDeps,
  call: Call,
  user: User,
  kind: CommandKind,
): EventEnvelope<"NOTIFICATION_SEND"> {
  const { correlationId, traceparent } = call;
  const cause = { worker: deps.worker, correlationId, traceparent, now: deps.now() };
  return makeEvent("NOTIFICATION_SEND", user.id, { kind, recipient: customerOf(call, user), variables: {} }, cause);
}

export async function subscribe(
  deps: NotificationsDeps,
  call: Call,
  { endpoint, keys }: z.output<typeof SubscribeInput>,
): Promise<Outcome<PushSubscription>> {
  const { actor } = call;
  if (!isUser(actor)) return SIGN_IN_FIRST;
  if (!isPushEndpoint(endpoint)) {
    const errors = [{ path: "endpoint", message: "must be the https address of a public push service" }];
    return fail("validation_failed", "The shop cannot send pushes to this subscription.", { errors });
  }
  if (!(await isPushKey(keys.p256dh))) {
    const errors = [{ path: "keys.p256dh", message: "is not a point of P-256" }];
    return fail("validation_failed", "The shop cannot send pushes to this subscription.", { errors });
  }
  const warning = securityMail(deps, call, actor, "push_device_added");
  const stored = await putSubscription(deps, actor.id, { endpoint, ...keys }, warning);
  if (stored === undefined) throw new Error("a subscription was not stored");
  return ok(renderSubscription(stored));
}

export async function listSubscriptions(
  deps: NotificationsDeps,
  { actor }: Call,
): Promise<Outcome<{ readonly items: readonly PushSubscription[] }>> {
  if (!isUser(actor)) return SIGN_IN_FIRST;
  return ok({ items: (await listStoredSubscriptions(deps, actor.id)).map(renderSubscription) });
}

export async function unsubscribe(
  deps: NotificationsDeps,
  { actor }: Call,
  { subscriptionId }: z.output<typeof UnsubscribeInput>,
): Promise<Outcome<null>> {
  const removed = isUser(actor) && (await removeSubscription(deps, actor.id, subscriptionId));
  return removed ? ok(null) : fail("not_found", "There is no such subscription.");
}
