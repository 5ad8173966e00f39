// The OpenAPI document, the docs page, product images, health and the signing keys.
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { ERROR_CODES } from "#shared/errors";
import { parseEvent } from "#shared/events/envelope";
import { ok } from "#shared/result";
import { PART_DEADLINE_MS } from "../src/constants.ts";
import { EXAMPLES } from "../src/openapi/examples.ts";
import { allRoutes } from "../src/routes.ts";
import { gateway, problemOf, signer } from "./support.ts";

type Content = Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>;
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content; readonly headers?: object }>>;
  readonly security: readonly unknown[];
}
interface Document {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Record<string, unknown>>> };
}

/** The envelopes of events anywhere in an example. */
function eventsIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return "specversion" in value ? [value] : Object.values(value).flatMap(eventsIn);
}

/** As a URL holds it. */
function textOf(query: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
}

/** The same value with the members of its objects in the order of their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}

const response = await gateway()("/api/openapi.json");
const text = await response.clone().text();
const document = JSON.parse(text) as Document;

describe("the OpenAPI document", () => {
  it("describes every route, its failures and who may call it", () => {
    expect(document.openapi).toBe("3.1.0");
    for (const { method, path, access } of allRoutes) {
      const operation = document.paths[path]?.[method];
      expect(operation, `${method} ${path}`).toBeDefined();
      expect(Object.keys(operation?.responses ?? {})).toEqual(expect.arrayContaining(["429", "500", "503"]));
      expect((operation?.security ?? []).length > 0).toBe(access !== "public");
      expect(operation?.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name)).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      );
    }
  });

  it("describes the rate limit headers of every answer, and Retry-After of 429", () => {
    for (const { method, path } of allRoutes) {
      const answers = document.paths[path]?.[method]?.responses ?? {};
      for (const [status, { headers }] of Object.entries(answers)) {
        expect(Object.keys(headers ?? {}), `${method} ${path} ${status}`).toContain("RateLimit-Policy");
      }
      expect(answers["429"]?.headers).toMatchObject({ RateLimit: {}, "Retry-After": {} });
      expect(answers["503"]?.headers).toMatchObject({ "Retry-After": {} });
    }
  });

  it("gives every operation a unique id", () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[a-z]+([A-Z][a-z]+)*$/.test(id))).toBe(true);
    expect(document.paths["/api/products/{productId}/images/{imageId}"]?.["patch"]?.operationId).toBe(
      "updateProductImage",
    );
  });

  it("describes revalidation of every read, except those whose tag is a version", () => {
    const revalidated = (path: string): boolean => document.paths[path]?.["get"]?.responses["304"] !== undefined;
    const kept = ["/api/products", "/api/orders/{orderId}", "/api/admin/audit", "/api/openapi.json", "/api/docs"];
    expect([...kept, "/images/products/{productId}/{file}"].filter((path) => !revalidated(path))).toEqual([]);
    const unkept = ["/api/cart", "/api/products/managed/{productId}", "/api/admin/templates/{templateId}"];
    expect([...unkept, "/api/metrics"].filter(revalidated)).toEqual([]);
  });

  it("describes the headers that a client sends again", () => {
    const headersOf = (method: string, path: string, status: string): string[] =>
      Object.keys(document.paths[path]?.[method]?.responses[status]?.headers ?? {}).filter(
        (name) => !["RateLimit-Policy", "X-Request-Id"].includes(name),
      );
    expect(headersOf("get", "/api/cart", "200")).toEqual(["ETag", "X-Cart-Token"]);
    expect(headersOf("post", "/api/orders", "201")).toEqual(["Idempotency-Replayed"]);
    expect(headersOf("get", "/api/products", "304")).toEqual(["ETag"]);
    expect(headersOf("get", "/api/metrics", "200")).toEqual([]);
  });

  it("describes the webhook, which has no route here", () => {
    const webhook = document.paths["/api/webhooks/stripe"]?.["post"];
    expect(webhook?.parameters.map(({ name }) => name)).toEqual(["Stripe-Signature"]);
    expect(Object.keys(webhook?.responses ?? {})).toEqual(["200", "400", "413", "503"]);
  });

  it("names the media type of every answer that has a body", () => {
    const bare = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { responses }]) => responses["200"] !== undefined && responses["200"].content === undefined)
        .map(([method]) => `${method} ${path}`),
    );
    expect(bare).toEqual([]);
  });

  it("has all referenced components, named as in the contracts", () => {
    const names = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name ?? ""));
    expect([...names].filter((name) => !Object.hasOwn(document.components.schemas, name))).toEqual([]);
    expect([...names]).toEqual(expect.arrayContaining(["Cart", "Order", "Product", "Category", "Payment", "Problem"]));
    expect(text).not.toContain("$defs");
    expect(text).not.toContain("$schema");
  });

  it("lists every problem code", () => {
    expect(document.components.schemas["Problem"]).toMatchObject({ properties: { code: { enum: ERROR_CODES } } });
  });

  it("describes null and the types of query parameters", () => {
    expect(document.components.schemas["Order"]?.["properties"]).toMatchObject({
      customerId: { type: ["string", "null"] },
      total: { type: "integer" },
    });
    expect(document.paths["/api/products"]?.["get"]?.parameters.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["q", "category", "minPrice", "cursor", "If-None-Match"]),
    );
  });

  it("is revalidated by its tag", async () => {
    const etag = response.headers.get("etag") ?? "";
    const again = await gateway()("/api/openapi.json", { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
  });
});

/** Every schema in a value, with where it stands. */
function schemasIn(value: unknown, where: string): [string, Record<string, unknown>][] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((one, index) => schemasIn(one, `${where}[${String(index)}]`));
  const members = Object.entries(value as Record<string, unknown>).filter(([key]) => key !== "example");
  return [
    [where, value as Record<string, unknown>],
    ...members.flatMap(([key, one]) => schemasIn(one, `${where}.${key}`)),
  ];
}

