// What an order is given when it is placed: its number, and whose sale it is.

/** Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O or U to mishear. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 40 bits: at ten thousand orders a day, two collide once in 60 years; the table's UNIQUE then has another drawn. */
const RANDOM_CHARACTERS = 8;

/** `TP-261123-7K3M9QXD`: the UTC day, then random. `random` must give at least 8 bytes. */
export function orderNumber(now: number, random: Uint8Array): string {
  const day = new Date(now).toISOString().slice(2, 10).replaceAll("-", "");
  const tail = Array.from(random.subarray(0, RANDOM_CHARACTERS), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return `TP-${day}-${tail}`;
}

/** The one vendor who sells all lines; null when they are the shop's own, or of several vendors. */
export function sellerOfAll(vendorIds: readonly (string | null)[]): string | null {
  const [first = null] = vendorIds;
  return vendorIds.every((vendorId) => vendorId === first) ? first : null;
}
