// `npm run status`: the run on this STATE_DIR, the health of its Workers, and the lag of their events. Exits with 1 when nothing runs
// or a Worker is not healthy.
import { currentRun } from "./local/lock.ts";
import { readSettings } from "./local/settings.ts";

const TIMEOUT_MS = 5_000;

interface Health {
  readonly status: string;
  readonly services: Readonly<Record<string, { readonly status: string; readonly latencyMs: number }>>;
}

interface Lag {
  readonly lag: Readonly<Record<string, { readonly unconfirmed: number; readonly oldestMs: number } | null>>;
}

async function fetchJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return (await response.json()) as T;
}

async function main(): Promise<number> {
  const { stateDir } = readSettings(process.env);
  const run = currentRun(stateDir);
  if (run === undefined) {
    console.log(`Nothing runs on ${stateDir}.`);
    return 1;
  }
  const upMinutes = Math.round((Date.now() - Date.parse(run.startedAt)) / 60_000);
  console.log(
    `npm run ${run.mode}, pid ${run.pid}, http://localhost:${run.port}, for ${upMinutes} min, data in ${stateDir}`,
  );
  const origin = `http://127.0.0.1:${run.port}`;
  try {
    const health = await fetchJson<Health>(`${origin}/api/health`);
    const { lag } = await fetchJson<Lag>(`${origin}/dev/status`);
    console.log(`Health: ${health.status}\n`);
    for (const [name, { status, latencyMs }] of Object.entries(health.services)) {
      const behind = lag[name];
      const events =
        behind === undefined || behind === null
          ? ""
          : `${behind.unconfirmed} events not confirmed yet, oldest ${Math.round(behind.oldestMs / 1_000)} s`;
      console.log(`  ${name.padEnd(15)}${status.padEnd(10)}${`${latencyMs} ms`.padEnd(9)}${events}`);
    }
    return health.status === "ok" ? 0 : 1;
  } catch (error) {
    console.log(`It does not respond: ${String(error)}`);
    return 1;
  }
}

process.exitCode = await main();
