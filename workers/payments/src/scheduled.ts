// The sweeps of payments by name, and the cron that runs them.
import { runCron } from "#shared/sweep";
import type { SweepPlan } from "#shared/sweep";
import { createDeps } from "./service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "./service/deps.ts";
import { findMissedEvents } from "./service/stripe/missed-events.ts";
import {
  checkOpenPayments,
  checkPendingRefunds,
  flagExpiringAuthorizations,
  processStoredEvents,
  purgeDeclines,
  purgeStripeEvents,
} from "./service/sweeps.ts";

export const plan: SweepPlan<PaymentsDeps> = {
  sweeps: {
    // Before `webhooks`, which then processes the events that this stores.
    missedWebhooks: findMissedEvents,
    webhooks: processStoredEvents,
    openPayments: checkOpenPayments,
    pendingRefunds: checkPendingRefunds,
    expiringAuthorizations: flagExpiringAuthorizations,
  },
  purges: { purgedStripeEvents: purgeStripeEvents, purgedDeclines: purgeDeclines },
};

export async function runScheduled(env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), plan);
}
