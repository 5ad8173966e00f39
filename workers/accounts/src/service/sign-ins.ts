// Who may try a password: see ADR 23. Wrong ones are counted per e-mail and source, a source being a client network or a device that
// signed in before, so that a stranger's tries stop the stranger. A far higher ceiling per e-mail holds for unknown sources alone.
import type { Call } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { save } from "#shared/outbox";
import { countAttempt, cancelAttempt, isKnownSource } from "../store/sign-ins.ts";
import type { Attempt, CountedAttempt, AttemptCount, AttemptLimits } from "../store/sign-ins.ts";
import type { AccountsDeps } from "./deps.ts";
import { derivedKey } from "./keys.ts";

/** What a shop sets; see docs/setup.md. */
export interface SignInRules extends Omit<AttemptLimits, "knownSince"> {
  /** False where RATE_LIMITS is `off`: then nothing is counted. */
  readonly isLimited: boolean;
  readonly rememberMs: number;
}

/** A hash under a key of the shop's, in base64url: who reads the database cannot try all networks or addresses out. */
async function keyedHash({ signingKeySecret }: AccountsDeps, parts: readonly string[]): Promise<string> {
  const key = await derivedKey(signingKeySecret, "tradepost sign-ins");
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, hmac, false, ["sign"]);
  const bytes = new TextEncoder().encode(JSON.stringify(parts));
  return Buffer.from(await crypto.subtle.sign(hmac, imported, bytes)).toString("base64url");
}

export async function networkSource(deps: AccountsDeps, { network = "unknown" }: Call, email: string): Promise<string> {
  return await keyedHash(deps, ["network", email, network]);
}

export async function deviceSource(deps: AccountsDeps, deviceToken: string, email: string): Promise<string> {
  return await keyedHash(deps, ["device", email, deviceToken]);
}

export async function sourceBucket(deps: AccountsDeps, source: string): Promise<string> {
  return await keyedHash(deps, ["failures of a source", source]);
}

/** From when on a source must have been seen to be known. */
export function knownSince({ now, signIns }: AccountsDeps): number {
  return now() - signIns.rememberMs;
}

async function sourceOf(deps: AccountsDeps, call: Call, email: string, deviceToken?: string): Promise<string> {
  // A device that is not known counts as its network: anybody can make tokens up.
  if (deviceToken !== undefined) {
    const device = await deviceSource(deps, deviceToken, email);
    if (await isKnownSource(deps.db, email, device, knownSince(deps))) return device;
  }
  return await networkSource(deps, call, email);
}

function refusal({ refusedBy, until }: Extract<AttemptCount, { refusedBy: string }>): ReturnType<typeof fail> {
  const extensions = { retryAt: new Date(until).toISOString() };
  return refusedBy === "source"
    ? fail(
        "rate_limited",
        "Too many wrong passwords for this e-mail address from your network. Have a link mailed that sets a new one, or wait until `retryAt`.",
        extensions,
      )
    : fail(
        "rate_limited",
        "Too many wrong passwords for this e-mail address. Sign in from a network or a device where you did before, have a link mailed that sets a new password, or wait until `retryAt`.",
        extensions,
      );
}

/**
 * Counts a try and runs it, unless too many were wrong: fails with rate_limited then. `run` puts `clearAttempt` into its batch when
 * the password is right; a try that found no turn to hash is taken back. Known and unknown e-mails go the same way.
 */
export async function limitAttempts<T>(
  deps: AccountsDeps,
  call: Call,
  { email, deviceToken }: { readonly email: string; readonly deviceToken?: string | undefined },
  run: (attempt: CountedAttempt) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const source = await sourceOf(deps, call, email, deviceToken);
  const attempt: Attempt = {
    email,
    emailBucket: await keyedHash(deps, ["failures of an e-mail", email]),
    source,
    sourceBucket: await sourceBucket(deps, source),
  };
  if (!deps.signIns.isLimited) return await run({ ...attempt, countsForEmail: false });
  const count = await countAttempt(deps, attempt, { ...deps.signIns, knownSince: knownSince(deps) });
  if ("refusedBy" in count) return refusal(count);
  const counted = { ...attempt, ...count };
  const outcome = await run(counted);
  if (!outcome.ok && outcome.error.code === "service_unavailable") await save(deps, cancelAttempt(counted));
  return outcome;
}
