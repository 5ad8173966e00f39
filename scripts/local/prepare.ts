// Brings STATE_DIR to what this checkout expects, before the Workers start: migrations and seed. What has not changed
// since the last run costs nothing.
import path from "node:path";
import { bundleWorkers, bundledModule, digestOfSources } from "./bundle.ts";
import type { LocalConfig } from "./configs.ts";
import { IMPORTER, writeSeed } from "./seed.ts";
import type { Settings } from "./settings.ts";
import { migrateAll, migrationsDigest, readStamp, withState, writeStamp } from "./state.ts";
import type { ExtraWorkers } from "./state.ts";
import { serviceName } from "./workers.ts";
import { bindingsOf } from "./wrangler.ts";

export interface PrepareOptions {
  readonly seed: boolean;
  readonly say: (line: string) => void;
  /** The time of seeding, in milliseconds since the epoch; now unless a test says otherwise. */
  readonly now?: number;
}

/** The sandbox with its object on the data of this STATE_DIR, payments' webhook answered by nobody, and the importer before it. */
async function sandboxWorkers(config: LocalConfig, stateDir: string): Promise<ExtraWorkers> {
  const bundles = await bundleWorkers([config], path.join(stateDir, "bundles"));
  const bundle = bundles.get(config.worker);
  if (bundle === undefined) throw new Error("the sandbox was not bundled");
  const compatibilityDate = config.config.compatibility_date;
  const deaf = {
    modules: true,
    compatibilityDate,
    script: "export default { fetch: () => new Response(null, { status: 503 }) };",
  };
  return [
    {
      name: IMPORTER,
      modules: true,
      compatibilityDate,
      script: `export default { async fetch(request, env) {
        await env.SANDBOX.importPayments(await request.json());
        return new Response(null, { status: 204 });
      } };`,
      serviceBindings: { SANDBOX: { name: config.config.name, entrypoint: "SandboxAdmin" } },
    },
    {
      ...bindingsOf(config.file),
      name: config.config.name,
      ...bundledModule(bundle),
    } as unknown as ExtraWorkers[number],
    { name: serviceName("payments"), ...deaf },
  ];
}

/** Migrates, and seeds when asked. */
export async function prepareState(
  settings: Settings,
  configs: readonly LocalConfig[],
  { seed, say, now = Date.now() }: PrepareOptions,
): Promise<void> {
  const { stateDir } = settings;
  const seedDigest = digestOfSources(["scripts/seed"]);
  const wanted = { migrations: migrationsDigest(), seed: `${seedDigest} ${settings.sandbox}` };
  const found = readStamp(stateDir);
  const migrated = found.migrations === wanted.migrations;
  // Two versions of a seed have the same ids for different things: rows of one between those of the other would be nonsense.
  const otherSeed = seed && found.seed !== undefined && !found.seed.startsWith(`${seedDigest} `);
  if (otherSeed)
    say(`The seed of another version stays in ${stateDir}; remove that directory to have the present one.`);
  const seeded = !seed || otherSeed || found.seed === wanted.seed;
  if (migrated && seeded) return;
  const sandbox = configs.find(({ worker }) => worker === "stripe-sandbox");
  const extra = seeded || sandbox === undefined ? [] : await sandboxWorkers(sandbox, stateDir);
  await withState(stateDir, extra, async (state) => {
    const applied = await migrateAll(state.databases);
    say(`Migrated 6 databases: ${applied} migrations applied`);
    writeStamp(stateDir, { migrations: wanted.migrations });
    if (seeded) return;
    say("Seeding:");
    const { buildSeed } = await import("../seed/index.ts");
    await writeSeed(state, buildSeed(), { withSandbox: sandbox !== undefined, now, say });
    writeStamp(stateDir, { seed: wanted.seed });
  });
}
