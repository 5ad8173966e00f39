// Rate limits by class, per user where there is one, else per client address. They keep abuse out and are no accounting: the
// binding counts per location.
import { isProven, isUser } from "#shared/call";
import type { Call } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { log } from "#shared/logger";
import { networkOf } from "#shared/network";
import { ok } from "#shared/result";
import type { Identity } from "../access.ts";
import type { LimitClass, Limiters } from "../deps.ts";

const LIMITED = fail("rate_limited", "Too many requests; wait a little.");

/** Who is counted: the user, or the address that Cloudflare saw. */
export function limitKey(identity: Identity, request: Request): string {
  if (identity.kind === "user") return identity.user.id;
  return networkOf(request);
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

/** Counts one request. Fails with rate_limited. */
export async function limitRate(
  limiters: Limiters | undefined,
  limitClass: LimitClass,
  key: string,
): Promise<Outcome<null>> {
  if (limiters === undefined) return ok(null);
  return (await spend(limiters, limitClass, key)) ? ok(null) : LIMITED;
}

/** Counts a try for this e-mail, whoever makes it: a guess from many addresses is still a guess. */
export async function limitEmail(limiters: Limiters | undefined, email: string): Promise<Outcome<null>> {
  if (limiters === undefined) return ok(null);
  return await limitRate(limiters, "auth", `email:${await sha256Hex(email)}`);
}

/**
 * Counts an order of who is not proven: per account, or per guest e-mail and client network, since a stranger may type any
 * address. A proven account's orders are writes like any other.
 */
export async function limitOrders(
  limiters: Limiters | undefined,
  { actor, network = "unknown" }: Call,
  email: string | undefined,
): Promise<Outcome<null>> {
  if (limiters === undefined || isProven(actor)) return ok(null);
  const buyer = isUser(actor) ? actor.id : `guest:${await sha256Hex(`${email ?? ""} ${network}`)}`;
  return await limitRate(limiters, "order", buyer);
}
