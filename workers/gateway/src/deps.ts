// What the routes work with: made once per isolate from the bindings.
import { systemCall } from "#shared/call";
import { newId } from "#shared/ids";
import { parseLogLevel } from "#shared/logger";
import type { LogLevel } from "#shared/logger";
import { PART_DEADLINE_MS } from "./constants.ts";
import { PublicCache } from "./http/public-cache.ts";
import { limitersOf } from "./http/rate-limit.ts";
import type { Limiters } from "./http/rate-limit.ts";
import { TokenVerifier } from "./http/tokens.ts";
import { boundPeers, guardedPeers } from "./peers.ts";
import type { Peers } from "./peers.ts";

export interface Settings {
  readonly issuer: string;
  readonly audience: string;
  readonly allowedOrigins: ReadonlySet<string>;
  /** Absent: nothing is limited. */
  readonly limiters?: Limiters;
  readonly assets: Pick<Fetcher, "fetch">;
  /** The Workers that serve live sockets. Their typed entrypoints also accept upgrades. */
  readonly sockets: { readonly cart: Pick<Fetcher, "fetch">; readonly orders: Pick<Fetcher, "fetch"> };
  readonly logLevel: LogLevel;
  readonly now: () => number;
  /** How long an answer of several parts waits for each, in milliseconds. */
  readonly partDeadlineMs: number;
  /** Lets a scraper read the metrics. Absent: only an admin reads them. */
  readonly metricsToken?: string;
}

export interface GatewayDeps extends Peers {
  readonly settings: Settings;
  readonly tokens: TokenVerifier;
  readonly cache: PublicCache;
}

/** METRICS_TOKEN is an optional secret, so no configuration declares it. */
export type GatewayBindings = GatewayEnv & { readonly METRICS_TOKEN?: string };

export function createDeps(env: GatewayBindings): GatewayDeps {
  return depsOf(boundPeers(env), settingsOf(env));
}

export function settingsOf(env: GatewayBindings): Settings {
  const { METRICS_TOKEN: metricsToken = "" } = env;
  return {
    issuer: env.JWT_ISSUER,
    audience: env.JWT_AUDIENCE,
    allowedOrigins: new Set(env.ALLOWED_ORIGINS.split(",").flatMap((origin) => origin.trim() || [])),
    // Only exactly `off` switches the limits off: a typing error must not.
    ...(env.RATE_LIMITS === "off" ? {} : { limiters: limitersOf(env) }),
    assets: env.ASSETS,
    sockets: { cart: env.ORDERS, orders: env.NOTIFICATIONS },
    logLevel: parseLogLevel(env.LOG_LEVEL),
    now: Date.now,
    partDeadlineMs: PART_DEADLINE_MS,
    ...(metricsToken === "" ? {} : { metricsToken }),
  };
}

/** Guards the peers with deadlines and makes the isolate's caches: signing keys, verified tokens, public answers. */
export function depsOf(peers: Peers, settings: Settings): GatewayDeps {
  const guarded = guardedPeers(peers);
  const tokens = new TokenVerifier({
    issuer: settings.issuer,
    audience: settings.audience,
    now: settings.now,
    fetchKeys: async () => {
      const answer = await guarded.accounts.jwks(systemCall("gateway", newId("req")));
      if (!answer.ok) throw new Error(answer.error.detail);
      return answer.value.keys;
    },
  });
  return { ...guarded, settings, tokens, cache: new PublicCache() };
}
