// The local door: what comes to which Worker. `/dev/...` is its own, `/_stripe/...` the sandbox's, Stripe's webhook goes
// straight to payments as the production route does, and all the rest, sockets and assets included, to the gateway.
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

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url);
    if (isUnder("/dev", url.pathname)) return await handleDev(request, url, env);
    const sandbox = env.STRIPE_SANDBOX;
    if (sandbox !== undefined && isUnder(SANDBOX_PREFIX, url.pathname)) return await toSandbox(sandbox, request, url);
    const target = url.pathname === WEBHOOK_PATH ? env.PAYMENTS : env.GATEWAY;
    return await target.fetch(request);
  },
} satisfies ExportedHandler<FrontBindings>;
