// Input against its schema, and what is wrong with it in words that mend it without the documentation. Bodies and queries in the
// gateway and the input of every RPC method are checked by this one function, so a field is called wrong in one way everywhere.
import * as z from "zod";
import { invalidInput } from "./errors.ts";
import type { FieldError, Outcome } from "./errors.ts";
import { ok } from "./result.ts";

type RawIssue = z.core.$ZodRawIssue;

const TYPES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  array: "an array",
  tuple: "an array",
  object: "an object",
  record: "an object",
  null: "null",
};

const FORMATS: Readonly<Record<string, string>> = {
  email: "an e-mail address",
  url: "a URL",
  datetime: "a time like 2026-11-23T08:00:00.000Z",
  date: "a date like 2026-11-23",
};

const UNITS: Readonly<Record<string, string>> = { string: "characters", array: "entries" };

function typeOf(input: unknown): string {
  if (input === null) return "null";
  if (Array.isArray(input)) return "an array";
  return TYPES[typeof input] ?? typeof input;
}

function wrongType(expected: string, { inst, input }: RawIssue): string {
  const isInteger = inst instanceof z.ZodNumber && inst.isInt;
  const wanted = isInteger ? "an integer" : (TYPES[expected] ?? expected);
  const given = typeOf(input);
  // 1.5 for an integer and a text for a query's number are what they should be, in the wrong form.
  return given === wanted || typeof input === "number" ? `must be ${wanted}` : `must be ${wanted}, not ${given}`;
}

function outOfRange(
  origin: string,
  bound: number | bigint,
  words: { readonly of: string; readonly than: string },
  { inclusive = true }: { readonly inclusive?: boolean | undefined },
): string {
  const unit = UNITS[origin];
  const limit = `${inclusive ? words.of : words.than} ${String(bound)}`;
  return unit === undefined ? `must be ${limit}` : `must have ${limit} ${unit}`;
}

/** The names that an object takes, where its schema tells them. */
function membersOf(issue: RawIssue): string {
  const { inst } = issue;
  const names = inst instanceof z.ZodObject ? Object.keys(inst.shape) : [];
  return names.length === 0 ? "no members are" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"}`;
}

/** What a member must be. It follows the member's path, so it has no subject of its own. */
function messageOf(issue: RawIssue): string {
  if (issue.input === undefined && issue.code !== "custom") return "is required";
  switch (issue.code) {
    case "invalid_type":
      return wrongType(issue.expected, issue);
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return "must not be empty";
      return outOfRange(issue.origin, issue.minimum, { of: "at least", than: "more than" }, issue);
    case "too_big":
      return outOfRange(issue.origin, issue.maximum, { of: "at most", than: "less than" }, issue);
    case "invalid_format":
      return issue.format === "regex"
        ? `must match ${String(issue["pattern"])}`
        : `must be ${FORMATS[issue.format] ?? `a valid ${issue.format}`}`;
    case "unrecognized_keys":
      return `is not known here; ${membersOf(issue)}`;
    case "not_multiple_of":
      return `must be a multiple of ${String(issue.divisor)}`;
    case "invalid_union":
      return "has none of the forms that are taken here";
    case "invalid_key":
      return "has a name that is not taken here";
    case "invalid_element":
    // A rule of the schema's own brings its own words.
    case "custom":
      break;
  }
  return "is not taken here";
}

/** Each unknown member is an error of its own, under its own path. */
function errorsOf({ issues }: z.ZodError): FieldError[] {
  return issues.flatMap((issue) => {
    const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return paths.map((path) => ({ path: path.map(String).join("."), message: issue.message }));
  });
}

/** What is wrong with the input, by field; none when it fits. */
export function checkInput<S extends z.ZodType>(
  schema: S,
  input: unknown,
): { readonly errors: readonly FieldError[]; readonly value?: z.output<S> } {
  const parsed = schema.safeParse(input, { error: messageOf });
  return parsed.success ? { errors: [], value: parsed.data } : { errors: errorsOf(parsed.error) };
}

/** The input as its schema makes it. Fails with validation_failed, naming every field that is wrong. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): Outcome<z.output<S>> {
  const parsed = schema.safeParse(input, { error: messageOf });
  return parsed.success ? ok(parsed.data) : invalidInput(errorsOf(parsed.error));
}
