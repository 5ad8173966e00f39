// The sweeps of carts and orders by name. See shared/sweep.ts for how they run.
import { runCron } from "#shared/sweep";
import type { SweepPlan } from "#shared/sweep";
import { RETURNED_HOLD_MS } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { OrdersDeps } from "./service/deps.ts";
import { expireCarts } from "./service/expire-carts.ts";
import { reconcileOrders } from "./service/reconcile.ts";
import { resumeRefunds } from "./service/refunds.ts";
import { cancelUnpaid } from "./service/unpaid.ts";
import { republishUnsettled } from "./service/unsettled.ts";
import { purgeReturnedHolds } from "./store/caps.ts";

export const plan: SweepPlan<OrdersDeps> = {
  sweeps: {
    unpaidOrders: cancelUnpaid,
    expiredCarts: expireCarts,
    unsettledOrders: republishUnsettled,
    disagreeingOrders: reconcileOrders,
    finishedRefunds: resumeRefunds,
  },
  purges: { purgedReturnedHolds: (deps) => purgeReturnedHolds(deps.db, deps.now() - RETURNED_HOLD_MS) },
};

export async function runScheduled(env: OrdersEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
