// The sweep of each minute: messages that are due, and once a day the purge.
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { purgeInbox } from "#shared/inbox";
import { purgeOutbox } from "#shared/outbox";
import { runCron } from "#shared/worker";
import { PURGE_MINUTE_OF_DAY } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { sendLowStockDigest } from "./service/digest.ts";
import { sendDue } from "./service/dispatch.ts";
import { purgeCeilings } from "./store/ceilings.ts";

const MINUTE_MS = 60_000;
const MINUTES_PER_DAY = 24 * 60;

/** `everything` ignores the pauses after failures and between digests, and purges at any time of day. */
export async function sweep(deps: NotificationsDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  const lowStockProducts = await sendLowStockDigest(deps, { everything });
  const { tried, sent } = await sendDue(deps, everything);
  const counts = { lowStockProducts, triedMessages: tried, sentMessages: sent };
  const minuteOfDay = Math.floor(deps.now() / MINUTE_MS) % MINUTES_PER_DAY;
  if (!everything && minuteOfDay !== PURGE_MINUTE_OF_DAY) return counts;
  return {
    ...counts,
    purgedInbox: await purgeInbox(deps),
    purgedEvents: await purgeOutbox(deps),
    ...(await purgeCeilings(deps)),
  };
}

export async function runScheduled(env: NotificationsEnv, ctx: Pick<ExecutionContext, "waitUntil">): Promise<void> {
  await runCron(createDeps(env, ctx), sweep);
}
