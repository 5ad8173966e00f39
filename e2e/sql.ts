// A Worker beside the shop's that runs SQL on their databases for the tests. Miniflare's own access to a database blocks the process of the
// tests at each statement.
import type { Miniflare } from "miniflare";
import type { LocalConfig } from "../scripts/local/configs.ts";
import type { WorkerOptions } from "../scripts/local/runtime.ts";
import type { DATABASES } from "../scripts/local/workers.ts";

const NAME = "tests-sql";

const SCRIPT = `export default { async fetch(request, env) {
  const { worker, sql, parameters } = await request.json();
  try {
    const { results } = await env[worker].prepare(sql).bind(...parameters).all();
    return Response.json(results);
  } catch (error) {
    return new Response(error.message, { status: 400 });
  }
} };`;

/** A Worker that has a database. */
export type Store = keyof typeof DATABASES;

/** Runs SQL on a Worker's database. */
export type Query = <Row extends object>(worker: Store, sql: string, ...parameters: unknown[]) => Promise<Row[]>;

/** The Worker in Miniflare's form: it binds each database under the name of its Worker, and has a port of its own. */
export function sqlWorker(configs: readonly LocalConfig[]): WorkerOptions {
  const databases = configs.flatMap(({ worker, config }) =>
    (config.d1_databases ?? []).map(({ database_name: id }) => [worker, id] as const),
  );
  return {
    name: NAME,
    modules: true,
    script: SCRIPT,
    compatibilityDate: configs[0]?.config.compatibility_date,
    d1Databases: Object.fromEntries(databases),
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  } as WorkerOptions;
}

/** Runs SQL by this Worker. */
export async function connectSql(runtime: Miniflare): Promise<Query> {
  const address = await runtime.unsafeGetDirectURL(NAME);
  return async <Row extends object>(worker: Store, sql: string, ...parameters: unknown[]) => {
    const response = await fetch(address, { method: "POST", body: JSON.stringify({ worker, sql, parameters }) });
    if (!response.ok) throw new Error(`${worker}: ${await response.text()}`);
    return (await response.json()) as Row[];
  };
}
