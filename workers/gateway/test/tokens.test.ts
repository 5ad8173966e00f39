// How often the token verifier reads the keys of accounts.
import { describe, expect, it, vi } from "vitest";
import type { PublicJwk } from "#shared/contracts/accounts";
import { TokenVerifier } from "../src/http/tokens.ts";
import { makeSigner, signer, tokenFor } from "./support.ts";

function verifier(keys: () => Promise<readonly PublicJwk[]>): {
  tokens: TokenVerifier;
  asked: () => number;
  clock: { ms: number };
} {
  let asked = 0;
  const clock = { ms: Date.now() };
  const tokens = new TokenVerifier({
    issuer: "https://tradepost.example",
    audience: "tradepost",
    now: () => clock.ms,
    fetchKeys: async () => {
      asked += 1;
      return await keys();
    },
  });
  return { tokens, asked: () => asked, clock };
}

describe("keys", () => {
  it("are read once, and again after ten minutes", async () => {
    const { tokens, asked, clock } = verifier(async () => [signer.jwk]);
    expect(await tokens.verify(await tokenFor("customer", "usr_1"))).toEqual({
      role: "customer",
      id: "usr_1",
      email: "usr_1@example.com",
      emailVerified: false,
      name: "Test Person",
    });
    await tokens.verify(await tokenFor("vendor"));
    expect(asked()).toBe(1);
    clock.ms += 600_001;
    await tokens.verify(await tokenFor("admin"));
    expect(asked()).toBe(2);
  });

  it("that are new are read for the first token signed with one, but made-up key ids do not cause a flood", async () => {
    const next = await makeSigner("key-2");
    const keys = [signer.jwk];
    const { tokens, asked, clock } = verifier(async () => keys);
    await tokens.verify(await tokenFor("customer"));
    const madeUp = await makeSigner("made-up");
    for (let n = 0; n < 5; n += 1) {
      expect(await tokens.verify(await tokenFor("customer", `usr_${String(n)}`, { signer: madeUp }))).toBe("invalid");
    }
    expect(asked()).toBe(1);
    keys.push(next.jwk);
    clock.ms += 5_001;
    expect(await tokens.verify(await tokenFor("customer", "usr_9", { signer: next }))).toMatchObject({ id: "usr_9" });
    expect(asked()).toBe(2);
  });

  it("stay valid while accounts is down, and a withdrawn one is refused", async () => {
    let answer = async (): Promise<readonly PublicJwk[]> => [signer.jwk];
    const { tokens, clock } = verifier(() => answer());
    await tokens.verify(await tokenFor("customer"));
    answer = () => Promise.reject(new Error("down"));
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    clock.ms += 600_001;
    expect(await tokens.verify(await tokenFor("customer", "usr_2"))).toMatchObject({ id: "usr_2" });
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
    answer = async () => [];
    clock.ms += 600_001;
    expect(await tokens.verify(await tokenFor("customer", "usr_3", { expiresInSeconds: 3_600 }))).toBe("invalid");
  });
});

describe("a verified token", () => {
  it("expires, also when it is remembered", async () => {
    const { tokens, clock } = verifier(async () => [signer.jwk]);
    const token = await tokenFor("customer", "usr_1", { expiresInSeconds: 60 });
    expect(await tokens.verify(token)).toMatchObject({ id: "usr_1" });
    clock.ms += 58_000;
    expect(await tokens.verify(token)).toMatchObject({ id: "usr_1" });
    clock.ms += 10_000;
    expect(await tokens.verify(token)).toBe("expired");
  });

  it("is evicted when there are very many, and verified again", async () => {
    const { tokens } = verifier(async () => [signer.jwk]);
    const first = await tokenFor("customer", "usr_first");
    await tokens.verify(first);
    for (let n = 0; n < 2_001; n += 1) await tokens.verify(await tokenFor("customer", `usr_${String(n)}`));
    expect(await tokens.verify(first)).toMatchObject({ id: "usr_first" });
  });
});
