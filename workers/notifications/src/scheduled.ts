// The sweep of each minute: mails that are due, and once a day the purge.
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import { newId } from "#shared/ids";
import { purgeInbox } from "#shared/inbox";
import { log, withInvocation } from "#shared/logger";
import { purgeOutbox } from "#shared/outbox";
import { PURGE_MINUTE_OF_DAY } from "./constants.ts";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { sendDue } from "./service/dispatch.ts";

const MINUTE_MS = 60_000;
const MINUTES_PER_DAY = 24 * 60;

/** `everything` ignores the pauses after failures and purges at any time of day. */
export async function sweep(deps: NotificationsDeps, _call: Call, everything: boolean): Promise<SweepCounts> {
  const { tried, sent } = await sendDue(deps, everything);
  const counts = { mailsTried: tried, mailsSent: sent };
  const minuteOfDay = Math.floor(deps.now() / MINUTE_MS) % MINUTES_PER_DAY;
  if (!everything && minuteOfDay !== PURGE_MINUTE_OF_DAY) return counts;
  return { ...counts, inboxPurged: await purgeInbox(deps), eventsPurged: await purgeOutbox(deps) };
}

export async function runCron(env: NotificationsEnv, ctx: ExecutionContext): Promise<void> {
  const deps = createDeps(env, ctx);
  const call = systemCall("notifications-cron", newId("req"));
  await withInvocation(
    { worker: deps.worker, operation: "scheduled", correlationId: call.correlationId, level: deps.logLevel },
    async () => {
      log("debug", "swept", { ...(await sweep(deps, call, false)) });
    },
  );
}
