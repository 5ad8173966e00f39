// The local door routes requests: `/dev/...` to itself, `/_stripe/...` and `/v1/...` to the Stripe sandbox, Stripe's webhook to payments
// (in production a route does this), pictures of seeded products to the static files, and everything else to the gateway.
import { handleDev } from "./dev.ts";
import type { FrontBindings } from "./dev.ts";
import { problem, refusalOf } from "./guard.ts";

const DEV_PREFIX = "/dev";
const SANDBOX_PREFIX = "/_stripe";
/** The path of Stripe's API. */
const STRIPE_API = "/v1";
const WEBHOOK_PATH = "/api/webhooks/stripe";
/** A picture of a seeded product: a static file, which scripts/local/assets.ts draws. A production shop has none. */
const SEEDED_PICTURE = /^\/images\/products\/prd_seed\d+\/\d+\.svg$/;

function isUnder(prefix: string, pathname: string): boolean {
  return pathname === prefix || pathname.startsWith(`${prefix}/`);
}

/** The path at the sandbox; undefined for other requests. `/v1` has no prefix because Stripe's SDKs take a host and a port, but no path. */
function pathAtSandbox(pathname: string): string | undefined {
  if (isUnder(SANDBOX_PREFIX, pathname)) return pathname.slice(SANDBOX_PREFIX.length) || "/";
  return isUnder(STRIPE_API, pathname) ? pathname : undefined;
}

async function toSandbox(sandbox: Fetcher, request: Request, url: URL, pathname: string): Promise<Response> {
  url.pathname = pathname;
  return await sandbox.fetch(new Request(url, request));
}

/**
 * The request's URL; undefined if its Host header or `OPTIONS *` makes none, for which the runtime would answer 500. In production
 * Cloudflare refuses such requests before a Worker sees them.
 */
function urlOf(request: Request): URL | undefined {
  if (!URL.canParse(request.url)) return undefined;
  const url = new URL(request.url);
  return url.hostname.includes("*") ? undefined : url;
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = urlOf(request);
    if (url === undefined) {
      return problem("validation_failed", "The Host header and the path do not form a URL.", [
        { path: "Host", message: "is not a host" },
      ]);
    }
    const isDev = isUnder(DEV_PREFIX, url.pathname);
    const sandbox = env.STRIPE_SANDBOX;
    const atSandbox = pathAtSandbox(url.pathname);
    if (isDev || (sandbox !== undefined && atSandbox !== undefined)) {
      const refusal = refusalOf(request, url, env.ALLOWED_ORIGINS);
      if (refusal !== undefined) return refusal;
    }
    if (isDev) return await handleDev(request, url, env);
    if (sandbox !== undefined && atSandbox !== undefined) return await toSandbox(sandbox, request, url, atSandbox);
    if (request.method === "GET" && SEEDED_PICTURE.test(url.pathname)) {
      const picture = await env.PICTURES.fetch(request);
      if (picture.status !== 404) return picture;
    }
    const target = url.pathname === WEBHOOK_PATH ? env.PAYMENTS : env.GATEWAY;
    return await target.fetch(request);
  },
} satisfies ExportedHandler<FrontBindings>;
