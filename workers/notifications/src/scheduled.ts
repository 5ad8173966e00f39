// The sweeps of the notifications Worker: the low-stock digest, messages that are due, and the purge of held-back ones.
import type { SweepPlan } from "#shared/sweep";
import { runCron } from "#shared/worker";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { sendLowStockDigest } from "./service/digest.ts";
import { sendDue } from "./service/dispatch.ts";
import { purgeCeilings } from "./store/ceilings.ts";

export const plan: SweepPlan<NotificationsDeps> = {
  sweeps: {
    lowStockProducts: (deps, { everything }) => sendLowStockDigest(deps, { everything }),
    messages: async (deps, { everything }) => {
      const { tried, sent } = await sendDue(deps, { everything });
      return { triedMessages: tried, sentMessages: sent };
    },
  },
  purges: { ceilings: purgeCeilings },
};

export async function runScheduled(env: NotificationsEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