describe("a reader who has only the document", () => {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const named = /^#\/components\/schemas\/\w+$/;

  it("finds a description of each property", () => {
    const silent = [...schemasIn(document.components.schemas, ""), ...schemasIn(document.paths, "")].flatMap(
      ([where, { properties }]) =>
        Object.entries((properties ?? {}) as Record<string, { readonly description?: string }>)
          .filter(([, { description }]) => description === undefined)
          .map(([name]) => `${where}.${name}`),
    );
    expect(silent).toEqual([]);
  });

  it("finds a description of each parameter, operation, component and tag", () => {
    const parameters = operations.flatMap(({ operationId, parameters: all }) =>
      all.filter(({ description }) => !description).map(({ name }) => `${operationId} ${name}`),
    );
    const rest = [...operations, ...document.tags].filter(({ description }) => !description);
    const components = Object.entries(document.components.schemas).filter(([, { description }]) => !description);
    expect([parameters, rest, components.map(([name]) => name)]).toEqual([[], [], []]);
    expect(new Set(operations.flatMap(({ tags }) => tags))).toEqual(new Set(document.tags.map(({ name }) => name)));
  });

  it("finds every body and every answer among the components", () => {
    const unnamed = operations.flatMap(({ operationId, requestBody, responses }) =>
      [requestBody, ...Object.values(responses)]
        .map((part) => part?.content?.["application/json"]?.schema)
        .filter((schema) => schema !== undefined && !named.test(schema.$ref ?? ""))
        .map(() => operationId),
    );
    expect(unnamed).toEqual([]);
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(["Address", "OrderLine", "CartItem", "CreateOrder"]),
    );
  });

  it("shows events as they are published now", () => {
    const shown = eventsIn(EXAMPLES);
    expect(shown.length).toBeGreaterThan(0);
    for (const event of shown) expect(parseEvent(event)).toEqual(event);
  });

  it("finds an example of each body and answer that fits its schema", () => {
    const wrong = allRoutes.flatMap((route) => {
      const { params, query, body, status, answer } = EXAMPLES[route.operationId] ?? {};
      const success = Object.entries(route.answers).find(([code, schema]) => Number(code) < 300 && schema !== null);
      const parts: [string, z.ZodType | null | undefined, unknown][] = [
        ["params", route.params, params],
        ["query", route.query, query === undefined ? undefined : textOf(query)],
        ["body", route.body, body],
        ["answer", status === undefined ? success?.[1] : route.answers[status], answer],
      ];
      return parts.flatMap(([part, schema, value]) => {
        if (schema === null || schema === undefined)
          return value === undefined ? [] : [`${route.operationId} takes no ${part}`];
        if (value === undefined)
          return part === "query"
            ? []
            : [`${route.operationId} has no ${part}: add it in workers/gateway/src/openapi/examples`];
        const parsed = schema.safeParse(value);
        if (!parsed.success) return [`${route.operationId} ${part}: ${z.prettifyError(parsed.error)}`];
        // An answer's member that no schema has is dropped by it.
        const isWhole = part !== "answer" || JSON.stringify(sorted(parsed.data)) === JSON.stringify(sorted(value));
        return isWhole ? [] : [`${route.operationId} has other members than its schema`];
      });
    });
    expect(wrong).toEqual([]);
  });

  it("finds the codes of each failure and their members", () => {
    const problem = document.paths["/api/orders"]?.["post"]?.responses["409"]?.content?.["application/problem+json"];
    expect(problem?.schema).toMatchObject({
      oneOf: expect.arrayContaining([{ $ref: "#/components/schemas/InsufficientStockProblem" }]) as unknown,
      discriminator: { propertyName: "code" },
    });
    expect(document.components.schemas["TotalChangedProblem"]).toMatchObject({
      allOf: [
        { $ref: "#/components/schemas/Problem" },
        { properties: { code: { const: "total_changed" }, total: {} } },
      ],
    });
  });
});

