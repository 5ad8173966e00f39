// Runs inside a Worker of a chaos shop, around the unchanged bundle. It wraps bindings and classes so that each durable step (a D1
// commit, a write of an object, a message, a call of Stripe, a mail) is reported to the test. The test lets the step pass, makes it
// throw, or kills the runtime.
//
// A step is reported after it is done and before its caller learns of it. So a kill is a crash right after the step, and a throw is a
// lost response.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { mulberry32 } from "../../scripts/seed/random.ts";
import { eventTypeOf, statementName } from "./statements.ts";

/** Settings of one Worker at the start of the runtime. */
export interface Options {
  readonly worker: string;
  /** Whether it is a Worker of production. */
  readonly isOurs: boolean;
  /** How far this runtime's clock is ahead, in milliseconds. */
  readonly clockAheadMs: number;
  /** Seed for copies and delays of messages. Undefined: no disorder. */
  readonly disorderSeed: number | undefined;
}

type Env = Readonly<Record<string, unknown>>;
type Method = (...parameters: unknown[]) => unknown;
// TypeScript lets a mixin extend this shape only.
// oxlint-disable-next-line typescript/no-explicit-any
type Class = abstract new (...parameters: any[]) => object;

/** The binding that leads to the test. */
const CONTROL = "CHAOS";
const INBOX = /_INBOX$/;
/** The most copies of one message or webhook, and the longest delay of a copy. */
const MAX_COPIES = 3;
const MAX_DELAY_SECONDS = 2;

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function setClockAhead(ms: number): void {
  if (ms === 0) return;
  const RealDate = Date;
  const ahead = (): number => RealDate.now() + ms;
  globalThis.Date = class extends RealDate {
    constructor(...parameters: [] | [number | string | Date]) {
      super(...((parameters.length === 0 ? [ahead()] : parameters) as [number]));
    }

    static override now(): number {
      return ahead();
    }
  } as DateConstructor;
}

/** A proxy of `target`: the methods in `own` replace its own, all others are called with `target` as `this`. */
function overlay<T extends object>(target: T, own: Readonly<Record<string, unknown>>): T {
  return new Proxy(target, {
    get(inner, name) {
      if (typeof name === "string" && Object.hasOwn(own, name)) return own[name];
      const value: unknown = Reflect.get(inner, name, inner);
      return typeof value === "function" ? (value as Method).bind(inner) : value;
    },
  });
}

interface Statement {
  readonly inner: D1PreparedStatement;
  readonly name: string | undefined;
}

/** The statements behind the proxies that shared/database.ts holds. */
const statements = new WeakMap<object, Statement>();

function unwrapped(statement: D1PreparedStatement): Statement {
  return statements.get(statement) ?? { inner: statement, name: undefined };
}

export class Inside {
  readonly #options: Options;
  readonly #random: (() => number) | undefined;
  readonly #envs = new WeakMap<Env, Env>();

  constructor(options: Options) {
    this.#options = options;
    this.#random = options.disorderSeed === undefined ? undefined : mulberry32(options.disorderSeed);
    setClockAhead(options.clockAheadMs);
  }

  /** The default export: an object of handlers. */
  handlers(handlers: Readonly<Record<string, Method>>): Record<string, Method> {
    return Object.fromEntries(
      Object.entries(handlers).map(([name, handler]) => [
        name,
        (event: unknown, env: unknown, ctx: unknown) => handler(event, this.#env(env as Env), ctx),
      ]),
    );
  }

  /** An exported class: a Durable Object or an entrypoint. */
  wrap(exported: Class): unknown {
    if (exported.prototype instanceof DurableObject) return this.#object(exported);
    if (exported.prototype instanceof WorkerEntrypoint) return this.#entrypoint(exported);
    return exported;
  }

  #entrypoint(base: Class): Class {
    const envOf = (env: Env): Env => this.#env(env);
    abstract class Wrapped extends base {
      constructor(ctx: unknown, env: Env) {
        super(ctx, envOf(env));
      }
    }
    return Wrapped;
  }

