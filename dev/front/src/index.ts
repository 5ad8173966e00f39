// The local door: what comes to which Worker. `/dev/...` is its own, `/_stripe/...` the sandbox's, Stripe's webhook goes
// straight to payments as the production route does, and all the rest, sockets and assets included, to the gateway.
import { newId } from "#shared/ids";
import { handleDev } from "./dev.ts";
import type { FrontBindings } from "./dev.ts";

const SANDBOX_PREFIX = "/_stripe";
const WEBHOOK_PATH = "/api/webhooks/stripe";

function isUnder(prefix: string, pathname: string): boolean {
  return pathname === prefix || pathname.startsWith(`${prefix}/`);
}

async function toSandbox(sandbox: Fetcher, request: Request, url: URL): Promise<Response> {
  url.pathname = url.pathname.slice(SANDBOX_PREFIX.length) || "/";
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
    if (sandbox !== undefined && isUnder(SANDBOX_PREFIX, url.pathname)) return await toSandbox(sandbox, request, url);
    const target = url.pathname === WEBHOOK_PATH ? env.PAYMENTS : env.GATEWAY;
    return await target.fetch(request);
  },
} satisfies ExportedHandler<FrontBindings>;
