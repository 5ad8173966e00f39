// Example inputs made from their schemas, so that tests over all routes cover a new route without a change.
import * as z from "zod";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Texts for members whose JSON Schema does not describe all of their rules. */
const TEXT_BY_NAME: Readonly<Record<string, string>> = {
  email: "hostile@example.com",
  currency: "USD",
  p256dh: `B${"A".repeat(86)}`,
  auth: "A".repeat(22),
  cartToken: "t".repeat(43),
};
/** Texts that are tried, in this order, for a member with a pattern. */
const FITTING_TEXTS = ["US", "+15550100", "2026-01-01T00:00:00.000Z", "en", "example text", "012345"];

function textFor(schema: JsonSchema, name: string): string {
  const byName = TEXT_BY_NAME[name];
  if (byName !== undefined) return byName;
  const prefix = /^\^(?<prefix>[a-z]{3}_)/.exec(schema.pattern ?? "")?.groups?.["prefix"];
  if (prefix !== undefined) return `${prefix}none`;
  if (schema.format === "uri") return "https://example.com/x";
  const pattern = schema.pattern === undefined ? /^/ : new RegExp(schema.pattern, "u");
  const fitting = FITTING_TEXTS.find((text) => pattern.test(text)) ?? "";
  return fitting.padEnd(schema.minLength ?? 0, "x").slice(0, schema.maxLength ?? 1_000);
}

/** A value that fits the schema. It has every optional member, so that tests can make each one wrong. */
function exampleOf(schema: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>, name = ""): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.$ref !== undefined)
    return exampleOf(definitions[schema.$ref.replace("#/$defs/", "")] ?? {}, definitions, name);
  const [choice] = schema.anyOf ?? schema.oneOf ?? [];
  if (choice !== undefined) return exampleOf(choice, definitions, name);
  if (schema.type === "object") {
    const members = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
    return Object.fromEntries(members.map(([key, member]) => [key, exampleOf(member, definitions, key)]));
  }
  if (schema.type === "array") return [exampleOf((schema.items ?? {}) as JsonSchema, definitions)];
  if (schema.type === "string") return textFor(schema, name);
  if (schema.type === "boolean") return false;
  if (Array.isArray(schema.type)) return null;
  return Math.max(1, schema.minimum ?? 1);
}

/** A value that fits the schema, with every optional member. Undefined when the schema has rules beyond JSON Schema. */
export function exampleInput(schema: z.ZodType): Record<string, unknown> | undefined {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const example = exampleOf(json, json.$defs ?? {});
  return schema.safeParse(example).success ? (example as Record<string, unknown>) : undefined;
}

/** Copies of the value, each with a member `name` added to one of its objects, and the path of that member. */
export function withUnknownMembers(
  value: unknown,
  name: string,
  trail: readonly string[] = [],
): { readonly path: string; readonly value: unknown }[] {
  if (typeof value !== "object" || value === null) return [];
  const here = Array.isArray(value) ? [] : [{ path: [...trail, name].join("."), value: { ...value, [name]: 1 } }];
  const inside = Object.entries(value).flatMap(([key, member]) =>
    withUnknownMembers(member, name, [...trail, key]).map((made) => ({
      path: made.path,
      value: Array.isArray(value)
        ? value.map((entry: unknown, index) => (String(index) === key ? made.value : entry))
        : { ...value, [key]: made.value },
    })),
  );
  return [...here, ...inside];
}
