// The floors of the benchmark, in a process of their own, on the same kind of socket and on disk as the shop: a Worker that returns "ok",
// and one that does the calls of an order without a shop. Prints their ports, and ends with its parent.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import type { WorkerOptions } from "../local/runtime.ts";
import { readWranglerFile } from "../local/configs.ts";
import { findFreePort } from "../local/processes.ts";
import { wranglerFile } from "../local/workers.ts";
import { bareOrderWorker } from "./bare-order.ts";

const ports = { ok: await findFreePort(), order: await findFreePort() };
const data = mkdtempSync(path.join(tmpdir(), "tradepost-floor-"));
const { compatibility_date: compatibilityDate } = readWranglerFile(wranglerFile("front"));
const runtime = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    resourcePersistencePath: data,
    workers: [
      {
        name: "floor",
        modules: true,
        compatibilityDate,
        script: 'export default { fetch: () => new Response("ok") };',
        unsafeDirectSockets: [{ host: "127.0.0.1", port: ports.ok }],
      },
      bareOrderWorker(compatibilityDate, ports.order) as WorkerOptions,
    ],
  }),
);
await runtime.ready;
console.log(JSON.stringify(ports));
process.stdin.resume();
process.stdin.once("end", () => {
  void runtime.dispose().then(() => {
    rmSync(data, { recursive: true, force: true });
    process.exit();
  });
});
