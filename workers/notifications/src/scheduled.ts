// The sweeps of the notifications Worker by name.
import { runCron } from "#shared/sweep";
import type { SweepPlan } from "#shared/sweep";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { sendLowStockDigest } from "./service/digest.ts";
import { sendDue } from "./service/dispatch.ts";
import { purgeCeilings } from "./store/ceilings.ts";

export const plan: SweepPlan<NotificationsDeps> = {
  sweeps: { lowStockProducts: sendLowStockDigest, messages: sendDue },
  purges: { ceilings: purgeCeilings },
};

export async function runScheduled(env: NotificationsEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
