// One JSON line per entry, each with the correlation id of the work it belongs to. AsyncLocalStorage carries it, so that no
// function has to pass a logger on.
import { AsyncLocalStorage } from "node:async_hooks";

export type LogLevel = "debug" | "info" | "warn" | "error" | "off";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, off: 4 };

/** What one step spent. A round trip is one D1 call, a batch of any size included. */
export interface Cost {
  readonly d1RoundTrips?: number;
  readonly rowsRead?: number;
  readonly rowsWritten?: number;
  readonly objectCalls?: number;
  readonly messagesSent?: number;
}

export interface Invocation {
  readonly worker: string;
  /** The RPC method, `queue`, `scheduled`, `fetch`, or an object's method. */
  readonly operation: string;
  readonly correlationId: string;
  readonly requestId?: string;
  readonly level: LogLevel;
}

const storage = new AsyncLocalStorage<Invocation>();

export function parseLogLevel(value: string | undefined): LogLevel {
  return value === "debug" || value === "warn" || value === "error" || value === "off" ? value : "info";
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Errors become `{ name, message, stack, cause }`: JSON.stringify alone makes them `{}`. */
function plain(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause === undefined ? {} : { cause: plain(value.cause) }),
  };
}

export function log(level: Exclude<LogLevel, "off">, message: string, fields: LogFields = {}): void {
  const invocation = storage.getStore();
  if (RANK[level] < RANK[invocation?.level ?? "info"]) return;
  const line = JSON.stringify({
    level,
    time: new Date().toISOString(),
    worker: invocation?.worker,
    operation: invocation?.operation,
    correlationId: invocation?.correlationId,
    requestId: invocation?.requestId,
    message,
    ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value)])),
  });
  if (level === "error") console.error(line);
  else if (level === "warn") console.warn(line);
  else console.log(line);
}

/** Tells, at debug level, what a step cost; the budget test adds these lines up. */
export function logCost(cost: Cost): void {
  log("debug", "cost", { ...cost });
}

/** Runs `work` as one invocation and logs its end at debug level, or the error that ended it. */
export async function withInvocation<T>(invocation: Invocation, work: () => Promise<T>): Promise<T> {
  return await storage.run(invocation, async () => {
    const startedAt = Date.now();
    try {
      const result = await work();
      log("debug", "done", { ms: Date.now() - startedAt });
      return result;
    } catch (error) {
      log("error", "failed", { ms: Date.now() - startedAt, error });
      throw error;
    }
  });
}
