// Requests that nobody honest sends, made from the gateway's route table: every route, every member of its body, every
// parameter. A new route is covered when it stands in the table.
import { z } from "zod";
import type { Route } from "../workers/gateway/src/route.ts";

export interface HostileRequest {
  /** What is wrong with it. */
  readonly what: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * Values that stand where another belongs. Each is tried for every member of
 * every body; those that the schema takes are left out.
 */
const WRONG_VALUES: readonly unknown[] = [
  null,
  true,
  [],
  {},
  "",
  " ",
  "x".repeat(10_000),
  0,
  -1,
  1.5,
  -0.000_001,
  1e21,
  Number.MAX_SAFE_INTEGER + 2,
  "1",
  "1e3",
  "NaN",
  "' OR 1=1 --",
  '"; DROP TABLE orders; --',
  "../../etc/passwd",
  "<script>alert(1)</script>",
  "\u202E\u0007\u{1F4A9}",
  "__proto__",
  { $gt: "" },
  [[[[]]]],
  { toString: "x" },
  ["x", null],
];

/** Texts for a place in a path, encoded as a client would or as an attacker does. */
const WRONG_PATH_PARTS: readonly string[] = [
  "x",
  "0",
  "-1",
  "%00",
  "%20",
  "%2e%2e%2f%2e%2e%2fadmin",
  "..%5c..%5c",
  "%27%20OR%201%3D1--",
  "%22",
  "*",
  "__proto__",
  "constructor",
  "%F0%9F%92%A9",
  "%E2%80%AE",
  "%C0%AF",
  "ord_%00",
  "prd_..%2f",
  "ord_" + "a".repeat(41),
  "usr_1",
  "a".repeat(4_000),
];

const WRONG_QUERY_VALUES: readonly string[] = [
  "",
  "0",
  "-1",
  "1.5",
  "101",
  "1e2",
  "0x10",
  "NaN",
  "Infinity",
  "99999999999999999999",
  "true",
  "null",
  "' OR '1'='1",
  "\u0000",
  "../",
  "__proto__",
  "a".repeat(1_001),
];

/** Words that mean something to SQL, FTS5 or a pattern. A search takes them all and answers a list. */
export const SEARCHES: readonly string[] = [
  '"',
  '""',
  '"unbalanced',
  "'",
  "NEAR(",
  "NEAR/2",
  "a NEAR b",
  "AND",
  "OR OR",
  "NOT",
  "name:x",
  "-x",
  "^x",
  "x*",
  "*",
  "**",
  "(",
  ")",
  "((((",
  "{a b}: c",
  "a + b",
  "%",
  "_",
  "\\",
  "--",
  "/*",
  ";",
  "' UNION SELECT * FROM sqlite_master --",
  "\u0000",
  "\uFEFF",
  "\u200B",
  "ﬀ",
  "İ",
  "ß",
  "日本語",
  "\u{1F4A9}",
  "e\u0301",
  "a".repeat(200),
  "a ".repeat(100).trim(),
  "rowid",
  "fts5vocab",
];

/** Members whose text has to be of a kind that their JSON Schema does not tell. */
const TEXT_BY_NAME: Readonly<Record<string, string>> = {
  email: "hostile@example.com",
  currency: "USD",
  p256dh: `B${"A".repeat(86)}`,
  auth: "A".repeat(22),
  cartToken: "t".repeat(43),
};
/** Texts that the patterns of the contracts take, tried in turn. */
const FITTING_TEXTS = ["US", "+15550100", "2026-01-01T00:00:00.000Z", "en", "example text"];

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

/** A value that this schema takes. It has every member, the optional ones too, so that each can be spoilt. */
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

/** A body that passes the route's schema, or undefined when the schema says more than JSON Schema can. */
export function exampleBody(route: Route): Record<string, unknown> | undefined {
  if (route.body === undefined) return undefined;
  const schema = z.toJSONSchema(route.body, { io: "input", unrepresentable: "any" });
  const example = exampleOf(schema, schema.$defs ?? {});
  return route.body.safeParse(example).success ? (example as Record<string, unknown>) : undefined;
}

/** Every place in a value, as a path of keys. */
function placesIn(value: unknown, trail: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const place = [...trail, key];
    return [place, ...placesIn(member, place)];
  });
}

