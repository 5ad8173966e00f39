// The messages that any Worker may have sent by NOTIFICATION_SEND, with the variables that each brings. A kind that is not
// here, or a variable that is missing, is a dead letter at once.
import { z } from "zod";

/**
 * `name` (the recipient's) and `shopName` are always there and need not be brought. Amounts and times come as they are to be shown;
 * more variables than these do no harm.
 */
export const COMMANDS = {
  /** To the user. `link` opens the page where the token is used. */
  password_reset: ["link", "token", "expiresInMinutes"],
  email_verification: ["link", "token", "expiresInMinutes"],
  password_changed: [],
  /** To the user: a phone number or a browser is reached in their name from now on. */
  phone_changed: [],
  push_device_added: [],
  /** To the admins: an authorization that ends before the order was captured. */
  authorization_expiring: ["orderId", "orderNumber", "amount", "expiresAt"],
  dispute_opened: ["orderId", "orderNumber", "amount", "reason"],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type CommandKind = keyof typeof COMMANDS;

/** Messages whose variables let their reader act as the recipient: shown to nobody, and not kept once sent. */
export const CONFIDENTIAL_KINDS: readonly string[] = ["password_reset", "email_verification", "phone_code"] satisfies (
  | CommandKind
  | "phone_code"
)[];

const REDACTED = "[redacted]";

/** As far as it must hold for something to be kept from operators: whatever else is wrong with it is why they look. */
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

/**
 * An envelope's JSON text as operators may see it: without what confidential messages bring. A kind that this version does not know may
 * be confidential in another.
 */
export function redactEnvelope(envelope: string): string {
  const { success, data: command } = Command.safeParse(JSON.parse(envelope));
  if (!success || isOpen(command.data.kind)) return envelope;
  return JSON.stringify({ ...command, data: { ...command.data, variables: redacted(command.data.variables) } });
}
