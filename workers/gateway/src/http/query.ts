// The query of a URL against its route's schema. A parameter that the route does not know, or that stands there twice, is refused
// rather than passed over: who mistypes a filter would take the unfiltered list for an answer. That holds for public reads and for
// what marketing adds (utm_source): this is an API, and one reading of a URL keeps its cached answers apart.
import { z } from "zod";
import { invalidInput } from "#shared/errors";
import type { FieldError, Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { checkInput } from "#shared/validation";

/** The parameters that a route takes. */
function parameterNames(schema: z.ZodType | undefined): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unknownParameter(path: string, names: readonly string[]): FieldError {
  const taken = names.length === 0 ? "it takes none" : `it takes ${names.join(", ")}`;
  return { path, message: `is no parameter of this call; ${taken}` };
}

/** The parsed query; undefined without a schema. Fails with validation_failed, naming every parameter that is wrong. */
export function parseQuery(schema: z.ZodType | undefined, { searchParams }: URL): Outcome<unknown> {
  const names = parameterNames(schema);
  const given = [...new Set(searchParams.keys())];
  const unknown = given.filter((name) => !names.includes(name)).map((name) => unknownParameter(name, names));
  const repeated = given
    .filter((name) => names.includes(name) && searchParams.getAll(name).length > 1)
    .map((path) => ({ path, message: "is given more than once; give it once" }));
  const values = names.flatMap((name) => {
    const value = searchParams.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const { errors, value } = schema === undefined ? { errors: [] } : checkInput(schema, Object.fromEntries(values));
  const wrong = [...unknown, ...repeated, ...errors];
  return wrong.length === 0 ? ok(value) : invalidInput(wrong);
}
