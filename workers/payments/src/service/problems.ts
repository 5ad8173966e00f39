// The webhook's failures as RFC 9457 problems, in the gateway's form: Stripe comes here and not through the gateway.
import type { ErrorCode } from "#shared/errors";

const TITLES = {
  invalid_signature: [400, "The signature is not valid"],
  malformed_json: [400, "The body is not JSON"],
  validation_failed: [400, "The request is not valid"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  payload_too_large: [413, "The body is too large"],
} as const satisfies Partial<Record<ErrorCode, readonly [number, string]>>;

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
        ...headers,
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "x-request-id": requestId,
      },
    },
  );
}
