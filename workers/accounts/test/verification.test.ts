// Verification of an e-mail address.
import { describe, expect, it } from "vitest";
import { callAs, guestCall } from "#shared/testkit/kit";
import { MAIL_TOKEN_LIFE_MS, MAX_LIVE_MAIL_TOKENS } from "../src/constants.ts";
import { refresh } from "../src/service/sessions.ts";
import { login, me } from "../src/service/users.ts";
import { requestEmailVerification, verifyEmail } from "../src/service/verification.ts";
import { PASSWORD, codeOf, eventsOf, mailedToken, mailsOf, rpc, signUp, testAccounts, valueOf } from "./accounts.ts";
import type { TestAccounts } from "./accounts.ts";

async function verify({ deps }: TestAccounts, userId: string, token: string): Promise<string> {
  return codeOf(await verifyEmail(deps, callAs("customer", userId), { token }));
}

async function request({ deps, deferredWork }: TestAccounts, userId: string): Promise<string> {
  const code = codeOf(await requestEmailVerification(deps, callAs("customer", userId)));
  await deferredWork();
  return code;
}

describe("a new account", () => {
  it("is unverified, and is mailed the link that verifies it", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    expect(user.emailVerified).toBe(false);
    const token = mailedToken(accounts, "email_verification");
    expect(mailsOf(accounts, "email_verification")).toEqual([
      {
        to: user.email,
        variables: { link: `http://localhost:8787/verify-email#token=${token}`, token, expiresInMinutes: "1440" },
      },
    ]);
    expect(await verify(accounts, user.id, token)).toBe("ok");
    expect(valueOf(await me(accounts.deps, callAs("customer", user.id)))).toEqual({ ...user, emailVerified: true });
  });

  it("is verified in every session from then on", async () => {
    const accounts = testAccounts();
    const { user, refreshToken } = await signUp(accounts.deps);
    await verify(accounts, user.id, mailedToken(accounts, "email_verification"));
    const refreshed = valueOf(await refresh(accounts.deps, guestCall(), { refreshToken }));
    const signedIn = valueOf(await login(accounts.deps, guestCall(), { email: user.email, password: PASSWORD }));
    expect([refreshed.user.emailVerified, signedIn.user.emailVerified]).toEqual([true, true]);
    const claims = [refreshed, signedIn].map(
      ({ accessToken }) => JSON.parse(atob(accessToken.split(".")[1] ?? "")) as object,
    );
    expect(claims).toEqual([
      expect.objectContaining({ email_verified: true }),
      expect.objectContaining({ email_verified: true }),
    ]);
    expect(eventsOf(accounts, "EMAIL_VERIFIED")).toEqual([{ userId: user.id, email: user.email }]);
  });
});

describe("a verification", () => {
  it("can be requested again by the signed-in user, until it is done", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    expect(await request(accounts, user.id)).toBe("ok");
    expect(mailsOf(accounts, "email_verification")).toHaveLength(2);
    const [first] = mailsOf(accounts, "email_verification");
    expect(await verify(accounts, user.id, mailedToken(accounts, "email_verification"))).toBe("ok");
    expect(await request(accounts, user.id)).toBe("ok");
    expect(mailsOf(accounts, "email_verification")).toHaveLength(2);
    expect(await verify(accounts, user.id, first?.variables["token"] ?? "")).toBe("verification_token_invalid");
  });

  it("requires the session of the account that it was sent for", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const token = mailedToken(accounts, "email_verification");
    const { user: stranger } = await signUp(accounts.deps);
    expect(await verify(accounts, stranger.id, token)).toBe("verification_token_invalid");
    expect(codeOf(await verifyEmail(accounts.deps, guestCall(), { token }))).toBe("unauthenticated");
    for (const { id } of [user, stranger]) {
      expect(valueOf(await me(accounts.deps, callAs("customer", id))).emailVerified).toBe(false);
    }
    expect(eventsOf(accounts, "EMAIL_VERIFIED")).toEqual([]);
    expect(await verify(accounts, user.id, token)).toBe("ok");
  });

  it("sends at most the allowed number of mails", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    for (let times = 0; times < MAX_LIVE_MAIL_TOKENS + 3; times += 1)
      expect(await request(accounts, user.id)).toBe("ok");
    expect(mailsOf(accounts, "email_verification")).toHaveLength(MAX_LIVE_MAIL_TOKENS);
  });

  it("requires a signed-in user whose account exists", async () => {
    expect(codeOf(await rpc.requestEmailVerification(guestCall()))).toBe("unauthenticated");
    expect(codeOf(await rpc.requestEmailVerification(callAs("customer")))).toBe("unauthenticated");
  });

  it("is refused for a token that is used, expired, or for another purpose", async () => {
    const accounts = testAccounts();
    const { user } = await signUp(accounts.deps);
    const token = mailedToken(accounts, "email_verification");
    const codes = await Promise.all(Array.from({ length: 5 }, () => verify(accounts, user.id, token)));
    expect(codes.toSorted()).toEqual(["ok", ...Array.from({ length: 4 }, () => "verification_token_invalid")]);
    const other = await signUp(accounts.deps);
    const late = mailedToken(accounts, "email_verification");
    accounts.advance(MAIL_TOKEN_LIFE_MS.email_verification);
    expect(await verify(accounts, other.user.id, late)).toBe("verification_token_invalid");
    expect(codeOf(await rpc.verifyEmail(callAs("customer", user.id), { token: "never made" }))).toBe(
      "verification_token_invalid",
    );
    expect(valueOf(await me(accounts.deps, callAs("customer", other.user.id))).emailVerified).toBe(false);
    expect(valueOf(await me(accounts.deps, callAs("customer", user.id))).emailVerified).toBe(true);
  });
});
