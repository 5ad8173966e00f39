// The messages that any Worker may request by NOTIFICATION_SEND, with the variables that each needs. An unknown kind or a missing
// variable makes the event a dead letter at once.
import * as z from "zod";

/** Notifications adds `name` (the recipient's) and `shopName`. Amounts and times are formatted by the sender. Extra variables are ignored. */
export const COMMANDS = {
  /** To the user. `link` opens the page where the token is used. */
  password_reset: ["link", "token", "expiresInMinutes"],
  email_verification: ["link", "token", "expiresInMinutes"],
  password_changed: [],
  /** To the user: a phone number or a browser was added to the account. */
  phone_changed: [],
  push_device_added: [],
  /** To the admins: an authorization expires soon and the order is not captured. */
  authorization_expiring: ["orderId", "orderNumber", "amount", "expiresAt"],
  dispute_opened: ["orderId", "orderNumber", "amount", "reason"],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type CommandKind = keyof typeof COMMANDS;

/** Messages whose variables let their reader act as the recipient: no list returns them, and their text is deleted once sent. */
export const CONFIDENTIAL_KINDS: readonly string[] = ["password_reset", "email_verification", "phone_code"] satisfies (
  | CommandKind
  | "phone_code"
)[];

const REDACTED = "[redacted]";

/** As loose as possible: operators look at malformed commands, whose variables must be redacted too. */
const Command = z.looseObject({
  type: z.literal("NOTIFICATION_SEND"),
  data: z.looseObject({ kind: z.unknown().optional(), variables: z.unknown().optional() }),
});

function isOpen(kind: unknown): boolean {
  return typeof kind === "string" && Object.hasOwn(COMMANDS, kind) && !CONFIDENTIAL_KINDS.includes(kind);
}

function redacted(variables: unknown): unknown {
  if (typeof variables !== "object" || variables === null) return REDACTED;
  return Object.fromEntries(Object.keys(variables).map((name) => [name, REDACTED]));
}

/** Redacts the variables of confidential commands in an envelope's JSON text, and of unknown kinds, which may be confidential. */
export function redactEnvelope(envelope: string): string {
  const { success, data: command } = Command.safeParse(JSON.parse(envelope));
  if (!success || isOpen(command.data.kind)) return envelope;
  return JSON.stringify({ ...command, data: { ...command.data, variables: redacted(command.data.variables) } });
}
