// Sending what is claimed. A crash between the provider's yes and the mark means one mail twice, never one lost; every mail
// carries its notification's id, by which copies are known.
import { log } from "#shared/logger";
import { CLAIM_LIMIT, MAX_CLAIM_ROUNDS } from "../constants.ts";
import { afterFailure } from "../domain/delivery.ts";
import type { FailedTry } from "../domain/delivery.ts";
import { claimDue, settle } from "../store/outgoing.ts";
import type { Outgoing } from "../store/outgoing.ts";
import type { NotificationsDeps } from "./deps.ts";

/** Message-ID is the provider's own to set, so the id travels in a header of ours. */
const ID_HEADER = "X-Notification-Id";

async function send(deps: NotificationsDeps, row: Outgoing): Promise<FailedTry | undefined> {
  try {
    await deps.sendMail({
      from: { name: deps.shop.name, email: deps.mailFrom },
      to: row.recipient,
      subject: row.subject,
      text: row.textBody,
      html: row.htmlBody,
      headers: { [ID_HEADER]: row.id },
    });
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

/** Sends what is due, in rounds. Returns how many were tried and how many of them were sent. */
export async function sendDue(
  deps: NotificationsDeps,
  everything: boolean,
): Promise<{ readonly tried: number; readonly sent: number }> {
  let tried = 0;
  let sent = 0;
  // With `everything` a failed row would be due again at once, so it is tried in the first round only.
  for (let round = 1; round <= MAX_CLAIM_ROUNDS; round += 1) {
    const rows = await claimDue(deps, everything && round === 1);
    sent += await dispatch(deps, rows);
    tried += rows.length;
    if (rows.length < CLAIM_LIMIT) break;
  }
  return { tried, sent };
}
