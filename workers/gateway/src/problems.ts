// Every failure as problem+json (RFC 9457). This is the one table from error code to HTTP status; nothing else maps them.
import { z } from "zod";
import { ERROR_CODES } from "#shared/errors";
import type { DomainError, ErrorCode } from "#shared/errors";
import { RATE_LIMIT_RETRY_SECONDS, UNAVAILABLE_RETRY_SECONDS } from "./constants.ts";

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

export const PROBLEMS = {
  validation_failed: { status: 400, title: "The request is not valid" },
  invalid_cursor: { status: 400, title: "The cursor does not fit" },
  malformed_json: { status: 400, title: "The body is not JSON" },
  invalid_signature: { status: 400, title: "The signature is not valid" },
  unauthenticated: { status: 401, title: "Sign in first" },
  invalid_credentials: { status: 401, title: "Wrong e-mail or password" },
  refresh_token_invalid: { status: 401, title: "The refresh token is not valid" },
  refresh_token_reused: { status: 401, title: "The refresh token was used before" },
  reset_token_invalid: { status: 401, title: "The link to reset the password is not valid" },
  verification_token_invalid: { status: 401, title: "The link to verify the e-mail is not valid" },
  forbidden: { status: 403, title: "Not allowed" },
  not_found: { status: 404, title: "Not found" },
  product_not_found: { status: 404, title: "Product not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  email_taken: { status: 409, title: "The e-mail is taken" },
  sku_taken: { status: 409, title: "The SKU is taken" },
  category_in_use: { status: 409, title: "The category is not empty" },
  category_cycle: { status: 409, title: "The category cannot stand below itself" },
  category_too_deep: { status: 409, title: "The tree of categories would be too deep" },
  brand_in_use: { status: 409, title: "The brand has products" },
  last_admin: { status: 409, title: "The shop needs an admin" },
  insufficient_stock: { status: 409, title: "Not enough in stock" },
  stock_held: { status: 409, title: "The stock is held" },
  reservation_conflict: { status: 409, title: "The reservation exists with other contents" },
  quantity_below_minimum: { status: 409, title: "Under the minimum quantity" },
  too_many_lines: { status: 409, title: "Too many lines" },
  too_many_images: { status: 409, title: "Too many images" },
  cart_empty: { status: 409, title: "The cart is empty" },
  cart_closed: { status: 409, title: "The cart is closed" },
  product_unavailable: { status: 409, title: "A product cannot be ordered" },
  total_changed: { status: 409, title: "The total has changed" },
  illegal_transition: { status: 409, title: "The order cannot go there" },
  order_not_payable: { status: 409, title: "The order cannot be paid" },
  too_many_open_orders: { status: 409, title: "Too many unpaid orders" },
  quantity_limited: { status: 409, title: "More than an unverified buyer may order" },
  cart_already_ordered: { status: 409, title: "The cart was ordered already" },
  too_many_attempts: { status: 409, title: "Too many declined payments" },
  too_many_texts: { status: 409, title: "Too many text messages" },
  external_id_taken: { status: 409, title: "The external id is taken" },
  payment_not_capturable: { status: 409, title: "The payment cannot be captured" },
  payment_not_refundable: { status: 409, title: "The payment cannot be refunded" },
  amount_exceeds_authorized: { status: 409, title: "More than was authorized" },
  amount_exceeds_captured: { status: 409, title: "More than was captured" },
  refund_exceeds_order: { status: 409, title: "More than the order has left to refund" },
  idempotency_in_progress: { status: 409, title: "The same request is being worked on" },
  cart_version_conflict: { status: 412, title: "The cart has changed" },
  product_version_conflict: { status: 412, title: "The product has changed" },
  template_version_conflict: { status: 412, title: "The template has changed" },
  payload_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The content type is not supported" },
  idempotency_key_reused: { status: 422, title: "The idempotency key belongs to another request" },
  phone_code_invalid: { status: 422, title: "The code is not valid" },
  coupon_not_found: { status: 422, title: "There is no such coupon" },
  upgrade_required: { status: 426, title: "This is a WebSocket" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal_error: { status: 500, title: "Internal error" },
  payment_provider_unavailable: { status: 503, title: "The payment provider does not answer" },
  service_unavailable: { status: 503, title: "Not available for the moment" },
} as const satisfies Record<ErrorCode, ProblemKind>;

/** The body of every failure. Members beside these come with the codes they belong to. */
export const Problem = z
  .object({
    type: z.string().describe("The kind of failure as a URN: `urn:tradepost:problem:` and the code."),
    title: z.string().describe("The kind of failure in words. It is the same for every failure of a code."),
    status: z.int().describe("The HTTP status."),
    detail: z.string().describe("What is wrong this time and what to do about it, for the person who reads it."),
    code: z.enum(ERROR_CODES).describe("What went wrong. A code never changes its meaning."),
    requestId: z.string().describe("The request's id, as `X-Request-Id` told it."),
  })
  .meta({ id: "Problem", description: "A failure as RFC 9457 writes it." });

const FieldProblem = z
  .object({
    path: z
      .string()
      .describe("Where it stands, dotted: `items.0.quantity`. A header or a query parameter by its name."),
    message: z.string().describe("What is wrong with it."),
  })
  .meta({ id: "FieldProblem", description: "What is wrong with one part of the request." });

const Shortage = z
  .object({
    productId: z.string().describe("The product's id."),
    requested: z.int().describe("Units asked for."),
    available: z.int().describe("Units that there are."),
  })
  .meta({ id: "Shortage", description: "A product of which there is not enough." });

const Limit = z
  .object({
    productId: z.string().describe("The product's id."),
    requested: z.int().describe("Units asked for."),
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

const Lines = z.array(LineProblem).describe("The lines that it is about.");
const CurrentVersion = {
  currentVersion: z
    .int()
    .optional()
    .describe("The version of now. Absent when `If-Match` did not hold a version at all."),
};

/** What a code's failures carry beside the members that all have. */
const MEMBERS: { readonly [Code in ErrorCode]?: z.ZodRawShape } = {
  validation_failed: { errors: z.array(FieldProblem).describe("Each part of the request that is wrong.") },
  insufficient_stock: {
    shortages: z.array(Shortage).optional().describe("Every short product. There when several may be asked for."),
    available: z.int().optional().describe("Units that there are. There when one product is asked for."),
  },
  stock_held: { available: z.int().describe("Units that are neither held nor reserved.") },
  quantity_below_minimum: {
    minimum: z.int().describe("The fewest units that one order takes."),
    lines: Lines.optional(),
  },
  product_unavailable: { lines: Lines },
  product_not_found: { lines: Lines.optional() },
  refund_exceeds_order: { lines: Lines.optional() },
  total_changed: { total: z.int().describe("What the order costs now, in minor units.") },
  illegal_transition: {
    from: z.string().describe("The status of now."),
    to: z.string().describe("The status asked for."),
    allowedStates: z.array(z.string()).describe("The statuses that the caller may give it now. Empty: none."),
  },
  quantity_limited: {
    allowed: z.int().describe("The most units of the first such product that the caller may order now."),
    limits: z.array(Limit).describe("Every product of which more was asked for than is allowed."),
  },
  cart_already_ordered: { orderId: z.string().describe("The order that was made of the cart.") },
  rate_limited: {
    retryAt: z.iso
      .datetime()
      .optional()
      .describe("When the same may be tried again, where it takes longer than a minute."),
  },
  too_many_attempts: { retryAt: z.iso.datetime().describe("When the same may be tried again.") },
  too_many_texts: { retryAt: z.iso.datetime().describe("When a text may be asked for again.") },
  cart_version_conflict: CurrentVersion,
  product_version_conflict: CurrentVersion,
  template_version_conflict: CurrentVersion,
};

/** The members that failures of this code carry beside those of `Problem`. */
export function problemMembers(code: ErrorCode): z.ZodObject {
  return z.object(MEMBERS[code] ?? {});
}

function secondsUntil(time: string): number {
  return Math.max(1, Math.ceil((Date.parse(time) - Date.now()) / 1_000));
}

/** What the answer says beside its body. */
function problemHeaders(status: number, retryAt: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="tradepost"';
  if (status === 426) headers["upgrade"] = "websocket";
  if (status === 429)
    headers["retry-after"] = String(retryAt === undefined ? RATE_LIMIT_RETRY_SECONDS : secondsUntil(retryAt));
  if (status === 503) headers["retry-after"] = String(UNAVAILABLE_RETRY_SECONDS);
  return headers;
}

/** Renders a failure. `headers` are added to those that the status asks for. */
export function problemResponse(
  error: DomainError,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { code, detail, ...extensions } = error;
  const { status, title } = PROBLEMS[code];
  const type = `urn:tradepost:problem:${code}`;
  return new Response(JSON.stringify({ type, title, status, detail, code, requestId, ...extensions }), {
    status,
    headers: { ...problemHeaders(status, error.retryAt), ...headers },
  });
}
