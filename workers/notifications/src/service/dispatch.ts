// Sending what is claimed, each channel for itself, so that one whose provider is down holds up no other. A crash between the
// provider's yes and the mark means one message twice, never one lost; every mail carries its notification's id, by which
// copies are known.
import { Channel } from "#shared/contracts/notifications";
import { withTimeout } from "#shared/timeout";
import { log } from "#shared/logger";
import { CLAIM_LIMIT, MAX_CLAIM_ROUNDS, SEND_CONCURRENCY, SEND_TIMEOUT_MS, SEND_WINDOW_MS } from "../constants.ts";
import { NoAnswer, SendRefused, afterFailure } from "../domain/delivery.ts";
import { claimDue, recordResults } from "../store/outgoing.ts";
import type { Outgoing } from "../store/outgoing.ts";
import type { NotificationsDeps } from "./deps.ts";
import type { Sender } from "./senders.ts";

interface SendAttempt {
  readonly row: Outgoing;
  /** Undefined when it was sent. */
  readonly error: unknown;
}

/**
 * @throws when the provider refuses, or has not answered in time; then the
 * message may still go out, and once more by the retry.
 */
async function inTime(row: Outgoing, sender: Sender): Promise<void> {
  const abort = new AbortController();
  try {
    await withTimeout(sender(row, abort.signal), SEND_TIMEOUT_MS, () => {
      throw new NoAnswer(`the ${row.channel} provider did not answer in time`);
    });
  } catch (error) {
    if (error instanceof NoAnswer) abort.abort(error);
    throw error;
  }
}

/** A few at a time. Once one had no answer, or the lease is too far gone, the rest are not begun: the sweep has them later. */
async function sendAll(deps: NotificationsDeps, rows: readonly Outgoing[], sender: Sender): Promise<SendAttempt[]> {
  const closesAt = deps.now() + SEND_WINDOW_MS;
  const waiting = [...rows];
  const tried: SendAttempt[] = [];
  let isHanging = false;
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      try {
        if (isHanging || deps.now() > closesAt)
          throw new NoAnswer(`the ${row.channel} provider is too slow to be asked`);
        await inTime(row, sender);
        tried.push({ row, error: undefined });
      } catch (error) {
        isHanging ||= error instanceof NoAnswer;
        log("warn", "message not sent", {
          notificationId: row.id,
          channel: row.channel,
          attempts: row.attempts,
          error,
        });
        tried.push({ row, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(SEND_CONCURRENCY, rows.length) }, work));
  return tried;
}

function isGone({ error }: SendAttempt): boolean {
  return error instanceof SendRefused && error.outlook === "gone";
}

interface Dispatched {
  readonly sent: number;
  /** Whether it is of any use to go on with this channel now. */
  readonly answers: boolean;
}

/**
 * For what waits on a channel that was switched off meanwhile: it comes on again
 * in time, or the message fails where admins see it.
 */
const switchedOff: Sender = ({ channel }) =>
  Promise.reject(new SendRefused(`the shop does not send on ${channel} now`, "later"));

/** One channel's rows, with what became of them: one D1 round trip for all. */
async function dispatchOn(deps: NotificationsDeps, channel: Channel, rows: readonly Outgoing[]): Promise<Dispatched> {
  if (rows.length === 0) return { sent: 0, answers: false };
  const tried = await sendAll(deps, rows, deps.senders.get(channel) ?? switchedOff);
  const sent = tried.filter(({ error }) => error === undefined).map(({ row }) => row.id);
  await recordResults(deps, {
    sent,
    failed: tried.flatMap(({ row, error }) => (error === undefined ? [] : afterFailure(row, error, deps.now()))),
    gone: tried.filter(isGone).map(({ row }) => row.recipient),
  });
  return { sent: sent.length, answers: !tried.some(({ error }) => error instanceof NoAnswer) };
}

/** Sends rows that the caller has claimed and writes what became of them. @throws when a mark could not be written. */
export async function dispatch(deps: NotificationsDeps, rows: readonly Outgoing[]): Promise<void> {
  const channels = [...new Set(rows.map(({ channel }) => channel))];
  const outcomes = await Promise.allSettled(
    channels.map((channel) =>
      dispatchOn(
        deps,
        channel,
        rows.filter((row) => row.channel === channel),
      ),
    ),
  );
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

interface Swept {
  readonly tried: number;
  readonly sent: number;
}

async function sendDueOn(
  deps: NotificationsDeps,
  channel: Channel,
  { everything }: { readonly everything: boolean },
): Promise<Swept> {
  const tried: string[] = [];
  let sent = 0;
  for (let round = 1; round <= MAX_CLAIM_ROUNDS; round += 1) {
    // What has just failed must not come back in the same sweep, which it would where the pause is ignored.
    const rows = await claimDue(deps, channel, { everything }, tried);
    const dispatched = await dispatchOn(deps, channel, rows);
    sent += dispatched.sent;
    tried.push(...rows.map(({ id }) => id));
    if (rows.length < CLAIM_LIMIT || !dispatched.answers) break;
  }
  return { tried: tried.length, sent };
}

/** Sends what is due, in rounds, each notification once. Returns how many were tried and how many of them were sent. */
export async function sendDue(
  deps: NotificationsDeps,
  { everything }: { readonly everything: boolean },
): Promise<Swept> {
  const swept = await Promise.all(Channel.options.map((channel) => sendDueOn(deps, channel, { everything })));
  return swept.reduce((sum, { tried, sent }) => ({ tried: sum.tried + tried, sent: sum.sent + sent }), {
    tried: 0,
    sent: 0,
  });
}
