// The daily sweeps: signing keys, and everything that has expired.
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { createDeps } from "./service/deps.ts";
import type { AccountsDeps } from "./service/deps.ts";
import { purgeKeys, rotateKeys } from "./service/keys.ts";
import { knownSince } from "./service/sign-ins.ts";
import { purgeMailTokens } from "./store/mail-tokens.ts";
import { purgeSessions } from "./store/sessions.ts";
import { purgeKnownSources, purgeWrongPasswords } from "./store/sign-ins.ts";

/** `everything` makes the next signing key whatever the age of the current one. The other sweeps have no age to ignore. */
export async function sweep(deps: AccountsDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  return {
    madeSigningKeys: await rotateKeys(deps, { early: everything }),
    purgedSigningKeys: await purgeKeys(deps),
    purgedRefreshTokens: await purgeSessions(deps),
    purgedMailTokens: await purgeMailTokens(deps),
    purgedWrongPasswords: await purgeWrongPasswords(deps),
    purgedKnownSources: await purgeKnownSources(deps, knownSince(deps)),
    purgedEvents: await purgeOutbox(deps),
  };
}

export async function runScheduled(env: AccountsEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
