// The webhook's failures as RFC 9457 problems, in the gateway's form: Stripe comes here and not through the gateway.
import type { ErrorCode } from "#shared/errors";
import { CONTENT_SECURITY_POLICY, SECURITY_HEADERS } from "#shared/security-headers";

const TITLES = {
  invalid_signature: [400, "The signature is not valid"],
  malformed_json: [400, "The body is not JSON"],
  validation_failed: [400, "The request is not valid"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  payload_too_large: [413, "The body is too large"],
  service_unavailable: [503, "Not available for the moment"],
} as const satisfies Partial<Record<ErrorCode, readonly [number, string]>>;

/** What each answer of this Worker to the world carries. */
export function answerHeaders(requestId: string): Readonly<Record<string, string>> {
  return { ...SECURITY_HEADERS, "content-security-policy": CONTENT_SECURITY_POLICY, "x-request-id": requestId };
}

export function problem(
  code: keyof typeof TITLES,
  detail: string,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const [status, title] = TITLES[code];
  return Response.json(
    { type: `urn:tradepost:problem:${code}`, title, status, detail, code, requestId },
    {
      status,
      headers: {
        ...answerHeaders(requestId),
        ...headers,
        "content-type": "application/problem+json",
        "cache-control": "no-store",
      },
    },
  );
}
