// Load from this process for a fixed time: each client sends its next request after the last response. The cost is the CPU time of the
// server's processes.
import { Pool } from "undici";
import { cpuMsOf } from "../local/processes.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface RequestOptions {
  readonly method?: "GET" | "POST" | "PATCH" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request over kept-alive connections. */
export type Request = (path: string, options?: RequestOptions) => Promise<Answer>;

export interface Connection {
  readonly request: Request;
  readonly close: () => Promise<void>;
}

/** One connection for each client, so that none waits for another. */
export function connect(origin: string, connections: number): Connection {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  return {
    async request(path, { method = "GET", headers = {}, body } = {}) {
      const response = await pool.request({ path, method, headers, ...(body === undefined ? {} : { body }) });
      return { status: response.statusCode, body: await response.body.text() };
    },
    close: async () => {
      await pool.close();
    },
  };
}

export interface Measure {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** User and system time of the server for one unit of work. */
  readonly cpuMs: number;
  readonly count: number;
}

/** The item of this round, when they are taken in turn. */
export function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error("nothing to choose from");
  return item;
}

/** The value below which a `share` (0 to 1) of the sorted samples lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function toMeasure(latencies: readonly number[], elapsedMs: number, cpuMs: number): Measure {
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    perSecond: (sorted.length / elapsedMs) * 1_000,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    cpuMs: cpuMs / Math.max(sorted.length, 1),
    count: sorted.length,
  };
}

export interface LoadOptions {
  readonly clients: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  /** The server. The CPU time of its descendants is included. */
  readonly pid: number;
  /** One unit of work; false when there is no more of it. @throws Error at a wrong response, which ends the measurement. */
  readonly work: (client: number, round: number) => Promise<void | false>;
}

async function loop(
  options: LoadOptions,
  client: number,
  until: number,
  latencies: number[],
  first: number,
): Promise<number> {
  let round = first;
  for (let now = performance.now(); now < until; round++) {
    if ((await options.work(client, round)) === false) break;
    const end = performance.now();
    latencies.push(end - now);
    now = end;
  }
  return round;
}

/** Warms up, then measures. */
export async function measure(options: LoadOptions): Promise<Measure> {
  const clients = Array.from({ length: options.clients }, (_, client) => client);
  const warmUntil = performance.now() + options.warmUpMs;
  const rounds = await Promise.all(clients.map((client) => loop(options, client, warmUntil, [], 0)));
  const latencies: number[] = [];
  const cpuBefore = cpuMsOf(options.pid);
  const startedAt = performance.now();
  const until = startedAt + options.durationMs;
  await Promise.all(clients.map((client) => loop(options, client, until, latencies, rounds[client] ?? 0)));
  return toMeasure(latencies, performance.now() - startedAt, cpuMsOf(options.pid) - cpuBefore);
}
