// Makes hostile requests from the route table of the gateway: for every route, every member of its body, every parameter. A new route is
// covered without a change here.
import * as z from "zod";
import { exampleInput } from "#shared/testkit/examples";
import type { Route } from "../workers/gateway/src/route.ts";

export interface HostileRequest {
  /** What is wrong with it. */
  readonly what: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/**
 * Wrong values. Each is tried for every member of every body, unless the schema accepts it.
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

/** Texts in place of an id in a path, encoded as by a client or by an attacker. */
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

/** Texts with a meaning in SQL, FTS5 or a pattern. A search returns a list for each. */
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

/** A body that passes the route's schema, or undefined when the schema says more than JSON Schema can. */
export function exampleBody(route: Route): Record<string, unknown> | undefined {
  return route.body === undefined ? undefined : exampleInput(route.body);
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

/** A path of the route whose ids do not exist. */
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

/** Malformed bodies for every route that takes one. */
export function brokenBodies(route: Route): HostileRequest[] {
  if (route.method === "get" || route.upload !== undefined || route.path.includes("{")) return [];
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

/** Unknown parameters, among them names of members of every object. */
const STRANGE_PARAMETERS = [
  "debug=1",
  "utm_source=mail",
  "__proto__=1",
  "constructor=1",
  "limit%00=1",
  "=1",
  "%24where=1",
];

/** Queries that name a parameter which the route does not know, in their place a path where nothing is. */
export function strangeQueries(route: Route, nth: number): HostileRequest[] {
  if (route.anyQuery === true) return [];
  return someOf(STRANGE_PARAMETERS, nth).map((parameter) => ({
    what: parameter,
    path: `${emptyPath(route)}?${parameter}`,
    method: route.method.toUpperCase(),
    headers: {},
  }));
}

/** Queries that the route's schema refuses, and each parameter twice. */
export function wrongQueries(route: Route): HostileRequest[] {
  const { query } = route;
  if (!(query instanceof z.ZodObject)) return [];
  const twice = Object.keys(query.shape).map((name) => ({
    what: `${name} twice`,
    path: `${emptyPath(route)}?${name}=1&${name}=1`,
    method: route.method.toUpperCase(),
    headers: {},
  }));
  const wrong = Object.keys(query.shape)
    .flatMap((name) => WRONG_QUERY_VALUES.map((value) => [name, value] as const))
    .filter(([name, value]) => !query.safeParse({ [name]: value }).success)
    .map(([name, value]) => ({
      what: `${name}=${value.slice(0, 30)}`,
      path: `${emptyPath(route)}?${new URLSearchParams({ [name]: value }).toString()}`,
      method: route.method.toUpperCase(),
      headers: {},
    }));
  return [...wrong, ...twice];
}
