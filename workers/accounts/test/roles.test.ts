// The list of users, and roles: who may change them, what a change ends, and that an admin always remains.
import { beforeEach, describe, expect, it } from "vitest";
import type { Call, Role } from "#shared/call";
import type { User } from "#shared/contracts/accounts";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { login, register } from "../src/service/users.ts";
import { REFRESH_TOKEN_LIFE_MS } from "../src/constants.ts";
import { getUser } from "../src/service/roles.ts";
import { logout, refresh } from "../src/service/sessions.ts";
import { PASSWORD, accountsEnv, codeOf, rpc, signUp, testAccounts, valueOf } from "./accounts.ts";

/** A row of a user who never signs in. */
async function insertUser(role: Role, email = `${newId("usr")}@example.com`): Promise<Call> {
  const id = newId("usr");
  await accountsEnv.DB.prepare(
    `INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?, ?, 'Row', ?, 'scrypt$1$1$1$a$a', 1)`,
  )
    .bind(id, email, role)
    .run();
  return callAs(role, id);
}

async function admins(): Promise<number> {
  const row = await accountsEnv.DB.prepare("SELECT count(*) AS n FROM users WHERE role = 'admin'").first<{
    n: number;
  }>();
  return row?.n ?? -1;
}

async function audited(userId: string): Promise<unknown[]> {
  const { results } = await accountsEnv.DB.prepare("SELECT * FROM audit_log WHERE subject = ? ORDER BY id")
    .bind(userId)
    .all();
  return results;
}

let admin: Call;

beforeEach(async () => {
  await accountsEnv.DB.prepare("UPDATE users SET role = 'customer' WHERE role = 'admin'").run();
  admin = await insertUser("admin");
});

describe("a change of a role", () => {
  it("appears in the next token, ends the sessions and is audited", async () => {
    const { deps } = testAccounts();
    const session = await signUp(deps);
    const { user } = session;
    const raised = valueOf(await rpc.changeRole(admin, { userId: user.id, role: "vendor" }));
    expect(raised).toEqual({ ...user, role: "vendor" });
    expect(codeOf(await refresh(deps, guestCall(), { refreshToken: session.refreshToken }))).toBe(
      "refresh_token_invalid",
    );
    const again = valueOf(await login(deps, guestCall(), { email: user.email, password: PASSWORD }));
    expect(again.user.role).toBe("vendor");
    expect(JSON.parse(atob(again.accessToken.split(".")[1] ?? ""))).toMatchObject({ sub: user.id, role: "vendor" });
    expect(codeOf(await refresh(deps, guestCall(), { refreshToken: again.refreshToken }))).toBe("ok");
    const { results } = await accountsEnv.DB.prepare(
      "SELECT ended_by FROM token_families WHERE user_id = ? ORDER BY id",
    )
      .bind(user.id)
      .all();
    expect(results).toEqual([{ ended_by: "role" }, { ended_by: null }]);
    expect(await audited(user.id)).toMatchObject([
      {
        action: "user.change_role",
        actor_id: admin.actor.id,
        actor_role: "admin",
        details: JSON.stringify({ from: "customer", to: "vendor" }),
      },
    ]);
  });

  it("to the current role changes nothing", async () => {
    const { deps } = testAccounts();
    const { user, refreshToken } = await signUp(deps);
    expect(await rpc.changeRole(admin, { userId: user.id, role: "customer" })).toEqual({ ok: true, value: user });
    expect(await audited(user.id)).toEqual([]);
    expect(codeOf(await refresh(deps, guestCall(), { refreshToken }))).toBe("ok");
  });

  it("of an unknown user, or to an unknown role, is refused", async () => {
    expect(codeOf(await rpc.changeRole(admin, { userId: "usr_none", role: "vendor" }))).toBe("not_found");
    for (const input of [
      { userId: "prd_1", role: "vendor" },
      { userId: "usr_1' OR '1'='1", role: "vendor" },
      { userId: admin.actor.id, role: "root" },
      { userId: admin.actor.id, role: "system" },
    ]) {
      expect(codeOf(await rpc.changeRole(admin, input as { userId: string; role: Role }))).toBe("validation_failed");
    }
  });

  it("is refused to a former admin, whatever the token says", async () => {
    const other = await insertUser("admin");
    valueOf(await rpc.changeRole(admin, { userId: other.actor.id, role: "customer" }));
    for (const userId of [other.actor.id, admin.actor.id]) {
      expect(codeOf(await rpc.changeRole(other, { userId, role: "admin" }))).toBe("forbidden");
    }
    expect(codeOf(await rpc.changeRole(callAs("admin"), { userId: other.actor.id, role: "admin" }))).toBe("forbidden");
    expect(await admins()).toBe(1);
  });

  it("by several admins concurrently is written one after the other", async () => {
    const { actor } = await insertUser("customer");
    const roles: readonly Role[] = ["vendor", "admin", "vendor", "admin"];
    const answers = await Promise.all(roles.map((role) => rpc.changeRole(admin, { userId: actor.id, role })));
    expect(answers.map(codeOf)).toEqual(["ok", "ok", "ok", "ok"]);
    const steps = (await audited(actor.id)).map(
      (row) => JSON.parse((row as { details: string }).details) as { from: Role; to: Role },
    );
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter(({ from }) => from === "customer")).toHaveLength(1);
    expect(steps.every(({ from, to }) => from !== to)).toBe(true);
  });
});

