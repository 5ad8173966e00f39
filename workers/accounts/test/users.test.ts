// Registering, signing in and changing the password.
import { describe, expect, it } from "vitest";
import { callAs, guestCall } from "#shared/testkit/kit";
import { formatHash, parseHash } from "../src/domain/password-hash.ts";
import { refresh } from "../src/service/sessions.ts";
import { checkPassword, hashPassword, scryptParameters, unknownUserHash } from "../src/service/passwords.ts";
import { changePassword, login, me, register } from "../src/service/users.ts";
import { accountsEnv, codeOf, freshEmail, PASSWORD, rpc, signUp, testAccounts, valueOf } from "./accounts.ts";

async function storedHash(userId: string): Promise<string> {
  const row = await accountsEnv.DB.prepare("SELECT password_hash FROM users WHERE id = ?")
    .bind(userId)
    .first<{ password_hash: string }>();
  return row?.password_hash ?? "";
}

/** The parameters of a deployed shop. Other tests here use a low cost (vitest.config.ts). */
const DEPLOYED = { log2N: 14, r: 8, p: 5 };

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

describe("register", () => {
  it("creates a customer, signs them in and publishes events with the caller's correlation id", async () => {
    const { deps, sent } = testAccounts();
    const call = guestCall();
    const email = freshEmail();
    const session = valueOf(await register(deps, call, { email, password: PASSWORD, name: "Ada" }));
    expect(session.user).toMatchObject({ email, name: "Ada", role: "customer" });
    expect(sent.map(({ event }) => event.type).toSorted()).toEqual(["NOTIFICATION_SEND", "USER_REGISTERED"]);
    expect(sent.find(({ event }) => event.type === "USER_REGISTERED")).toMatchObject({
      consumer: "notifications",
      event: {
        type: "USER_REGISTERED",
        subject: session.user.id,
        correlationid: call.correlationId,
        data: { userId: session.user.id, email, name: "Ada", locale: "en" },
      },
    });
  });

  it("refuses a taken e-mail in any case, and publishes nothing", async () => {
    const { deps, sent } = testAccounts();
    const { user } = await signUp(deps);
    const again = await rpc.register(guestCall(), {
      email: ` ${user.email.toUpperCase()} `,
      password: PASSWORD,
      name: "Eve",
    });
    expect(codeOf(again)).toBe("email_taken");
    expect(sent).toHaveLength(2);
  });

  it("creates one account when several register the same e-mail concurrently", async () => {
    const { deps, sent } = testAccounts();
    const input = { email: freshEmail(), password: PASSWORD, name: "Twin" };
    const outcomes = await Promise.all([1, 2, 3].map(() => register(deps, guestCall(), input)));
    expect(outcomes.map(codeOf).toSorted()).toEqual(["email_taken", "email_taken", "ok"]);
    expect(sent).toHaveLength(2);
  });

  it("names the invalid fields", async () => {
    const outcome = await rpc.register(guestCall(), { email: "nobody", password: "short", name: "N" });
    expect(outcome).toMatchObject({ ok: false, error: { code: "validation_failed" } });
    expect(outcome.ok ? [] : outcome.error.errors?.map(({ path }) => path)).toEqual(["email", "password"]);
  });

  it.each(["Ada\r\nYou have won", "A\u202Edam", "Ada\u0000", "\u200B"])(
    "refuses a name that is not one line of text: %j",
    async (name) => {
      const input = { email: freshEmail(), password: "correct horse battery", name };
      const outcome = await rpc.register(guestCall(), input);
      expect(outcome).toMatchObject({ ok: false, error: { errors: [{ path: "name" }] } });
    },
  );
});

describe("login", () => {
  it("signs in whatever the e-mail's case", async () => {
    const { deps } = testAccounts();
    const { user } = await signUp(deps);
    const session = valueOf(await rpc.login(guestCall(), { email: user.email.toUpperCase(), password: PASSWORD }));
    expect(session.user).toEqual(user);
  });

  it("gives the same answer for an unknown e-mail and a wrong password", async () => {
    const { deps } = testAccounts();
    const { user } = await signUp(deps);
    const wrong = await login(deps, guestCall(), { email: user.email, password: "not the password" });
    const unknown = await login(deps, guestCall(), { email: freshEmail(), password: "not the password" });
    expect(codeOf(wrong)).toBe("invalid_credentials");
    expect(unknown).toEqual(wrong);
  });

  it("hashes for an unknown e-mail as long as for a known one", async () => {
    const { deps } = testAccounts({ scrypt: DEPLOYED });
    const { user } = await signUp(deps);
    const password = "not the password";
    const attempt = (email: string): Promise<number> => timed(() => login(deps, guestCall(), { email, password }));
    const known = Math.min(await attempt(user.email), await attempt(user.email));
    const unknown = Math.min(await attempt(freshEmail()), await attempt(freshEmail()));
    // Without the hash the unknown one takes a hundredth of the time; the margin is for a busy machine.
    expect(unknown).toBeGreaterThan(known / 4);
    expect(parseHash(unknownUserHash(deps))).toMatchObject(DEPLOYED);
  });

  it("replaces a hash with other parameters, once", async () => {
    const { deps } = testAccounts();
    const { user } = await signUp(deps);
    const { scryptSync } = await import("node:crypto");
    const salt = new Uint8Array(16).fill(7);
    const old = formatHash({ log2N: 10, r: 8, p: 1, salt, key: scryptSync(PASSWORD, salt, 32, { N: 1024 }) });
    await accountsEnv.DB.prepare("UPDATE users SET password_hash = ? WHERE id = ?").bind(old, user.id).run();
    const credentials = { email: user.email, password: PASSWORD };
    // Of two concurrent ones the second finds that the hash it checked was replaced, and checks again.
    const both = await Promise.all([login(deps, guestCall(), credentials), login(deps, guestCall(), credentials)]);
    expect(both.map(codeOf)).toEqual(["ok", "ok"]);
    const renewed = await storedHash(user.id);
    expect(parseHash(renewed)).toMatchObject(deps.scrypt);
    expect(codeOf(await login(deps, guestCall(), credentials))).toBe("ok");
    expect(await storedHash(user.id)).toBe(renewed);
  });

  it("salts each hash", async () => {
    const { deps } = testAccounts({ scrypt: DEPLOYED });
    const hash = async (): Promise<string> => valueOf(await hashPassword(deps, guestCall(), PASSWORD));
    const [one, other] = await Promise.all([hash(), hash()]);
    expect(one).not.toBe(other);
    expect(one).toMatch(/^scrypt\$14\$8\$5\$[\w-]{22}\$[\w-]{43}$/);
    const check = valueOf(await checkPassword(deps, guestCall(), PASSWORD, other));
    expect(check).toEqual({ matches: true, outdated: false });
  });
});