  /**
   * An object reports its writes at the end of the method that made them. The output gate holds the report back until the writes are
   * durable.
   */
  #object(base: Class): Class {
    const envOf = (env: Env): Env => this.#env(env);
    const report = (env: Env, name: string): Promise<void> => this.#step(env, name);
    const { clockAheadMs } = this.#options;
    const written = new WeakMap<object, { env: Env; count: number }>();
    abstract class Wrapped extends base {
      constructor(ctx: DurableObjectState, env: Env) {
        const writes = { env, count: 0 };
        noteWrites(ctx.storage, clockAheadMs, () => {
          writes.count += 1;
        });
        super(ctx, envOf(env));
        // Creating its tables is not a step.
        writes.count = 0;
        written.set(this, writes);
      }
    }
    for (const name of Object.getOwnPropertyNames(base.prototype)) {
      const method: unknown = Object.getOwnPropertyDescriptor(base.prototype, name)?.value;
      if (name === "constructor" || typeof method !== "function") continue;
      Object.defineProperty(Wrapped.prototype, name, {
        configurable: true,
        writable: true,
        value(this: object, ...parameters: unknown[]): unknown {
          const writes = written.get(this);
          const before = writes?.count ?? 0;
          const reported = (result: unknown): unknown =>
            writes === undefined || writes.count === before
              ? result
              : report(writes.env, `${base.name}.${name} write`).then(() => result);
          const result: unknown = (method as Method).apply(this, parameters);
          return result instanceof Promise ? result.then(reported) : reported(result);
        },
      });
    }
    return Wrapped;
  }

  #env(env: Env): Env {
    const present = this.#envs.get(env);
    if (present !== undefined) return present;
    const bindings = Object.entries(env).map(([name, binding]) => [name, this.#binding(env, name, binding)]);
    const wrapped = Object.fromEntries(bindings) as Env;
    this.#envs.set(env, wrapped);
    return wrapped;
  }

  #binding(env: Env, name: string, binding: unknown): unknown {
    if (!isObject(binding) || name === CONTROL) return binding;
    if (name === "DB") return this.#database(env, binding as D1Database);
    if (INBOX.test(name)) return this.#queue(env, name.replace(INBOX, "").toLowerCase(), binding as Queue);
    if (name === "STRIPE_SANDBOX") return this.#stripe(env, binding as Fetcher);
    if (name === "EMAIL") return this.#mail(env, binding as SendEmail);
    if (name === "PAYMENTS" && this.#options.worker === "stripe-sandbox")
      return this.#webhooks(env, binding as Fetcher);
    return binding;
  }

  #database(env: Env, database: D1Database): D1Database {
    const after = async (names: readonly (string | undefined)[], rowsWritten: number): Promise<void> => {
      const writes = [...new Set(names.filter((name) => name !== undefined))].toSorted();
      if (rowsWritten > 0 && writes.length > 0) await this.#step(env, `commit ${writes.join("+")}`);
    };
    const statement = (inner: D1PreparedStatement, name: string | undefined): D1PreparedStatement => {
      const wrapped = overlay(inner, {
        bind: (...values: unknown[]) => statement(inner.bind(...values), eventTypeOf(name, values)),
        run: async () => {
          const result = await inner.run();
          await after([name], result.meta.rows_written);
          return result;
        },
        all: async () => {
          const result = await inner.all();
          await after([name], result.meta.rows_written);
          return result;
        },
      });
      statements.set(wrapped, { inner, name });
      return wrapped;
    };
    return overlay(database, {
      prepare: (query: string) => statement(database.prepare(query), statementName(query)),
      batch: async (batch: readonly D1PreparedStatement[]) => {
        const raw = batch.map(unwrapped);
        const results = await database.batch(raw.map(({ inner }) => inner));
        await after(
          raw.map(({ name }, index) => ((results[index]?.meta.rows_written ?? 0) > 0 ? name : undefined)),
          results.reduce((sum, { meta }) => sum + meta.rows_written, 0),
        );
        return results;
      },
    });
  }

  #queue(env: Env, consumer: string, queue: Queue): Queue {
    const typeOf = (body: unknown): string => (isObject(body) && "type" in body ? String(body.type) : "?");
    return overlay(queue, {
      send: async (body: unknown) => {
        await this.#sendAll(env, queue, [body]);
        await this.#step(env, `send ${typeOf(body)} to ${consumer}`);
      },
      sendBatch: async (batch: readonly { readonly body: unknown }[]) => {
        const bodies = batch.map(({ body }) => body);
        await this.#sendAll(env, queue, bodies);
        await this.#step(env, `send ${[...new Set(bodies.map(typeOf))].toSorted().join("+")} to ${consumer}`);
      },
    });
  }

  /** Sends each message once, or under disorder one to three times with a delay for each copy. */
  async #sendAll(env: Env, queue: Queue, bodies: readonly unknown[]): Promise<void> {
    const random = this.#random;
    if (random === undefined) {
      await queue.sendBatch(bodies.map((body) => ({ body })));
      return;
    }
    const copies = bodies.flatMap((body) =>
      Array.from({ length: 1 + Math.floor(random() * MAX_COPIES) }, () => ({
        body,
        delaySeconds: Math.floor(random() * (MAX_DELAY_SECONDS + 1)),
      })),
    );
    await queue.sendBatch(copies);
    await this.#notify(env, "count", { messages: bodies.length, messageCopies: copies.length });
  }

  #stripe(env: Env, sandbox: Fetcher): Fetcher {
    return overlay(sandbox, {
      fetch: async (input: RequestInfo, init?: RequestInit) => {
        const response = await sandbox.fetch(input, init);
        const request = input instanceof Request ? input : new Request(input, init);
        const path = new URL(request.url).pathname.replaceAll(/_[A-Za-z0-9]{8,}/g, "_*");
        // A read is not a durable step.
        if (request.method === "POST") await this.#step(env, `Stripe POST ${path}`);
        return response;
      },
    });
  }

  #mail(env: Env, email: SendEmail): SendEmail {
    return overlay(email, {
      send: async (
        message: Parameters<SendEmail["send"]>[0] & { readonly headers?: Readonly<Record<string, string>> },
      ) => {
        const result = await email.send(message);
        await this.#notify(env, "letter", Object.values(message.headers ?? {}));
        await this.#step(env, "mail sent");
        return result;
      },
    });
  }

  /** Under disorder, Stripe's webhooks arrive one to three times, each copy with a delay of its own. */
  #webhooks(env: Env, payments: Fetcher): Fetcher {
    const random = this.#random;
    if (random === undefined) return payments;
    return overlay(payments, {
      fetch: async (input: RequestInfo, init?: RequestInit) => {
        const request = new Request(input, init);
        const copies = Array.from({ length: 1 + Math.floor(random() * MAX_COPIES) }, async () => {
          const copy = request.clone();
          await scheduler.wait(random() * MAX_DELAY_SECONDS * 1_000);
          return await payments.fetch(copy);
        });
        await this.#notify(env, "count", { webhooks: 1, webhookCopies: copies.length });
        const [first, ...others] = copies;
        // The sandbox sees the response to the first copy only.
        void Promise.allSettled(others);
        return await first;
      },
    });
  }

  /** Reports counts and accepted mails to the test. */
  async #notify(env: Env, what: "count" | "letter", body: unknown): Promise<void> {
    const control = env[CONTROL];
    if (!isObject(control)) return;
    await (control as Fetcher).fetch(`http://chaos/${what}`, { method: "POST", body: JSON.stringify(body) });
  }

  async #step(env: Env, name: string): Promise<void> {
    const control = env[CONTROL];
    // The local stand-ins for Stripe and the mail provider are not part of the shop, so they have no steps.
    if (!isObject(control) || !this.#options.isOurs) return;
    const response = await (control as Fetcher).fetch("http://chaos/step", {
      method: "POST",
      body: JSON.stringify({ worker: this.#options.worker, name }),
    });
    if (response.status === 204) return;
    throw new Error(`chaos: the response was lost after "${name}"`);
  }
}

/** Calls `note` at each write to an object's storage, and sets its alarms by the real clock. */
function noteWrites(storage: DurableObjectStorage, clockAheadMs: number, note: () => void): void {
  const { sql, kv } = storage;
  const exec = sql.exec.bind(sql) as (query: string, ...bindings: unknown[]) => unknown;
  Object.defineProperty(sql, "exec", {
    value: (query: string, ...bindings: unknown[]) => {
      if (statementName(query) !== undefined) note();
      return exec(query, ...bindings);
    },
  });
  for (const name of ["put", "delete"] as const) {
    const write = kv[name].bind(kv) as Method;
    Object.defineProperty(kv, name, {
      value: (...parameters: unknown[]) => {
        note();
        return write(...parameters);
      },
    });
  }
  const setAlarm = storage.setAlarm.bind(storage);
  Object.defineProperty(storage, "setAlarm", {
    value: (at: number | Date, options?: DurableObjectSetAlarmOptions) => setAlarm(Number(at) - clockAheadMs, options),
  });
}
