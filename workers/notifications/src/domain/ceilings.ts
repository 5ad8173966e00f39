// Ceilings: the most messages that one recipient gets in a time. The shop sets them by variables.

export interface Ceilings {
  /** To an address whose owner has not verified it. */
  readonly unprovenPerHour: number;
  readonly unprovenPerDay: number;
  readonly provenPerHour: number;
  /** Text messages to one number, and to one user. */
  readonly textsPerDay: number;
  /** Phone codes for all unproven accounts of one client network together. */
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

/** @throws naming the variable that is not a whole number: a typing error must not remove a ceiling. */
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

/** Gmail delivers to both domains alike and ignores dots before the `@`. */
const GMAIL_DOMAINS = ["gmail.com", "googlemail.com"];

/**
 * The key that mails to one mailbox are counted by: lower case, without a `+tag`, and without dots at Gmail. Two mailboxes that share
 * a key share a ceiling; a thousand spellings of one mailbox with a ceiling each would be worse.
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

/** The key that pushes are counted by: all browsers of a user together. */
export function pushKey(userId: string): string {
  return `push:${userId}`;
}
