// The OpenAPI 3.1 document, made from the very routes and schemas that serve: zod writes JSON Schema 2020-12, which is what
// OpenAPI 3.1 speaks, and a schema's `meta({ id })` is its name among the components.
import { z } from "zod";
import type { ErrorCode } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import type { Access } from "./access.ts";
import { PROBLEMS, Problem } from "./problems.ts";
import { isTagged } from "./route.ts";
import type { Route } from "./route.ts";

type Json = Readonly<Record<string, unknown>>;
type Components = Map<string, unknown>;

const COMPONENT = "#/components/schemas/";

/** Headers that answers of many operations carry, under their names among the components. */
const HEADERS = {
  RateLimitPolicy: {
    description:
      "The limits that the request was counted by: the name of each, its requests (q) and its window in seconds (w), for example " +
      '`"read";q=600;w=60`. Absent where nothing is limited.',
    schema: { type: "string" },
  },
  RateLimit: {
    description: 'The limit that refused the request: nothing is left (r) for so many seconds (t), `"auth";r=0;t=60`.',
    schema: { type: "string" },
  },
  RetryAfter: { description: "Seconds to wait before the next try.", schema: { type: "integer", minimum: 0 } },
  WwwAuthenticate: {
    description: "The Bearer scheme, and what is wrong with the token that was sent (RFC 6750, 3).",
    schema: { type: "string" },
  },
} as const;

function headerRefs(headers: Readonly<Record<string, keyof typeof HEADERS>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, component]) => [name, { $ref: `#/components/headers/${component}` }]),
  );
}

const LIMITED = headerRefs({ "RateLimit-Policy": "RateLimitPolicy" });

/** What a failure of this status tells in its headers. */
const PROBLEM_HEADERS: Readonly<Record<number, Json>> = {
  401: headerRefs({ "WWW-Authenticate": "WwwAuthenticate" }),
  429: headerRefs({ RateLimit: "RateLimit", "Retry-After": "RetryAfter" }),
  503: headerRefs({ "Retry-After": "RetryAfter" }),
};

/** Lets the members that a client must not depend on stay open in answers: we may add to them. */
function openObjects({ jsonSchema }: { readonly jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema["additionalProperties"] === false) delete jsonSchema["additionalProperties"];
}

/** A schema with its named parts moved to the components. Requests are described as they are sent, answers as they come. */
function schemaOf(schema: z.ZodType, io: "input" | "output", components: Components): Json {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    ...(io === "output" ? { override: openObjects } : {}),
  });
  const renamed = JSON.parse(JSON.stringify(made).replaceAll('"#/$defs/', `"${COMPONENT}`)) as Record<string, unknown>;
  const { $schema: _schema, $defs: definitions, id: _id, ...rest } = renamed;
  for (const [name, definition] of Object.entries((definitions ?? {}) as Json)) {
    const { id: _ownId, ...described } = definition as Json;
    components.set(name, described);
  }
  return rest;
}

/** One entry per member of an object schema. */
function parametersOf(schema: z.ZodType | undefined, place: "path" | "query", components: Components): Json[] {
  if (schema === undefined) return [];
  const { properties, required } = schemaOf(schema, "input", components) as {
    properties?: Json;
    required?: readonly string[];
  };
  return Object.entries(properties ?? {}).map(([name, described]) => ({
    name,
    in: place,
    required: place === "path" || (required ?? []).includes(name),
    schema: described,
  }));
}

function header(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

function isRevalidated(route: Route): boolean {
  return isTagged(route) || route.answers[304] !== undefined;
}

function headersOf(route: Route): Json[] {
  return [
    ...(route.idempotent ? [header("Idempotency-Key", "The same key and body again gives the same resource.")] : []),
    ...(route.ifMatch ? [header("If-Match", "The ETag of the last answer; 412 when it has changed since.")] : []),
    ...(route.cart === undefined ? [] : [header("X-Cart-Token", "A guest's cart, as the first cart answer told it.")]),
    ...(route.socket === undefined
      ? []
      : [header("Sec-WebSocket-Protocol", "`bearer` or `cart`, then the token; the answer names the first.")]),
    ...(isRevalidated(route) ? [header("If-None-Match", "The ETag of the answer that the client has.")] : []),
  ];
}

/** The codes that a route may answer with, beside its own, because of how it is checked. */
function codesOf(route: Route): ErrorCode[] {
  const access: Readonly<Record<Access, readonly ErrorCode[]>> = {
    public: [],
    "guest-or-user": ["unauthenticated"],
    user: ["unauthenticated"],
    "order-token-or-user": ["unauthenticated"],
    staff: ["unauthenticated", "forbidden"],
    admin: ["unauthenticated", "forbidden"],
    "admin-or-metrics-token": ["unauthenticated", "forbidden"],
  };
  const parsesInput = route.body ?? route.query ?? route.idempotent ?? route.cart;
  return [
    ...route.errors,
    ...access[route.access],
    ...(parsesInput === undefined ? [] : (["validation_failed"] as const)),
    ...(route.params === undefined || route.errors.includes("product_not_found") ? [] : (["not_found"] as const)),
    ...(route.method === "get" ? [] : (["payload_too_large"] as const)),
    ...(route.body === undefined ? [] : (["malformed_json", "unsupported_media_type"] as const)),
    ...(route.upload === undefined ? [] : (["unsupported_media_type", "validation_failed"] as const)),
    "rate_limited",
    "internal_error",
    "service_unavailable",
  ];
}

/** The failures by status; `headers` are what all answers of the operation carry. */
function problemsOf(possible: readonly ErrorCode[], headers: Json): Record<string, Json> {
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of possible) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  const content = { "application/problem+json": { schema: { $ref: `${COMPONENT}Problem` } } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: [...codes].map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join("; "),
        headers: { ...headers, ...PROBLEM_HEADERS[status] },
        content,
      },
    ]),
  );
}

