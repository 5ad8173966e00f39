// A browser that receives pushes, for local runs and tests. Its keys are public here, so the mailbox decrypts its pushes as the browser
// would (RFC 8291).
import { base64urlDecode, base64urlEncode } from "#shared/base64url";

const KEYS = {
  publicKey: "BFBIsosPBftRwNHFzntBJf9s4CKVfYWA0JyFvcGwm7Lle5ipwOM0F2lSLLdNFV2CjcJ0SNFa5HnvWqB3YkY3dqk",
  privateKey: "hLsl7KVHJBfeivhF4eESXvXst3Po3Ay1LggjzUyDAhw",
  auth: "IZJ-CRYiiJ5DCQJiBdKEIA",
};

/** The browser's push service: a reserved name (RFC 2606) that only the local runtime serves. */
const SERVICE = "https://push.mailbox.example";

const POINT_BYTES = 65;
const SALT_BYTES = 16;
/** Salt, record size, and the length of the sender's point (RFC 8188, 2.1). */
const HEADER_BYTES = SALT_BYTES + 4 + 1;
const LAST_RECORD = 2;

/** What the browser's push service answers. */
export type BrowserAnswer = "created" | "gone" | "down";

/** The result of a browser's PushSubscription.toJSON(). Each `name` is another browser with the same keys. */
export interface Subscription {
  readonly endpoint: string;
  readonly expirationTime: null;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export function subscriptionOf(name: string, answer: BrowserAnswer): Subscription {
  const endpoint = `${SERVICE}/${answer}/${encodeURIComponent(name)}`;
  return { endpoint, expirationTime: null, keys: { p256dh: KEYS.publicKey, auth: KEYS.auth } };
}

function utf8(text: string, ...more: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([...new TextEncoder().encode(text), ...more.flatMap((bytes) => [...bytes])]);
}

async function derive(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes: number): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, bytes * 8));
}

async function sharedSecret(senderPoint: Uint8Array): Promise<Uint8Array> {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const point = base64urlDecode(KEYS.publicKey);
  const x = base64urlEncode(point.slice(1, 33));
  const y = base64urlEncode(point.slice(33));
  const jwk = { kty: "EC", crv: "P-256", x, y, d: KEYS.privateKey };
  const own = await crypto.subtle.importKey("jwk", jwk, curve, false, ["deriveBits"]);
  const sender = await crypto.subtle.importKey("raw", senderPoint, curve, false, []);
  const algorithm = { name: "ECDH", public: sender } as unknown as SubtleCryptoDeriveKeyAlgorithm;
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, own, 256));
}

/** Decrypts a push. @throws when it is not encrypted for this browser. */
export async function openPush(body: Uint8Array): Promise<string> {
  const salt = body.slice(0, SALT_BYTES);
  if (body[HEADER_BYTES - 1] !== POINT_BYTES) throw new TypeError("the sender's key is not a point of P-256");
  const senderPoint = body.slice(HEADER_BYTES, HEADER_BYTES + POINT_BYTES);
  const info = utf8("WebPush: info\0", base64urlDecode(KEYS.publicKey), senderPoint);
  const secret = await derive(await sharedSecret(senderPoint), base64urlDecode(KEYS.auth), info, 32);
  const contentKey = await derive(secret, salt, utf8("Content-Encoding: aes128gcm\0"), 16);
  const iv = await derive(secret, salt, utf8("Content-Encoding: nonce\0"), 12);
  const key = await crypto.subtle.importKey("raw", contentKey, "AES-GCM", false, ["decrypt"]);
  const sealed = body.slice(HEADER_BYTES + POINT_BYTES);
  const record = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed));
  const end = record.lastIndexOf(LAST_RECORD);
  if (end < 0 || record.slice(end + 1).some((byte) => byte !== 0)) throw new TypeError("the record has no delimiter");
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(record.slice(0, end));
}
