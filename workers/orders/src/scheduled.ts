// The sweeps of carts and orders, each a use case of its own.
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { RETURNED_HOLD_MS } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { OrdersDeps } from "./service/deps.ts";
import { expireCarts } from "./service/expire-carts.ts";
import { reconcileOrders } from "./service/reconcile.ts";
import { resumeRefunds } from "./service/refunds.ts";
import { cancelUnpaid } from "./service/unpaid.ts";
import { republishUnsettled } from "./service/unsettled.ts";
import { purgeReturnedHolds } from "./store/caps.ts";

/** Runs all sweeps. `everything` ignores pauses and batch limits; an open payment window or a living cart is not a pause. */
export async function sweep(deps: OrdersDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  const counts = {
    unpaidOrders: await cancelUnpaid(deps, { everything }),
    expiredCarts: await expireCarts(deps, { everything }),
    unsettledOrders: await republishUnsettled(deps, { everything }),
    disagreeingOrders: await reconcileOrders(deps, { everything }),
    finishedRefunds: await resumeRefunds(deps, { everything }),
  };
  await purgeReturnedHolds(deps.db, deps.now() - RETURNED_HOLD_MS);
  return { ...counts, purgedEvents: await purgeOutbox(deps), purgedInbox: await purgeInbox(deps) };
}

export async function runScheduled(env: OrdersEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
