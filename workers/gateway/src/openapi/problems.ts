// The failures of an operation: each code is a component with the members that it carries, and an operation's answer of a status is
// one of its own codes.
import type { ErrorCode } from "#shared/errors";
import type { Access } from "../access.ts";
import { PROBLEMS, Problem, problemMembers } from "../problems.ts";
import type { Route } from "../route.ts";
import { PROBLEM_HEADERS } from "./headers.ts";
import { reference } from "./schemas.ts";
import type { Json, Schemas } from "./schemas.ts";

const OF_ACCESS: Readonly<Record<Access, readonly ErrorCode[]>> = {
  public: [],
  "guest-or-user": ["unauthenticated"],
  user: ["unauthenticated"],
  "order-token-or-user": ["unauthenticated"],
  staff: ["unauthenticated", "forbidden"],
  admin: ["unauthenticated", "forbidden"],
  "admin-or-metrics-token": ["unauthenticated", "forbidden"],
};

/** The codes that a route may answer with, beside its own, because of how it is checked. */
export function codesOf(route: Route): ErrorCode[] {
  return [
    ...route.errors,
    ...OF_ACCESS[route.access],
    ...(route.anyQuery === undefined ? (["validation_failed"] as const) : []),
    ...(route.params === undefined || route.errors.includes("product_not_found") ? [] : (["not_found"] as const)),
    ...(route.method === "get" ? [] : (["payload_too_large"] as const)),
    // A call that takes no body reads one all the same, to say that it would be lost.
    ...(route.method === "get" ? [] : (["unsupported_media_type"] as const)),
    ...(route.method === "get" || route.upload !== undefined ? [] : (["malformed_json"] as const)),
    "rate_limited",
    "internal_error",
    "service_unavailable",
  ];
}

/** `insufficient_stock` is `InsufficientStockProblem`. */
function componentOf(code: ErrorCode): string {
  const words = code.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join("")}Problem`;
}

/** Adds the component of a code, and answers the reference to it. */
function problemOf(code: ErrorCode, schemas: Schemas): Json {
  const { status, title } = PROBLEMS[code];
  schemas.of(Problem, "output");
  const { properties, required, type } = schemas.of(problemMembers(code), "output");
  const own = {
    code: { const: code, description: "What went wrong." },
    status: { const: status, description: "The HTTP status." },
    ...(properties as Json),
  };
  const members = { type, properties: own, required: ["code", "status", ...((required ?? []) as string[])] };
  const described = { description: `${title}.`, allOf: [reference("Problem"), members] };
  schemas.add(componentOf(code), described, "output");
  return reference(componentOf(code));
}

function schemaOf(codes: readonly ErrorCode[], schemas: Schemas): Json {
  const references = codes.map((code) => problemOf(code, schemas));
  if (references.length === 1) return references[0] ?? {};
  const mapping = Object.fromEntries(codes.map((code, index) => [code, references[index]?.["$ref"]]));
  return { oneOf: references, discriminator: { propertyName: "code", mapping } };
}

/** The failures by status; `headers` are what all answers of the operation carry. */
export function problemsOf(possible: readonly ErrorCode[], headers: Json, schemas: Schemas): Record<string, Json> {
  const byStatus = Map.groupBy(new Set(possible), (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join("; "),
        headers: { ...headers, ...PROBLEM_HEADERS[status] },
        content: { "application/problem+json": { schema: schemaOf(codes, schemas) } },
      },
    ]),
  );
}
