// Password reset and verification of the e-mail address by mail, over all Workers, and what a stranger can learn from them.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session, User } from "#shared/contracts/accounts";
import { Client, eventually, lettersTo, newBuyer, signIn } from "../scripts/shop/client.ts";
import type { Problem } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

const NEW_PASSWORD = "a quite different password";
let shop: Shop;
let guest: Client;

beforeAll(async () => {
  ({ shop } = await openSharedShop());
  guest = new Client(shop.send);
});

afterAll(async () => {
  await shop.close();
});

/** The tokens of links to a page in the mails to an address. */
async function mailedTokens(email: string, page: string): Promise<string[]> {
  return (await lettersTo(shop.send, email)).flatMap(
    ({ text }) => new RegExp(`/${page}#token=([\\w-]{43})`).exec(text)?.[1] ?? [],
  );
}

async function mailedToken(email: string, page: string): Promise<string> {
  return await eventually(`a mail with a link to ${page}`, async () => (await mailedTokens(email, page))[0]);
}

async function codeOf(path: string, body: unknown): Promise<string> {
  return (await guest.expect<Problem>(401, "POST", path, body)).code;
}

describe("a password reset", () => {
  it("sets a new password by a mailed link and ends every session", async () => {
    const { buyer, session } = await newBuyer(guest);
    const { email } = session.user;
    expect(await guest.expect(202, "POST", "/api/auth/password/forgot", { email })).toEqual({});
    const token = await mailedToken(email, "reset-password");
    await guest.expect(204, "POST", "/api/auth/password/reset", { token, newPassword: NEW_PASSWORD });
    const again = { token, newPassword: "yet another password" };
    expect(await codeOf("/api/auth/password/reset", again)).toBe("reset_token_invalid");
    const { refreshToken } = session;
    expect(await codeOf("/api/auth/refresh", { refreshToken })).toBe("refresh_token_invalid");
    const back = await guest.expect<Session>(200, "POST", "/api/auth/login", { email, password: NEW_PASSWORD });
    expect(back.user).toMatchObject({ email, emailVerified: true });
    expect(await buyer.expect<User>(200, "GET", "/api/auth/me")).toMatchObject({ emailVerified: true });
  });

  it("gets the same response for an unknown address, which gets no mail", async () => {
    const { session } = await newBuyer(guest);
    const nobody = `nobody-${crypto.randomUUID()}@example.com`;
    const answers = await Promise.all(
      [session.user.email, nobody].map((email) => guest.call("POST", "/api/auth/password/forgot", { email })),
    );
    const [known, unknown] = answers.map(({ status, body }) => ({ status, body }));
    expect(unknown).toEqual(known);
    await mailedToken(session.user.email, "reset-password");
    expect(await mailedTokens(nobody, "reset-password")).toEqual([]);
  });
});

describe("a new account", () => {
  it("is verified by the link that came with its welcome, and operators never see the token", async () => {
    const { buyer, session } = await newBuyer(guest);
    const { email, id } = session.user;
    expect(session.user.emailVerified).toBe(false);
    const token = await mailedToken(email, "verify-email");
    const admin = await signIn(guest, "admin@example.com", "Admin123!");
    const events = await admin.expect<object>(200, "GET", `/api/admin/events?subject=${id}`);
    expect(JSON.stringify(events)).toContain("email_verification");
    expect(JSON.stringify(events)).not.toContain(token);
    const mine = await buyer.expect<object>(200, "GET", "/api/notifications");
    expect(JSON.stringify(mine)).not.toContain(token);
    expect(await codeOf("/api/auth/email/verify", { token })).toBe("unauthenticated");
    const { buyer: stranger } = await newBuyer(guest);
    const stolen = await stranger.expect<Problem>(401, "POST", "/api/auth/email/verify", { token });
    expect(stolen.code).toBe("verification_token_invalid");
    await buyer.expect(204, "POST", "/api/auth/email/verify", { token });
    const again = await buyer.expect<Problem>(401, "POST", "/api/auth/email/verify", { token });
    expect(again.code).toBe("verification_token_invalid");
    const { refreshToken } = session;
    const fresh = await guest.expect<Session>(200, "POST", "/api/auth/refresh", { refreshToken });
    expect(JSON.parse(atob(fresh.accessToken.split(".")[1] ?? ""))).toMatchObject({ email_verified: true });
    expect(await buyer.expect<User>(200, "GET", "/api/auth/me")).toMatchObject({ emailVerified: true });
    expect(await buyer.expect(202, "POST", "/api/auth/email/verification")).toEqual({});
  });
});
