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
  coupon_not_found: { status: 422, title: "There is no such coupon" },
  upgrade_required: { status: 426, title: "This is a WebSocket" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal_error: { status: 500, title: "Internal error" },
  payment_provider_unavailable: { status: 503, title: "The payment provider does not answer" },
  service_unavailable: { status: 503, title: "Not available for the moment" },
} as const satisfies Record<ErrorCode, ProblemKind>;

const Shortage = z.object({ productId: z.string(), requested: z.int(), available: z.int() });

/** The body of every failure, for the OpenAPI document. Members beside the first six come with the codes they belong to. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(ERROR_CODES),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    shortages: z.array(Shortage).optional(),
    lines: z.array(z.object({ productId: z.string(), name: z.string(), reason: z.string() })).optional(),
    available: z.int().optional(),
    allowed: z.int().optional(),
    orderId: z.string().optional(),
    retryAt: z.iso.datetime().optional(),
    minimum: z.int().optional(),
    from: z.string().optional(),
    to: z.string().optional(),
    total: z.int().optional(),
    currentVersion: z.int().optional(),
  })
  .meta({ id: "Problem" });

/** What the answer says beside its body; `hadCredentials` tells a bad token from a missing one (RFC 6750, 3). */
function problemHeaders(status: number, hadCredentials: boolean): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (status === 401) {
    headers["www-authenticate"] = `Bearer realm="tradepost"${hadCredentials ? ', error="invalid_token"' : ""}`;
  }
  if (status === 426) headers["upgrade"] = "websocket";
  if (status === 429) headers["retry-after"] = String(RATE_LIMIT_RETRY_SECONDS);
  if (status === 503) headers["retry-after"] = String(UNAVAILABLE_RETRY_SECONDS);
  return headers;
}

/** Renders a failure. `headers` are added to those that the status asks for. */
export function problemResponse(
  error: DomainError,
  requestId: string,
  options: { readonly hadCredentials?: boolean; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  const { code, detail, ...extensions } = error;
  const { status, title } = PROBLEMS[code];
  const type = `urn:tradepost:problem:${code}`;
  return new Response(JSON.stringify({ type, title, status, detail, code, requestId, ...extensions }), {
    status,
    headers: { ...problemHeaders(status, options.hadCredentials ?? false), ...options.headers },
  });
}
