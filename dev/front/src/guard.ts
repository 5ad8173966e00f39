// Protects the paths of a local run, `/dev` and `/_stripe`, which have no sign-in: only this machine and its own pages may use them.
// Otherwise a web page open in a browser here could post to them, or read them by a host name that resolves to 127.0.0.1 (DNS
// rebinding). X-Forwarded-Host and Forwarded are ignored, because any client can set them.
import { PROBLEMS } from "#shared/errors";
import type { FieldError } from "#shared/errors";
import { newId } from "#shared/ids";
import { renderProblem } from "#shared/problems";

const KINDS = {
  validation_failed: PROBLEMS.validation_failed,
  forbidden: PROBLEMS.forbidden,
  misdirected_request: { status: 421, title: "Not a host of this server" },
} as const;

/** A failure of the local door itself, in the gateway's form. */
export function problem(code: keyof typeof KINDS, detail: string, errors: readonly FieldError[]): Response {
  const requestId = newId("req");
  return renderProblem({ ...KINDS[code], code, detail, errors }, requestId, { "x-request-id": requestId });
}

const LOCAL_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** The origins of ALLOWED_ORIGINS, separated by commas. */
function originsOf(list: string): ReadonlySet<string> {
  return new Set(list.split(",").flatMap((origin) => origin.trim() || []));
}

/** The refusal of a request for a local path; undefined if it is allowed. `allowed` is ALLOWED_ORIGINS. */
export function refusalOf(request: Request, url: URL, allowed: string): Response | undefined {
  if (!LOCAL_HOSTS.has(url.hostname)) {
    return problem("misdirected_request", "This path is available at localhost, 127.0.0.1 and [::1] only.", [
      { path: "Host", message: "must be localhost, 127.0.0.1 or [::1], with any port" },
    ]);
  }
  // Programs and navigations send no Origin. A page that hides its origin sends `null`.
  const origin = request.headers.get("origin");
  if (origin === null || origin === url.origin || originsOf(allowed).has(origin)) return undefined;
  return problem("forbidden", "Pages of this origin may not use this path. ALLOWED_ORIGINS lists those that may.", [
    { path: "Origin", message: "must be this server's own or one of ALLOWED_ORIGINS" },
  ]);
}