/** What an answer that went well tells beside its body. */
function answerHeadersOf(route: Route): { readonly headers: Json } {
  const isVersioned = route.versioned !== undefined || route.ifMatch !== undefined;
  const told = {
    ...(isRevalidated(route) ? { ETag: "For If-None-Match." } : {}),
    ...(isVersioned ? { ETag: "The version, for If-Match." } : {}),
    ...(route.cart === "own" ? { "X-Cart-Token": "A guest's cart." } : {}),
    ...(route.idempotent ? { "Idempotency-Replayed": "`true` when the key was seen before." } : {}),
  };
  const headers = Object.entries(told).map(([name, description]) => [
    name,
    { description, schema: { type: "string" } },
  ]);
  return { headers: { ...LIMITED, ...Object.fromEntries(headers) } };
}

function answersOf(route: Route, components: Components): Record<string, Json> {
  const headers = answerHeadersOf(route);
  const answers = Object.entries(route.answers).map(([status, schema]) => {
    const content =
      schema === null
        ? route.mediaType && { content: { [route.mediaType]: {} } }
        : { content: { "application/json": { schema: schemaOf(schema, "output", components) } } };
    return [status, { description: route.summary, ...headers, ...content }];
  });
  return {
    ...Object.fromEntries(answers),
    ...(isRevalidated(route) ? { 304: { description: "The client has this answer.", ...headers } } : {}),
  };
}

const SECURITY: Readonly<Record<Access, readonly Json[]>> = {
  public: [],
  "guest-or-user": [{}, { accessToken: [] }],
  user: [{ accessToken: [] }],
  "order-token-or-user": [{ accessToken: [] }, { orderToken: [] }],
  staff: [{ accessToken: [] }],
  admin: [{ accessToken: [] }],
  "admin-or-metrics-token": [{ accessToken: [] }, { metricsToken: [] }],
};

const ROLE_NOTES: Partial<Record<Access, string>> = { staff: "For vendors and admins.", admin: "For admins." };

const SOCKET_NOTE =
  "Authenticates with the subprotocols `bearer, <access token>`, or `cart, <cart token>` for a guest's cart. Each message is JSON. " +
  "`ping` is answered with `pong`; any other message ends the socket (1008). It also ends with its token (4401), when a guest's cart " +
  "has been merged (4410), and when newer sockets take its place (4429).";

/** A form with one file, or the file's bytes as they are. */
function uploadSchema(type: string): Json {
  if (type !== "multipart/form-data") return {};
  const properties = {
    file: { type: "string", contentMediaType: "application/octet-stream" },
    alt: { type: "string" },
  };
  return { type: "object", properties, required: ["file"] };
}

function operationOf(route: Route, components: Components): Json {
  const body =
    route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.bodyOptional === undefined,
            content: { "application/json": { schema: schemaOf(route.body, "input", components) } },
          },
        };
  const upload =
    route.upload === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(route.upload.map((type) => [type, { schema: uploadSchema(type) }])),
          },
        };
  const note = ROLE_NOTES[route.access];
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(note === undefined ? {} : { description: note }),
    // OpenAPI describes an upgrade, but not what comes after it.
    ...(route.socket === undefined
      ? {}
      : { description: SOCKET_NOTE, "x-websocket-message": schemaOf(route.socket, "output", components) }),
    security: SECURITY[route.access],
    parameters: [
      ...parametersOf(route.params, "path", components),
      ...parametersOf(route.query, "query", components),
      ...headersOf(route),
    ],
    ...body,
    ...upload,
    responses: { ...answersOf(route, components), ...problemsOf(codesOf(route), LIMITED) },
  };
}

/** The one call of the API that is no route here: it goes straight to the payments Worker, so it is written down by hand. */
const WEBHOOK_PATH = "/api/webhooks/stripe";
const WEBHOOK_OPERATION: Json = {
  operationId: "receiveStripeEvent",
  tags: ["Payments"],
  summary: "Stripe's events, signed over the raw body; stored once, answered, then processed",
  security: [],
  parameters: [{ ...header("Stripe-Signature", "As Stripe writes it: `t=…,v1=…`."), required: true }],
  requestBody: { required: true, content: { "application/json": { schema: { type: "object" } } } },
  responses: {
    200: {
      description: "The event is stored.",
      content: {
        "application/json": {
          schema: { type: "object", properties: { received: { const: true } }, required: ["received"] },
        },
      },
    },
    ...problemsOf(
      ["invalid_signature", "malformed_json", "validation_failed", "payload_too_large", "service_unavailable"],
      {},
    ),
  },
};

const SECURITY_SCHEMES = {
  accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "From register, login or refresh." },
  metricsToken: {
    type: "http",
    scheme: "bearer",
    description: "METRICS_TOKEN, what a scraper reads the figures with.",
  },
  orderToken: { type: "http", scheme: "bearer", description: "A guest's token of one order, told when it was placed." },
};

/** The document as text, with a strong tag. */
export async function openApiDocument(
  routes: readonly Route[],
): Promise<{ readonly text: string; readonly etag: string }> {
  const components: Components = new Map();
  schemaOf(Problem, "output", components);
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route, components) };
  }
  paths[WEBHOOK_PATH] = { post: WEBHOOK_OPERATION };
  const text = JSON.stringify({
    openapi: "3.1.0",
    info: {
      title: "Tradepost",
      version: "1",
      description:
        "Money is integers in the currency's minor unit. Failures are problem+json (RFC 9457) with a stable `code`.",
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      headers: HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  });
  return { text, etag: `"${(await sha256Hex(text)).slice(0, 32)}"` };
}
