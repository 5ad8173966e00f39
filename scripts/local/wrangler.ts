// What wrangler makes of a configuration, without what it says meanwhile.
import { unstable_getMiniflareWorkerOptions as miniflareWorkerOptions } from "wrangler";
import type { Unstable_MiniflareWorkerOptions as MiniflareWorkerOptions } from "wrangler";

/** The bindings of a Worker in Miniflare's form, its `.dev.vars` included. */
export function bindingsOf(configFile: string): MiniflareWorkerOptions["workerOptions"] {
  // It tells of each file of secrets it reads, on the terminal.
  process.env["WRANGLER_LOG"] ??= "warn";
  return miniflareWorkerOptions(configFile).workerOptions;
}
