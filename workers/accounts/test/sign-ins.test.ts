// Wrong passwords: which sign-ins they block, and which they do not.
import { beforeEach, describe, expect, it } from "vitest";
import type { Call } from "#shared/call";
import { callAs, guestCall } from "#shared/testkit/kit";
import { plan } from "../src/scheduled.ts";
import { runSweeps } from "#shared/sweep";
import { forgotPassword, resetPassword } from "../src/service/recovery.ts";
import { changePassword, login } from "../src/service/users.ts";
import { PASSWORD, accountsEnv, codeOf, freshEmail, mailedToken, signUp, testAccounts, valueOf } from "./accounts.ts";
import type { TestAccounts } from "./accounts.ts";

const LIMITS = { perSource: 2, perEmail: 4, windowMs: 60_000, emailWindowMs: 3_600_000 };
let accounts: TestAccounts;
let email: string;

function from(network: string): Call {
  return { ...guestCall(), network };
}

beforeEach(async () => {
  accounts = testAccounts({
    signIns: {
      isLimited: true,
      perSource: { failures: LIMITS.perSource, windowMs: LIMITS.windowMs },
      perEmail: { failures: LIMITS.perEmail, windowMs: LIMITS.emailWindowMs },
      rememberMs: 90 * 86_400_000,
    },
  });
  email = (await signUp(accounts.deps, freshEmail(), from("home"))).user.email;
});

async function attempt(network: string, password = "not the password", to = email): Promise<string> {
  return codeOf(await login(accounts.deps, from(network), { email: to, password }));
}

/** Strangers reach the e-mail's limit, each from another network. */
async function attack(to = email): Promise<string[]> {
  const codes: string[] = [];
  for (let network = 0; network < LIMITS.perEmail; network += 1)
    codes.push(await attempt(`bot ${String(network)}`, "x", to));
  return codes;
}

describe("a stranger's wrong passwords", () => {
  it("block the stranger's network and never the owner's", async () => {
    for (let times = 0; times < LIMITS.perSource; times += 1)
      expect(await attempt("stranger")).toBe("invalid_credentials");
    expect(await attempt("stranger")).toBe("rate_limited");
    expect(await attempt("stranger", PASSWORD)).toBe("rate_limited");
    expect(await attempt("elsewhere", PASSWORD)).toBe("ok");
    expect(await attempt("home", PASSWORD)).toBe("ok");
  });

  it("block until `retryAt`", async () => {
    for (let times = 0; times < LIMITS.perSource; times += 1) await attempt("stranger");
    const refused = await login(accounts.deps, from("stranger"), { email, password: PASSWORD });
    expect(refused).toMatchObject({ error: { code: "rate_limited", retryAt: expect.any(String) as string } });
    const retryAt = refused.ok ? 0 : Date.parse(refused.error.retryAt ?? "");
    accounts.advance(retryAt - accounts.deps.now());
    expect(await attempt("stranger", PASSWORD)).toBe("ok");
  });

  it("cannot exceed the limit by being concurrent", async () => {
    const codes = await Promise.all(Array.from({ length: 5 }, () => attempt("stranger")));
    expect(codes.filter((code) => code === "invalid_credentials")).toHaveLength(LIMITS.perSource);
  });

  it("are forgotten after a right one", async () => {
    for (let round = 0; round < 2; round += 1) {
      for (let times = 1; times < LIMITS.perSource; times += 1)
        expect(await attempt("home")).toBe("invalid_credentials");
      expect(await attempt("home", PASSWORD)).toBe("ok");
    }
  });

  it("count the same for an e-mail without an account", async () => {
    const nobody = freshEmail();
    const codes: string[] = [];
    for (let times = 0; times <= LIMITS.perSource; times += 1) codes.push(await attempt("stranger", "x", nobody));
    expect(codes.at(-1)).toBe("rate_limited");
    const attacked = await attack(nobody);
    expect(attacked).toContain("rate_limited");
  });
});

