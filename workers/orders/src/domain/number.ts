// Order numbers: what a buyer reads out on the phone.

/** Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O or U to mishear. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 40 bits: two of ten thousand orders a day are alike once in 60 years, and the table's UNIQUE has another drawn then. */
const RANDOM_CHARACTERS = 8;

/** `TP-261123-7K3M9QXD`: the UTC day, then random. `random` must give at least 8 bytes. */
export function orderNumber(now: number, random: Uint8Array): string {
  const day = new Date(now).toISOString().slice(2, 10).replaceAll("-", "");
  const tail = Array.from(random.subarray(0, RANDOM_CHARACTERS), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return `TP-${day}-${tail}`;
}
