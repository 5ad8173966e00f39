// The scripts of the local runtime: settings, configurations, the lock, migrations, and writing the seed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { summarize } from "../ci-summary.ts";
import { localConfig, localWorkers, writeConfigs } from "../local/configs.ts";
import { currentRun, processStart, takeLock } from "../local/lock.ts";
import { findFreePort, requireFreePort } from "../local/processes.ts";
import { chunks, insertStatements } from "../local/seed.ts";
import { readSettings } from "../local/settings.ts";
import { prepareState } from "../local/prepare.ts";
import { applyMigrations, migrationsDigest, readStamp, withState, writeStamp } from "../local/state.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "tradepost-test-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("settings", () => {
  it("have defaults", () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({ port: 8787, sandbox: true });
    expect(settings.stateDir).toMatch(/\.state$/);
  });

  it.each([{ PORT: "x" }, { PORT: "0" }, { PORT: "70000" }, { STRIPE_SECRET_KEY: "sk_live_1" }])("refuse %j", (env) => {
    expect(() => readSettings(env)).toThrow(/is not a (?:port|test key)/);
  });

  it("leave the sandbox out when a Stripe key is set", () => {
    const settings = readSettings({ STRIPE_SECRET_KEY: "sk_test_123" });
    expect(localWorkers(settings)).not.toContain("stripe-sandbox");
    for (const worker of ["front", "payments"] as const) {
      expect(JSON.stringify(localConfig(worker, settings))).not.toContain("stripe-sandbox");
    }
  });
});

describe("local configurations", () => {
  it("give variables to the Workers that declare them, and to no other", () => {
    const settings = readSettings({ CART_TTL_SECONDS: "5", RATE_LIMITS: "off", ORDER_CAPS: "off" });
    expect(localConfig("orders", settings).vars).toMatchObject({ CART_TTL_SECONDS: "5", ORDER_CAPS: "off" });
    expect(localConfig("orders", settings).vars).not.toHaveProperty("RATE_LIMITS");
    expect(localConfig("gateway", settings).vars).toMatchObject({ RATE_LIMITS: "off" });
  });

  it("keep secrets out of the configuration, and routes too", () => {
    const settings = readSettings({ STATE_DIR: path.join(folder, "configs"), STRIPE_SECRET_KEY: "sk_test_123" });
    const payments = writeConfigs(settings).find(({ worker }) => worker === "payments");
    const text = readFileSync(payments?.file ?? "", "utf8");
    expect(text).not.toContain("sk_test_123");
    expect(JSON.parse(text)).not.toHaveProperty("routes");
    expect(readFileSync(path.join(path.dirname(payments?.file ?? ""), ".dev.vars"), "utf8")).toContain("sk_test_123");
  });

  it("bind the sandbox to payments", () => {
    expect(localConfig("payments", readSettings({})).services).toContainEqual({
      binding: "STRIPE_SANDBOX",
      service: "tradepost-stripe-sandbox",
    });
  });

  it("bind the mailbox to notifications only", () => {
    const notifications = localConfig("notifications", readSettings({}));
    expect(notifications).not.toHaveProperty("send_email");
    expect(notifications.services).toEqual([
      { binding: "ORDERS", service: "tradepost-orders", entrypoint: "OrdersRpc" },
      { binding: "EMAIL", service: "tradepost-mailbox", entrypoint: "MailboxRpc" },
      { binding: "PROVIDERS", service: "tradepost-mailbox", entrypoint: "MailboxProviders" },
    ]);
    const others = localWorkers(readSettings({})).filter((worker) => worker !== "notifications" && worker !== "front");
    for (const worker of others) {
      expect(JSON.stringify(localConfig(worker, readSettings({})).services)).not.toContain("tradepost-mailbox");
    }
  });

  it("pass the crons of every Worker to the front", () => {
    const crons = JSON.parse(localConfig("front", readSettings({})).vars?.["CRONS"] ?? "{}") as Record<
      string,
      string[]
    >;
    expect(Object.keys(crons)).toHaveLength(7);
    expect(Object.values(crons).flat()).not.toEqual([]);
  });
});

