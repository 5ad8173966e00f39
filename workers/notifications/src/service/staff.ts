// All notifications for admins, and the retry of failed and held-back ones.
import type { Call } from "#shared/call";
import type {
  AdminNotification,
  ListAllNotificationsInput,
  RetryNotificationInput,
} from "#shared/contracts/notifications-staff";
import { StaleWrite } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { readPart } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import * as z from "zod";
import { isConfidential } from "../domain/kinds.ts";
import { findAny, listAll, reopen } from "../store/staff.ts";
import type { StaffRow } from "../store/staff.ts";
import type { NotificationsDeps } from "./deps.ts";

function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function renderRow({ textBody, nextAttemptAt, createdAt, sentAt, readAt, ...row }: StaffRow): AdminNotification {
  return {
    ...row,
    body: isConfidential(row.template) ? null : textBody,
    nextAttemptAt: row.status === "pending" ? timeOrNull(nextAttemptAt) : null,
    createdAt: new Date(createdAt).toISOString(),
    sentAt: timeOrNull(sentAt),
    readAt: timeOrNull(readAt),
  };
}

export async function listAllNotifications(
  deps: NotificationsDeps,
  _call: Call,
  { status, channel, kind, userId, ...page }: z.output<typeof ListAllNotificationsInput>,
): Promise<Outcome<Page<AdminNotification>>> {
  return await readPart(page, {
    scope: ["all notifications", status, channel, kind, userId],
    key: z.tuple([z.string()]),
    read: (after, limit) => listAll(deps, { status, channel, kind, userId }, after?.[0], limit),
    keyOf: ({ id }) => [id],
    render: renderRow,
  });
}

export async function retryNotification(
  deps: NotificationsDeps,
  call: Call,
  { notificationId }: z.output<typeof RetryNotificationInput>,
): Promise<Outcome<AdminNotification>> {
  const row = await findAny(deps, notificationId);
  if (row === undefined) return fail("not_found", "There is no such notification.");
  if (row.status === "pending") return ok(renderRow(row));
  const refused = fail(
    "illegal_transition",
    "Only a failed or held-back message whose text is kept can be sent again.",
    { from: row.status, to: "pending", allowedStates: [] },
  );
  if (row.status === "sent" || isConfidential(row.template)) return refused;
  try {
    const reopened = await reopen(deps, call, notificationId);
    return reopened === undefined ? refused : ok(renderRow(reopened));
  } catch (error) {
    if (!(error instanceof StaleWrite)) throw error;
    // Another admin retried it first; return that result.
    const now = await findAny(deps, notificationId);
    return now?.status === "pending" ? ok(renderRow(now)) : refused;
  }
}
