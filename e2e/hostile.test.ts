// Hostile input on every route, with a token that opens them all: each response is a problem with a 4xx status, and nothing is written.
// e2e/hostile.ts makes the requests from the route table.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allRoutes } from "../workers/gateway/src/routes.ts";
import type { Route } from "../workers/gateway/src/route.ts";
import { DATABASES } from "../scripts/local/workers.ts";
import { Client } from "../scripts/shop/client.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import type { Store } from "./sql.ts";
import {
  SEARCHES,
  brokenBodies,
  exampleBody,
  strangeQueries,
  wrongBodies,
  wrongPaths,
  wrongQueries,
} from "./hostile.ts";
import type { HostileRequest } from "./hostile.ts";

let shop: Shop;
let authorization = "";
let before: Readonly<Record<string, number>>;
let sent = 0;

const nameOf = (route: Route): string => `${route.method.toUpperCase()} ${route.path}`;
const named = (
  make: (route: Route, nth: number) => HostileRequest[],
): (readonly [string, readonly HostileRequest[]])[] =>
  allRoutes
    .map((route, nth) => [nameOf(route), make(route, nth)] as const)
    .filter(([, requests]) => requests.length > 0);

/** Counts of the rows of every table, except those that a sign-in writes. */
async function rowCounts(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const store of Object.keys(DATABASES) as Store[]) {
    const tables = await shop.query<{ name: string }>(
      store,
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND sql NOT LIKE '%VIRTUAL%'",
    );
    for (const { name } of tables) {
      const [row] = await shop.query<{ count: number }>(store, `SELECT count(*) AS count FROM "${name}"`);
      counts[`${store}.${name}`] = row?.count ?? 0;
    }
  }
  return counts;
}

beforeAll(async () => {
  shop = await startShop();
  const session = await new Client(shop.send).expect<{ accessToken: string }>(200, "POST", "/api/auth/login", {
    email: "admin@example.com",
    password: "Admin123!",
  });
  authorization = `Bearer ${session.accessToken}`;
  await shop.quiet();
  before = await rowCounts();
});

afterAll(async () => {
  await shop.close();
});

