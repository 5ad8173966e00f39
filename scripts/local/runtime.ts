// Runs the built Workers in Miniflare, without wrangler: the runtime of `npm start` and the e2e tests. The first Worker listens on a
// direct socket, so requests do not pass through Miniflare's own entry Worker.
import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import type { V4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions as miniflareWorkerOptions } from "wrangler";
import type { Unstable_MiniflareWorkerOptions as MiniflareWorkerOptions } from "wrangler";
import { bundledModule } from "./bundle.ts";
import type { LocalConfig } from "./configs.ts";
import type { LocalWorker } from "./workers.ts";
import { persistencePath } from "./state.ts";

/** Replaces the Miniflare options of a Worker. */
export type Around = (worker: LocalWorker, bundle: string, options: object) => object;

export interface RuntimeOptions {
  readonly configs: readonly LocalConfig[];
  /** Worker -> its bundle. */
  readonly bundles: ReadonlyMap<string, string>;
  readonly stateDir: string;
  readonly port: number;
  /** Receives each line that a Worker or the runtime prints. */
  readonly onLog: (line: string) => void;
  /** Responds in place of the outside world to what a Worker fetches there. Left out: such requests are sent. */
  readonly onOutbound?: (address: string) => Response;
  /** Tests wrap a bundle with faults here; no configuration can name them. */
  readonly around?: Around | undefined;
  /** A Worker of the tests that runs beside them. */
  readonly beside?: WorkerOptions;
}

export type WorkerOptions = V4MiniflareOptions extends infer Options
  ? Options extends { workers: (infer Each)[] }
    ? Each
    : never
  : never;

/** The bindings of a Worker in Miniflare's form, with the secrets of its `.dev.vars`. */
export function bindingsOf(configFile: string): MiniflareWorkerOptions["workerOptions"] {
  // Otherwise wrangler prints the name of each file of secrets.
  process.env["WRANGLER_LOG"] ??= "warn";
  return miniflareWorkerOptions(configFile).workerOptions;
}

function workerOptions(
  { file, worker, config }: LocalConfig,
  options: RuntimeOptions,
  { listens }: { readonly listens: boolean },
): WorkerOptions {
  const { onOutbound } = options;
  const bundle = options.bundles.get(worker);
  if (bundle === undefined) throw new Error(`${worker} was not bundled`);
  const plain = {
    ...bindingsOf(file),
    name: config.name,
    ...(onOutbound === undefined ? {} : { outboundService: (request: Request): Response => onOutbound(request.url) }),
    ...bundledModule(bundle),
    ...(listens ? { unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port }] } : {}),
  };
  return (options.around?.(worker, bundle, plain) ?? plain) as unknown as WorkerOptions;
}

/** Starts the runtime and waits until it listens. */
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
      workers: [
        ...options.configs.map((config, index) => workerOptions(config, options, { listens: index === 0 })),
        ...(options.beside === undefined ? [] : [options.beside]),
      ],
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
