// What every answer carries: the request id, the security headers, and CORS for the configured origins only.
import { PREFLIGHT_MAX_AGE_SECONDS } from "../constants.ts";

const SECURITY_HEADERS = Object.entries({
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  // Shop pages of other origins show the product images.
  "cross-origin-resource-policy": "cross-origin",
  "cross-origin-opener-policy": "same-origin",
});
/** For answers that no browser renders as a page; the docs page and the images bring their own. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";

const EXPOSED_HEADERS = "X-Cart-Token, ETag, X-Request-Id, Idempotency-Replayed, Retry-After";
const ALLOWED_HEADERS =
  "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Cart-Token, X-Request-Id, traceparent";

export function setResponseHeaders(
  headers: Headers,
  request: Request,
  requestId: string,
  allowedOrigins: ReadonlySet<string>,
): void {
  headers.set("x-request-id", requestId);
  for (const [name, value] of SECURITY_HEADERS) headers.set(name, value);
  if (!headers.has("content-security-policy")) headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
  // Also where there is no Origin: a shared cache must not give an answer without CORS headers to a page that needs them.
  headers.append("vary", "Origin");
  const origin = request.headers.get("origin");
  if (origin !== null && allowedOrigins.has(origin)) {
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  }
}

/** The answer to OPTIONS: what the path takes, and the preflight's headers when the origin is one of ours. */
export function optionsResponse(
  request: Request,
  allow: readonly string[],
  allowedOrigins: ReadonlySet<string>,
): Response {
  const methods = allow.join(", ");
  const headers = new Headers({ allow: methods });
  const origin = request.headers.get("origin");
  if (origin !== null && allowedOrigins.has(origin)) {
    headers.set("access-control-allow-methods", methods);
    headers.set("access-control-allow-headers", ALLOWED_HEADERS);
    headers.set("access-control-max-age", String(PREFLIGHT_MAX_AGE_SECONDS));
  }
  return new Response(null, { status: 204, headers });
}