describe("the last admin", () => {
  const demote = async (by: Call, whom: Call): Promise<string> =>
    codeOf(await rpc.changeRole(by, { userId: whom.actor.id, role: "customer" }));

  it("cannot be demoted", async () => {
    expect(await demote(admin, admin)).toBe("last_admin");
    const other = await insertUser("admin");
    expect([await demote(admin, other), await demote(admin, admin)]).toEqual(["ok", "last_admin"]);
    expect(await audited(admin.actor.id)).toEqual([]);
    expect(await admins()).toBe(1);
  });

  it("remains when two demote themselves or each other concurrently", async () => {
    for (let round = 0; round < 5; round += 1) {
      const other = await insertUser("admin");
      const codes =
        round % 2 === 0
          ? await Promise.all([demote(admin, admin), demote(other, other)])
          : await Promise.all([demote(admin, other), demote(other, admin)]);
      expect(codes.filter((code) => code === "ok")).toHaveLength(1);
      expect(codes.every((code) => ["ok", "last_admin", "forbidden"].includes(code))).toBe(true);
      expect(await admins()).toBe(1);
      if (round % 2 === 0) admin = codes[0] === "ok" ? other : admin;
      else admin = codes[0] === "ok" ? admin : other;
    }
  });

  it("remains when five demote themselves concurrently", async () => {
    const all = [admin, ...(await Promise.all([1, 2, 3, 4].map(() => insertUser("admin"))))];
    const codes = await Promise.all(all.map((one) => demote(one, one)));
    expect(codes.toSorted()).toEqual(["last_admin", "ok", "ok", "ok", "ok"]);
    expect(await admins()).toBe(1);
  });
});

describe("the list of users", () => {
  async function emails(input: Parameters<typeof rpc.listUsers>[1]): Promise<string[]> {
    return valueOf(await rpc.listUsers(admin, input)).items.map(({ email }) => email);
  }

  it("is sorted by e-mail, filters by prefix and role, has pages, and contains no hash", async () => {
    const mark = newId("usr");
    const made = ["d", "a", "c", "b"].map((letter) => `${mark}-${letter}@example.com`);
    for (const email of made) await insertUser(email.includes("-a") ? "vendor" : "customer", email);
    await insertUser("customer", `${mark}%@example.com`);
    await insertUser("customer", `z${mark}@example.com`);
    const sorted = made.toSorted();
    expect(await emails({ q: ` ${mark.toUpperCase()}-` })).toEqual(sorted);
    expect(await emails({ q: `${mark}-`, role: "vendor" })).toEqual([sorted[0]]);
    expect(await emails({ q: `${mark}%` })).toEqual([`${mark}%@example.com`]);
    expect(await emails({ q: `${mark}_` })).toEqual([]);
    const first = valueOf(await rpc.listUsers(admin, { q: `${mark}-`, limit: 3 }));
    const cursor = first.nextCursor ?? "";
    expect([...first.items.map(({ email }) => email), ...(await emails({ q: `${mark}-`, limit: 3, cursor }))]).toEqual(
      sorted,
    );
    for (const other of [{ q: `${mark}-b` }, { q: `${mark}-`, role: "vendor" as const }, {}]) {
      expect(codeOf(await rpc.listUsers(admin, { ...other, cursor }))).toBe("invalid_cursor");
    }
    expect(Object.keys(first.items[0] ?? {}).toSorted()).toEqual([
      "createdAt",
      "email",
      "emailVerified",
      "id",
      "name",
      "role",
    ] satisfies (keyof User)[]);
  });

  it("treats every character literally", async () => {
    for (const q of ["' OR 1=1 --", "%", "_", "*", "\u0000", "\u{10FFFF}", "x".repeat(254)])
      expect(await emails({ q })).toEqual([]);
    expect(codeOf(await rpc.listUsers(admin, { q: "x".repeat(255) }))).toBe("validation_failed");
    expect(codeOf(await rpc.listUsers(admin, { role: "root" as Role }))).toBe("validation_failed");
  });

  it("contains the users who register", async () => {
    const { deps } = testAccounts();
    const email = `${newId("usr")}@example.com`;
    const { user } = valueOf(await register(deps, guestCall(), { email, password: PASSWORD, name: "New" }));
    expect(valueOf(await rpc.listUsers(admin, { q: email })).items).toEqual([user]);
  });
});

describe("one user", () => {
  it("is returned with the sessions that can still be refreshed, the last used first, and no token", async () => {
    const accounts = testAccounts();
    const { deps } = accounts;
    const first = await signUp(deps);
    const { user } = first;
    const signIn = async (): Promise<string> =>
      valueOf(await login(deps, guestCall(), { email: user.email, password: PASSWORD })).refreshToken;
    const ended = await signIn();
    accounts.advance(60_000);
    const second = await signIn();
    accounts.advance(60_000);
    const { refreshToken } = valueOf(await refresh(deps, guestCall(), { refreshToken: first.refreshToken }));
    valueOf(await logout(deps, guestCall(), { refreshToken: ended }));
    const details = valueOf(await getUser(deps, admin, { userId: user.id }));
    expect(details.user).toEqual(user);
    const [latest, other, ...more] = details.sessions;
    expect(more).toEqual([]);
    const age = (later: string | undefined, earlier: string | undefined): number =>
      Date.parse(later ?? "") - Date.parse(earlier ?? "");
    expect(age(latest?.lastUsedAt, latest?.createdAt)).toBe(120_000);
    expect(age(other?.lastUsedAt, other?.createdAt)).toBe(0);
    expect(age(latest?.expiresAt, latest?.lastUsedAt)).toBe(REFRESH_TOKEN_LIFE_MS);
    for (const token of [refreshToken, second]) expect(JSON.stringify(details)).not.toContain(token);
    accounts.advance(REFRESH_TOKEN_LIFE_MS);
    expect(valueOf(await getUser(deps, admin, { userId: user.id })).sessions).toEqual([]);
  });

  it("is not found for an unknown id", async () => {
    expect(codeOf(await rpc.getUser(admin, { userId: newId("usr") }))).toBe("not_found");
  });
});
