// Both ends of a typed call between Workers. `method` makes a use case answer a call of a contract; shared/worker.ts puts a Worker's
// methods together. `peer` gives a service binding the type of the contract its entrypoint implements.
import type * as z from "zod";
import type { Call } from "./call.ts";
import type { Outcome } from "./errors.ts";
import { parseInput } from "./validation.ts";

/** What a method does with a call, given the Worker's dependencies. */
export type UseCase<D, Input, T> = (deps: D, call: Call, input: Input) => Promise<Outcome<T>>;

/** A method with an input, as its caller may send it. */
export interface Method<D, Input, T> {
  readonly answer: UseCase<D, Input, T>;
}

/** Parses the input, once for all that follows, and runs the use case. An input that does not parse is `validation_failed`. */
export function method<D, S extends z.ZodType, T>(
  schema: S,
  useCase: UseCase<D, z.output<S>, T>,
): Method<D, z.input<S>, T> {
  return {
    async answer(deps, call, input) {
      const parsed = parseInput(schema, input);
      return parsed.ok ? await useCase(deps, call, parsed.value) : parsed;
    },
  };
}

/** How a method of a contract is given: without an input its use case alone, with one through `method`. */
type MethodOf<D, F> = F extends (call: Call) => Promise<Outcome<infer T>>
  ? UseCase<D, void, T>
  : F extends (call: Call, input: infer Input) => Promise<Outcome<infer T>>
    ? Method<D, Input, T>
    : never;

/** The methods of a contract. */
export type Methods<D, Contract> = { readonly [Name in keyof Contract]: MethodOf<D, Contract[Name]> };

/**
 * The binding of another Worker as the contract it implements. The types that wrangler generates for a binding know nothing of
 * an entrypoint in another configuration, and the mapped RPC types turn `unknown` into `never`; contracts are plain interfaces.
 */
export function peer<Contract>(binding: Fetcher): Contract {
  return binding as unknown as Contract;
}
