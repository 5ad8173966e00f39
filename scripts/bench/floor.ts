// The floor of the benchmark, in a process of its own: a Worker that returns "ok", on the same kind of socket as the shop. Prints its
// port, and ends with its parent.
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { readWranglerFile } from "../local/configs.ts";
import { findFreePort } from "../local/processes.ts";
import { wranglerFile } from "../local/workers.ts";

const port = await findFreePort();
const runtime = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    workers: [
      {
        name: "floor",
        modules: true,
        compatibilityDate: readWranglerFile(wranglerFile("front")).compatibility_date,
        script: 'export default { fetch: () => new Response("ok") };',
        unsafeDirectSockets: [{ host: "127.0.0.1", port }],
      },
    ],
  }),
);
await runtime.ready;
console.log(port);
process.stdin.resume();
process.stdin.once("end", () => void runtime.dispose().then(() => process.exit()));
