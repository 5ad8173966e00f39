// Ids like Stripe's: a prefix, a version digit, then random letters and digits.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `length` letters and digits. The remainder makes some slightly likelier, which is harmless: these ids protect nothing. */
export function randomId(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join("");
}

export function stripeId(prefix: "pi" | "ch" | "re" | "du" | "txn" | "evt" | "whd"): string {
  return `${prefix}_3${randomId(23)}`;
}