describe("the lock", () => {
  it("belongs to one run, and is free after it", async () => {
    const stateDir = path.join(folder, "lock");
    const lock = await takeLock(stateDir, "start", 1234);
    expect(currentRun(stateDir)).toMatchObject({ pid: process.pid, mode: "start", port: 1234 });
    await expect(takeLock(stateDir, "dev", 1)).rejects.toThrow(/in use: npm run start with pid/);
    lock.release();
    expect(currentRun(stateDir)).toBeUndefined();
    (await takeLock(stateDir, "dev", 1)).release();
  });

  it("of a killed run is taken over, and the processes that it left are killed", async () => {
    const stateDir = path.join(folder, "stale");
    mkdirSync(stateDir);
    const orphan = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const pid = orphan.pid ?? 0;
    const left = { pid, began: processStart(pid) };
    const bystander = { pid: process.pid, began: "1" };
    writeFileSync(
      path.join(stateDir, "run.lock"),
      JSON.stringify({ pid: process.pid, began: "1", mode: "start", port: 1, children: [left, bystander] }),
    );
    const ended = once(orphan, "exit");
    (await takeLock(stateDir, "dev", 1)).release();
    expect(await ended).toEqual([null, "SIGKILL"]);
  });

  it("that is not readable is stale", async () => {
    const stateDir = path.join(folder, "torn");
    mkdirSync(stateDir);
    writeFileSync(path.join(stateDir, "run.lock"), '{"pid":');
    const lock = await takeLock(stateDir, "dev", 1);
    expect(currentRun(stateDir)).toMatchObject({ mode: "dev" });
    lock.release();
  });
});

describe("the port", () => {
  it("that is busy is refused", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await expect(requireFreePort(port)).rejects.toThrow(`Port ${port} is in use`);
    server.close();
    await requireFreePort(await findFreePort());
  });
});

describe("the databases", () => {
  it("are migrated in order and once, and a broken migration leaves nothing", async () => {
    const migrations = path.join(folder, "migrations");
    mkdirSync(migrations);
    writeFileSync(
      path.join(migrations, "0001_first.sql"),
      "CREATE TABLE a (n INTEGER) STRICT;\nINSERT INTO a VALUES (1);",
    );
    writeFileSync(path.join(migrations, "0002_second.sql"), "-- ; in a comment\nUPDATE a SET n = n + 1;");
    await withState(path.join(folder, "state"), [], async ({ databases: { order } }) => {
      expect(await applyMigrations(order, migrations)).toBe(2);
      expect(await applyMigrations(order, migrations)).toBe(0);
      writeFileSync(path.join(migrations, "0003_broken.sql"), "UPDATE a SET n = 100; UPDATE nothing SET n = 1;");
      await expect(applyMigrations(order, migrations)).rejects.toThrow(/nothing/);
      expect((await order.prepare("SELECT n FROM a").all()).results).toEqual([{ n: 2 }]);
      const { results } = await order.prepare("SELECT name FROM d1_migrations ORDER BY id").all();
      expect(results).toEqual([{ name: "0001_first.sql" }, { name: "0002_second.sql" }]);
    });
  }, 30_000);

  it("are seeded once", async () => {
    await withState(path.join(folder, "seeded"), [], async ({ databases: { auth } }) => {
      await auth.prepare('CREATE TABLE t (id TEXT PRIMARY KEY, "order" INTEGER, note TEXT) STRICT').run();
      const rows = [
        { id: "1", order: 1, note: null },
        { id: "2", order: 0, note: `"quoted' ${"ü".repeat(10)}` },
      ];
      await auth.batch(insertStatements(auth, "t", rows));
      await auth.batch(insertStatements(auth, "t", rows));
      expect((await auth.prepare("SELECT * FROM t ORDER BY id").all()).results).toEqual(rows);
    });
  }, 30_000);

  it("keep the seed of another version", async () => {
    const settings = readSettings({ STATE_DIR: path.join(folder, "other-seed") });
    writeStamp(settings.stateDir, { migrations: migrationsDigest(), seed: "another true" });
    const said: string[] = [];
    await prepareState(settings, [], { seed: true, say: (line) => said.push(line) });
    expect(said).toEqual([expect.stringContaining("keeps the seed of another version")]);
    expect(readStamp(settings.stateDir).seed).toBe("another true");
  });

  it("are seeded in chunks that fit into one parameter", () => {
    const rows = Array.from({ length: 30 }, (_, n) => ({ n, text: "x".repeat(100_000) }));
    const parts = chunks(rows);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.every((part) => part.length <= 1_100_000)).toBe(true);
    expect(parts.flatMap((part) => JSON.parse(part) as unknown[])).toEqual(rows);
  });
});

describe("the last line of CI", () => {
  it.each([
    [{ numPassedTests: 5, numFailedTests: 0 }, 0, 0, "5 passed, 0 failed", true],
    [{ numPassedTests: 5, numFailedTests: 2 }, 0, 1, "5 passed, 2 failed", false],
    [{ numPassedTests: 5, numFailedTests: 0 }, 0, 1, "5 passed, 1 failed", false],
    [{ numPassedTests: 5, numFailedTests: 0 }, 1, 0, "5 passed, 1 failed", false],
    [undefined, 0, 1, "0 passed, 1 failed", false],
    [{ numPassedTests: 0, numFailedTests: 0 }, 0, 0, "0 passed, 1 failed", false],
  ] as const)("of %j, check %i, tests %i is %s", (report, check, tests, line, ok) => {
    expect(summarize(report, check, tests)).toEqual({ line, ok });
  });
});
