// The webhook's failures as RFC 9457 problems: Stripe comes here and not through the gateway, which does this for everyone else.
import type { ErrorCode } from "#shared/errors";

const TITLES = {
  invalid_signature: [400, "Invalid signature"],
  malformed_json: [400, "Malformed JSON"],
  validation_failed: [400, "Validation failed"],
  not_found: [404, "Not found"],
  method_not_allowed: [405, "Method not allowed"],
  payload_too_large: [413, "Payload too large"],
} as const satisfies Partial<Record<ErrorCode, readonly [number, string]>>;

export function problem(
  code: keyof typeof TITLES,
  detail: string,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const [status, title] = TITLES[code];
  return Response.json(
    { type: "about:blank", title, status, detail, code, requestId },
    { status, headers: { ...headers, "content-type": "application/problem+json", "x-request-id": requestId } },
  );
}
