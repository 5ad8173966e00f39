// The RPC surface of a domain Worker, made of a table: each method of its contract with its use case.
import { WorkerEntrypoint } from "cloudflare:workers";
import type { Call } from "./call.ts";
import type { MessagingContract } from "./contracts/messaging.ts";
import type { Deps } from "./deps.ts";
import type { Outcome } from "./errors.ts";
import { withInvocation } from "./logger.ts";
import { messagingMethods } from "./messaging.ts";
import type { OwnParts } from "./messaging.ts";
import type { Method, Methods, UseCase } from "./rpc.ts";

/** The methods that a contract adds to MessagingContract, or whose answer it widens. */
type Added<Contract> = {
  [
    Name in keyof Contract as Name extends keyof MessagingContract
      ? MessagingContract[Name] extends Contract[Name]
        ? never
        : Name
      : Name
  ]: Contract[Name];
};

type CreateDeps<Env, D> = (env: Env, ctx: Pick<ExecutionContext, "waitUntil">) => D;

/** How a Worker is put together. */
export interface DomainWiring<Env, D extends Deps, Contract> extends OwnParts<D> {
  readonly createDeps: CreateDeps<Env, D>;
  /** For the Worker's own methods, where somebody waits; left out: as `createDeps`. */
  readonly callDeps?: CreateDeps<Env, D>;
  readonly methods: Methods<D, Added<Contract>>;
}

type Entry<D> = UseCase<D, unknown, unknown> | Method<D, unknown, unknown>;

/** Makes the class that a Worker's entrypoint extends. It has every method of the contract. */
export function domainWorker<Env, D extends Deps, Contract extends MessagingContract>(
  wiring: DomainWiring<Env, D, Contract>,
): new (ctx: ExecutionContext, env: Env) => WorkerEntrypoint<Env> & Contract {
  const { createDeps, callDeps = createDeps, methods } = wiring;
  const table = { ...messagingMethods(wiring), ...methods } as Readonly<Record<string, Entry<D>>>;
  class DomainWorker extends WorkerEntrypoint<Env> {
    static {
      for (const [operation, entry] of Object.entries(table)) {
        const depsOf = Object.hasOwn(methods, operation) ? callDeps : createDeps;
        const answer = typeof entry === "function" ? entry : entry.answer;
        // On the prototype, because callers reach no other methods.
        Object.defineProperty(this.prototype, operation, {
          value(this: DomainWorker, call: Call, input: unknown): Promise<Outcome<unknown>> {
            const deps = depsOf(this.env, this.ctx);
            const { correlationId, requestId } = call;
            const { worker, logLevel: level } = deps;
            // What it throws is a bug or an outage: it is logged, and the caller gets it as an exception.
            return withInvocation({ worker, operation, correlationId, requestId, level }, () =>
              answer(deps, call, input),
            );
          },
        });
      }
    }
  }
  // The table has all methods of the contract.
  return DomainWorker as unknown as new (ctx: ExecutionContext, env: Env) => WorkerEntrypoint<Env> & Contract;
}
