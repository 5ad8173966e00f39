// Checks the query of a URL against its route's schema. An unknown or repeated parameter is refused: after a mistyped filter, the
// unfiltered list would look like an answer. Tracking parameters (utm_source) are refused too, which keeps cache keys unique.
import * as z from "zod";
import { invalidInput } from "#shared/errors";
import type { FieldError, Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { checkInput } from "#shared/validation";

function unknownParameter(path: string, names: readonly string[]): FieldError {
  const accepted = names.length === 0 ? "it takes none" : `it takes ${names.join(", ")}`;
  return { path, message: `is no parameter of this call; ${accepted}` };
}

/** The parsed query; undefined without a schema. Fails with validation_failed, naming every wrong parameter. */
export function parseQuery(schema: z.ZodType | undefined, { searchParams }: URL): Outcome<unknown> {
  const names = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
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
