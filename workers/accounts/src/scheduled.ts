// The daily sweeps: expired sessions and tokens, signing keys, old events.
import type { SweepPlan } from "#shared/sweep";
import { runCron } from "#shared/worker";
import { createDeps } from "./service/deps.ts";
import type { AccountsDeps } from "./service/deps.ts";
import { purgeKeys, rotateKeys } from "./service/keys.ts";
import { knownSince } from "./service/sign-ins.ts";
import { purgeMailTokens } from "./store/mail-tokens.ts";
import { purgeSessions } from "./store/sessions.ts";
import { purgeKnownSources, purgeWrongPasswords } from "./store/sign-ins.ts";

export const plan: SweepPlan<AccountsDeps> = {
  sweeps: {
    // `everything` makes the next signing key whatever the age of the present one.
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
