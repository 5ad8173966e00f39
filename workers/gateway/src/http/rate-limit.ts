// Rate limits by class, per user where there is one, else per client network. They keep abuse out and are no accounting: the
// binding counts per location. Every limited answer says which limits it was counted by, in the headers of
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
import { LIMITS } from "../limits.ts";
import type { LimitClass, Limiters } from "../limits.ts";

/** The limits that one request is counted by. */
export interface RateCount {
  /** Absent: nothing is limited. */
  readonly limiters: Limiters | undefined;
  /** The classes that were counted, in order. */
  readonly classes: Set<LimitClass>;
  /** The class that refused the request. */
  refusedBy?: LimitClass;
}

export function newRateCount(limiters: Limiters | undefined): RateCount {
  return { limiters, classes: new Set() };
}

interface Counted {
  readonly limitClass: LimitClass;
  readonly key: string;
}

/**
 * What a request to a route of this class is counted by. Who signs in is nobody yet, whatever token comes along, so login, register
 * and forgot go by the network alone; never by the e-mail, whose owner a stranger could shut out. What a signed-in caller does with
 * passwords counts for the network too: with many accounts one could have many hashed from one place.
 */
function countsOf(limitClass: LimitClass, identity: Identity, network: string): readonly Counted[] {
  if (limitClass === "login" || limitClass === "register" || limitClass === "forgot") {
    return [
      { limitClass, key: network },
      { limitClass: "network", key: network },
    ];
  }
  const own = { limitClass, key: identity.kind === "user" ? identity.user.id : network };
  if (limitClass === "read") return [own];
  const ofNetwork: Counted[] = limitClass === "auth" && identity.kind === "user" ? [{ limitClass, key: network }] : [];
  return [own, ...ofNetwork, { limitClass: "network", key: network }];
}

async function spend(limiters: Limiters, limitClass: LimitClass, key: string): Promise<boolean> {
  try {
    return (await limiters[limitClass].limit({ key })).success;
  } catch (error) {
    // Without its counter the shop stays open: the limit is a courtesy to the Workers behind, not a lock.
    log("warn", "the rate limiter does not answer", { limitClass, error });
    return true;
  }
}

/** Counts a request to a route of this class, by all that it is counted by. Fails with rate_limited. */
export async function limitRequest(
  count: RateCount,
  limitClass: LimitClass,
  identity: Identity,
  request: Request,
): Promise<Outcome<null>> {
  for (const counted of countsOf(limitClass, identity, networkOf(request))) {
    const limited = await limitRate(count, counted.limitClass, counted.key);
    if (!limited.ok) return limited;
  }
  return ok(null);
}

/** Counts once. Fails with rate_limited. */
async function limitRate(count: RateCount, limitClass: LimitClass, key: string): Promise<Outcome<null>> {
  if (count.limiters === undefined) return ok(null);
  count.classes.add(limitClass);
  if (await spend(count.limiters, limitClass, key)) return ok(null);
  count.refusedBy = limitClass;
  const { limit, windowSeconds } = LIMITS[limitClass];
  const allowed = `${String(limit)} requests of this kind in ${String(windowSeconds)} seconds`;
  return fail("rate_limited", `No more than ${allowed} are answered; wait as long as Retry-After says.`);
}

/**
 * Counts an order of who is not proven: per account, or per guest e-mail and client network, since a stranger may type any
 * address. A proven account's orders are writes like any other.
 */
export async function limitOrders(
  count: RateCount,
  { actor, network = "unknown" }: Call,
  email: string | undefined,
): Promise<Outcome<null>> {
  if (count.limiters === undefined || isProven(actor)) return ok(null);
  const buyer = isUser(actor) ? actor.id : `guest:${await sha256Hex(`${email ?? ""} ${network}`)}`;
  return await limitRate(count, "order", buyer);
}

function policyOf(limitClass: LimitClass): string {
  const { limit, windowSeconds } = LIMITS[limitClass];
  return `"${limitClass}";q=${String(limit)};w=${String(windowSeconds)}`;
}

/** Tells the limits in the headers of an answer; of what is left, only that nothing is: the binding knows no more. */
export function setRateHeaders(headers: Headers, { classes, refusedBy }: RateCount): void {
  if (classes.size > 0) headers.set("ratelimit-policy", [...classes].map(policyOf).join(", "));
  if (refusedBy === undefined) return;
  const { windowSeconds } = LIMITS[refusedBy];
  headers.set("ratelimit", `"${refusedBy}";r=0;t=${String(windowSeconds)}`);
  headers.set("retry-after", String(windowSeconds));
}
