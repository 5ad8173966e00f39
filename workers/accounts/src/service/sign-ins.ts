// Limits wrong passwords: docs/adr/023-sign-in-under-attack.md. They are counted per e-mail and source, so that a stranger's attempts
// stop only the stranger. A source is a client network, or a device that signed in before. A far higher limit per e-mail applies to
// unknown sources alone.
import type { Call } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { save } from "#shared/outbox";
import { cancelAttempt, countAttempt, isKnownSource } from "../store/sign-ins.ts";
import type { Attempt, AttemptCount, CountedAttempt } from "../store/sign-ins.ts";
import type { AccountsDeps } from "./deps.ts";
import { derivedKey } from "./keys.ts";

/** An HMAC in base64url under a key of the shop's, so that nobody can find networks or addresses by hashing all of them. */
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

/** A source that was last seen before this is unknown again. Milliseconds since the epoch. */
export function knownSince({ now, signIns }: AccountsDeps): number {
  return now() - signIns.rememberMs;
}

async function sourceOf(deps: AccountsDeps, call: Call, email: string, deviceToken?: string): Promise<string> {
  // An unknown device counts as its network, because anybody can invent device tokens.
  if (deviceToken !== undefined) {
    const device = await deviceSource(deps, deviceToken, email);
    if (await isKnownSource(deps.db, email, device, knownSince(deps))) return device;
  }
  return await networkSource(deps, call, email);
}

function refusal({ refusedBy, until }: Extract<AttemptCount, { refusedBy: string }>): ReturnType<typeof fail> {
  const detail =
    refusedBy === "source"
      ? "Too many wrong passwords for this e-mail address from your network. Request a link that sets a new one, or wait until `retryAt`."
      : "Too many wrong passwords for this e-mail address. Sign in from a network or a device where you did before, request a link that sets a new password, or wait until `retryAt`.";
  return fail("rate_limited", detail, { retryAt: new Date(until).toISOString() });
}

/**
 * Counts an attempt as failed, then runs it. `run` adds `clearAttempt` to its batch when the password is right. An attempt that the
 * hash queue refused is not counted. Fails with rate_limited after too many failures, whether or not the e-mail has an account.
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
  if (!outcome.ok && outcome.error.code === "service_unavailable") await save(deps, { cancel: cancelAttempt(counted) });
  return outcome;
}
