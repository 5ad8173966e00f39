// The HTTP app: runs each request as one logged invocation, finds its route, and gives every answer the same headers.
import { Hono } from "hono";
import type { Context } from "hono";
import { fail } from "#shared/errors";
import type { DomainError } from "#shared/errors";
import { log, withInvocation } from "#shared/logger";
import { problemResponse } from "#shared/problems";
import { challengeFor } from "./access.ts";
import type { Identity } from "./access.ts";
import type { GatewayDeps } from "./deps.ts";
import { identify } from "./http/authentication.ts";
import { requestIdOf, traceparentOf } from "./http/headers.ts";
import { noSuchPath } from "./http/path.ts";
import { newRateCount, setRateHeaders } from "./http/rate-limit.ts";
import type { RateCount } from "./http/rate-limit.ts";
import { optionsResponse, setResponseHeaders } from "./http/response-headers.ts";
import { runRoute } from "./http/run-route.ts";
import { withSocketCredentials } from "./http/sockets.ts";
import { isBug } from "./peers.ts";
import type { Route } from "./route.ts";
import { allRoutes } from "./routes.ts";

interface AppEnv {
  Variables: { requestId: string; identity: Identity; rate: RateCount };
}
type AppContext = Context<AppEnv>;

/** The whole HTTP surface over these dependencies. */
export function createApp(deps: GatewayDeps): Hono<AppEnv> {
  const { allowedOrigins, logLevel, now } = deps.settings;
  const app = new Hono<AppEnv>();

  app.use(async (c, next) => {
    const request = c.req.raw;
    const requestId = requestIdOf(request);
    c.set("requestId", requestId);
    const startedAt = now();
    await withInvocation(
      { worker: "gateway", operation: "fetch", correlationId: requestId, requestId, level: logLevel },
      async () => {
        await next();
        setResponseHeaders(c.res.headers, request, requestId, allowedOrigins);
        const rate = c.get("rate") as RateCount | undefined;
        if (rate !== undefined) setRateHeaders(c.res.headers, rate);
        logRequest(c, c.res.status, now() - startedAt);
      },
    );
  });

  for (const [path, allow] of methodsByPath(allRoutes)) {
    for (const route of allRoutes.filter((candidate) => candidate.path === path)) {
      app.on(route.method.toUpperCase(), honoPath(path), (c) => serveRoute(route, deps, c));
    }
    // Reached by a known path with a method that none of its routes has.
    app.all(honoPath(path), (c) => {
      if (c.req.method === "OPTIONS") return optionsResponse(c.req.raw, allow, allowedOrigins);
      const methods = allow.join(", ");
      const { error } = fail("method_not_allowed", `This path does not support ${c.req.method}; it takes ${methods}.`);
      return problem(c, error, { allow: methods });
    });
  }
  // The page's own address has no trailing slash; people type one.
  app.get("/api/docs/", (c) => c.redirect("/api/docs", 308));
  const patterns = allRoutes.map(
    ({ path }) => new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  );
  app.notFound((c) =>
    problem(c, noSuchPath(c.req.path, (path) => patterns.some((pattern) => pattern.test(path))).error),
  );
  app.onError((error, c) => unexpected(c, error));
  return app;
}

async function serveRoute(route: Route, deps: GatewayDeps, c: AppContext): Promise<Response> {
  const request = route.socket === undefined ? c.req.raw : withSocketCredentials(c.req.raw);
  const credentials = { tokens: deps.tokens, metricsToken: deps.settings.metricsToken };
  const identity = await identify(request, credentials, route.access);
  c.set("identity", identity);
  const rate = newRateCount(deps.settings.limiters);
  c.set("rate", rate);
  const outcome = await runRoute(route, deps, {
    request,
    requestId: c.get("requestId"),
    traceparent: traceparentOf(request),
    identity,
    rate,
    rawParams: c.req.param(),
    waitUntil: (work) => {
      c.executionCtx.waitUntil(work);
    },
  });
  return outcome.ok ? outcome.value : problem(c, outcome.error);
}

function problem(c: AppContext, error: DomainError, headers: Readonly<Record<string, string>> = {}): Response {
  const challenge: Record<string, string> =
    error.code === "unauthenticated" ? { "www-authenticate": challengeFor(c.get("identity"), error.detail) } : {};
  return problemResponse(error, c.get("requestId"), { ...challenge, ...headers });
}

/** The answer to a throw: 500 for a bug, 503 for an outage. The cause stays in the log. */
function unexpected(c: AppContext, error: unknown): Response {
  log("error", "request failed", { method: c.req.method, path: c.req.path, error });
  const failure = isBug(error)
    ? fail("internal_error", "Something went wrong on our side; report the requestId if trying again does not help.")
    : fail("service_unavailable", "A part of the shop does not answer; try again in a moment.");
  return problem(c, failure.error);
}

/** `/api/orders/{orderId}` as Hono writes it. */
function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/**
 * The methods of each path, for 405 and OPTIONS: those of its routes, HEAD where there is GET, and OPTIONS. Paths without a parameter come
 * first, so that `GET /api/orders/quote` is a wrong method and not an order with the id "quote".
 */
function methodsByPath(routes: readonly Route[]): [string, string[]][] {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    const own = method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()];
    methods.set(path, [...(methods.get(path) ?? []), ...own]);
  }
  return [...methods]
    .map(([path, own]): [string, string[]] => [path, [...own, "OPTIONS"]])
    .toSorted(([a], [b]) => Number(a.includes("{")) - Number(b.includes("{")));
}

const READS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** One line per request; successful reads at debug level. The query is left out, because people may have typed it. */
function logRequest(c: AppContext, status: number, ms: number): void {
  const identity = c.get("identity") as Identity | undefined;
  const userId = identity?.kind === "user" ? identity.user.id : undefined;
  const level = status >= 400 || !READS.includes(c.req.method) ? "info" : "debug";
  log(level, "request", { method: c.req.method, path: c.req.path, status, ms, userId });
}
