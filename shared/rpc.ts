// Both ends of a typed call between Workers: `serve` parses the input and runs a use case under its invocation; `peer` gives a
// service binding the type of the contract its entrypoint implements.
import type { z } from "zod";
import type { Call } from "./call.ts";
import type { Outcome } from "./errors.ts";
import { withInvocation } from "./logger.ts";
import type { Deps } from "./deps.ts";
import { parseInput } from "./validation.ts";

/**
 * Runs one RPC method: the input is parsed here, once, and an input that does not parse is `validation_failed`.
 * What `useCase` throws is a bug or an outage; it is logged and crosses to the caller as an exception.
 */
export async function serve<D extends Deps, S extends z.ZodType, T>(
  deps: D,
  operation: string,
  call: Call,
  schema: S,
  input: unknown,
  useCase: (deps: D, call: Call, input: z.output<S>) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const { correlationId, requestId } = call;
  return await withInvocation(
    { worker: deps.worker, operation, correlationId, requestId, level: deps.logLevel },
    async () => {
      const parsed = parseInput(schema, input);
      return parsed.ok ? await useCase(deps, call, parsed.value) : parsed;
    },
  );
}

/**
 * The binding of another Worker as the contract it implements. The types that wrangler generates for a binding know nothing of
 * an entrypoint in another configuration, and the mapped RPC types turn `unknown` into `never`; contracts are plain interfaces.
 */
export function peer<Contract>(binding: Fetcher): Contract {
  return binding as unknown as Contract;
}