describe("the docs page", () => {
  it("is served with its files and loads nothing from other hosts", async () => {
    const page = await gateway()("/api/docs");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    const html = await page.text();
    const sources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? "");
    expect(sources.filter((source) => /^(?:https?:)?\/\//.test(source))).toEqual([]);
    const script = await gateway()("/api/docs/page.js");
    expect(script.headers.get("content-type")).toContain("javascript");
    expect(script.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("redirects from a trailing slash", async () => {
    const answer = await gateway()("/api/docs/");
    expect([answer.status, answer.headers.get("location")]).toEqual([308, "/api/docs"]);
  });

  it.each(["index.html", "other.js", "..%2findex.html", "%2e%2e", "page.js%00"])("serves no %s", async (file) => {
    expect((await gateway()(`/api/docs/${file}`)).status).toBe(404);
  });
});

describe("a product image", () => {
  it.each(["1.svg", "0.svg", "1.png", "1", "-1.svg", "img_1.png"])("does not exist as %s", async (file) => {
    expect((await gateway()(`/images/products/prd_1/${file}`)).status).toBe(404);
  });

  it("does not exist for what is no product", async () => {
    const path = `/images/products/x/img_${"0".repeat(32)}.png`;
    expect(await problemOf(await gateway()(path))).toMatchObject({ code: "product_not_found" });
  });
});

describe("health", () => {
  const answering = (database: "up" | "down"): object => ({ health: async () => ok({ database }) });
  const up = answering("up");
  const all = { accounts: up, catalog: up, orders: up, payments: up, inventory: up, notifications: up };

  it("is ok when every part answers", async () => {
    const answer = await gateway(all)("/api/health");
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: "ok", services: { orders: { status: "up", database: "up" } } });
  });

  it("reports a part that is down, hangs or has no database, within the deadline", async () => {
    const hangs = { health: () => new Promise<never>(() => {}) };
    const throws = { health: async () => await Promise.reject(new Error("down")) };
    const peers = { ...all, payments: hangs, catalog: throws, inventory: answering("down") };
    const startedAt = Date.now();
    const answer = await gateway(peers, { partDeadlineMs: 100 })("/api/health");
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    expect(answer.status).toBe(200);
    const body = await answer.text();
    expect(JSON.parse(body)).toMatchObject({
      status: "degraded",
      services: {
        payments: { status: "down", database: null },
        catalog: { status: "down", database: null },
        inventory: { status: "down", database: "down" },
        orders: { status: "up", database: "up" },
      },
    });
    expect(Object.keys((JSON.parse(body) as { services: { orders: object } }).services.orders)).toEqual([
      "status",
      "latencyMs",
      "database",
    ]);
  });

  it("waits 800 ms for a part unless told otherwise", () => {
    expect(PART_DEADLINE_MS).toBe(800);
  });
});

it("publishes the keys of accounts", async () => {
  const answer = await gateway()("/.well-known/jwks.json");
  expect(await answer.json()).toEqual({ keys: [signer.jwk] });
  expect(answer.headers.get("cache-control")).toContain("max-age");
});

it("answers through its real bindings, also without its peers", async () => {
  const { default: worker } = exports as unknown as { default: Fetcher };
  expect(await (await worker.fetch("https://api.test/api/health")).json()).toMatchObject({ status: "degraded" });
  expect((await worker.fetch("https://api.test/api/nothing")).status).toBe(404);
});
