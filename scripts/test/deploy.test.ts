// Deployments: the configurations of an environment, the created resources, and the order of roll-out and roll-back. A server on
// 127.0.0.1 stands in for Cloudflare and a list of commands for wrangler, except in the dry run.
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { parse } from "smol-toml";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { creations, deploy, main, migrations, missingSecrets } from "../deploy.ts";
import { bucketNames, databaseIds, deployedWorkers, queueNames, readAccount } from "../deploy/account.ts";
import type { Account } from "../deploy/account.ts";
import { deployedConfig, deploymentOrder, requiredSecrets, resourcesOf } from "../deploy/configs.ts";
import { ENVIRONMENTS, placeholders, readEnvironment } from "../deploy/environment.ts";
import { rollOut } from "../deploy/rollout.ts";
import type { Release, Tools } from "../deploy/rollout.ts";
import { wrangler } from "../deploy/wrangler.ts";
import { DOCS_ASSETS, SWAGGER_FILES } from "../local/assets.ts";
import { LOCAL_WORKERS, PRODUCTION_WORKERS, ROOT, serviceName } from "../local/workers.ts";

const staging = readEnvironment("staging");
const production = readEnvironment("production");
const LOCAL_ONLY = LOCAL_WORKERS.filter((worker) => !PRODUCTION_WORKERS.some((name) => name === worker));

