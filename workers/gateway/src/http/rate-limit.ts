// Rate limits by class: per user where one is signed in, else per client network. They keep abuse out and are no exact accounting,
// because the binding counts per location. Every limited answer names its limits in the headers of
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (version 10).
import { isProven, isUser } from "#shared/call";
import type { Call } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { log } from "#shared/logger";
import { networkOf } from "#shared/network";
import { ok } from "#shared/result";
import type { Identity } from "../access.ts";

/** One class: its binding, and how many requests of one key it accepts within a window. */
interface LimitPolicy {
  readonly binding: keyof GatewayEnv;
  readonly limit: number;
  readonly windowSeconds: number;
}

/**
 * The classes. Each counts apart, so that much reading does not block ordering. A binding does not know its own numbers at run time,
 * so they stand here and in wrangler.toml; scripts/test/limits.test.ts compares both. A new class is an entry in each.
 */
export const LIMITS = {
  auth: { binding: "AUTH_LIMITER", limit: 10, windowSeconds: 60 },
  login: { binding: "LOGIN_LIMITER", limit: 10, windowSeconds: 60 },
  register: { binding: "REGISTER_LIMITER", limit: 10, windowSeconds: 60 },
  forgot: { binding: "FORGOT_LIMITER", limit: 10, windowSeconds: 60 },
  /** All requests of one client network that are not reads, whichever accounts send them. */
  network: { binding: "NETWORK_LIMITER", limit: 1_200, windowSeconds: 60 },
  write: { binding: "WRITE_LIMITER", limit: 120, windowSeconds: 60 },
  read: { binding: "READ_LIMITER", limit: 600, windowSeconds: 60 },
  order: { binding: "ORDER_LIMITER", limit: 10, windowSeconds: 60 },
} as const satisfies Record<string, LimitPolicy>;

export type LimitClass = keyof typeof LIMITS;
export type Limiters = Readonly<Record<LimitClass, Pick<RateLimit, "limit">>>;

export function limitersOf(env: GatewayEnv): Limiters {
  const entries = Object.entries(LIMITS).map(([limitClass, { binding }]) => [limitClass, env[binding]]);
  return Object.fromEntries(entries) as Limiters;
}

/** The limits that one request was counted by. */
export interface RateCount {
  /** Undefined: nothing is limited. */
  readonly limiters: Limiters | undefined;
  /** The classes that were counted, in order. */
  readonly classes: Set<LimitClass>;
  /** The class that refused the request. */
  refusedBy?: LimitClass;
}

export function newRateCount(limiters: Limiters | undefined): RateCount {
  return { limiters, classes: new Set() };
}

/** Counts a request to a route of this class under each of its keys. Fails with rate_limited. */
export async function limitRequest(
  count: RateCount,
  limitClass: LimitClass,
  identity: Identity,
  request: Request,
): Promise<Outcome<null>> {
  for (const [counted, key] of keysOf(limitClass, identity, networkOf(request))) {
    const limited = await spend(count, counted, key);
    if (!limited.ok) return limited;
  }
  return ok(null);
}

/**
 * Which classes count a request, and under which key. Login, register and forgot count by network alone: whoever signs in is nobody
 * yet, and a count by e-mail would let a stranger lock its owner out. `auth` counts a signed-in caller by network too, because many
 * accounts could have many passwords hashed from one place.
 */
function keysOf(
  limitClass: LimitClass,
  identity: Identity,
  network: string,
): readonly (readonly [LimitClass, string])[] {
  const isSignIn = limitClass === "login" || limitClass === "register" || limitClass === "forgot";
  const userId = identity.kind === "user" && !isSignIn ? identity.user.id : undefined;
  const own = [limitClass, userId ?? network] as const;
  if (limitClass === "read") return [own];
  const byNetwork = limitClass === "auth" && userId !== undefined ? [[limitClass, network] as const] : [];
  return [own, ...byNetwork, ["network", network]];
}

/**
 * Counts an order of an unproven buyer: per account, or per guest e-mail and client network, since a guest may type any address.
 * Orders of a proven account count as writes only. Fails with rate_limited.
 */
export async function limitOrders(
  count: RateCount,
  { actor, network = "unknown" }: Call,
  email: string | undefined,
): Promise<Outcome<null>> {
  if (count.limiters === undefined || isProven(actor)) return ok(null);
  const buyer = isUser(actor) ? actor.id : `guest:${await sha256Hex(`${email ?? ""} ${network}`)}`;
  return await spend(count, "order", buyer);
}

/** Counts one request under one key. Fails with rate_limited. */
async function spend(count: RateCount, limitClass: LimitClass, key: string): Promise<Outcome<null>> {
  if (count.limiters === undefined) return ok(null);
  count.classes.add(limitClass);
  try {
    const { success } = await count.limiters[limitClass].limit({ key });
    if (success) return ok(null);
  } catch (error) {
    // The limit protects the Workers behind and is no access check: without its counter the shop stays open.
    log("warn", "the rate limiter does not answer", { limitClass, error });
    return ok(null);
  }
  count.refusedBy = limitClass;
  const { limit, windowSeconds } = LIMITS[limitClass];
  const allowed = `${String(limit)} requests of this kind in ${String(windowSeconds)} seconds`;
  return fail("rate_limited", `At most ${allowed} are accepted; wait as long as Retry-After says.`);
}

/** Sets the rate limit headers of an answer. The binding does not say how many requests are left; only a refusal says 0. */
export function setRateHeaders(headers: Headers, { classes, refusedBy }: RateCount): void {
  const policies = [...classes].map((name) => {
    const { limit, windowSeconds } = LIMITS[name];
    return `"${name}";q=${String(limit)};w=${String(windowSeconds)}`;
  });
  if (policies.length > 0) headers.set("ratelimit-policy", policies.join(", "));
  if (refusedBy === undefined) return;
  const { windowSeconds } = LIMITS[refusedBy];
  headers.set("ratelimit", `"${refusedBy}";r=0;t=${String(windowSeconds)}`);
  headers.set("retry-after", String(windowSeconds));
}
