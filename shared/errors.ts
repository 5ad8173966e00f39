// The expected failures of every Worker. Their HTTP statuses stand in one table, in the gateway; nothing else maps them.
import { err } from "./result.ts";
import type { Result } from "./result.ts";

/** Stable, public problem codes (RFC 9457 `code`). A code is never renamed: clients branch on it. */
export const ERROR_CODES = [
  "validation_failed",
  "invalid_cursor",
  "malformed_json",
  "invalid_signature",
  "unauthenticated",
  "invalid_credentials",
  "refresh_token_invalid",
  "refresh_token_reused",
  "reset_token_invalid",
  "verification_token_invalid",
  "forbidden",
  "not_found",
  "product_not_found",
  "method_not_allowed",
  "email_taken",
  "sku_taken",
  "category_in_use",
  "category_cycle",
  "category_too_deep",
  "brand_in_use",
  "last_admin",
  "insufficient_stock",
  "stock_held",
  "reservation_conflict",
  "quantity_below_minimum",
  "too_many_lines",
  "too_many_images",
  "cart_empty",
  "cart_closed",
  "product_unavailable",
  "total_changed",
  "illegal_transition",
  "order_not_payable",
  "too_many_open_orders",
  "quantity_limited",
  "cart_already_ordered",
  "too_many_attempts",
  "too_many_texts",
  "phone_code_invalid",
  "external_id_taken",
  "payment_not_capturable",
  "payment_not_refundable",
  "amount_exceeds_authorized",
  "amount_exceeds_captured",
  "refund_exceeds_order",
  "idempotency_in_progress",
  "idempotency_key_reused",
  "cart_version_conflict",
  "product_version_conflict",
  "template_version_conflict",
  "payload_too_large",
  "unsupported_media_type",
  "coupon_not_found",
  "upgrade_required",
  "rate_limited",
  "payment_provider_unavailable",
  "service_unavailable",
  "internal_error",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** One field of the input and what is wrong with it. `path` is dotted: `items.0.quantity`. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Members that a problem carries beside its code, by code: see api.md. All are plain JSON. */
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
