// The built Workers in Miniflare, with no wrangler in between: what `npm start` runs. The first Worker listens on the port by a
// direct socket, which leaves Miniflare's own entry Worker out of every request's way.
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import type { V4MiniflareOptions } from "miniflare";
import { bundledModule } from "./bundle.ts";
import type { LocalConfig } from "./configs.ts";
import type { LocalWorker } from "./workers.ts";
import { persistencePath } from "./state.ts";
import { bindingsOf } from "./wrangler.ts";

/** Takes a Worker's options as Miniflare would get them, and answers those it gets; see RuntimeOptions. */
export type Around = (worker: LocalWorker, bundle: string, options: object) => object;

export interface RuntimeOptions {
  readonly configs: readonly LocalConfig[];
  /** Worker -> its bundle. */
  readonly bundles: ReadonlyMap<string, string>;
  readonly stateDir: string;
  readonly port: number;
  /** Takes each line that a Worker or the runtime itself prints. */
  readonly onLog: (line: string) => void;
  /** Takes what a Worker fetches from outside, by its address; without it such requests go out. */
  readonly onOutbound?: (address: string) => Response;
  /** Options of a Worker in place of these; tests put faults around a bundle here, where no configuration can name them. */
  readonly around?: Around | undefined;
}

type WorkerOptions = V4MiniflareOptions extends infer Options
  ? Options extends { workers: (infer Each)[] }
    ? Each
    : never
  : never;

function workerOptions({ file, worker, config }: LocalConfig, options: RuntimeOptions, first: boolean): WorkerOptions {
  const { onOutbound } = options;
  const bundle = options.bundles.get(worker);
  if (bundle === undefined) throw new Error(`${worker} was not bundled`);
  const plain = {
    ...bindingsOf(file),
    name: config.name,
    ...(onOutbound === undefined ? {} : { outboundService: (request: Request): Response => onOutbound(request.url) }),
    ...bundledModule(bundle),
    ...(first ? { unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port }] } : {}),
  };
  return (options.around?.(worker, bundle, plain) ?? plain) as unknown as WorkerOptions;
}

/** Starts the runtime and answers when it listens. */
export async function startRuntime(options: RuntimeOptions): Promise<Miniflare> {
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      resourcePersistencePath: persistencePath(options.stateDir),
      telemetry: { enabled: false },
      handleStructuredLogs: ({ message }: { readonly message: string }) => {
        options.onLog(message);
      },
      workers: options.configs.map((config, index) => workerOptions(config, options, index === 0)),
    }),
  );
  try {
    await runtime.ready;
    return runtime;
  } catch (error) {
    await runtime.dispose();
    throw error;
  }
}
