// A forgotten password: what each caller learns, and what a token allows.
import { describe, expect, it, vi } from "vitest";
import { sha256Hex } from "#shared/hash";
import { callAs, guestCall } from "#shared/testkit/kit";
import { MAIL_TOKEN_LIFE_MS, MAX_LIVE_MAIL_TOKENS } from "../src/constants.ts";
import { plan } from "../src/scheduled.ts";
import { runSweeps } from "#shared/sweep";
import { forgotPassword, resetPassword } from "../src/service/recovery.ts";
import { refresh } from "../src/service/sessions.ts";
import { changePassword, login, me } from "../src/service/users.ts";
import {
  PASSWORD,
  accountsEnv,
  codeOf,
  eventsOf,
  freshEmail,
  mailedToken,
  mailsOf,
  rpc,
  signUp,
  testAccounts,
  valueOf,
} from "./accounts.ts";
import type { TestAccounts } from "./accounts.ts";

const NEW_PASSWORD = "a quite different password";

async function forgot(accounts: TestAccounts, email: string): Promise<string> {
  expect(codeOf(await forgotPassword(accounts.deps, guestCall(), { email }))).toBe("ok");
  await accounts.deferredWork();
  return mailedToken(accounts, "password_reset");
}

async function reset({ deps }: TestAccounts, token: string, newPassword = NEW_PASSWORD): Promise<string> {
  return codeOf(await resetPassword(deps, guestCall(), { token, newPassword }));
}

async function signInCode({ deps }: TestAccounts, email: string, password: string): Promise<string> {
  return codeOf(await login(deps, guestCall(), { email, password }));
}

describe("a forgotten password", () => {
  it("is mailed a link with a token, of which only the hash is in the table", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const token = await forgot(accounts, user.email);
    expect(mailsOf(accounts, "password_reset")).toEqual([
      {
        to: user.email,
        variables: { link: `http://localhost:8787/reset-password#token=${token}`, token, expiresInMinutes: "30" },
      },
    ]);
    const { results } = await accountsEnv.DB.prepare("SELECT * FROM mail_tokens WHERE user_id = ?").bind(user.id).all();
    expect(JSON.stringify(results)).not.toContain(token);
    expect(JSON.stringify(results)).toContain(await sha256Hex(token));
  });

  it("gets the same answer for every e-mail, after the same work", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    await accounts.deferredWork();
    const seen = [];
    for (const email of [user.email, freshEmail(), user.email, freshEmail()]) {
      const [mails, trips] = [accounts.sent.length, accounts.roundTrips()];
      const answer = await forgotPassword(accounts.deps, guestCall(), { email });
      // Counted at the answer: one look-up has begun, nothing is written, nothing is sent.
      seen.push({ answer, trips: accounts.roundTrips() - trips, mails: accounts.sent.length - mails });
      await accounts.deferredWork();
    }
    expect(seen).toEqual(seen.map(() => ({ answer: { ok: true, value: null }, trips: 1, mails: 0 })));
    expect(mailsOf(accounts, "password_reset").map(({ to }) => to)).toEqual([user.email, user.email]);
  });

  it("gets the same answer when D1 is down", async () => {
    const accounts = testAccounts();
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    await accountsEnv.DB.exec("ALTER TABLE users RENAME TO hidden_users");
    expect(codeOf(await forgotPassword(accounts.deps, guestCall(), { email: freshEmail() }))).toBe("ok");
    await accounts.deferredWork();
    await accountsEnv.DB.exec("ALTER TABLE hidden_users RENAME TO users");
    error.mockRestore();
    expect(mailsOf(accounts, "password_reset")).toEqual([]);
  });

  it("sends at most the allowed number of mails", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    for (let times = 0; times < MAX_LIVE_MAIL_TOKENS + 3; times += 1) await forgot(accounts, user.email);
    expect(mailsOf(accounts, "password_reset")).toHaveLength(MAX_LIVE_MAIL_TOKENS);
    accounts.advance(MAIL_TOKEN_LIFE_MS.password_reset);
    await forgot(accounts, user.email);
    expect(mailsOf(accounts, "password_reset")).toHaveLength(MAX_LIVE_MAIL_TOKENS + 1);
  });

  it("is requested over RPC by any spelling of the e-mail", async () => {
    const { deps } = testAccounts();
    const { user } = await signUp(deps);
    expect(codeOf(await rpc.forgotPassword(guestCall(), { email: ` ${user.email.toUpperCase()}` }))).toBe("ok");
    expect(codeOf(await rpc.forgotPassword(guestCall(), { email: "nobody" }))).toBe("validation_failed");
  });
});

