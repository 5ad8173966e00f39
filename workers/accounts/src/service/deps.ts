// What the use cases need, made from the Worker's bindings.
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { HashQueue } from "./hash-queue.ts";
import { KeyCache } from "./key-cache.ts";
import { signInRules, queueRules } from "./settings.ts";
import type { SignInRules } from "./sign-ins.ts";

export interface AccountsDeps extends Deps {
  readonly issuer: string;
  readonly audience: string;
  /** Where the shop's pages are, for links in mails; without a slash at the end. */
  readonly shopUrl: string;
  /** What private keys are encrypted under. */
  readonly signingKeySecret: string;
  readonly keys: KeyCache;
  readonly hashes: HashQueue;
  readonly signIns: SignInRules;
}

/** One for the isolate: signing costs no read while it holds a key. */
const isolateKeys = new KeyCache();

/** One for the isolate, whose thread it shares out. */
let isolateHashes: HashQueue | undefined;

export function createDeps(env: AccountsEnv, ctx: Pick<ExecutionContext, "waitUntil">): AccountsDeps {
  return {
    ...baseDeps("accounts", env, ctx),
    issuer: env.JWT_ISSUER,
    audience: env.JWT_AUDIENCE,
    shopUrl: env.SHOP_URL,
    signingKeySecret: env.SIGNING_KEY_SECRET,
    keys: isolateKeys,
    signIns: signInRules(env),
    hashes: (isolateHashes ??= new HashQueue(queueRules(env))),
  };
}