function withValueAt(value: unknown, [key, ...rest]: readonly string[], wrong: unknown): unknown {
  if (key === undefined) return wrong;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
    ? [...(value as unknown[])]
    : { ...(value as object) };
  const members = copy as Record<string, unknown>;
  members[key] = withValueAt(members[key], rest, wrong);
  return copy;
}

const JSON_HEADERS = { "content-type": "application/json" };

/** A path of the route in which nothing exists. */
function emptyPath(route: Route, part = "none"): string {
  return route.path.replaceAll(/\{(\w+)\}/g, part);
}

/**
 * Of the values for a place every third is tried, beginning elsewhere in the next place: each with some member of each
 * body.
 */
const EVERY = 3;

function someOf<T>(values: readonly T[], nth: number): T[] {
  return values.filter((_value, index) => index % EVERY === nth % EVERY);
}

/**
 * Bodies that the route's schema refuses, one wrong member at a time. Only where
 * the path has no parameter, which is checked first.
 */
export function wrongBodies(route: Route): HostileRequest[] {
  const example = exampleBody(route);
  if (example === undefined || route.path.includes("{")) return [];
  const request = (what: string, body: unknown): HostileRequest => ({
    what,
    path: route.path,
    method: route.method.toUpperCase(),
    headers: JSON_HEADERS,
    body: JSON.stringify(body),
  });
  const spoilt = placesIn(example).flatMap((place, nth) =>
    someOf(WRONG_VALUES, nth).map((wrong) => [place, wrong, withValueAt(example, place, wrong)] as const),
  );
  return [
    ...spoilt
      .filter(([, , body]) => route.body?.safeParse(body).success === false)
      .map(([place, wrong, body]) => request(`${place.join(".")} = ${JSON.stringify(wrong).slice(0, 40)}`, body)),
    request("a member there is not", { ...example, isAdmin: true }),
    { ...request("a prototype", {}), body: `{"__proto__":${JSON.stringify(example)}}` },
  ].filter(({ body }) => route.body?.safeParse(JSON.parse(String(body))).success === false);
}

/** What is no JSON of this API at all, for every route that takes a body. */
export function brokenBodies(route: Route): HostileRequest[] {
  if (route.body === undefined || route.path.includes("{")) return [];
  const send = (what: string, body: HostileRequest["body"], type = "application/json"): HostileRequest => ({
    what,
    path: route.path,
    method: route.method.toUpperCase(),
    headers: type === "" ? {} : { "content-type": type },
    ...(body === undefined ? {} : { body }),
  });
  return [
    send("half a JSON", '{"a":'),
    send("two JSONs", "{}{}"),
    send("bytes that are not UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    send("UTF-16", new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0])),
    send("deep nesting", "[".repeat(20_000)),
    send("a NUL", '{"a":"\\u0000"}'),
    send("half a surrogate pair", '{"a":"\\ud800"}'),
    send("a list", "[1,2,3]"),
    send("a text", '"x"'),
    send("a form", "a=1&b=2", "application/x-www-form-urlencoded"),
    send("XML", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", "application/xml"),
    send("no content type", new Uint8Array([0x7b, 0x7d]), ""),
    send("more than 256 KiB", `"${"x".repeat(256 * 1_024)}"`),
  ];
}

/** Paths of the route with something else where an id belongs. */
export function wrongPaths(route: Route, nth: number): HostileRequest[] {
  if (!route.path.includes("{")) return [];
  const body = exampleBody(route);
  return someOf(WRONG_PATH_PARTS, nth).map((part) => ({
    what: part.slice(0, 30),
    path: emptyPath(route, part),
    method: route.method.toUpperCase(),
    headers: body === undefined ? {} : JSON_HEADERS,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }));
}

/** Queries that the route's schema refuses. */
export function wrongQueries(route: Route): HostileRequest[] {
  const { query } = route;
  if (!(query instanceof z.ZodObject)) return [];
  return Object.keys(query.shape)
    .flatMap((name) => WRONG_QUERY_VALUES.map((value) => [name, value] as const))
    .filter(([name, value]) => !query.safeParse({ [name]: value }).success)
    .map(([name, value]) => ({
      what: `${name}=${value.slice(0, 30)}`,
      path: `${emptyPath(route)}?${new URLSearchParams({ [name]: value }).toString()}`,
      method: "GET",
      headers: {},
    }));
}
