// One recipient, however an address is written: what the ceilings of messages count by.

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
