// Renders each failure that leaves the shop over HTTP as application/problem+json (RFC 9457).
import { PROBLEMS } from "./errors.ts";
import type { DomainError, ErrorExtensions } from "./errors.ts";

/** Sent as Retry-After when a Worker refuses a caller as too frequent. The gateway's own limits send their window instead. */
const RATE_LIMIT_RETRY_SECONDS = 60;
/** Sent as Retry-After while a part of the shop is down. */
const UNAVAILABLE_RETRY_SECONDS = 5;

interface Problem extends ErrorExtensions {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** The answer for a problem with any code. `headers` add to its content type and to `no-store`. */
export function renderProblem(
  { code, status, title, detail, ...extensions }: Problem,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const type = `urn:tradepost:problem:${code}`;
  return new Response(JSON.stringify({ type, title, status, detail, code, requestId, ...extensions }), {
    status,
    headers: { ...headers, "content-type": "application/problem+json", "cache-control": "no-store" },
  });
}

function secondsUntil(time: string): number {
  return Math.max(1, Math.ceil((Date.parse(time) - Date.now()) / 1_000));
}

function headersOf(status: number, retryAt: string | undefined): Record<string, string> {
  if (status === 401) return { "www-authenticate": 'Bearer realm="tradepost"' };
  if (status === 426) return { upgrade: "websocket" };
  if (status === 429) {
    return { "retry-after": String(retryAt === undefined ? RATE_LIMIT_RETRY_SECONDS : secondsUntil(retryAt)) };
  }
  return status === 503 ? { "retry-after": String(UNAVAILABLE_RETRY_SECONDS) } : {};
}

/** The answer for an expected failure, with the headers that its status requires. `headers` override those. */
export function problemResponse(
  error: DomainError,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const kind = PROBLEMS[error.code];
  return renderProblem({ ...error, ...kind }, requestId, { ...headersOf(kind.status, error.retryAt), ...headers });
}
