// Encryption against the vectors of RFC 8291 (section 5, appendix A); the token verified with WebCrypto alone.
import { describe, expect, it } from "vitest";
import { base64urlDecode, base64urlEncode } from "#shared/base64url";
import { encryptPush, keyPairJwk, newEphemeral, vapidHeader } from "../../src/domain/web-push.ts";

const BROWSER = {
  p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
};
const SENDER = {
  publicKey: "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
  privateKey: "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
};
const SALT = "DGv6ra1nlYgDCS1FRnbzlw";
const ENCRYPTED =
  "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

async function senderKeys(): Promise<CryptoKeyPair> {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const privateKey = await crypto.subtle.importKey("jwk", keyPairJwk(SENDER), curve, true, ["deriveBits"]);
  const publicKey = await crypto.subtle.importKey("raw", base64urlDecode(SENDER.publicKey), curve, true, []);
  return { privateKey, publicKey };
}

describe("a push", () => {
  it("is encrypted as RFC 8291 shows", async () => {
    const ephemeral = { keys: await senderKeys(), salt: base64urlDecode(SALT) };
    const body = await encryptPush("When I grow up, I want to be a watermelon", BROWSER, ephemeral);
    expect(base64urlEncode(body)).toBe(ENCRYPTED);
  });

  it("has a new key and salt each time", async () => {
    const bodies = await Promise.all(
      [1, 2].map(async () => base64urlEncode(await encryptPush("hello", BROWSER, await newEphemeral()))),
    );
    expect(bodies[0]).not.toBe(bodies[1]);
  });

  it("fails for a key that is not a point of the curve", async () => {
    const p256dh = `B${"A".repeat(86)}`;
    const made = encryptPush("hello", { ...BROWSER, p256dh }, await newEphemeral());
    await expect(made).rejects.toBeInstanceOf(Error);
  });
});

describe("the sender's token", () => {
  it("names the service, the expiry and the shop, and is signed with the key next to it", async () => {
    const expiresAt = Date.UTC(2026, 0, 1);
    const header = await vapidHeader(SENDER, "mailto:shop@example.com", "https://push.example:443/a?b", expiresAt);
    const [, token = "", key = ""] = /^vapid t=(\S+), k=(\S+)$/.exec(header) ?? [];
    expect(key).toBe(SENDER.publicKey);
    const [head = "", claims = "", signature = ""] = token.split(".");
    const decoded = [head, claims].map((part): unknown => JSON.parse(new TextDecoder().decode(base64urlDecode(part))));
    expect(decoded).toEqual([
      { typ: "JWT", alg: "ES256" },
      { aud: "https://push.example", exp: expiresAt / 1_000, sub: "mailto:shop@example.com" },
    ]);
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const verifier = await crypto.subtle.importKey("raw", base64urlDecode(key), curve, false, ["verify"]);
    const signed = new TextEncoder().encode(`${head}.${claims}`);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    expect(await crypto.subtle.verify(algorithm, verifier, base64urlDecode(signature), signed)).toBe(true);
  });

  it("fails for a malformed public key", async () => {
    const made = vapidHeader({ ...SENDER, publicKey: "AAAA" }, "mailto:a@b", "https://push.example", 0);
    await expect(made).rejects.toThrow("not an uncompressed point");
  });
});