describe("at the limit of an e-mail", () => {
  it("unknown networks are refused and known ones are not", async () => {
    expect(await attack()).toEqual(Array.from({ length: LIMITS.perEmail }, () => "invalid_credentials"));
    expect(await attempt("elsewhere", PASSWORD)).toBe("rate_limited");
    expect(await attempt("home", PASSWORD)).toBe("ok");
    // A known network has its own limit.
    for (let times = 0; times < LIMITS.perSource; times += 1) expect(await attempt("home")).toBe("invalid_credentials");
    expect(await attempt("home", PASSWORD)).toBe("rate_limited");
  });

  it("a known device signs in from anywhere, and an invented token does not help", async () => {
    const { deviceToken } = valueOf(await login(accounts.deps, from("home"), { email, password: PASSWORD }));
    await attack();
    const withDevice = { email, password: PASSWORD, deviceToken };
    const made = { ...withDevice, deviceToken: "made up" };
    expect(codeOf(await login(accounts.deps, from("train"), made))).toBe("rate_limited");
    const again = valueOf(await login(accounts.deps, from("train"), withDevice));
    expect(again.deviceToken).toBe(deviceToken);
    const other = await signUp(accounts.deps, freshEmail(), from("home"));
    await attack(other.user.email);
    const borrowed = { email: other.user.email, password: PASSWORD, deviceToken };
    expect(codeOf(await login(accounts.deps, from("train"), borrowed))).toBe("rate_limited");
  });

  it("a reset by mail works, and makes the network where it was opened known", async () => {
    await attack();
    for (let times = 0; times < LIMITS.perSource; times += 1) await attempt("hotel");
    await forgotPassword(accounts.deps, from("hotel"), { email });
    await accounts.deferredWork();
    const newPassword = "a quite different one";
    const token = mailedToken(accounts, "password_reset");
    expect(codeOf(await resetPassword(accounts.deps, from("hotel"), { token, newPassword }))).toBe("ok");
    expect(await attempt("hotel", newPassword)).toBe("ok");
    expect(await attempt("elsewhere", newPassword)).toBe("rate_limited");
  });

  it("right passwords do not count", async () => {
    for (let times = 0; times < LIMITS.perEmail + 2; times += 1) {
      expect(await attempt(`cafe ${String(times)}`, PASSWORD)).toBe("ok");
    }
  });
});

it("counts wrong passwords of a signed-in user for their network", async () => {
  const { user } = valueOf(await login(accounts.deps, from("home"), { email, password: PASSWORD }));
  const signedIn = callAs("customer", user.id);
  const call = { ...signedIn, network: "home", actor: { ...signedIn.actor, email } } as Call;
  const input = { currentPassword: "wrong", newPassword: "a quite different one" };
  for (let times = 0; times < LIMITS.perSource; times += 1) {
    expect(codeOf(await changePassword(accounts.deps, call, input))).toBe("invalid_credentials");
  }
  expect(codeOf(await changePassword(accounts.deps, call, { ...input, currentPassword: PASSWORD }))).toBe(
    "rate_limited",
  );
});

it("does not count an attempt that the hash queue refused", async () => {
  const refuses = {
    run: async () => ({ ok: false, error: { code: "service_unavailable", detail: "Busy." } }),
  } as never;
  for (let times = 0; times < LIMITS.perSource + 2; times += 1) {
    const busy = await login({ ...accounts.deps, hashes: refuses }, from("home"), { email, password: PASSWORD });
    expect(codeOf(busy)).toBe("service_unavailable");
  }
  expect(await attempt("home", PASSWORD)).toBe("ok");
});

it("stores neither e-mails nor networks, and nothing beyond its time", async () => {
  await attempt("203.0.113.77");
  const rows = async (table: string): Promise<string> =>
    JSON.stringify((await accountsEnv.DB.prepare(`SELECT * FROM ${table}`).all()).results);
  const before = [await rows("wrong_passwords"), await rows("known_sources")];
  for (const text of before) expect(text).not.toMatch(/203\.0\.113|@example|home/);
  accounts.advance(91 * 86_400_000);
  await runSweeps(accounts.deps, plan, { call: from("none"), everything: true });
  expect([await rows("wrong_passwords"), await rows("known_sources")]).toEqual(["[]", "[]"]);
});
