// Three layers of tests:
// - `domain`: pure rules and scripts, in Node.
// - One project for each Worker, in workerd, with its own D1, Durable Objects and queues. Peers are stubs of their contracts.
// - `e2e`: all Workers together, over HTTP.
//
// To run a part:
//   npm test -- orders                          the tests of one Worker, its pure rules included
//   npm test -- workers/orders/test/cart        the files whose path contains this
//   npm test -- --project e2e -t "last unit"    any other option of `vitest run`
//
// Rule for the files of a project: they share runtimes (`isolate: false`), at most `maxWorkers` of them, because starting workerd costs
// more than most files. Storage is emptied before each file (shared/testkit/migrate.ts); the globals and modules of the runtime are
// not. So a file restores what it changes outside of storage: fake timers, spies, module state. Within a file, tests use fresh ids.
import { readFileSync } from "node:fs";
import path from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { parse } from "smol-toml";
import { defineConfig } from "vitest/config";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { PRODUCTION_WORKERS, ROOT, wranglerFile } from "./scripts/local/workers.ts";
import { SHARED_MIGRATIONS } from "./scripts/structure/migrations.ts";

/**
 * Dependencies in few modules without source maps. Each module is sent to each runtime by itself, and a map is three times as long as its
 * code.
 */
const WITHOUT_MAPS = {
  name: "tradepost:dependencies-without-source-maps",
  transform: (code: string, id: string) =>
    id.includes("/node_modules/") ? { code, map: { mappings: "" as const } } : undefined,
};
const BUNDLED = {
  optimizer: {
    ssr: {
      enabled: true,
      include: [
        "drizzle-orm",
        "drizzle-orm/sqlite-core",
        "fast-check",
        "hono",
        "hono/html",
        "jose",
        "stripe",
        "uuidv7",
        "zod",
      ],
    },
  },
};

type ProductionWorker = (typeof PRODUCTION_WORKERS)[number];

/** What a test run binds in place of secrets, and variables that differ from a deployed shop's. */
const TEST_BINDINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  accounts: { SIGNING_KEY_SECRET: "test-signing-key-secret", SHOP_URL: "http://localhost:8787", SCRYPT_LOG2N: "4" },
  payments: { STRIPE_SECRET_KEY: "sk_test_sandbox", STRIPE_WEBHOOK_SECRET: "whsec_local_development" },
};

/** Of every project with a database: its tables, and the check of the plans of all statements that its tests run. */
const DATABASE_SETUP = ["migrate", "plans"].map((name) => path.join(ROOT, `shared/testkit/${name}.ts`));

interface WranglerFile {
  readonly compatibility_date: string;
  readonly services?: readonly { readonly service: string; readonly entrypoint: string }[];
  readonly d1_databases?: readonly { readonly migrations_dir: string }[];
}

function readWranglerFile(file: string): WranglerFile {
  return parse(readFileSync(file, "utf8")) as unknown as WranglerFile;
}

/**
 * A peer that exists only so that the binding resolves: calling it fails. Tests give the use cases a stub of the contract
 * instead; that the real Workers fit together is the e2e layer's to show.
 */
function absentPeer(service: { service: string; entrypoint: string }, compatibilityDate: string): object {
  return {
    name: service.service,
    modules: true,
    compatibilityDate,
    script: `import { WorkerEntrypoint } from "cloudflare:workers";
      export class ${service.entrypoint} extends WorkerEntrypoint {}
      export default { fetch: () => new Response(null, { status: 501 }) };`,
  };
}

/** @param options.runs how many times as many runs as usual a property has; see shared/testkit/runs.ts */
export function workerProject(
  worker: ProductionWorker,
  { include = "*", runs = 1 }: { readonly include?: string; readonly runs?: number } = {},
): () => Promise<TestProjectInlineConfiguration> {
  return async () => {
    const configPath = wranglerFile(worker);
    const config = readWranglerFile(configPath);
    const migrations = config.d1_databases?.[0]?.migrations_dir;
    return {
      plugins: [
        WITHOUT_MAPS,
        cloudflareTest({
          wrangler: { configPath },
          miniflare: {
            bindings: {
              LOG_LEVEL: "off",
              TEST_RUNS: runs,
              ...TEST_BINDINGS[worker],
              ...(migrations === undefined
                ? {}
                : { TEST_MIGRATIONS: await readD1Migrations(path.resolve(path.dirname(configPath), migrations)) }),
            },
            workers: (config.services ?? []).map((service) => absentPeer(service, config.compatibility_date)) as never,
          },
        }),
      ],
      test: {
        name: worker,
        deps: BUNDLED,
        isolate: false,
        include: [`workers/${worker}/test/${include}.test.ts`],
        setupFiles: migrations === undefined ? [] : DATABASE_SETUP,
        testTimeout: 30_000 * runs,
      },
    };
  };
}

