// The Worker's numbers from its variables.
import type { QueueRules } from "../domain/fair-queue.ts";
import { HASH_REST_MS } from "../constants.ts";
import type { SignInRules } from "./sign-ins.ts";

/** A whole number above zero. A setting that is none stops the Worker: guessing would leave the door open, or shut. */
function wholeSetting(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number <= 0) throw new Error(`${name} must be a whole number above 0`);
  return number;
}

const DAY_SECONDS = 86_400;

export function signInRules(env: AccountsEnv): SignInRules {
  return {
    // Anything but exactly `off` leaves them on, as in the gateway.
    isLimited: env.RATE_LIMITS !== "off",
    perSource: {
      failures: wholeSetting("WRONG_PASSWORDS", env.WRONG_PASSWORDS),
      windowMs: wholeSetting("WRONG_PASSWORDS_SECONDS", env.WRONG_PASSWORDS_SECONDS) * 1_000,
    },
    perEmail: {
      failures: wholeSetting("WRONG_PASSWORDS_PER_EMAIL", env.WRONG_PASSWORDS_PER_EMAIL),
      windowMs: wholeSetting("WRONG_PASSWORDS_PER_EMAIL_SECONDS", env.WRONG_PASSWORDS_PER_EMAIL_SECONDS) * 1_000,
    },
    rememberMs: wholeSetting("KNOWN_SOURCE_DAYS", env.KNOWN_SOURCE_DAYS) * DAY_SECONDS * 1_000,
  };
}

export function queueRules(env: AccountsEnv): QueueRules {
  return {
    capacity: wholeSetting("HASH_QUEUE_PLACES", env.HASH_QUEUE_PLACES),
    maxWaitMs: wholeSetting("HASH_QUEUE_WAIT_SECONDS", env.HASH_QUEUE_WAIT_SECONDS) * 1_000,
    restMs: HASH_REST_MS,
  };
}
