// Runs inside a Worker of a shop with outages, around the unchanged bundle. Before every entrypoint method, handler and statement it
// asks the test for a fault.
import { WorkerEntrypoint } from "cloudflare:workers";

export interface Options {
  readonly worker: string;
}

type Env = Readonly<Record<string, unknown>>;
type Method = (...parameters: unknown[]) => unknown;
// TypeScript lets a mixin extend this shape only.
// oxlint-disable-next-line typescript/no-explicit-any
type Class = abstract new (...parameters: any[]) => object;

/** Longer than any caller waits; half as long as the test waits for the retry of a message that hung. */
const HANG_MS = 15_000;

/** `then` is read by an `await` of a stub. */
const NOT_METHODS = ["constructor", "then"];

export class Inside {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  handlers(handlers: Readonly<Record<string, Method>>): Record<string, Method> {
    const guarded = Object.entries(handlers).map(([name, handler]): [string, Method] => [
      name,
      async (event: unknown, env: unknown, ctx: unknown) => {
        await this.#requireUp(env as Env, "worker");
        return await handler(event, this.#env(env as Env), ctx);
      },
    ]);
    return Object.fromEntries(guarded);
  }

  /** Objects are not wrapped: they are reached through their Worker. */
  wrap(exported: Class): unknown {
    return exported.prototype instanceof WorkerEntrypoint ? this.#entrypoint(exported) : exported;
  }

  #entrypoint(base: Class): Class {
    const requireUp = (env: Env): Promise<void> => this.#requireUp(env, "worker");
    const envOf = (env: Env): Env => this.#env(env);
    const envs = new WeakMap<object, Env>();
    abstract class Wrapped extends base {
      constructor(ctx: unknown, env: Env) {
        super(ctx, envOf(env));
        envs.set(this, env);
      }
    }
    for (const [name, method] of methodsOf(base)) {
      Object.defineProperty(Wrapped.prototype, name, {
        async value(this: object, ...parameters: unknown[]): Promise<unknown> {
          await requireUp(envs.get(this) ?? {});
          return await method.apply(this, parameters);
        },
      });
    }
    return Wrapped;
  }

  #env(env: Env): Env {
    const { DB } = env;
    return DB === undefined ? env : { ...env, DB: this.#database(env, DB as D1Database) };
  }

  #database(env: Env, database: D1Database): D1Database {
    const requireUp = (): Promise<void> => this.#requireUp(env, "database");
    const inner = new WeakMap<object, D1PreparedStatement>();
    const statement = (prepared: D1PreparedStatement): D1PreparedStatement => {
      const guarded = {
        bind: (...values: unknown[]) => statement(prepared.bind(...values)),
        ...Object.fromEntries(
          (["run", "all", "raw", "first"] as const).map((name) => [
            name,
            async (...parameters: unknown[]) => {
              await requireUp();
              return await (prepared[name] as Method).apply(prepared, parameters);
            },
          ]),
        ),
      } as unknown as D1PreparedStatement;
      inner.set(guarded, prepared);
      return guarded;
    };
    return {
      prepare: (query: string) => statement(database.prepare(query)),
      batch: async (statements: readonly D1PreparedStatement[]) => {
        await requireUp();
        return await database.batch(statements.map((each) => inner.get(each) ?? each));
      },
    } as unknown as D1Database;
  }

  async #requireUp(env: Env, part: "worker" | "database"): Promise<void> {
    const { OUTAGES } = env as { readonly OUTAGES: Fetcher };
    const response = await OUTAGES.fetch(`http://outages/${this.#options.worker}/${part}`);
    const fault = await response.text();
    if (fault === "hangs") await scheduler.wait(HANG_MS);
    // The message of the platform when it loses a Worker or a database.
    if (fault !== "none") throw new Error("Network connection lost.");
  }
}

/** Every method of a class and of those it extends, up to the platform's own. */
function methodsOf(base: Class): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (
    let prototype: object = base.prototype as object;
    prototype !== WorkerEntrypoint.prototype;
    prototype = Object.getPrototypeOf(prototype) as object
  ) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const method: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
      if (typeof method === "function" && !NOT_METHODS.includes(name) && !methods.has(name)) {
        methods.set(name, method as Method);
      }
    }
  }
  return methods;
}
