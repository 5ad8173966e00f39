// The mail that tells an account's owner that somebody is reached in their name from now on.
import { isProven, localeOf } from "#shared/call";
import type { Call, User } from "#shared/call";
import type { Customer } from "#shared/events/catalogue";
import type { CommandKind } from "#shared/events/commands";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import type { NotificationsDeps } from "./deps.ts";

export function customerOf(call: Call, { id, email, name }: User): Customer {
  return { id, email, name, locale: localeOf(call), proven: isProven(call.actor) };
}

/** As an event, to be written with what it tells of. */
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
