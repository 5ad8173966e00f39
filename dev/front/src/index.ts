// The local door: what comes to which Worker. `/dev/...` is its own, `/_stripe/...` and `/v1/...` the sandbox's, Stripe's webhook
// goes straight to payments as the production route does, and all the rest, sockets and assets included, to the gateway.
import { newId } from "#shared/ids";
import { handleDev } from "./dev.ts";
import type { FrontBindings } from "./dev.ts";

const SANDBOX_PREFIX = "/_stripe";
/** Where Stripe's API is on its own host. */
const STRIPE_API = "/v1";
const WEBHOOK_PATH = "/api/webhooks/stripe";

function isUnder(prefix: string, pathname: string): boolean {
  return pathname === prefix || pathname.startsWith(`${prefix}/`);
}

/** The path at the sandbox of what is meant for it. Stripe's SDKs take a host and a port, but no path before `/v1`. */
function pathAtSandbox(pathname: string): string | undefined {
  if (isUnder(SANDBOX_PREFIX, pathname)) return pathname.slice(SANDBOX_PREFIX.length) || "/";
  return isUnder(STRIPE_API, pathname) ? pathname : undefined;
}

async function toSandbox(sandbox: Fetcher, request: Request, url: URL, pathname: string): Promise<Response> {
  url.pathname = pathname;
  return await sandbox.fetch(new Request(url, request));
}

/**
 * The request's URL, or undefined when its Host header or `OPTIONS *` makes none that could be passed on: the runtime would
 * answer 500. In production Cloudflare refuses such requests before a Worker sees them.
 */
function urlOf(request: Request): URL | undefined {
  if (!URL.canParse(request.url)) return undefined;
  const url = new URL(request.url);
  return url.hostname.includes("*") ? undefined : url;
}

/** In the gateway's form (RFC 9457). */
function badRequest(): Response {
  const code = "validation_failed";
  const problem = {
    type: `urn:tradepost:problem:${code}`,
    title: "The request is not valid",
    status: 400,
    detail: "The Host header and the path make no URL.",
    code,
    requestId: newId("req"),
    errors: [{ path: "Host", message: "is not a host" }],
  };
  const headers = { "content-type": "application/problem+json", "x-request-id": problem.requestId };
  return new Response(JSON.stringify(problem), { status: 400, headers });
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = urlOf(request);
    if (url === undefined) return badRequest();
    if (isUnder("/dev", url.pathname)) return await handleDev(request, url, env);
    const sandbox = env.STRIPE_SANDBOX;
    const atSandbox = pathAtSandbox(url.pathname);
    if (sandbox !== undefined && atSandbox !== undefined) return await toSandbox(sandbox, request, url, atSandbox);
    const target = url.pathname === WEBHOOK_PATH ? env.PAYMENTS : env.GATEWAY;
    return await target.fetch(request);
  },
} satisfies ExportedHandler<FrontBindings>;
