// The headers of every answer: the request id, the security headers, and CORS for the configured origins.
import { CONTENT_SECURITY_POLICY, SECURITY_HEADERS } from "#shared/security-headers";
import { PREFLIGHT_MAX_AGE_SECONDS } from "../constants.ts";

/** A list: walking the object would cost every answer more. */
const HEADERS = Object.entries(SECURITY_HEADERS);

const EXPOSED_HEADERS =
  "X-Cart-Token, ETag, X-Request-Id, Idempotency-Replayed, Retry-After, RateLimit, RateLimit-Policy";
const ALLOWED_HEADERS =
  "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Cart-Token, X-Request-Id, traceparent";

export function setResponseHeaders(
  headers: Headers,
  request: Request,
  requestId: string,
  allowedOrigins: ReadonlySet<string>,
): void {
  headers.set("x-request-id", requestId);
  for (const [name, value] of HEADERS) headers.set(name, value);
  // The docs page and the pictures set their own policy.
  if (!headers.has("content-security-policy")) headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
  // Also without an Origin: a shared cache must not serve an answer without CORS headers to a page that needs them.
  headers.append("vary", "Origin");
  const origin = request.headers.get("origin");
  if (origin !== null && allowedOrigins.has(origin)) {
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  }
}

/** The answer to OPTIONS: the methods of the path, and the preflight headers for a configured origin. */
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
