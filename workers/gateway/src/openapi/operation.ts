// One route as an operation of the document.
import type * as z from "zod";
import type { Access } from "../access.ts";
import type { Example } from "./examples.ts";
import { LIMITS } from "../http/rate-limit.ts";
import type { Route } from "../route.ts";
import { answerHeadersOf, isRevalidated, requestHeadersOf, COMMON_HEADERS } from "./headers.ts";
import { codesOf, problemsOf } from "./problems.ts";
import type { Json, Schemas } from "./schemas.ts";

const SECURITY: Readonly<Record<Access, readonly Json[]>> = {
  public: [],
  "guest-or-user": [{}, { accessToken: [] }],
  user: [{ accessToken: [] }],
  "order-token-or-user": [{ accessToken: [] }, { orderToken: [] }],
  staff: [{ accessToken: [] }],
  admin: [{ accessToken: [] }],
  "admin-or-metrics-token": [{ accessToken: [] }, { metricsToken: [] }],
};

const WHO: Readonly<Record<Access, string>> = {
  public: "For everyone, without a token.",
  "guest-or-user": "For signed-in users, and for guests without a token.",
  user: "For signed-in users.",
  "order-token-or-user": "For signed-in users, and for guests with the token of the order.",
  staff: "For vendors and admins.",
  admin: "For admins.",
  "admin-or-metrics-token": "For admins and for the bearer of METRICS_TOKEN.",
};

const SOCKET_NOTE =
  "Authenticates with the subprotocols `bearer, <access token>`, or `cart, <cart token>` for a guest's cart. Each message is JSON. " +
  "`ping` is answered with `pong`; any other message closes the socket (1008). It is also closed when its token expires (4401), when a " +
  "guest's cart is merged (4410), and when newer sockets replace it (4429).";

function descriptionOf(route: Route): string {
  const { limit, windowSeconds } = LIMITS[route.limit];
  const own = `Counts as \`${route.limit}\`: ${String(limit)} in ${String(windowSeconds)} seconds.`;
  const limits = route.limit === "read" ? own : `${own} All writes of a client network count as \`network\` too.`;
  return [route.description, WHO[route.access], limits, route.socket && SOCKET_NOTE]
    .filter((text) => text !== undefined)
    .join(" ");
}

/** One entry per member of an object schema. */
function parametersOf(
  schema: z.ZodType | undefined,
  place: "path" | "query",
  examples: Readonly<Record<string, unknown>>,
  schemas: Schemas,
): Json[] {
  if (schema === undefined) return [];
  const { properties, required } = schemas.of(schema, "input") as {
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  return Object.entries(properties ?? {}).map(([name, { description, ...described }]) => ({
    name,
    in: place,
    required: place === "path" || (required ?? []).includes(name),
    description,
    schema: described,
    // Several values of one parameter are separated by commas.
    ...(described["type"] === "array" ? { style: "form", explode: false } : {}),
    ...(examples[name] === undefined ? {} : { example: examples[name] }),
  }));
}

/** The body of an upload: a form with one file, or the bytes of the file. */
function uploadSchema(type: string): Json {
  if (type !== "multipart/form-data") return {};
  const properties = {
    file: { type: "string", contentMediaType: "application/octet-stream", description: "The file, 10 MiB at most." },
    alt: { type: "string", maxLength: 200, description: "What the picture shows, in words." },
  };
  return { type: "object", properties, required: ["file"] };
}

function bodyOf(route: Route, example: Example, schemas: Schemas): Json {
  if (route.upload !== undefined) {
    const content = Object.fromEntries(route.upload.map((type) => [type, { schema: uploadSchema(type) }]));
    return { requestBody: { required: true, content } };
  }
  if (route.body === undefined) return {};
  const bodyExample = example.body === undefined ? {} : { example: example.body };
  const content = { "application/json": { schema: schemas.of(route.body, "input"), ...bodyExample } };
  return { requestBody: { required: route.bodyOptional === undefined, content } };
}

function answersOf(route: Route, example: Example, schemas: Schemas): Record<string, Json> {
  const headers = answerHeadersOf(route);
  const answers = Object.entries(route.answers).map(([status, schema]) => {
    const answerExample = Number(status) === example.status ? { example: example.answer } : {};
    const content =
      schema === null
        ? route.mediaType && { content: { [route.mediaType]: {} } }
        : { content: { "application/json": { schema: schemas.of(schema, "output"), ...answerExample } } };
    return [status, { description: route.summary, headers, ...content }];
  });
  return {
    ...Object.fromEntries(answers),
    ...(isRevalidated(route) ? { 304: { description: "The client has this version.", headers } } : {}),
  };
}

/** The operation with its worked example. */
export function operationOf(route: Route, example: Example, schemas: Schemas): Json {
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: descriptionOf(route),
    security: SECURITY[route.access],
    // OpenAPI can describe an upgrade, but not the messages after it.
    ...(route.socket === undefined ? {} : { "x-websocket-message": schemas.of(route.socket, "output") }),
    parameters: [
      ...parametersOf(route.params, "path", example.params ?? {}, schemas),
      ...parametersOf(route.query, "query", example.query ?? {}, schemas),
      ...requestHeadersOf(route),
    ],
    ...bodyOf(route, example, schemas),
    responses: { ...answersOf(route, example, schemas), ...problemsOf(codesOf(route), COMMON_HEADERS, schemas) },
  };
}
