// How many messages a recipient gets: the shop's settings.

export interface Ceilings {
  /** Messages to an address that nobody has proven to be the recipient's. */
  readonly unprovenPerHour: number;
  readonly unprovenPerDay: number;
  readonly provenPerHour: number;
  /** Text messages to a number, and of a user. */
  readonly textsPerDay: number;
  /** Codes that the accounts of one client network without a verified e-mail address have texted. */
  readonly unprovenCodesPerDay: number;
}

type Variables = Readonly<
  Record<
    | "MESSAGES_PER_HOUR_UNPROVEN"
    | "MESSAGES_PER_DAY_UNPROVEN"
    | "MESSAGES_PER_HOUR_PROVEN"
    | "TEXTS_PER_DAY"
    | "UNPROVEN_CODES_PER_DAY",
    string
  >
>;

/** @throws naming the variable that is no count: a ceiling that cannot be read must not be none. */
export function ceilingsOf(variables: Variables): Ceilings {
  const count = (name: keyof Variables): number => {
    const text = variables[name];
    if (!/^\d{1,9}$/.test(text)) throw new Error(`${name}="${text}" is not a whole number`);
    return Number(text);
  };
  return {
    unprovenPerHour: count("MESSAGES_PER_HOUR_UNPROVEN"),
    unprovenPerDay: count("MESSAGES_PER_DAY_UNPROVEN"),
    provenPerHour: count("MESSAGES_PER_HOUR_PROVEN"),
    textsPerDay: count("TEXTS_PER_DAY"),
    unprovenCodesPerDay: count("UNPROVEN_CODES_PER_DAY"),
  };
}

/** Gmail's mailboxes have two domains each, and pass over dots in the part before the `@`. */
const GMAIL_DOMAINS = ["gmail.com", "googlemail.com"];

/**
 * The mailbox that an e-mail address most likely leads to: without case, without what follows a `+`, and as its provider writes it. Two
 * mailboxes with one key share a ceiling, which is the lesser harm.
 */
export function emailKey(email: string): string {
  const address = email.trim().toLowerCase();
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  const [mailbox = ""] = address.slice(0, Math.max(at, 0)).split("+");
  return GMAIL_DOMAINS.includes(domain)
    ? `email:${mailbox.replaceAll(".", "")}@gmail.com`
    : `email:${mailbox}@${domain}`;
}

/** All browsers of a user together. */
export function pushKey(userId: string): string {
  return `push:${userId}`;
}