/** The shop's endpoint as the sandbox's tests see it: keeps every webhook, and refuses the next ones when it is told to. */
const RECORDING_ENDPOINT = `let received = []; let refuse = 0;
  export default { async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/received") return Response.json(received);
    if (pathname === "/refuse") { refuse = Number(searchParams.get("times")); return new Response(null); }
    received.push({ pathname, signature: request.headers.get("stripe-signature"), body: await request.text() });
    if (refuse > 0) { refuse -= 1; return new Response(null, { status: 500 }); }
    return Response.json({ received: true });
  } };`;

function stripeSandboxProject(): TestProjectInlineConfiguration {
  const configPath = wranglerFile("stripe-sandbox");
  const compatibilityDate = readWranglerFile(configPath).compatibility_date;
  return {
    plugins: [
      WITHOUT_MAPS,
      cloudflareTest({
        wrangler: { configPath },
        miniflare: {
          workers: [
            { name: "tradepost-payments", modules: true, compatibilityDate, script: RECORDING_ENDPOINT },
          ] as never,
        },
      }),
    ],
    test: {
      name: "stripe-sandbox",
      deps: BUNDLED,
      isolate: false,
      include: ["dev/stripe-sandbox/test/*.test.ts"],
      testTimeout: 30_000,
    },
  };
}

function mailboxProject(): TestProjectInlineConfiguration {
  return {
    plugins: [WITHOUT_MAPS, cloudflareTest({ wrangler: { configPath: wranglerFile("mailbox") } })],
    test: {
      name: "mailbox",
      deps: BUNDLED,
      isolate: false,
      include: ["dev/mailbox/test/*.test.ts"],
      testTimeout: 30_000,
    },
  };
}

export default defineConfig({
  test: {
    // Two cores are the least that runs this. The long tests mostly wait, for a shop to be still or for a time-out, so four share them.
    maxWorkers: 4,
    projects: [
      {
        test: {
          name: "domain",
          include: [
            "shared/test/*.test.ts",
            "workers/*/test/domain/*.test.ts",
            "scripts/test/*.test.ts",
            "e2e/test/*.test.ts",
          ],
          environment: "node",
          // Pure rules share nothing that one test could change for the next.
          isolate: false,
          // Properties over many inputs take their time where others work too.
          testTimeout: 30_000,
        },
      },
      ...PRODUCTION_WORKERS.map((worker) => workerProject(worker)),
      stripeSandboxProject(),
      mailboxProject(),
      async () => ({
        plugins: [
          WITHOUT_MAPS,
          cloudflareTest({
            main: path.join(ROOT, "shared/test/workerd/worker.ts"),
            miniflare: {
              compatibilityDate: readWranglerFile(wranglerFile("gateway")).compatibility_date,
              d1Databases: ["DB"],
              // Each database has the same tables for events and operators; any of them will do.
              bindings: {
                TEST_MIGRATIONS: (await readD1Migrations(path.join(ROOT, "migrations/order"))).filter(({ name }) =>
                  SHARED_MIGRATIONS.some((title) => name.endsWith(`_${title}.sql`)),
                ),
              },
            },
          }),
        ],
        test: {
          name: "shared",
          deps: BUNDLED,
          isolate: false,
          include: ["shared/test/workerd/*.test.ts"],
          setupFiles: [path.join(ROOT, "shared/testkit/migrate.ts")],
        },
      }),
      {
        test: {
          name: "e2e",
          // Files in one process share its shop, unless they need one of their own (openSharedShop in e2e/harness.ts).
          isolate: false,
          include: ["e2e/*.test.ts"],
          globalSetup: ["e2e/prepare.ts"],
          environment: "node",
          testTimeout: 60_000,
          // A hook may start a shop, and waits up to a minute for its first response.
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
