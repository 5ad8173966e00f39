// The daily sweeps: signing keys, and everything that has expired.
import { runCron } from "#shared/sweep";
import type { SweepPlan } from "#shared/sweep";
import { createDeps } from "./service/deps.ts";
import type { AccountsDeps } from "./service/deps.ts";
import { purgeKeys, rotateKeys } from "./service/keys.ts";
import { knownSince } from "./service/sign-ins.ts";
import { purgeMailTokens } from "./store/mail-tokens.ts";
import { purgeSessions } from "./store/sessions.ts";
import { purgeKnownSources, purgeWrongPasswords } from "./store/sign-ins.ts";

export const plan: SweepPlan<AccountsDeps> = {
  sweeps: {
    // `everything` ignores the age of the current key.
    madeSigningKeys: (deps, { everything }) => rotateKeys(deps, { early: everything }),
    purgedSigningKeys: purgeKeys,
  },
  purges: {
    purgedRefreshTokens: purgeSessions,
    purgedMailTokens: purgeMailTokens,
    purgedWrongPasswords: purgeWrongPasswords,
    purgedKnownSources: (deps) => purgeKnownSources(deps, knownSince(deps)),
  },
};

export async function runScheduled(env: AccountsEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