/** Sends the requests, a few at a time. Returns the wrong responses. */
async function refusedAll(requests: readonly HostileRequest[]): Promise<string[]> {
  const wrong: string[] = [];
  const left = [...requests];
  const work = async (): Promise<void> => {
    for (let request = left.pop(); request !== undefined; request = left.pop()) {
      const complaint = await complaintAbout(request);
      if (complaint !== undefined) wrong.push(`${request.what}: ${complaint}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  sent += requests.length;
  return wrong;
}

async function complaintAbout({ path, method, headers, body }: HostileRequest): Promise<string | undefined> {
  const credentials = "x-cart-token" in headers ? {} : { authorization };
  const response = await shop.send(path, {
    method,
    headers: { ...credentials, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (response.status < 400 || response.status >= 500) return `${String(response.status)} ${text.slice(0, 200)}`;
  if (response.headers.get("content-type") !== "application/problem+json") return "no problem+json";
  const problem = JSON.parse(text) as Record<string, unknown>;
  const isWhole =
    problem["status"] === response.status && typeof problem["code"] === "string" && "requestId" in problem;
  return isWhole && !/SQLITE|D1_ERROR|at \w+ \(|\.ts:/.test(text) ? undefined : text.slice(0, 200);
}

it("knows a valid body for every route that takes one", () => {
  const unknown = allRoutes.filter((route) => route.body !== undefined && exampleBody(route) === undefined).map(nameOf);
  expect(unknown).toEqual([]);
});

describe("a body with a wrong member", () => {
  it.each(named(wrongBodies))("of %s is refused", async (_name, requests) => {
    expect(await refusedAll(requests)).toEqual([]);
  });
});

describe("a malformed body", () => {
  it.each(named(brokenBodies))("is refused by %s", async (_name, requests) => {
    expect(await refusedAll(requests)).toEqual([]);
  });
});

describe("a path with an id of nothing", () => {
  it.each(named(wrongPaths))("is refused by %s", async (_name, requests) => {
    expect(await refusedAll(requests)).toEqual([]);
  });
});

describe("a wrong query", () => {
  it.each(named(wrongQueries))("is refused by %s", async (_name, requests) => {
    expect(await refusedAll(requests)).toEqual([]);
  });
});

describe("an unknown parameter", () => {
  it.each(named(strangeQueries))("is refused by %s", async (_name, requests) => {
    expect(await refusedAll(requests)).toEqual([]);
  });
});

describe("a cursor", () => {
  const lists = allRoutes.filter(({ method, path, query }) => {
    return (
      method === "get" &&
      query !== undefined &&
      "cursor" in ((query as { shape?: object }).shape ?? {}) &&
      !path.includes("{")
    );
  });

  it.each(lists.map((route) => [nameOf(route), route] as const))(
    "of %s that was altered is refused",
    async (_name, route) => {
      const page = await shop.send(`${route.path}?limit=1`, { headers: { authorization } });
      const { nextCursor } = (await page.json()) as { nextCursor: string | null };
      const real = nextCursor ?? "eyJ4Ijox";
      const flipped = `${real.slice(0, -2)}${real.at(-2) === "A" ? "B" : "A"}${real.slice(-1)}`;
      const forged = Buffer.from(JSON.stringify(["0".repeat(16), ["zzz", 9e15]])).toString("base64url");
      const cursors = [flipped, real.slice(0, -3), `${real}AAAA`, forged, "e30", "W10", "bnVsbA", "%%%", "=", "💩"];
      const requests = cursors.map((cursor) => ({
        what: cursor.slice(0, 20),
        path: `${route.path}?limit=1&cursor=${encodeURIComponent(cursor)}`,
        method: "GET",
        headers: {},
      }));
      expect(await refusedAll(requests)).toEqual([]);
    },
  );

  it("of one list is refused by another", async () => {
    const first = await shop.send("/api/products?limit=1&sort=name");
    const { nextCursor } = (await first.json()) as { nextCursor: string };
    const paths = [
      "/api/products?sort=price",
      "/api/products?sort=name&q=a",
      "/api/orders?",
      "/api/inventory/transactions?",
    ];
    const requests = paths.map((path) => ({
      what: path,
      path: `${path}&cursor=${nextCursor}`,
      method: "GET",
      headers: {},
    }));
    expect(await refusedAll(requests)).toEqual([]);
  });
});

describe("a header", () => {
  const cart = { path: "/api/cart/clear", method: "POST" };
  const tricks: readonly HostileRequest[] = [
    ...["x", '"x"', 'W/"1"', '"1e9"', '"-1"', "1,2", '"99999999999999999999"'].map((value) => ({
      ...cart,
      what: `if-match: ${value}`,
      headers: { "if-match": value },
    })),
    ...["x", "a b", "../..", "%00", "é".repeat(3), "t".repeat(300)].map((value) => ({
      ...cart,
      what: `x-cart-token: ${value.slice(0, 20)}`,
      headers: { "x-cart-token": value },
    })),
    {
      what: "a key of 256 characters",
      path: "/api/orders",
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": "k".repeat(256) },
      body: JSON.stringify({ items: [{ productId: "prd_none", quantity: 1 }], shippingAddress: {} }),
    },
    ...[
      "Bearer",
      "Bearer  ",
      "Bearer a.b.c",
      "bearer null",
      "Basic YTpi",
      "Bearer ' OR 1=1",
      `Bearer ${"x".repeat(9_000)}`,
    ].map((value) => ({
      what: `authorization: ${value.slice(0, 20)}`,
      path: "/api/orders",
      method: "GET",
      headers: { authorization: value },
    })),
    ...["PROPFIND", "PUT"].map((method) => ({ what: method, path: "/api/orders", method, headers: {} })),
    ...[
      "/api//orders",
      "/api/orders/",
      "/API/orders",
      "/api/orders;x",
      "/api/%6frders%2f",
      "/api/../api/x",
      "/api/orders%00",
      "//evil.example/api",
    ].map((path) => ({ what: path, path, method: "GET", headers: {} })),
  ];

  it("or a path with a known attack is refused", async () => {
    expect(await refusedAll(tricks)).toEqual([]);
  });
});

describe("a search", () => {
  it.each(SEARCHES)("for %j returns a list", async (q) => {
    const path = `/api/products?${new URLSearchParams({ q, limit: "1" }).toString()}`;
    const { items } = await new Client(shop.send).expect<{ items: unknown }>(200, "GET", path);
    expect(Array.isArray(items)).toBe(true);
  });
});

describe("after all of these", () => {
  it("more than 300 requests were sent, nothing was written, and the shop is healthy", async () => {
    console.log(`${String(sent)} hostile requests over ${String(allRoutes.length)} routes`);
    expect(sent).toBeGreaterThan(300);
    await shop.quiet();
    expect(await rowCounts()).toEqual(before);
    const { status } = await new Client(shop.send).expect<{ status: string }>(200, "GET", "/api/health");
    expect(status).toBe("ok");
    expect(shop.logs().filter(({ level }) => level === "error")).toEqual([]);
  });
});
