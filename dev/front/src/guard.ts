// Who may reach what only a local run has: `/dev` and `/_stripe` have no sign-in, so they answer this machine and its own pages only.
// A page of the internet that is open in a browser here could else post to them, or read them under a name of its own that leads to
// 127.0.0.1 (DNS rebinding). X-Forwarded-Host and Forwarded are not read: whoever sends a request writes them as they like.
import { problem } from "./problem.ts";

const LOCAL_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** The origins of ALLOWED_ORIGINS, separated by commas. */
function originsOf(list: string): ReadonlySet<string> {
  return new Set(list.split(",").flatMap((origin) => origin.trim() || []));
}

/** Why a request for a local path is refused, as its answer; undefined when it may go on. `allowed` is ALLOWED_ORIGINS. */
export function refusalOf(request: Request, url: URL, allowed: string): Response | undefined {
  if (!LOCAL_HOSTS.has(url.hostname)) {
    return problem("misdirected_request", "This path answers at localhost, 127.0.0.1 and [::1] only.", [
      { path: "Host", message: "must be localhost, 127.0.0.1 or [::1], with any port" },
    ]);
  }
  // Programs and a browser's own navigation send no Origin; a page that hides its own sends `null`.
  const origin = request.headers.get("origin");
  if (origin === null || origin === url.origin || originsOf(allowed).has(origin)) return undefined;
  return problem("forbidden", "Pages of this origin may not use this path; ALLOWED_ORIGINS names those that may.", [
    { path: "Origin", message: "must be this server's own or one of ALLOWED_ORIGINS" },
  ]);
}
