// What the gateway's routes work with, made of its bindings once per isolate.
import { systemCall } from "#shared/call";
import { parseLogLevel } from "#shared/logger";
import type { LogLevel } from "#shared/logger";
import { newId } from "#shared/ids";
import { PART_DEADLINE_MS } from "./constants.ts";
import { limitersOf } from "./limits.ts";
import type { Limiters } from "./limits.ts";
import { PublicCache } from "./http/public-cache.ts";
import { boundPeers, guardedPeers } from "./peers.ts";
import type { Peers } from "./peers.ts";
import { TokenVerifier } from "./http/tokens.ts";

export interface Settings {
  readonly issuer: string;
  readonly audience: string;
  readonly allowedOrigins: ReadonlySet<string>;
  /** Absent: nothing is limited. */
  readonly limiters?: Limiters;
  readonly assets: Pick<Fetcher, "fetch">;
  /** The Workers that serve live sockets: their typed entrypoints, which take upgrades too. */
  readonly sockets: { readonly cart: Pick<Fetcher, "fetch">; readonly orders: Pick<Fetcher, "fetch"> };
  readonly logLevel: LogLevel;
  readonly now: () => number;
  /** How long an answer of several parts waits for each. */
  readonly partDeadlineMs: number;
  /** What a scraper reads the figures with. Absent: only an admin reads them. */
  readonly metricsToken?: string;
}

/** METRICS_TOKEN is a secret that a shop may do without, so no configuration declares it. */
export type GatewayBindings = GatewayEnv & { readonly METRICS_TOKEN?: string };

export interface GatewayDeps extends Peers {
  readonly settings: Settings;
  readonly tokens: TokenVerifier;
  readonly cache: PublicCache;
}

export function settingsOf(env: GatewayBindings): Settings {
  const { METRICS_TOKEN: metricsToken = "" } = env;
  return {
    issuer: env.JWT_ISSUER,
    audience: env.JWT_AUDIENCE,
    allowedOrigins: new Set(env.ALLOWED_ORIGINS.split(",").flatMap((origin) => origin.trim() || [])),
    // Anything but exactly `off` leaves them on: a typing error must not open the door.
    ...(env.RATE_LIMITS === "off" ? {} : { limiters: limitersOf(env) }),
    assets: env.ASSETS,
    sockets: { cart: env.ORDERS, orders: env.NOTIFICATIONS },
    logLevel: parseLogLevel(env.LOG_LEVEL),
    now: Date.now,
    partDeadlineMs: PART_DEADLINE_MS,
    ...(metricsToken === "" ? {} : { metricsToken }),
  };
}

/** Puts the deadlines on the peers and makes what an isolate remembers: keys, verified tokens, public answers. */
export function depsOf(peers: Peers, settings: Settings): GatewayDeps {
  const reachable = guardedPeers(peers);
  const tokens = new TokenVerifier({
    issuer: settings.issuer,
    audience: settings.audience,
    now: settings.now,
    fetchKeys: async () => {
      const answer = await reachable.accounts.jwks(systemCall("gateway", newId("req")));
      if (!answer.ok) throw new Error(answer.error.detail);
      return answer.value.keys;
    },
  });
  return { ...reachable, settings, tokens, cache: new PublicCache() };
}

export function createDeps(env: GatewayEnv): GatewayDeps {
  return depsOf(boundPeers(env), settingsOf(env));
}
