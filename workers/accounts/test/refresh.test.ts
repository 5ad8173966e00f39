// Refresh tokens: rotation, reuse, races, and the end of a session.
import { describe, expect, it } from "vitest";
import { RefreshInput } from "#shared/contracts/accounts";
import type { Session } from "#shared/contracts/accounts";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { method } from "#shared/rpc";
import { guestCall } from "#shared/testkit/kit";
import { FAMILY_LIFE_MS, REFRESH_TOKEN_LIFE_MS } from "../src/constants.ts";
import type { AccountsDeps } from "../src/service/deps.ts";
import { logout, refresh } from "../src/service/sessions.ts";
import { purgeSessions } from "../src/store/sessions.ts";
import { accountsEnv, codeOf, signUp, testAccounts, valueOf } from "./accounts.ts";

/** Refreshes as the entrypoint does. */
function use(deps: AccountsDeps, refreshToken: string): Promise<Outcome<Session>> {
  return method(RefreshInput, refresh).answer(deps, guestCall(), { refreshToken });
}

async function trade(deps: AccountsDeps, refreshToken: string): Promise<string> {
  return valueOf(await use(deps, refreshToken)).refreshToken;
}

async function codeOfTrade(deps: AccountsDeps, refreshToken: string): Promise<string> {
  return codeOf(await use(deps, refreshToken));
}

async function endedBy(userId: string): Promise<string[]> {
  const { results } = await accountsEnv.DB.prepare("SELECT ended_by FROM token_families WHERE user_id = ?")
    .bind(userId)
    .all<{ ended_by: string }>();
  return results.map((row) => row.ended_by);
}

describe("refresh", () => {
  it("gives a new pair and the same user", async () => {
    const { deps } = testAccounts();
    const first = await signUp(deps);
    const second = valueOf(await use(deps, first.refreshToken));
    expect(second.user).toEqual(first.user);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(second.expiresIn).toBe(900);
  });

  it("keeps only hashes of tokens", async () => {
    const { deps } = testAccounts();
    const { refreshToken } = await signUp(deps);
    const { results } = await accountsEnv.DB.prepare("SELECT * FROM refresh_tokens").all();
    const text = JSON.stringify(results);
    expect(text).not.toContain(refreshToken);
    expect(text).toContain(await sha256Hex(refreshToken));
  });

  it("ends the whole family when a token is used again", async () => {
    const { deps } = testAccounts();
    const { user, refreshToken } = await signUp(deps);
    const second = await trade(deps, refreshToken);
    const third = await trade(deps, second);
    expect(await codeOfTrade(deps, refreshToken)).toBe("refresh_token_reused");
    expect(await codeOfTrade(deps, third)).toBe("refresh_token_invalid");
    expect(await codeOfTrade(deps, refreshToken)).toBe("refresh_token_reused");
    expect(await endedBy(user.id)).toEqual(["reuse"]);
  });

  it("lets one of many concurrent uses succeed; the others end the family", async () => {
    const { deps } = testAccounts();
    const { user, refreshToken } = await signUp(deps);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => use(deps, refreshToken)));
    expect(outcomes.map(codeOf).toSorted()).toEqual(["ok", ...Array.from({ length: 9 }, () => "refresh_token_reused")]);
    const winner = outcomes.find((outcome) => outcome.ok);
    expect(await codeOfTrade(deps, winner?.value.refreshToken ?? "")).toBe("refresh_token_invalid");
    expect(await endedBy(user.id)).toEqual(["reuse"]);
  });

  it("ends one family and no other session", async () => {
    const { deps } = testAccounts();
    const one = await signUp(deps);
    const other = await signUp(deps);
    await trade(deps, one.refreshToken);
    expect(await codeOfTrade(deps, one.refreshToken)).toBe("refresh_token_reused");
    expect(await codeOfTrade(deps, other.refreshToken)).toBe("ok");
  });

  it("refuses an unknown token", async () => {
    expect(await codeOfTrade(testAccounts().deps, "no such token")).toBe("refresh_token_invalid");
  });
});

describe("the end of a session", () => {
  it("comes when the token is not used in time", async () => {
    const { deps, advance } = testAccounts();
    const { refreshToken } = await signUp(deps);
    advance(REFRESH_TOKEN_LIFE_MS);
    expect(await codeOfTrade(deps, refreshToken)).toBe("refresh_token_invalid");
  });

  it("is deferred by each refresh, but not beyond the absolute end", async () => {
    const { deps, advance } = testAccounts();
    let { refreshToken } = await signUp(deps);
    const step = REFRESH_TOKEN_LIFE_MS - 1;
    for (let lived = step; lived < FAMILY_LIFE_MS; lived += step) {
      advance(step);
      refreshToken = await trade(deps, refreshToken);
    }
    advance(FAMILY_LIFE_MS % step);
    expect(await codeOfTrade(deps, refreshToken)).toBe("refresh_token_invalid");
  });

  it("comes with the logout, which also accepts an unknown token", async () => {
    const { deps } = testAccounts();
    const { user, refreshToken } = await signUp(deps);
    expect(await logout(deps, guestCall(), { refreshToken })).toEqual({ ok: true, value: null });
    expect(await logout(deps, guestCall(), { refreshToken: "unknown" })).toEqual({ ok: true, value: null });
    expect(await codeOfTrade(deps, refreshToken)).toBe("refresh_token_invalid");
    expect(await endedBy(user.id)).toEqual(["logout"]);
  });

  it("is followed by the purge of its rows and of no others", async () => {
    const { deps, advance } = testAccounts();
    const old = await signUp(deps);
    advance(REFRESH_TOKEN_LIFE_MS);
    const young = await signUp(deps);
    await purgeSessions(deps);
    expect(await codeOfTrade(deps, old.refreshToken)).toBe("refresh_token_invalid");
    expect(await codeOfTrade(deps, young.refreshToken)).toBe("ok");
    expect(await endedBy(old.user.id)).toEqual([]);
  });
});
