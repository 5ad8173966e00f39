// The messages that any Worker may have sent by NOTIFICATION_SEND, with the variables that each brings. A kind that is not
// here, or a variable that is missing, is a dead letter at once.
import { parseEvent } from "./envelope.ts";
import type { EventEnvelope } from "./envelope.ts";

/**
 * `name` (the recipient's) and `shopName` are always there and need not be brought. Amounts and times come as they are to be shown;
 * more variables than these do no harm.
 */
export const COMMANDS = {
  /** To the user. `link` opens the page where the token is used. */
  password_reset: ["link", "token", "expiresInMinutes"],
  email_verification: ["link", "token", "expiresInMinutes"],
  password_changed: [],
  /** To the admins: an authorization that ends before the order was captured. */
  authorization_expiring: ["orderId", "orderNumber", "amount", "expiresAt"],
  dispute_opened: ["orderId", "orderNumber", "amount", "reason"],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type CommandKind = keyof typeof COMMANDS;

/** Messages whose variables let their reader act as the recipient: shown to nobody, and not kept once sent. */
export const CONFIDENTIAL_KINDS: readonly string[] = ["password_reset", "email_verification"] satisfies CommandKind[];

const REDACTED = "[redacted]";

/** An event as operators may see it: what confidential messages bring is not shown. */
function redactEvent(event: EventEnvelope): EventEnvelope {
  if (event.type !== "NOTIFICATION_SEND" || !CONFIDENTIAL_KINDS.includes(event.data.kind)) return event;
  const variables = Object.fromEntries(Object.keys(event.data.variables).map((name) => [name, REDACTED]));
  return { ...event, data: { ...event.data, variables } };
}

/** The same for an envelope's JSON text, as a dead letter keeps it; text that is no event is returned as it stands. */
export function redactEnvelope(envelope: string): string {
  const event = parseEvent(JSON.parse(envelope));
  const redacted = event === undefined ? undefined : redactEvent(event);
  return redacted === event ? envelope : JSON.stringify(redacted);
}
