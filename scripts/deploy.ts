// `npm run deploy -- --env staging|production`: creates missing resources, migrates, shifts traffic to the new versions in steps, and
// rolls back when the shop fails its smoke test. It sets no secrets: it stops and lists the missing ones. See docs/deploy.md.
import { parseArgs } from "node:util";
import { bucketNames, databaseIds, deployedWorkers, queueNames, readAccount } from "./deploy/account.ts";
import type { Account } from "./deploy/account.ts";
import {
  configFile,
  deployedName,
  deploymentOrder,
  requiredSecrets,
  resourcesOf,
  writeConfigs,
} from "./deploy/configs.ts";
import { ENVIRONMENTS, placeholders, readEnvironment } from "./deploy/environment.ts";
import type { Environment } from "./deploy/environment.ts";
import { rollBack, rollOut } from "./deploy/rollout.ts";
import type { Release, Tools } from "./deploy/rollout.ts";
import { askAt, smoke } from "./deploy/smoke.ts";
import { wrangler } from "./deploy/wrangler.ts";
import type { Wrangler } from "./deploy/wrangler.ts";
import { buildAssets } from "./local/assets.ts";
import { DATABASES } from "./local/workers.ts";

/** Two weeks, the maximum: messages in a queue have to survive an outage. */
const MESSAGE_RETENTION_SECONDS = 14 * 24 * 60 * 60;

/** The commands that create the resources that the account lacks. */
export function creations(
  environment: Environment,
  present: {
    readonly databases: Iterable<string>;
    readonly queues: Iterable<string>;
    readonly buckets: Iterable<string>;
  },
): string[][] {
  const missing = (wanted: readonly string[], there: Iterable<string>): string[] => {
    const names = new Set(there);
    return wanted.filter((name) => !names.has(name));
  };
  const { databases, queues, buckets } = resourcesOf(environment);
  return [
    ...missing(databases, present.databases).map((name) => ["d1", "create", name]),
    ...missing(queues, present.queues).map((name) => [
      "queues",
      "create",
      name,
      "--message-retention-period-secs",
      String(MESSAGE_RETENTION_SECONDS),
    ]),
    ...missing(buckets, present.buckets).map((name) => ["r2", "bucket", "create", name]),
  ];
}

/** The commands that migrate every database. */
export function migrations(environment: Environment): string[][] {
  return deploymentOrder()
    .filter((worker) => Object.hasOwn(DATABASES, worker))
    .map((worker) => ["d1", "migrations", "apply", "DB", "--remote", "-c", configFile(worker, environment)]);
}

/** The command that sets each missing secret. */
export function missingSecrets(environment: Environment, set: ReadonlyMap<string, readonly string[]>): string[] {
  return [...requiredSecrets()].flatMap(([worker, required]) => {
    const name = deployedName(worker, environment);
    return required
      .filter((secret) => set.get(name)?.includes(secret) !== true)
      .map((secret) => `npx wrangler secret put ${secret} --name ${name}`);
  });
}

async function runAll(run: Wrangler, commands: readonly (readonly string[])[]): Promise<void> {
  for (const command of commands) await run(command);
}

/** Builds every Worker as for a deployment, and prints the commands of a deployment into an empty account. Works offline. */
async function dryRun(environment: Environment, run: Wrangler): Promise<void> {
  buildAssets();
  writeConfigs(environment, new Map());
  const workers = deploymentOrder();
  for (const worker of workers) await run(["deploy", "--dry-run", "-c", configFile(worker, environment)]);
  console.log(`\nIn an empty account, a deployment of ${environment.name} would run:`);
  const empty = creations(environment, { databases: [], queues: [], buckets: [] });
  for (const command of [...empty, ...migrations(environment)]) console.log(`  wrangler ${command.join(" ")}`);
  for (const worker of workers) console.log(`  wrangler deploy -c ${configFile(worker, environment)}`);
  console.log(`  and the smoke test against https://${environment.host}`);
  const secrets = missingSecrets(environment, new Map());
  console.log(`\nSecrets that have to be set first:\n${secrets.map((line) => `  ${line}`).join("\n")}`);
  const left = placeholders(environment);
  if (left.length > 0) console.log(`\nStill to be set in deploy/${environment.name}.toml: ${left.join(", ")}`);
}

/** The deployed Workers of the account, callees first. @throws Error when a secret is missing, before anything is created. */
async function releasesOf(environment: Environment, account: Account): Promise<Release[]> {
  const workers = deploymentOrder();
  const deployed = await deployedWorkers(
    account,
    workers.map((worker) => deployedName(worker, environment)),
  );
  const secrets = new Map([...deployed].map(([name, worker]) => [name, worker.secrets]));
  const missing = missingSecrets(environment, secrets);
  if (missing.length > 0) {
    throw new Error(`these secrets are not set (docs/deploy.md says where each comes from):\n${missing.join("\n")}`);
  }
  return workers.map((worker) => {
    const name = deployedName(worker, environment);
    return { name, configFile: configFile(worker, environment), previous: deployed.get(name)?.versionId };
  });
}

/** Deploys. An environment without databases is deployed in one step, because nobody uses it. */
export async function deploy(
  environment: Environment,
  account: Account,
  tools: Tools,
  { immediate }: { readonly immediate: boolean },
): Promise<void> {
  const [databases, queues, buckets, releases] = await Promise.all([
    databaseIds(account),
    queueNames(account),
    bucketNames(account),
    releasesOf(environment, account),
  ]);
  const missing = creations(environment, { databases: databases.keys(), queues, buckets });
  await runAll(tools.wrangler, missing);
  buildAssets();
  writeConfigs(environment, await databaseIds(account));
  await runAll(tools.wrangler, migrations(environment));
  const isFirst = missing.some(([what]) => what === "d1");
  await rollOut(releases, tools, { immediate: immediate || isFirst });
}

/** Runs the command line. Tests pass other `tools`. @throws Error that says what to do. */
export async function main(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  run: Wrangler = wrangler,
): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      env: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      "at-once": { type: "boolean", default: false },
      rollback: { type: "boolean", default: false },
    },
  });
  const name = ENVIRONMENTS.find((each) => each === values.env);
  if (name === undefined) throw new Error(`--env has to be one of ${ENVIRONMENTS.join(", ")}`);
  const environment = readEnvironment(name);
  if (values["dry-run"]) {
    await dryRun(environment, run);
    return;
  }
  const left = placeholders(environment);
  if (left.length > 0) throw new Error(`deploy/${name}.toml still has ${left.join(", ")}`);
  const account = readAccount(env);
  const ask = askAt(`https://${environment.host}`);
  const tools: Tools = { wrangler: run, smoke: async (pins) => await smoke(ask, pins) };
  if (values.rollback) {
    writeConfigs(environment, await databaseIds(account));
    await rollBack(await releasesOf(environment, account), tools);
    await smoke(ask, new Map());
    return;
  }
  await deploy(environment, account, tools, { immediate: values["at-once"] });
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2), process.env);
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
