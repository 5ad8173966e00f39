// The dependencies of every Worker's use cases. Tests pass their own clock, queues and `waitUntil` in the same shape.
import { openDatabase } from "./database.ts";
import type { Database } from "./database.ts";
import type { Consumer } from "./events/routing.ts";
import { parseLogLevel } from "./logger.ts";
import type { LogLevel } from "./logger.ts";

/** The queue bindings of a Worker that publishes events: one for each Worker that consumes them. */
export type InboxQueues = { readonly [C in Consumer as `${Uppercase<C>}_INBOX`]?: Queue };

/** What every Worker's use cases need. Each Worker adds its own objects and peers. */
export interface Deps {
  readonly worker: string;
  readonly db: Database;
  readonly queues: InboxQueues;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly logLevel: LogLevel;
}

/** The bindings that every domain Worker has. */
type DomainBindings = InboxQueues & { readonly DB: D1Database; readonly LOG_LEVEL: string };

/** Makes the dependencies that all Workers share from a Worker's bindings. */
export function baseDeps(worker: string, env: DomainBindings, ctx: Pick<ExecutionContext, "waitUntil">): Deps {
  return {
    worker,
    db: openDatabase(env.DB),
    queues: env,
    now: () => Date.now(),
    waitUntil: (work) => {
      ctx.waitUntil(work);
    },
    logLevel: parseLogLevel(env.LOG_LEVEL),
  };
}