describe("a reset", () => {
  it("sets the password, ends every session and every other token, and mails the owner", async () => {
    const accounts = testAccounts();
    const { user, refreshToken } = await signUp(accounts.deps);
    const other = await forgot(accounts, user.email);
    const token = await forgot(accounts, user.email);
    expect(await reset(accounts, token)).toBe("ok");
    await accounts.deferredWork();
    expect(codeOf(await refresh(accounts.deps, guestCall(), { refreshToken }))).toBe("refresh_token_invalid");
    expect(await signInCode(accounts, user.email, PASSWORD)).toBe("invalid_credentials");
    expect(await signInCode(accounts, user.email, NEW_PASSWORD)).toBe("ok");
    expect(await reset(accounts, other)).toBe("reset_token_invalid");
    expect(mailsOf(accounts, "password_changed").map(({ to }) => to)).toEqual([user.email]);
    expect(eventsOf(accounts, "PASSWORD_CHANGED")).toEqual([{ userId: user.id }]);
    expect(valueOf(await me(accounts.deps, callAs("customer", user.id))).emailVerified).toBe(true);
  });

  it("verifies the e-mail, so that no limit for unverified recipients withholds the warning", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    expect(await reset(accounts, await forgot(accounts, user.email))).toBe("ok");
    await accounts.deferredWork();
    const proven = accounts.sent.flatMap(({ event }) =>
      event.type === "NOTIFICATION_SEND" && event.data.kind === "password_changed"
        ? [event.data.recipient?.proven]
        : [],
    );
    expect(proven).toEqual([true]);
  });

  it("refuses every invalid token with the same answer", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const used = await forgot(accounts, user.email);
    expect(await reset(accounts, used)).toBe("ok");
    const late = await forgot(accounts, user.email);
    const verification = mailedToken(accounts, "email_verification");
    accounts.advance(MAIL_TOKEN_LIFE_MS.password_reset);
    const outcomes = [];
    for (const token of [used, late, verification, "never made", late.toLowerCase(), `${late} `]) {
      outcomes.push(await resetPassword(accounts.deps, guestCall(), { token, newPassword: "yet another password" }));
    }
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(codeOf(outcomes[0] ?? { ok: true, value: null })).toBe("reset_token_invalid");
    expect(await signInCode(accounts, user.email, NEW_PASSWORD)).toBe("ok");
  });

  it("happens once when one token is used ten times concurrently", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const token = await forgot(accounts, user.email);
    const passwords = Array.from({ length: 10 }, (_, index) => `password number ${String(index)}`);
    const codes = await Promise.all(passwords.map((password) => reset(accounts, token, password)));
    expect(codes.filter((code) => code === "ok")).toHaveLength(1);
    expect(codes.filter((code) => code === "reset_token_invalid")).toHaveLength(9);
    const winner = passwords[codes.indexOf("ok")] ?? "";
    expect(await signInCode(accounts, user.email, winner)).toBe("ok");
    await accounts.deferredWork();
    expect(mailsOf(accounts, "password_changed")).toHaveLength(1);
  });

  it("leaves no session of a concurrent sign-in", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const token = await forgot(accounts, user.email);
    const [, session] = await Promise.all([
      reset(accounts, token),
      login(accounts.deps, guestCall(), { email: user.email, password: PASSWORD }),
    ]);
    const survivor = session.ok ? session.value.refreshToken : "none";
    expect(codeOf(await refresh(accounts.deps, guestCall(), { refreshToken: survivor }))).toBe("refresh_token_invalid");
  });

  it("does not undo a later change of the password", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const token = await forgot(accounts, user.email);
    const input = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    expect(codeOf(await changePassword(accounts.deps, callAs("customer", user.id), input))).toBe("ok");
    expect(await reset(accounts, token, "an intruder's password")).toBe("reset_token_invalid");
    await accounts.deferredWork();
    expect(mailsOf(accounts, "password_changed")).toHaveLength(1);
    expect(eventsOf(accounts, "PASSWORD_CHANGED")).toEqual([{ userId: user.id }]);
  });

  it("is refused for a deleted account", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const token = await forgot(accounts, user.email);
    await accountsEnv.DB.prepare("DELETE FROM users WHERE id = ?").bind(user.id).run();
    expect(await reset(accounts, token)).toBe("reset_token_invalid");
  });

  it("requires the minimum length of a new password", async () => {
    expect(await rpc.resetPassword(guestCall(), { token: "x", newPassword: "short" })).toMatchObject({
      error: { code: "validation_failed", errors: [{ path: "newPassword" }] },
    });
  });
});

it("the sweep purges expired tokens and keeps valid ones", async () => {
  const accounts = testAccounts();
  const { user } = await signUp(accounts.deps);
  await forgot(accounts, user.email);
  accounts.advance(MAIL_TOKEN_LIFE_MS.password_reset);
  await forgot(accounts, user.email);
  const purged = await runSweeps(accounts.deps, plan, { call: guestCall(), everything: true });
  expect(purged["purgedMailTokens"]).toBeGreaterThanOrEqual(1);
  const { results } = await accountsEnv.DB.prepare("SELECT purpose FROM mail_tokens WHERE user_id = ? ORDER BY purpose")
    .bind(user.id)
    .all();
  expect(results).toEqual([{ purpose: "email_verification" }, { purpose: "password_reset" }]);
});