beforeAll(() => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterAll(() => {
  vi.restoreAllMocks();
});

describe("a deployed configuration", () => {
  const all = ENVIRONMENTS.flatMap((name) =>
    PRODUCTION_WORKERS.map(
      (worker) => [name, worker, deployedConfig(worker, readEnvironment(name), new Map())] as const,
    ),
  );

  it.each(all)("in %s binds neither the sandbox nor the mailbox to %s", (_name, _worker, config) => {
    const services = (config.services ?? []).map(({ service }) => service);
    for (const local of LOCAL_ONLY) {
      expect(services.some((service) => service.endsWith(serviceName(local).replace("tradepost", "")))).toBe(false);
    }
    expect(JSON.stringify(config)).not.toMatch(/sandbox|mailbox|whsec_local|local-development|127\.0\.0\.1|localhost/i);
  });

  it("of staging has no name of production", () => {
    const names = (environment: typeof staging): string[] => [
      ...PRODUCTION_WORKERS.map((worker) => deployedConfig(worker, environment, new Map()).name),
      ...Object.values(resourcesOf(environment)).flat(),
      ...PRODUCTION_WORKERS.flatMap((worker) =>
        (deployedConfig(worker, environment, new Map()).ratelimits ?? []).map((limit) => limit.namespace_id),
      ),
    ];
    const both = new Set(names(production));
    expect(names(staging).filter((name) => both.has(name))).toEqual([]);
  });

  it("binds resources that are created and Workers that are deployed", () => {
    const { databases, queues } = resourcesOf(staging);
    const names = PRODUCTION_WORKERS.map((worker) => deployedConfig(worker, staging, new Map()).name);
    for (const worker of PRODUCTION_WORKERS) {
      const config = deployedConfig(worker, staging, new Map());
      for (const { service } of config.services ?? []) expect(names).toContain(service);
      for (const { database_name: name } of config.d1_databases ?? []) expect(databases).toContain(name);
      for (const { queue } of config.queues?.producers ?? []) expect(queues).toContain(queue);
    }
    // Consumers recognize a dead-letter queue by this end of its name (shared/inbox.ts).
    expect(queues.filter((name) => name.endsWith("-dead-letters"))).toHaveLength(5);
  });

  it("has the environment's host, variables and database ids, and an absolute entry", () => {
    const ids = new Map([["tradepost-staging-payment", "11111111-2222-3333-4444-555555555555"]]);
    const config = deployedConfig("payments", staging, ids);
    expect(config.routes).toEqual([{ pattern: `${staging.host}/api/webhooks/stripe`, zone_name: staging.zone }]);
    expect(config.vars?.["LOG_LEVEL"]).toBe("debug");
    expect(config.d1_databases?.[0]).toMatchObject({ database_id: "11111111-2222-3333-4444-555555555555" });
    expect(path.isAbsolute(config.main)).toBe(true);
    expect(deployedConfig("gateway", staging, ids)).not.toHaveProperty("build");
  });

  it("of production has the names in the wrangler files", () => {
    const file = parse(readFileSync(path.join(ROOT, "workers/orders/wrangler.toml"), "utf8"));
    const config = deployedConfig("orders", production, new Map());
    expect(config.name).toBe(file["name"]);
    expect(config.services).toEqual(file["services"]);
  });
});

describe("what a deployment runs", () => {
  const wanted = resourcesOf(staging);

  it("creates everything in an empty account and nothing in a complete one", () => {
    const empty = creations(staging, { databases: [], queues: [], buckets: [] });
    expect(empty).toHaveLength(wanted.databases.length + wanted.queues.length + wanted.buckets.length);
    expect(creations(staging, wanted)).toEqual([]);
  });

  it("creates only what is missing", () => {
    const queues = wanted.queues.filter((name) => name !== "tradepost-staging-orders-inbox");
    expect(creations(staging, { ...wanted, queues })).toEqual([
      ["queues", "create", "tradepost-staging-orders-inbox", "--message-retention-period-secs", "1209600"],
    ]);
  });

  it("migrates each of the six databases, in the cloud", () => {
    expect(migrations(staging)).toHaveLength(6);
    for (const command of migrations(staging)) expect(command).toContain("--remote");
  });

  it("deploys each Worker after those it calls", () => {
    const order = deploymentOrder();
    expect(order.toSorted()).toEqual(PRODUCTION_WORKERS.toSorted());
    expect(order.at(-1)).toBe("gateway");
    for (const callee of ["catalog", "inventory", "payments"] as const) {
      expect(order.indexOf(callee)).toBeLessThan(order.indexOf("orders"));
    }
  });

  it("lists every missing secret, and how to set it", () => {
    const none = missingSecrets(staging, new Map([["tradepost-staging-payments", ["STRIPE_SECRET_KEY"]]]));
    expect(none).toContain("npx wrangler secret put STRIPE_WEBHOOK_SECRET --name tradepost-staging-payments");
    expect(none.join()).not.toContain("STRIPE_SECRET_KEY");
  });

  it("is documented: every required secret is in the table", () => {
    const page = readFileSync(path.join(ROOT, "docs/deploy.md"), "utf8");
    for (const [worker, secrets] of requiredSecrets()) {
      for (const secret of secrets) expect(page).toMatch(new RegExp(`\\| ${secret} \\| ${worker} \\|`));
    }
  });
});

describe("the roll-out", () => {
  const releases: Release[] = ["callee", "caller"].map((name) => ({
    name,
    configFile: `${name}.json`,
    previous: `${name}-old`,
  }));
  let commands: string[] = [];
  let fails: (command: string) => boolean = () => false;
  let smoked: Map<string, string>[] = [];
  const tools: Tools = {
    wrangler: async (args) => {
      const command = args.join(" ");
      commands.push(command);
      if (fails(command)) throw new Error(`refused: ${command}`);
      return args[1] === "upload" ? `${args[3]?.replace(".json", "") ?? ""}-new` : undefined;
    },
    smoke: async (pins) => {
      smoked.push(new Map(pins));
      if (fails("smoke")) throw new Error("the smoke test fails");
    },
  };

  beforeEach(() => {
    commands = [];
    smoked = [];
    fails = () => false;
  });

  it("uploads all, then raises the share of each, callees first, and tests the new versions after each step", async () => {
    await rollOut(releases, tools, { immediate: false });
    expect(commands).toEqual([
      "versions upload -c callee.json",
      "versions upload -c caller.json",
      "versions deploy callee-new@10 callee-old@90 --yes -c callee.json",
      "versions deploy caller-new@10 caller-old@90 --yes -c caller.json",
      "versions deploy callee-new@50 callee-old@50 --yes -c callee.json",
      "versions deploy caller-new@50 caller-old@50 --yes -c caller.json",
      "versions deploy callee-new@100 --yes -c callee.json",
      "versions deploy caller-new@100 --yes -c caller.json",
      "triggers deploy -c callee.json",
      "triggers deploy -c caller.json",
    ]);
    expect(smoked).toHaveLength(3);
    expect(smoked[0]).toEqual(
      new Map([
        ["callee", "callee-new"],
        ["caller", "caller-new"],
      ]),
    );
  });

  it("rolls all back, callers first, and fails when the smoke test fails", async () => {
    fails = (command) => command === "smoke";
    await expect(rollOut(releases, tools, { immediate: false })).rejects.toThrow("the smoke test fails");
    expect(commands.slice(-2)).toEqual([
      "versions deploy caller-old@100 --yes -c caller.json",
      "versions deploy callee-old@100 --yes -c callee.json",
    ]);
  });

  it("rolls the others back when one roll-back fails", async () => {
    fails = (command) => command === "smoke" || command.includes("caller-old@100");
    await expect(rollOut(releases, tools, { immediate: false })).rejects.toThrow("the smoke test fails");
    expect(commands.at(-1)).toBe("versions deploy callee-old@100 --yes -c callee.json");
  });

  it("changes no traffic when an upload is refused", async () => {
    fails = (command) => command === "versions upload -c caller.json";
    await expect(rollOut(releases, tools, { immediate: false })).rejects.toThrow("refused");
    expect(commands.filter((command) => command.startsWith("versions deploy"))).toEqual([]);
  });

  it("gives all traffic at once to a new Worker, and to all with `immediate`", async () => {
    await rollOut([{ name: "fresh", configFile: "fresh.json", previous: undefined }], tools, { immediate: false });
    expect(commands).toEqual(["deploy -c fresh.json"]);
    commands = [];
    await rollOut(releases, tools, { immediate: true });
    expect(commands).toEqual(["deploy -c callee.json", "deploy -c caller.json"]);
    expect(smoked).toHaveLength(2);
  });
});

/** The resources of the account on 127.0.0.1. */
interface Cloud {
  databases: { uuid: string; name: string }[];
  queues: { queue_name: string }[];
  buckets: { name: string }[];
  /** Script name -> its secrets and deployments. */
  scripts: Map<string, { secrets: string[]; versions: { version_id: string; percentage: number }[] }>;
}

describe("the account", () => {
  let server: Server;
  let account: Account;
  let cloud: Cloud;

  function answer(url: URL): unknown {
    const page = Number(url.searchParams.get("page") ?? 1);
    const paged = (items: readonly unknown[]): unknown => items.slice((page - 1) * 100, page * 100);
    const own = url.pathname.replace("/accounts/acc", "");
    const script = /^\/workers\/scripts\/(?<name>[^/]+)\/(?<what>\w+)$/.exec(own)?.groups;
    if (script !== undefined) {
      const found = cloud.scripts.get(script["name"] ?? "");
      return script["what"] === "secrets"
        ? found?.secrets.map((name) => ({ name, type: "secret_text" }))
        : { deployments: found?.versions.length === 0 ? [] : [{ versions: found?.versions }] };
    }
    if (own === "/d1/database") return paged(cloud.databases);
    if (own === "/queues") return paged(cloud.queues);
    if (own === "/r2/buckets") return { buckets: cloud.buckets };
    return [...cloud.scripts.keys()].map((id) => ({ id }));
  }

  beforeAll(async () => {
    server = createServer((request, response) => {
      const isAllowed = request.headers.authorization === "Bearer secret";
      response.statusCode = isAllowed ? 200 : 403;
      response.end(
        JSON.stringify(
          isAllowed
            ? { success: true, errors: [], result: answer(new URL(request.url ?? "", "http://cloud")) }
            : { success: false, errors: [{ code: 10_000, message: "Authentication error" }], result: null },
        ),
      );
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    account = readAccount({
      CLOUDFLARE_ACCOUNT_ID: "acc",
      CLOUDFLARE_API_TOKEN: "secret",
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
  });
  afterAll(() => {
    server.close();
  });
  beforeEach(() => {
    cloud = { databases: [], queues: [], buckets: [], scripts: new Map() };
  });

  it("is read page by page", async () => {
    cloud.databases = Array.from({ length: 250 }, (_, index) => ({ uuid: `id-${index}`, name: `db-${index}` }));
    cloud.queues = [{ queue_name: "inbox" }];
    cloud.buckets = [{ name: "images" }];
    expect((await databaseIds(account)).get("db-249")).toBe("id-249");
    expect(await queueNames(account)).toEqual(new Set(["inbox"]));
    expect(await bucketNames(account)).toEqual(new Set(["images"]));
  });

  it("has the version with most of the traffic, and no Workers that do not exist", async () => {
    const versions = [
      { version_id: "new", percentage: 10 },
      { version_id: "old", percentage: 90 },
    ];
    cloud.scripts.set("one", { secrets: ["KEY"], versions });
    cloud.scripts.set("draft", { secrets: [], versions: [] });
    expect(await deployedWorkers(account, ["one", "draft", "absent"])).toEqual(
      new Map([
        ["one", { versionId: "old", secrets: ["KEY"] }],
        ["draft", { versionId: undefined, secrets: [] }],
      ]),
    );
  });

  it("reports the error of Cloudflare", async () => {
    await expect(databaseIds({ ...account, token: "other" })).rejects.toThrow("Authentication error (10000)");
    expect(() => readAccount({})).toThrow("CLOUDFLARE_ACCOUNT_ID");
  });

  it("is unchanged while a secret is missing", async () => {
    const run = vi.fn<Tools["wrangler"]>(async () => undefined);
    await expect(
      deploy(staging, account, { wrangler: run, smoke: async () => undefined }, { immediate: false }),
    ).rejects.toThrow("wrangler secret put SIGNING_KEY_SECRET --name tradepost-staging-accounts");
    expect(run).not.toHaveBeenCalled();
  });

  it("is filled, migrated and deployed at once the first time", async () => {
    for (const [worker, secrets] of requiredSecrets()) {
      const name = deployedConfig(worker, staging, new Map()).name;
      // `wrangler secret put` leaves a Worker with a first, empty version.
      if (secrets.length > 0) {
        cloud.scripts.set(name, { secrets: [...secrets], versions: [{ version_id: "empty", percentage: 100 }] });
      }
    }
    const commands: string[] = [];
    const run: Tools["wrangler"] = async (args) => {
      commands.push(args.join(" "));
      if (args[0] === "d1" && args[1] === "create")
        cloud.databases.push({ uuid: `id-${args[2]}`, name: args[2] ?? "" });
      return undefined;
    };
    await deploy(staging, account, { wrangler: run, smoke: async () => undefined }, { immediate: false });
    const kinds = commands.map((command) => command.split(" ").slice(0, 2).join(" "));
    expect(kinds.lastIndexOf("d1 create")).toBeLessThan(kinds.indexOf("d1 migrations"));
    expect(kinds.lastIndexOf("d1 migrations")).toBeLessThan(kinds.indexOf("deploy -c"));
    expect(kinds.filter((kind) => kind === "deploy -c")).toHaveLength(PRODUCTION_WORKERS.length);
    const written = path.join(ROOT, ".wrangler/environments/staging/orders/wrangler.json");
    expect(readFileSync(written, "utf8")).toContain('"database_id": "id-tradepost-staging-order"');
  });
});

describe("the command", () => {
  it("refuses another environment, and one whose file is not filled in", async () => {
    await expect(main(["--env", "prod"], {})).rejects.toThrow("production, staging");
    expect(placeholders(production)).not.toEqual([]);
    await expect(main(["--env", "production"], {})).rejects.toThrow("still has");
  });

  it("builds every Worker offline in a dry run", async () => {
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:9");
    vi.stubEnv("WRANGLER_LOG", "error");
    // The times of files are coarser than the clock.
    const startedAt = Date.now() - 100;
    try {
      await main(["--env", "staging", "--dry-run"], {}, wrangler);
    } finally {
      vi.unstubAllEnvs();
    }
    expect(vi.mocked(console.log).mock.calls.flat().join("\n")).toContain("wrangler d1 create tradepost-staging-order");
    // They are not in git, but a fresh clone has to upload them.
    for (const file of SWAGGER_FILES) {
      expect(statSync(path.join(DOCS_ASSETS, file)).mtimeMs, file).toBeGreaterThanOrEqual(startedAt);
    }
  }, 120_000);
});
