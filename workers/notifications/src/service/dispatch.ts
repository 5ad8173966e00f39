// Sending what is claimed. A crash between the provider's yes and the mark means one mail twice, never one lost; every mail
// carries its notification's id, by which copies are known.
import { log } from "#shared/logger";
import { CLAIM_LIMIT, MAX_CLAIM_ROUNDS, SEND_TIMEOUT_MS } from "../constants.ts";
import { afterFailure } from "../domain/delivery.ts";
import type { FailedTry } from "../domain/delivery.ts";
import { claimDue, settle } from "../store/outgoing.ts";
import type { Outgoing } from "../store/outgoing.ts";
import type { NotificationsDeps } from "./deps.ts";

/** Message-ID is the provider's own to set, so the id travels in a header of ours. */
const ID_HEADER = "X-Notification-Id";

/** @throws when the provider refuses, or has not answered in time; then the mail may still go out, and once more by the retry. */
async function inTime(sending: Promise<unknown>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error("the mail provider did not answer in time"));
  }, SEND_TIMEOUT_MS);
  try {
    await Promise.race([sending, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function send(deps: NotificationsDeps, row: Outgoing): Promise<FailedTry | undefined> {
  try {
    await inTime(
      deps.sendMail({
        from: { name: deps.shop.name, email: deps.mailFrom },
        to: row.recipient,
        subject: row.subject,
        text: row.textBody,
        html: row.htmlBody,
        headers: { [ID_HEADER]: row.id },
      }),
    );
    return undefined;
  } catch (error) {
    log("warn", "mail not sent", { notificationId: row.id, attempts: row.attempts, error });
    return afterFailure(row, error, deps.now());
  }
}

/** Sends rows that the caller has claimed and writes what became of them: one D1 round trip for all. Returns how many were sent. */
export async function dispatch(deps: NotificationsDeps, rows: readonly Outgoing[]): Promise<number> {
  if (rows.length === 0) return 0;
  const outcomes = await Promise.all(rows.map(async (row) => ({ id: row.id, failed: await send(deps, row) })));
  const sent = outcomes.filter(({ failed }) => failed === undefined).map(({ id }) => id);
  await settle(
    deps,
    sent,
    outcomes.flatMap(({ failed }) => failed ?? []),
  );
  return sent.length;
}

/** Sends what is due, in rounds, each notification once. Returns how many were tried and how many of them were sent. */
export async function sendDue(
  deps: NotificationsDeps,
  everything: boolean,
): Promise<{ readonly tried: number; readonly sent: number }> {
  const tried: string[] = [];
  let sent = 0;
  for (let round = 1; round <= MAX_CLAIM_ROUNDS; round += 1) {
    // What has just failed must not come back in the same sweep, which it would where the pause is ignored.
    const rows = await claimDue(deps, everything, tried);
    sent += await dispatch(deps, rows);
    tried.push(...rows.map(({ id }) => id));
    if (rows.length < CLAIM_LIMIT) break;
  }
  return { tried: tried.length, sent };
}
