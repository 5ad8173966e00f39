// Web push: encryption of a message for one browser (RFC 8291 on the aes128gcm of RFC 8188) and the sender's signature for the push
// service (VAPID, RFC 8292). Keys, salt and time are arguments.
import { SignJWT } from "jose";
import { base64urlDecode, base64urlEncode } from "#shared/base64url";

export interface PushKeys {
  /** The browser's public key, base64url of an uncompressed point. */
  readonly p256dh: string;
  /** The secret that the browser shares with the shop, base64url. */
  readonly auth: string;
}

export interface VapidKeys {
  /** base64url of an uncompressed point. Browsers subscribe with it. */
  readonly publicKey: string;
  /** base64url of the private scalar. */
  readonly privateKey: string;
}

/** The key pair and salt of one message. */
export interface Ephemeral {
  readonly keys: CryptoKeyPair;
  readonly salt: Uint8Array;
}

const CURVE = { name: "ECDH", namedCurve: "P-256" } as const;
const POINT_BYTES = 65;
const COORDINATE_BYTES = 32;
/** A push of the largest size fits into one record. */
const RECORD_BYTES = 4_096;
/** Delimiter of the last record (RFC 8188, 2). */
const LAST_RECORD = 2;

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The key pair in the form that WebCrypto imports. @throws TypeError when the public key is not an uncompressed point. */
export function keyPairJwk({ publicKey, privateKey }: VapidKeys): JsonWebKey {
  const point = base64urlDecode(publicKey);
  if (point.length !== POINT_BYTES) throw new TypeError("the public key is not an uncompressed point of P-256");
  return {
    kty: "EC",
    crv: CURVE.namedCurve,
    x: base64urlEncode(point.slice(1, 1 + COORDINATE_BYTES)),
    y: base64urlEncode(point.slice(1 + COORDINATE_BYTES)),
    d: privateKey,
  };
}

async function hkdf(salt: Uint8Array, secret: Uint8Array, info: Uint8Array, bytes: number): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, bytes * 8));
}

export async function newEphemeral(): Promise<Ephemeral> {
  const keys = (await crypto.subtle.generateKey(CURVE, true, ["deriveBits"])) as CryptoKeyPair;
  return { keys, salt: crypto.getRandomValues(new Uint8Array(16)) };
}

function importBrowserKey(p256dh: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", base64urlDecode(p256dh), CURVE, false, []);
}

/** Whether the browser's key is a point of the curve, so that a push can be encrypted for it. */
export async function isPushKey(p256dh: string): Promise<boolean> {
  try {
    await importBrowserKey(p256dh);
    return true;
  } catch {
    return false;
  }
}

/** Encrypts a push's body for one browser. @throws when the browser's key is not a point of the curve. */
export async function encryptPush(
  plaintext: string,
  { p256dh, auth }: PushKeys,
  { keys, salt }: Ephemeral,
): Promise<Uint8Array> {
  const browserPoint = base64urlDecode(p256dh);
  const browserKey = await importBrowserKey(p256dh);
  const ownPoint = new Uint8Array((await crypto.subtle.exportKey("raw", keys.publicKey)) as ArrayBuffer);
  const algorithm = { name: CURVE.name, public: browserKey } as unknown as SubtleCryptoDeriveKeyAlgorithm;
  const shared = new Uint8Array(await crypto.subtle.deriveBits(algorithm, keys.privateKey, 256));
  const info = concat(utf8("WebPush: info\0"), browserPoint, ownPoint);
  const secret = await hkdf(base64urlDecode(auth), shared, info, 32);
  const contentKey = await hkdf(salt, secret, utf8("Content-Encoding: aes128gcm\0"), 16);
  const nonce = await hkdf(salt, secret, utf8("Content-Encoding: nonce\0"), 12);
  const key = await crypto.subtle.importKey("raw", contentKey, "AES-GCM", false, ["encrypt"]);
  const record = concat(utf8(plaintext), Uint8Array.of(LAST_RECORD));
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, record));
  const recordSize = new Uint8Array(4);
  new DataView(recordSize.buffer).setUint32(0, RECORD_BYTES);
  return concat(salt, recordSize, Uint8Array.of(ownPoint.length), ownPoint, sealed);
}

/** The Authorization header of a push to one service (RFC 8292, 3). `expiresAt` is in milliseconds since the epoch. */
export async function vapidHeader(
  vapid: VapidKeys,
  subject: string,
  endpoint: string,
  expiresAt: number,
): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: CURVE.namedCurve };
  const key = await crypto.subtle.importKey("jwk", keyPairJwk(vapid), algorithm, false, ["sign"]);
  const token = await new SignJWT()
    .setProtectedHeader({ typ: "JWT", alg: "ES256" })
    .setAudience(new URL(endpoint).origin)
    .setExpirationTime(Math.floor(expiresAt / 1_000))
    .setSubject(subject)
    .sign(key);
  return `vapid t=${token}, k=${vapid.publicKey}`;
}

/** Names of private machines and networks (RFC 6761, RFC 6762, RFC 8375 and common use). */
const PRIVATE_SUFFIXES = ["localhost", "local", "internal", "intranet", "lan", "home", "home.arpa", "corp", "onion"];

/**
 * Whether a push service may have this address: https, the default port and a public name. Users supply it and the Worker calls it.
 * What the name resolves to is unknown here, but a Worker reaches public addresses only and follows no redirect.
 */
export function isPushEndpoint(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, port, username, password } = new URL(address);
  if (protocol !== "https:" || port !== "" || username !== "" || password !== "") return false;
  const host = hostname.toLowerCase().replace(/\.$/, "");
  const labels = host.split(".");
  // A name never ends in a number; an address in any notation does (URL standard, 3.5).
  const isNumber = host.startsWith("[") || /^(0x[0-9a-f]*|\d+)$/.test(labels.at(-1) ?? "");
  if (isNumber || labels.length < 2) return false;
  return !PRIVATE_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}
