// What the use cases need, made from the Worker's bindings and variables.
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { HASH_REST_MS, MIN_SCRYPT_LOG2N } from "../constants.ts";
import type { QueueRules } from "../domain/fair-queue.ts";
import type { ScryptParameters } from "../domain/password-hash.ts";
import type { AttemptLimits } from "../store/sign-ins.ts";
import { HashQueue } from "./hash-queue.ts";
import { KeyCache } from "./key-cache.ts";
import { scryptParameters } from "./passwords.ts";

/** The limits on wrong passwords. docs/setup.md lists the variables. */
export interface SignInRules extends Omit<AttemptLimits, "knownSince"> {
  /** False where RATE_LIMITS is `off`: nothing is counted then. */
  readonly isLimited: boolean;
  readonly rememberMs: number;
}

export interface AccountsDeps extends Deps {
  readonly issuer: string;
  readonly audience: string;
  /** The origin of the shop's pages, for links in mails; without a trailing slash. */
  readonly shopUrl: string;
  /** The secret from which all keys are derived: see `derivedKey` in service/keys.ts. */
  readonly signingKeySecret: string;
  readonly keys: KeyCache;
  readonly hashes: HashQueue;
  /** Of new hashes. */
  readonly scrypt: ScryptParameters;
  readonly signIns: SignInRules;
}

const DAY_SECONDS = 86_400;

/** @throws Error when the variable is not a positive whole number: a guessed limit could admit everybody, or nobody. */
function positiveInteger(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number <= 0) throw new Error(`${name} must be a whole number above 0`);
  return number;
}

function signInRules(env: AccountsEnv): SignInRules {
  return {
    // Only exactly `off` disables the limits, as in the gateway.
    isLimited: env.RATE_LIMITS !== "off",
    perSource: {
      failures: positiveInteger("WRONG_PASSWORDS", env.WRONG_PASSWORDS),
      windowMs: positiveInteger("WRONG_PASSWORDS_SECONDS", env.WRONG_PASSWORDS_SECONDS) * 1_000,
    },
    perEmail: {
      failures: positiveInteger("WRONG_PASSWORDS_PER_EMAIL", env.WRONG_PASSWORDS_PER_EMAIL),
      windowMs: positiveInteger("WRONG_PASSWORDS_PER_EMAIL_SECONDS", env.WRONG_PASSWORDS_PER_EMAIL_SECONDS) * 1_000,
    },
    rememberMs: positiveInteger("KNOWN_SOURCE_DAYS", env.KNOWN_SOURCE_DAYS) * DAY_SECONDS * 1_000,
  };
}

function queueRules(env: AccountsEnv, { log2N }: ScryptParameters): QueueRules {
  return {
    capacity: positiveInteger("HASH_QUEUE_PLACES", env.HASH_QUEUE_PLACES),
    maxWaitMs: positiveInteger("HASH_QUEUE_WAIT_SECONDS", env.HASH_QUEUE_WAIT_SECONDS) * 1_000,
    restMs: HASH_REST_MS * 2 ** (log2N - MIN_SCRYPT_LOG2N),
  };
}

/** One per isolate: signing reads no database while it holds a key. */
const isolateKeys = new KeyCache();

/** One per isolate, because it shares out the isolate's thread. */
let isolateHashes: HashQueue | undefined;

export function createDeps(env: AccountsEnv, ctx: Pick<ExecutionContext, "waitUntil">): AccountsDeps {
  const scrypt = scryptParameters(env);
  return {
    ...baseDeps("accounts", env, ctx),
    issuer: env.JWT_ISSUER,
    audience: env.JWT_AUDIENCE,
    shopUrl: env.SHOP_URL,
    signingKeySecret: env.SIGNING_KEY_SECRET,
    keys: isolateKeys,
    signIns: signInRules(env),
    scrypt,
    hashes: (isolateHashes ??= new HashQueue(queueRules(env, scrypt))),
  };
}
