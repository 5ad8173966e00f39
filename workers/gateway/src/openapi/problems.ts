// The failures of an operation: each code is a component with its own members, and each status of an operation lists the operation's
// own codes.
import * as z from "zod";
import { ERROR_CODES, PROBLEMS } from "#shared/errors";
import type { ErrorCode } from "#shared/errors";
import type { Access } from "../access.ts";
import type { Route } from "../route.ts";
import { PROBLEM_HEADERS } from "./headers.ts";
import { reference } from "./schemas.ts";
import type { Json, Schemas } from "./schemas.ts";

/** The members of every failure. Some codes have more. */
export const Problem = z
  .object({
    type: z.string().describe("The kind of failure as a URN: `urn:tradepost:problem:` and the code."),
    title: z.string().describe("The kind of failure in words. It is the same for every failure of a code."),
    status: z.int().describe("The HTTP status."),
    detail: z.string().describe("What is wrong this time and what to do about it, for the person who reads it."),
    code: z.enum(ERROR_CODES).describe("What went wrong. A code never changes its meaning."),
    requestId: z.string().describe("The request's id, as in `X-Request-Id`."),
  })
  .meta({ id: "Problem", description: "A failure in the format of RFC 9457." });

const FieldProblem = z
  .object({
    path: z.string().describe("Its dotted path: `items.0.quantity`. A header or a query parameter by its name."),
    message: z.string().describe("What is wrong with it."),
  })
  .meta({ id: "FieldProblem", description: "What is wrong with one part of the request." });

const Shortage = z
  .object({
    productId: z.string().describe("The product's id."),
    requested: z.int().describe("Units requested."),
    available: z.int().describe("Units in stock."),
  })
  .meta({ id: "Shortage", description: "A product of which there is not enough." });

const Limit = z
  .object({
    productId: z.string().describe("The product's id."),
    requested: z.int().describe("Units requested."),
    allowed: z.int().describe("The most units of it that the caller may order now."),
  })
  .meta({ id: "Limit", description: "A product of which buyers without a verified e-mail address may have less." });

const LineProblem = z
  .object({
    productId: z.string().describe("The product's id."),
    name: z.string().describe("The product's name. Empty when there is no such product."),
    reason: z.string().describe("What is wrong with it."),
  })
  .meta({ id: "LineProblem", description: "What is wrong with one line." });

const Lines = z.array(LineProblem).describe("The lines concerned.");
const CurrentVersion = {
  currentVersion: z.int().optional().describe("The current version. Absent when `If-Match` held no version."),
};

/** The members of a code's failures in addition to those of `Problem`. */
const MEMBERS: { readonly [Code in ErrorCode]?: z.ZodRawShape } = {
  validation_failed: { errors: z.array(FieldProblem).describe("Each part of the request that is wrong.") },
  insufficient_stock: {
    shortages: z
      .array(Shortage)
      .optional()
      .describe("Every short product. Present when several products were requested."),
    available: z.int().optional().describe("Units in stock. Present when one product was requested."),
  },
  stock_held: { available: z.int().describe("Units that are neither held nor reserved.") },
  quantity_below_minimum: {
    minimum: z.int().describe("The fewest units that one order takes."),
    lines: Lines.optional(),
  },
  product_unavailable: { lines: Lines },
  product_not_found: { lines: Lines.optional() },
  refund_exceeds_order: { lines: Lines.optional() },
  total_changed: { total: z.int().describe("The current total of the order, in minor units.") },
  illegal_transition: {
    from: z.string().describe("The current status."),
    to: z.string().describe("The requested status."),
    allowedStates: z.array(z.string()).describe("The statuses that the caller may set now."),
  },
  quantity_limited: {
    allowed: z.int().describe("The most units of the first such product that the caller may order now."),
    limits: z.array(Limit).describe("Every product of which more was requested than is allowed."),
  },
  cart_already_ordered: { orderId: z.string().describe("The order that the cart became.") },
  rate_limited: {
    retryAt: z.iso.datetime().optional().describe("When to retry, where that takes longer than a minute."),
  },
  too_many_attempts: { retryAt: z.iso.datetime().describe("When to retry.") },
  too_many_texts: { retryAt: z.iso.datetime().describe("When another text may be requested.") },
  cart_version_conflict: CurrentVersion,
  product_version_conflict: CurrentVersion,
  template_version_conflict: CurrentVersion,
};

export function problemMembers(code: ErrorCode): z.ZodObject {
  return z.object(MEMBERS[code] ?? {});
}

const OF_ACCESS: Readonly<Record<Access, readonly ErrorCode[]>> = {
  public: [],
  "guest-or-user": ["unauthenticated"],
  user: ["unauthenticated"],
  "order-token-or-user": ["unauthenticated"],
  staff: ["unauthenticated", "forbidden"],
  admin: ["unauthenticated", "forbidden"],
  "admin-or-metrics-token": ["unauthenticated", "forbidden"],
};

/** The codes of a route: its own, and those of the checks that apply to it. */
export function codesOf(route: Route): ErrorCode[] {
  return [
    ...route.errors,
    ...OF_ACCESS[route.access],
    ...(route.anyQuery === undefined ? (["validation_failed"] as const) : []),
    ...(route.params === undefined || route.errors.includes("product_not_found") ? [] : (["not_found"] as const)),
    ...(route.method === "get" ? [] : (["payload_too_large"] as const)),
    // A call without a body refuses one, because it would be lost.
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

/** Adds the component of a code and returns the reference to it. */
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

/** The failures by status. `headers` are those of every answer of the operation. */
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
