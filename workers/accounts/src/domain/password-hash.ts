// The stored form of a password: `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, salt and key in base64url. It names its own
// parameters, so that they can be raised without asking anybody for a new password.

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

/** @throws Error when the text is no hash of ours: only a damaged row can be that. */
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

/** Whether a hash was made with other parameters than those in force. */
export function isOutdated(hash: ScryptParameters, present: ScryptParameters): boolean {
  return hash.log2N !== present.log2N || hash.r !== present.r || hash.p !== present.p;
}
