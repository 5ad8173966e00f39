// The stored form of a password: `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, salt and key in base64url. Each hash names its own
// parameters, so that they can be raised without a new password from anybody.

export interface ScryptParameters {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

export interface PasswordHash extends ScryptParameters {
  readonly salt: Uint8Array;
  readonly key: Uint8Array;
}

const FORMAT = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]+)\$([\w-]+)$/;

export function formatHash({ log2N, r, p, salt, key }: PasswordHash): string {
  const [saltText, keyText] = [salt, key].map((bytes) => Buffer.from(bytes).toString("base64url"));
  return `scrypt$${String(log2N)}$${String(r)}$${String(p)}$${String(saltText)}$${String(keyText)}`;
}

/** @throws Error when the text is not such a hash, which means that the row is damaged. */
export function parseHash(text: string): PasswordHash {
  const match = FORMAT.exec(text);
  if (match === null) throw new Error("a stored password hash is damaged");
  const [, log2N, r, p, salt = "", key = ""] = match;
  return {
    log2N: Number(log2N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, "base64url"),
    key: Buffer.from(key, "base64url"),
  };
}

/** Whether a hash was made with other parameters than the current ones. */
export function isOutdated(hash: ScryptParameters, current: ScryptParameters): boolean {
  return hash.log2N !== current.log2N || hash.r !== current.r || hash.p !== current.p;
}
