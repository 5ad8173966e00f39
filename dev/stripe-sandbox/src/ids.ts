// Ids in Stripe's manner: a prefix, a version digit and random letters and digits.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `length` letters and digits. The slight bias of the remainder is of no matter: nothing here guards money. */
export function randomId(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join("");
}

export function stripeId(prefix: "pi" | "ch" | "re" | "du" | "txn" | "evt" | "whd"): string {
  return `${prefix}_3${randomId(23)}`;
}
