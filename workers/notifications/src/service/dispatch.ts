// Sends claimed notifications, each channel independently, so that a provider that is down delays no other channel. A crash between
// the provider's acceptance and our record of it sends a message twice, but loses none.
import { mapConcurrent } from "#shared/concurrency";
import type { SweepCounts } from "#shared/contracts/messaging";
import { Channel } from "#shared/contracts/notifications";
import { log } from "#shared/logger";
import { withTimeout } from "#shared/timeout";
import { CLAIM_LIMIT, MAX_CLAIM_ROUNDS, SEND_CONCURRENCY, SEND_TIMEOUT_MS, SEND_WINDOW_MS } from "../constants.ts";
import { NoAnswer, SendRefused, afterFailure } from "../domain/delivery.ts";
import { claimDue, recordResults } from "../store/outgoing.ts";
import type { Outgoing } from "../store/outgoing.ts";
import type { NotificationsDeps } from "./deps.ts";
import type { Sender } from "./senders.ts";

interface SendAttempt {
  readonly row: Outgoing;
  /** Undefined when the provider accepted the message. */
  readonly error: unknown;
}

/** @throws NoAnswer after the timeout; the message may still go out then, and again by the retry. */
async function sendInTime(row: Outgoing, sender: Sender): Promise<void> {
  const abort = new AbortController();
  await withTimeout(sender(row, abort.signal), SEND_TIMEOUT_MS, () => {
    const error = new NoAnswer(`the ${row.channel} provider did not answer in time`);
    abort.abort(error);
    throw error;
  });
}

/** After a timeout, or late in the lease, the remaining rows are not sent but left to the sweep. */
async function sendAll(deps: NotificationsDeps, rows: readonly Outgoing[], sender: Sender): Promise<SendAttempt[]> {
  const closesAt = deps.now() + SEND_WINDOW_MS;
  let isHanging = false;
  return await mapConcurrent(rows, { concurrency: SEND_CONCURRENCY }, async (row) => {
    try {
      if (isHanging || deps.now() > closesAt) throw new NoAnswer(`the ${row.channel} provider is too slow`);
      await sendInTime(row, sender);
      return { row, error: undefined };
    } catch (error) {
      isHanging ||= error instanceof NoAnswer;
      const { id: notificationId, channel, attempts } = row;
      log("warn", "message not sent", { notificationId, channel, attempts, error });
      return { row, error };
    }
  });
}

function isGone({ error }: SendAttempt): boolean {
  return error instanceof SendRefused && error.outlook === "gone";
}

/** For rows of a channel that has been switched off: it is switched on again in time, or the rows fail where admins see them. */
const switchedOff: Sender = ({ channel }) =>
  Promise.reject(new SendRefused(`the shop does not send on ${channel} now`, "later"));

interface ChannelResult {
  readonly sent: number;
  /** Whether the provider answered every call. */
  readonly answers: boolean;
}

/** Sends one channel's rows and records all results in one D1 round trip. */
async function dispatchOn(
  deps: NotificationsDeps,
  channel: Channel,
  rows: readonly Outgoing[],
): Promise<ChannelResult> {
  const attempts = await sendAll(deps, rows, deps.senders.get(channel) ?? switchedOff);
  const sent = attempts.filter(({ error }) => error === undefined).map(({ row }) => row.id);
  await recordResults(deps, {
    sent,
    failed: attempts.flatMap(({ row, error }) => (error === undefined ? [] : afterFailure(row, error, deps.now()))),
    gone: attempts.filter(isGone).map(({ row }) => row.recipient),
  });
  return { sent: sent.length, answers: !attempts.some(({ error }) => error instanceof NoAnswer) };
}

/** Sends rows that the caller has claimed and records the results. @throws when a channel's results could not be recorded. */
export async function dispatch(deps: NotificationsDeps, rows: readonly Outgoing[]): Promise<void> {
  const byChannel = Map.groupBy(rows, ({ channel }) => channel);
  const outcomes = await Promise.allSettled([...byChannel].map(([channel, own]) => dispatchOn(deps, channel, own)));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

interface SweepOptions {
  /** Ignores the pauses after failed attempts. */
  readonly everything: boolean;
}

async function sendDueOn(
  deps: NotificationsDeps,
  channel: Channel,
  options: SweepOptions,
): Promise<{ readonly tried: number; readonly sent: number }> {
  const tried: string[] = [];
  let sent = 0;
  for (let round = 1; round <= MAX_CLAIM_ROUNDS; round += 1) {
    // Without `except`, a sweep that ignores pauses would claim a failed row again.
    const rows = await claimDue(deps, channel, { ...options, except: tried });
    if (rows.length === 0) break;
    const result = await dispatchOn(deps, channel, rows);
    sent += result.sent;
    tried.push(...rows.map(({ id }) => id));
    if (rows.length < CLAIM_LIMIT || !result.answers) break;
  }
  return { tried: tried.length, sent };
}

/** Sends what is due, each notification at most once. */
export async function sendDue(deps: NotificationsDeps, options: SweepOptions): Promise<SweepCounts> {
  const swept = await Promise.all(Channel.options.map((channel) => sendDueOn(deps, channel, options)));
  return {
    triedMessages: swept.reduce((sum, { tried }) => sum + tried, 0),
    sentMessages: swept.reduce((sum, { sent }) => sum + sent, 0),
  };
}
