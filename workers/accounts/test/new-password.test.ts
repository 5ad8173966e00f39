// Which new passwords are rejected, wherever one is set.
import { dictionary } from "@zxcvbn-ts/language-common";
import { describe, expect, it } from "vitest";
import { callAs, guestCall } from "#shared/testkit/kit";
import { rejectEasyPassword } from "../src/service/new-password.ts";
import { forgotPassword } from "../src/service/recovery.ts";
import { PASSWORD, codeOf, freshEmail, mailedToken, rpc, signUp, testAccounts } from "./accounts.ts";

const EMAIL = "ada.lovelace@example.com";

it("knows more than 10,000 common passwords", () => {
  expect(dictionary["passwords-common"].length).toBeGreaterThan(10_000);
});

describe("a new password", () => {
  it.each([
    "password123",
    "PassWord123",
    "1234567890",
    "qwertyuiop",
    // NFKC turns full-width letters into plain ones.
    "\uFF50assword123",
    "Tradepost!2026",
    "tradeposttradepost",
    "Ada.Lovelace@example.com",
    "adalovelace1815",
  ])("is rejected when attackers try it first: %s", async (password) => {
    const refused = await rejectEasyPassword("password", password, EMAIL);
    expect(refused).toMatchObject({ ok: false, error: { code: "validation_failed", errors: [{ path: "password" }] } });
    expect(refused.ok ? "" : refused.error.errors?.[0]?.message).toContain("choose another");
  });

  it.each([
    "correct horse battery",
    "Lovelace was the first programmer",
    "9f8a-77c1-01bd-5e",
    "\u00FCbergangsj\u00E4ckchen 7",
  ])("is accepted otherwise: %s", async (password) => {
    expect(codeOf(await rejectEasyPassword("password", password, EMAIL))).toBe("ok");
  });

  it("is checked by registration, reset and change, and a rejected one changes nothing", async () => {
    const accounts = testAccounts();
    const common = { code: "validation_failed", errors: [{ path: "newPassword" }] };
    const signedUp = await rpc.register(guestCall(), { email: freshEmail(), password: "password123", name: "A" });
    expect(signedUp).toMatchObject({ error: { code: "validation_failed", errors: [{ path: "password" }] } });
    const { user } = await signUp(accounts.deps);
    await forgotPassword(accounts.deps, guestCall(), { email: user.email });
    await accounts.deferredWork();
    const token = mailedToken(accounts, "password_reset");
    const reset = await rpc.resetPassword(guestCall(), { token, newPassword: "Password123" });
    expect(reset).toMatchObject({ error: common });
    const change = { currentPassword: PASSWORD, newPassword: "1q2w3e4r5t" };
    const actor = { ...callAs("customer", user.id).actor, email: user.email };
    const call = { ...callAs("customer"), actor } as ReturnType<typeof callAs>;
    expect(await rpc.changePassword(call, change)).toMatchObject({ error: common });
    expect(codeOf(await rpc.login(guestCall(), { email: user.email, password: PASSWORD }))).toBe("ok");
    expect(codeOf(await rpc.resetPassword(guestCall(), { token, newPassword: "a quite different one" }))).toBe("ok");
  });
});
