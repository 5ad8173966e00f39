// Reads and checks the environment of a deployment, deploy/<environment>.toml.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "smol-toml";
import * as z from "zod";
import { readWranglerFile } from "../local/configs.ts";
import { PRODUCTION_WORKERS, ROOT, wranglerFile } from "../local/workers.ts";

export const ENVIRONMENTS = ["production", "staging"] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

const HostName = z.string().regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, "must be a host name in lower case");

const EnvironmentFile = z.strictObject({
  /** The host of the shop. Its zone has to be in the account. */
  host: HostName,
  zone: HostName,
  /** The prefix of the names of all Workers, databases, queues and buckets, in place of `tradepost`. */
  prefix: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, "must be like tradepost-staging"),
  /** Values for every Worker whose wrangler file declares the variable. */
  vars: z.record(z.string(), z.string()),
});

export type Environment = z.infer<typeof EnvironmentFile> & { readonly name: EnvironmentName };

/** Every variable that some Worker declares. */
function declaredVariables(): Set<string> {
  return new Set(
    PRODUCTION_WORKERS.flatMap((worker) => Object.keys(readWranglerFile(wranglerFile(worker)).vars ?? {})),
  );
}

/** Reads one environment. @throws Error that says what is wrong with its file. */
export function readEnvironment(name: EnvironmentName): Environment {
  const file = path.join(ROOT, "deploy", `${name}.toml`);
  const parsed = EnvironmentFile.safeParse(parse(readFileSync(file, "utf8")));
  if (!parsed.success) throw new Error(`deploy/${name}.toml: ${z.prettifyError(parsed.error)}`);
  const declared = declaredVariables();
  const unknown = Object.keys(parsed.data.vars).filter((variable) => !declared.has(variable));
  if (unknown.length > 0) throw new Error(`deploy/${name}.toml: no Worker declares ${unknown.join(", ")}`);
  const { host, zone } = parsed.data;
  if (host !== zone && !host.endsWith(`.${zone}`)) {
    throw new Error(`deploy/${name}.toml: ${host} is not in the zone ${zone}`);
  }
  return { ...parsed.data, name };
}

/** Values that have to be replaced before a deployment: hosts under `.example`, which RFC 2606 reserves. */
export function placeholders({ host, vars }: Environment): string[] {
  return [
    ...(host.endsWith(".example") ? [`host = "${host}"`] : []),
    ...Object.entries(vars)
      .filter(([, value]) => /set_me|\.example\b/.test(value))
      .map(([name, value]) => `${name} = "${value}"`),
  ];
}
