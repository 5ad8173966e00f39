// What the local door itself refuses, in the gateway's form (RFC 9457).
import { newId } from "#shared/ids";

const KINDS = {
  validation_failed: { status: 400, title: "The request is not valid" },
  forbidden: { status: 403, title: "Not allowed" },
  misdirected_request: { status: 421, title: "Not a host of this server" },
} as const;

export function problem(
  code: keyof typeof KINDS,
  detail: string,
  errors: readonly { readonly path: string; readonly message: string }[],
): Response {
  const { status, title } = KINDS[code];
  const requestId = newId("req");
  const body = { type: `urn:tradepost:problem:${code}`, title, status, detail, code, requestId, errors };
  const headers = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-request-id": requestId,
  };
  return new Response(JSON.stringify(body), { status, headers });
}
