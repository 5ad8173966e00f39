// The answers of the webhook route. Stripe calls this Worker directly, so it sets the headers that the gateway sets elsewhere.
import type { ErrorCode } from "#shared/errors";
import { problemResponse } from "#shared/problems";
import { CONTENT_SECURITY_POLICY, SECURITY_HEADERS } from "#shared/security-headers";

/** The headers of every answer of this Worker over HTTP. */
export function answerHeaders(requestId: string): Readonly<Record<string, string>> {
  return { ...SECURITY_HEADERS, "content-security-policy": CONTENT_SECURITY_POLICY, "x-request-id": requestId };
}

export function problem(
  code: ErrorCode,
  detail: string,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return problemResponse({ code, detail }, requestId, { ...answerHeaders(requestId), ...headers });
}
