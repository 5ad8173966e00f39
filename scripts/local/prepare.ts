// Migrates and seeds STATE_DIR before the Workers start. Digests of the migrations and the seed make a repetition free.
import path from "node:path";
import { bundleWorkers, bundledModule, digestOfSources } from "./bundle.ts";
import type { LocalConfig } from "./configs.ts";
import { bindingsOf } from "./runtime.ts";
import { IMPORTER, writeSeed } from "./seed.ts";
import type { Settings } from "./settings.ts";
import { migrateAll, migrationsDigest, readStamp, withState, writeStamp } from "./state.ts";
import type { ExtraWorkers } from "./state.ts";
import { serviceName } from "./workers.ts";

export interface PrepareOptions {
  readonly seed: boolean;
  readonly say: (line: string) => void;
  /** The time of seeding, in milliseconds since the epoch. Default: now. */
  readonly now?: number;
}

/** The sandbox on the data of this STATE_DIR, a Worker that calls its import, and a webhook of payments that always fails. */
async function sandboxWorkers(config: LocalConfig, stateDir: string): Promise<ExtraWorkers> {
  const bundles = await bundleWorkers([config], path.join(stateDir, "bundles"));
  const bundle = bundles.get(config.worker);
  if (bundle === undefined) throw new Error("the sandbox was not bundled");
  const compatibilityDate = config.config.compatibility_date;
  const unavailable = {
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
    { name: serviceName("payments"), ...unavailable },
  ];
}

/** Applies the missing migrations, and the seed if `seed` is set and its data are not there yet. */
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
  // Two versions of the seed use the same ids for different things, so their rows cannot be mixed.
  const otherSeed = seed && found.seed !== undefined && !found.seed.startsWith(`${seedDigest} `);
  if (otherSeed) say(`${stateDir} keeps the seed of another version; remove that directory to get the present one.`);
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
