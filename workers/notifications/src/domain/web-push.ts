// Web push: a message encrypted for one browser (RFC 8291, on the aes128gcm of RFC 8188) and the sender's signature to the push
// service (VAPID, RFC 8292). Keys, salt and time come in as arguments.
export interface PushKeys {
  /** The browser's public key, base64url of an uncompressed point. */
  readonly p256dh: string;
  /** The secret that it shares with the shop, base64url. */
  readonly auth: string;
}

export interface VapidKeys {
  /** base64url of an uncompressed point: what browsers subscribe with. */
  readonly publicKey: string;
  /** base64url of the private scalar. */
  readonly privateKey: string;
}

/** One message's own key pair and salt. */
export interface Ephemeral {
  readonly keys: CryptoKeyPair;
  readonly salt: Uint8Array<ArrayBuffer>;
}

const CURVE = { name: "ECDH", namedCurve: "P-256" } as const;
const POINT_BYTES = 65;
const COORDINATE_BYTES = 32;
/** One record holds all that a push service takes. */
const RECORD_BYTES = 4_096;
/** Ends the last record (RFC 8188, 2). */
const LAST_RECORD = 2;

const encoder = new TextEncoder();

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(text));
}

export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", ""));
  return Uint8Array.from(binary, (character) => character.codePointAt(0) ?? 0);
}

export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A public point and its private scalar as WebCrypto takes them. */
export function keyPairJwk({ publicKey, privateKey }: VapidKeys): JsonWebKey {
  const point = fromBase64Url(publicKey);
  if (point.length !== POINT_BYTES) throw new TypeError("the public key is not an uncompressed point of P-256");
  return {
    kty: "EC",
    crv: CURVE.namedCurve,
    x: toBase64Url(point.slice(1, 1 + COORDINATE_BYTES)),
    y: toBase64Url(point.slice(1 + COORDINATE_BYTES)),
    d: privateKey,
  };
}

async function hkdf(
  salt: Uint8Array<ArrayBuffer>,
  secret: Uint8Array<ArrayBuffer>,
  info: Uint8Array<ArrayBuffer>,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, bytes * 8));
}

export async function newEphemeral(): Promise<Ephemeral> {
  const keys = (await crypto.subtle.generateKey(CURVE, true, ["deriveBits"])) as CryptoKeyPair;
  return { keys, salt: crypto.getRandomValues(new Uint8Array(16)) };
}

function importBrowserKey(p256dh: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", fromBase64Url(p256dh), CURVE, false, []);
}

/** Whether something can be encrypted for this browser: its key is a point of the curve. */
export async function isPushKey(p256dh: string): Promise<boolean> {
  try {
    await importBrowserKey(p256dh);
    return true;
  } catch {
    return false;
  }
}

/** The body of one push, for one browser only. @throws when the browser's key is not a point of the curve. */
export async function encryptPush(
  plaintext: string,
  { p256dh, auth }: PushKeys,
  { keys, salt }: Ephemeral,
): Promise<Uint8Array<ArrayBuffer>> {
  const browserPoint = fromBase64Url(p256dh);
  const browserKey = await importBrowserKey(p256dh);
  const ownPoint = new Uint8Array((await crypto.subtle.exportKey("raw", keys.publicKey)) as ArrayBuffer);
  const algorithm = { name: CURVE.name, public: browserKey } as unknown as SubtleCryptoDeriveKeyAlgorithm;
  const shared = new Uint8Array(await crypto.subtle.deriveBits(algorithm, keys.privateKey, 256));
  const info = concat(utf8("WebPush: info\0"), browserPoint, ownPoint);
  const secret = await hkdf(fromBase64Url(auth), shared, info, 32);
  const contentKey = await hkdf(salt, secret, utf8("Content-Encoding: aes128gcm\0"), 16);
  const nonce = await hkdf(salt, secret, utf8("Content-Encoding: nonce\0"), 12);
  const key = await crypto.subtle.importKey("raw", contentKey, "AES-GCM", false, ["encrypt"]);
  const record = concat(utf8(plaintext), Uint8Array.of(LAST_RECORD));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, record));
  const recordSize = new Uint8Array(4);
  new DataView(recordSize.buffer).setUint32(0, RECORD_BYTES);
  return concat(salt, recordSize, Uint8Array.of(ownPoint.length), ownPoint, sealed);
}

function part(value: unknown): string {
  return toBase64Url(utf8(JSON.stringify(value)));
}

/** The Authorization header for pushes to one service (RFC 8292, 3). `expiresAt` is in milliseconds since the epoch. */
export async function vapidHeader(
  vapid: VapidKeys,
  subject: string,
  endpoint: string,
  expiresAt: number,
): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: CURVE.namedCurve };
  const key = await crypto.subtle.importKey("jwk", keyPairJwk(vapid), algorithm, false, ["sign"]);
  const claims = { aud: new URL(endpoint).origin, exp: Math.floor(expiresAt / 1_000), sub: subject };
  const unsigned = `${part({ typ: "JWT", alg: "ES256" })}.${part(claims)}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, utf8(unsigned));
  return `vapid t=${unsigned}.${toBase64Url(new Uint8Array(signature))}, k=${vapid.publicKey}`;
}

/** Names that stand for a machine or a network of one's own (RFC 6761, RFC 6762, RFC 8375 and common use). */
const PRIVATE_SUFFIXES = ["localhost", "local", "internal", "intranet", "lan", "home", "home.arpa", "corp", "onion"];

/**
 * Whether this is an address that a push service may have: https on its own port, a public name and no number. What a public name
 * resolves to cannot be seen from here; a Worker reaches public addresses only, and redirects are not followed.
 */
export function isPushEndpoint(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, port, username, password } = new URL(address);
  if (protocol !== "https:" || port !== "" || username !== "" || password !== "") return false;
  const host = hostname.toLowerCase().replace(/\.$/, "");
  const labels = host.split(".");
  // The last label of a name is never a number; of an address in any notation it is (URL, 3.5, "ends in a number").
  const isNumber = host.startsWith("[") || /^(0x[0-9a-f]*|\d+)$/.test(labels.at(-1) ?? "");
  if (isNumber || labels.length < 2) return false;
  return !PRIVATE_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}
