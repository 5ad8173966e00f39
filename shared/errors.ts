// The expected failures of every Worker, and the one table that maps them to HTTP.
import { err } from "./result.ts";
import type { Result } from "./result.ts";

/**
 * Every problem code with its HTTP status and its title (RFC 9457 `code`, `status`, `title`). Codes are public and never renamed:
 * clients branch on them.
 */
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
  phone_code_invalid: { status: 422, title: "The code is not valid" },
  external_id_taken: { status: 409, title: "The external id is taken" },
  payment_not_capturable: { status: 409, title: "The payment cannot be captured" },
  payment_not_refundable: { status: 409, title: "The payment cannot be refunded" },
  amount_exceeds_authorized: { status: 409, title: "More than was authorized" },
  amount_exceeds_captured: { status: 409, title: "More than was captured" },
  refund_exceeds_order: { status: 409, title: "More than the order has left to refund" },
  idempotency_in_progress: { status: 409, title: "The same request is being worked on" },
  idempotency_key_reused: { status: 422, title: "The idempotency key belongs to another request" },
  cart_version_conflict: { status: 412, title: "The cart has changed" },
  product_version_conflict: { status: 412, title: "The product has changed" },
  template_version_conflict: { status: 412, title: "The template has changed" },
  payload_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The content type is not supported" },
  coupon_not_found: { status: 422, title: "There is no such coupon" },
  upgrade_required: { status: 426, title: "This is a WebSocket" },
  rate_limited: { status: 429, title: "Too many requests" },
  payment_provider_unavailable: { status: 503, title: "The payment provider does not answer" },
  service_unavailable: { status: 503, title: "Not available for the moment" },
  internal_error: { status: 500, title: "Internal error" },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>;

export type ErrorCode = keyof typeof PROBLEMS;

/** The codes in the order of the table. The assertion is safe: the table has only string keys, and at least one. */
export const ERROR_CODES = Object.keys(PROBLEMS) as [ErrorCode, ...ErrorCode[]];

/** One field of the input and what is wrong with it. `path` is dotted: `items.0.quantity`. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Members that some codes' problems carry in addition; workers/gateway/src/openapi/problems.ts says which. All are plain JSON. */
export interface ErrorExtensions {
  readonly errors?: readonly FieldError[];
  readonly shortages?: readonly {
    readonly productId: string;
    readonly requested: number;
    readonly available: number;
  }[];
  readonly lines?: readonly { readonly productId: string; readonly name: string; readonly reason: string }[];
  readonly available?: number;
  /** The most of the product that the caller may order now; of the first one, where `limits` has several. */
  readonly allowed?: number;
  readonly limits?: readonly { readonly productId: string; readonly requested: number; readonly allowed: number }[];
  readonly orderId?: string;
  /** When the same may be tried again, as an ISO time. */
  readonly retryAt?: string;
  readonly minimum?: number;
  readonly from?: string;
  readonly to?: string;
  /** The states that the caller may give it now. */
  readonly allowedStates?: readonly string[];
  readonly total?: number;
  readonly currentVersion?: number;
}

export interface DomainError extends ErrorExtensions {
  readonly code: ErrorCode;
  /** One sentence for the person who reads the answer; nothing internal. */
  readonly detail: string;
}

export type Outcome<T> = Result<T, DomainError>;

/** Errors that a detail names; the rest only stand in `errors`. */
const MAX_ERRORS_IN_DETAIL = 5;

export function fail(
  code: ErrorCode,
  detail: string,
  extensions: ErrorExtensions = {},
): { readonly ok: false; readonly error: DomainError } {
  return err({ code, detail, ...extensions });
}

/** `validation_failed`, whose detail names what is wrong with which field: `sku: is required; price: must be at least 1.` */
export function invalidInput(errors: readonly FieldError[]): { readonly ok: false; readonly error: DomainError } {
  const named = errors.slice(0, MAX_ERRORS_IN_DETAIL).map(({ path, message }) => `${path || "input"}: ${message}`);
  const left = errors.length - named.length;
  const detail = [...named, ...(left > 0 ? [`and ${String(left)} more`] : [])].join("; ");
  return fail("validation_failed", `${detail}.`, { errors });
}

/** What a call for users answers whoever is none. The gateway refuses guests before; this is for what reaches a Worker all the same. */
export const SIGN_IN_FIRST = fail("unauthenticated", "This is for users: sign in with POST /api/auth/login.");