describe("the cost of a hash", () => {
  it.each(["14", "16"])("may be %s in a deployed shop", (SCRYPT_LOG2N) => {
    const parameters = scryptParameters({ SCRYPT_LOG2N, SHOP_URL: "https://shop.example" });
    expect(parameters).toEqual({ ...DEPLOYED, log2N: Number(SCRYPT_LOG2N) });
  });

  it.each(["13", "1", "17", "14.5", "many", ""])("may not be %j there", (SCRYPT_LOG2N) => {
    for (const SHOP_URL of ["https://shop.example", "https://localhost.example", "http://127.0.0.1.example:80"]) {
      expect(() => scryptParameters({ SCRYPT_LOG2N, SHOP_URL })).toThrow("SCRYPT_LOG2N must be a whole number from 14");
    }
  });

  it.each(["http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787"])("may be lower at %s", (SHOP_URL) => {
    expect(scryptParameters({ SCRYPT_LOG2N: "4", SHOP_URL })).toMatchObject({ log2N: 4 });
    expect(() => scryptParameters({ SCRYPT_LOG2N: "0", SHOP_URL })).toThrow("SCRYPT_LOG2N");
  });
});

describe("me", () => {
  it("returns the caller's own account", async () => {
    const { deps } = testAccounts();
    const { user } = await signUp(deps);
    expect(valueOf(await rpc.me(callAs("customer", user.id)))).toEqual(user);
  });

  it("refuses a guest and a deleted account", async () => {
    const { deps } = testAccounts();
    expect(codeOf(await me(deps, guestCall()))).toBe("unauthenticated");
    expect(codeOf(await me(deps, callAs("customer")))).toBe("unauthenticated");
  });
});

describe("changePassword", () => {
  it("ends every session and accepts only the new password afterwards", async () => {
    const { deps } = testAccounts();
    const { user, refreshToken } = await signUp(deps);
    const second = valueOf(await login(deps, guestCall(), { email: user.email, password: PASSWORD }));
    const newPassword = "another long password";
    const call = callAs("customer", user.id);
    expect(codeOf(await changePassword(deps, call, { currentPassword: PASSWORD, newPassword }))).toBe("ok");
    for (const token of [refreshToken, second.refreshToken]) {
      expect(codeOf(await refresh(deps, guestCall(), { refreshToken: token }))).toBe("refresh_token_invalid");
    }
    expect(codeOf(await login(deps, guestCall(), { email: user.email, password: PASSWORD }))).toBe(
      "invalid_credentials",
    );
    expect(codeOf(await login(deps, guestCall(), { email: user.email, password: newPassword }))).toBe("ok");
  });

  it("leaves no session of a concurrent sign-in with the old password", async () => {
    const { deps } = testAccounts();
    const { user } = await signUp(deps);
    const [, session] = await Promise.all([
      changePassword(deps, callAs("customer", user.id), {
        currentPassword: PASSWORD,
        newPassword: "another long password",
      }),
      login(deps, guestCall(), { email: user.email, password: PASSWORD }),
    ]);
    const survivor = session.ok ? session.value.refreshToken : "none";
    expect(codeOf(await refresh(deps, guestCall(), { refreshToken: survivor }))).toBe("refresh_token_invalid");
  });

  it("refuses a wrong current password and changes nothing", async () => {
    const { deps } = testAccounts();
    const { user, refreshToken } = await signUp(deps);
    const input = { currentPassword: "not the password", newPassword: "another long password" };
    expect(codeOf(await changePassword(deps, callAs("customer", user.id), input))).toBe("invalid_credentials");
    expect(codeOf(await refresh(deps, guestCall(), { refreshToken }))).toBe("ok");
  });
});
