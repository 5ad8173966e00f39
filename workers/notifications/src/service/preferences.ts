// A user's own choices: which message on which channel, in which language, to which phone and browsers.
import type { Call } from "#shared/call";
import { isUser } from "#shared/call";
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
import { fail } from "#shared/errors";
import type { FieldError, Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { z } from "zod";
import { isPushEndpoint } from "../domain/endpoint.ts";
import { kindOf } from "../domain/kinds.ts";
import { isPushKey } from "../domain/web-push.ts";
import {
  findPreferences,
  listStoredSubscriptions,
  putStored,
  putSubscription,
  removeSubscription,
} from "../store/preferences.ts";
import type { StoredPreferences, StoredSubscription } from "../store/preferences.ts";
import type { NotificationsDeps } from "./deps.ts";

const NOTHING_CHOSEN: StoredPreferences = { channels: {}, phone: null, locale: null };
const UNAUTHENTICATED = fail("unauthenticated", "This is for users: sign in with POST /api/auth/login.");

function isMandatory(kind: UserKind): boolean {
  return kindOf(kind)?.mandatory ?? false;
}

/** In the order of the kind's channels, whatever order they were chosen in. */
function effective(kind: UserKind, { channels }: StoredPreferences): Channel[] {
  const { channels: open = [], defaults = [] } = kindOf(kind) ?? {};
  const chosen = channels[kind] ?? defaults;
  return open.filter((channel) => chosen.includes(channel) || (channel === "email" && isMandatory(kind)));
}

function renderPreferences(deps: NotificationsDeps, stored: StoredPreferences): Preferences {
  const entries = UserKind.options.map((kind) => [kind, effective(kind, stored)] as const);
  return {
    preferences: Object.fromEntries(entries) as Record<UserKind, Channel[]>,
    mandatory: UserKind.options.filter(isMandatory),
    available: [...deps.senders.keys()],
    phone: stored.phone,
    locale: stored.locale,
  };
}

export async function preferences(deps: NotificationsDeps, { actor }: Call): Promise<Outcome<Preferences>> {
  if (!isUser(actor)) return UNAUTHENTICATED;
  return ok(renderPreferences(deps, (await findPreferences(deps, actor.id)) ?? NOTHING_CHOSEN));
}

type Chosen = z.output<typeof PutPreferencesInput>;

function faultsOf({ preferences: chosen, phone }: Chosen): FieldError[] {
  const entries = Object.entries(chosen) as [UserKind, Channel[]][];
  const closed = entries.flatMap(([kind, channels]) =>
    channels
      .filter((channel) => kindOf(kind)?.channels.includes(channel) !== true)
      .map((channel) => ({ path: `preferences.${kind}`, message: `does not go out on ${channel}` })),
  );
  const wantsSms = entries.some(([, channels]) => channels.includes("sms"));
  const phoneless = wantsSms && (phone ?? null) === null;
  return [...closed, ...(phoneless ? [{ path: "phone", message: "is needed for sms" }] : [])];
}

export async function putPreferences(
  deps: NotificationsDeps,
  { actor }: Call,
  input: Chosen,
): Promise<Outcome<Preferences>> {
  if (!isUser(actor)) return UNAUTHENTICATED;
  const errors = faultsOf(input);
  if (errors.length > 0) return fail("validation_failed", "The preferences cannot be followed.", { errors });
  const stored = { channels: input.preferences, phone: input.phone ?? null, locale: input.locale ?? null };
  await putStored(deps, actor.id, stored);
  return ok(renderPreferences(deps, stored));
}

export function pushKey({ pushKey: publicKey }: NotificationsDeps): Promise<Outcome<PushKey>> {
  return Promise.resolve(publicKey === undefined ? fail("not_found", "This shop sends no pushes.") : ok({ publicKey }));
}

function renderSubscription({ createdAt, ...subscription }: StoredSubscription): PushSubscription {
  return { ...subscription, createdAt: new Date(createdAt).toISOString() };
}

export async function subscribe(
  deps: NotificationsDeps,
  { actor }: Call,
  { endpoint, keys }: z.output<typeof SubscribeInput>,
): Promise<Outcome<PushSubscription>> {
  if (!isUser(actor)) return UNAUTHENTICATED;
  if (!isPushEndpoint(endpoint)) {
    const errors = [{ path: "endpoint", message: "is not the https address of a public push service" }];
    return fail("validation_failed", "Nothing can be pushed there.", { errors });
  }
  if (!(await isPushKey(keys.p256dh))) {
    const errors = [{ path: "keys.p256dh", message: "is not a point of P-256" }];
    return fail("validation_failed", "Nothing can be pushed there.", { errors });
  }
  const stored = await putSubscription(deps, actor.id, { endpoint, ...keys });
  if (stored === undefined) throw new Error("a subscription was not stored");
  return ok(renderSubscription(stored));
}

export async function listSubscriptions(
  deps: NotificationsDeps,
  { actor }: Call,
): Promise<Outcome<{ readonly items: readonly PushSubscription[] }>> {
  if (!isUser(actor)) return UNAUTHENTICATED;
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
