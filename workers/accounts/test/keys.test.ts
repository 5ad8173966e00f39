// Access tokens and the keys that sign them.
import { createLocalJWKSet, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { AccessTokenClaims } from "#shared/contracts/accounts";
import { systemCall } from "#shared/call";
import { callAs, guestCall } from "#shared/testkit/kit";
import { KEY_CACHE_MS, KEY_KEEP_MS, KEY_LEAD_MS, KEY_SIGNS_FOR_MS } from "../src/constants.ts";
import { plan } from "../src/scheduled.ts";
import { runSweeps } from "#shared/sweep";
import type { AccountsDeps } from "../src/service/deps.ts";
import { KeyCache } from "../src/service/key-cache.ts";
import { jwks, signingKey } from "../src/service/keys.ts";
import { login } from "../src/service/users.ts";
import { accountsEnv, PASSWORD, rpc, signUp, testAccounts, valueOf } from "./accounts.ts";

const CRON = systemCall("test", "req_test");

async function kids(deps: AccountsDeps): Promise<string[]> {
  return valueOf(await jwks(deps, guestCall())).keys.map(({ kid }) => kid);
}

async function verify(deps: AccountsDeps, token: string): Promise<Awaited<ReturnType<typeof jwtVerify>>> {
  const keySet = valueOf(await jwks(deps, guestCall()));
  return await jwtVerify(token, createLocalJWKSet({ keys: [...keySet.keys] }), {
    issuer: deps.issuer,
    audience: deps.audience,
    algorithms: ["EdDSA"],
    currentDate: new Date(deps.now()),
  });
}

async function rejected(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "no error";
  } catch (error) {
    return error instanceof Error ? error.name : "unknown";
  }
}

describe("signing keys", () => {
  it("are one key when several isolates make the first concurrently", async () => {
    const isolates = Array.from({ length: 5 }, () => testAccounts().deps);
    const keys = await Promise.all(isolates.map((deps) => signingKey(deps)));
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(1);
    const count = await accountsEnv.DB.prepare("SELECT count(*) AS n FROM signing_keys").first<{ n: number }>();
    expect(count?.n).toBe(1);
  });

  it("sign a token with its subject, audience and expiry", async () => {
    const { deps } = testAccounts();
    const { user, accessToken } = await signUp(deps);
    const { payload, protectedHeader } = await verify(deps, accessToken);
    expect(AccessTokenClaims.parse(payload)).toEqual({
      sub: user.id,
      role: "customer",
      email: user.email,
      name: user.name,
      email_verified: false,
    });
    expect(payload.iss).toBe("https://tradepost.example");
    expect(payload.aud).toBe("tradepost");
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
    expect(await kids(deps)).toContain(protectedHeader.kid);
  });

  it("sign a token that expires", async () => {
    const { deps, advance } = testAccounts();
    const { accessToken } = await signUp(deps);
    advance(900_000);
    expect(await rejected(() => verify(deps, accessToken))).toBe("JWTExpired");
  });

  it("expose no private key, neither in the key set nor in the table", async () => {
    const { deps } = testAccounts();
    await signingKey(deps);
    for (const key of valueOf(await jwks(deps, guestCall())).keys) {
      expect(Object.keys(key).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
    }
    const { results } = await accountsEnv.DB.prepare("SELECT private_jwe FROM signing_keys").all<{
      private_jwe: string;
    }>();
    for (const { private_jwe: text } of results) {
      expect(JSON.parse(atob(text.split(".")[0] ?? ""))).toMatchObject({ alg: "dir", enc: "A256GCM" });
    }
  });

  it("cannot be decrypted with another secret", async () => {
    const { deps } = testAccounts();
    await signingKey(deps);
    const stranger = { ...deps, keys: new KeyCache(), signingKeySecret: "another secret" };
    expect(await rejected(() => signingKey(stranger))).toBe("JWEDecryptionFailed");
  });

  it("need a secret", async () => {
    const { deps } = testAccounts();
    expect(await rejected(() => signingKey({ ...deps, signingKeySecret: "" }))).toBe("Error");
  });
});

describe("rotation", () => {
  it("publishes the next key ahead, signs with it when it is active, and keeps the previous one while its tokens are valid", async () => {
    const { deps, advance } = testAccounts();
    const before = await signingKey(deps);

    advance(KEY_SIGNS_FOR_MS - KEY_LEAD_MS);
    expect(await runSweeps(deps, plan, { call: CRON, everything: false })).toMatchObject({ madeSigningKeys: 1 });
    expect(await runSweeps(deps, plan, { call: CRON, everything: false })).toMatchObject({ madeSigningKeys: 0 });
    const published = await kids(deps);
    expect(published).toHaveLength(2);
    expect((await signingKey(deps)).kid).toBe(before.kid);

    advance(KEY_LEAD_MS - 1);
    const { user, accessToken: last } = await signUp(deps);
    expect((await verify(deps, last)).protectedHeader.kid).toBe(before.kid);

    advance(KEY_CACHE_MS);
    const { accessToken: next } = valueOf(await login(deps, guestCall(), { email: user.email, password: PASSWORD }));
    expect((await verify(deps, next)).protectedHeader.kid).toBe(published[1]);
    expect((await verify(deps, last)).payload.sub).toBe(user.id);

    advance(KEY_KEEP_MS);
    expect(await kids(deps)).toEqual([published[1]]);
    expect(await runSweeps(deps, plan, { call: CRON, everything: false })).toMatchObject({ purgedSigningKeys: 1 });
  });

  it("runs with the Worker's other sweeps on request", async () => {
    const counts = valueOf(await rpc.runSweeps(callAs("admin"), { everything: true }));
    expect(Object.keys(counts).toSorted()).toEqual([
      "forgottenDeadLetters",
      "madeSigningKeys",
      "purgedAudit",
      "purgedDeadLetters",
      "purgedEvents",
      "purgedFindings",
      "purgedInbox",
      "purgedKnownSources",
      "purgedMailTokens",
      "purgedRefreshTokens",
      "purgedSigningKeys",
      "purgedWrongPasswords",
      "resentReplays",
    ]);
  });

  it("makes one next key when two sweeps run concurrently", async () => {
    const { deps, advance } = testAccounts();
    // After the keys that other tests of this file have made.
    advance(KEY_SIGNS_FOR_MS + KEY_LEAD_MS);
    await signingKey(deps);
    const sweeps = await Promise.all([
      runSweeps(deps, plan, { call: CRON, everything: true }),
      runSweeps(deps, plan, { call: CRON, everything: true }),
    ]);
    expect(sweeps.reduce((sum, counts) => sum + (counts["madeSigningKeys"] ?? 0), 0)).toBe(1);
  });
});
