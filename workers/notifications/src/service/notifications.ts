// A reader's own notifications: list, mark as read, and the parts that the gateway's combined responses show.
import type { Call } from "#shared/call";
import { isAdmin, isUser } from "#shared/call";
import type {
  ListNotificationsInput,
  Notification,
  OrderNotificationsInput,
  ReadNotificationInput,
} from "#shared/contracts/notifications";
import { SIGN_IN_FIRST, fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { NumberThenId, readPage } from "#shared/paging";
import type { Page } from "#shared/paging";
import { ok } from "#shared/result";
import type * as z from "zod";
import { isConfidential } from "../domain/kinds.ts";
import { countUnreadEvents, listAbout, listFor, markRead } from "../store/reader.ts";
import type { ReaderRow } from "../store/reader.ts";
import type { NotificationsDeps } from "./deps.ts";

function renderNotification({ textBody, createdAt, readAt, ...row }: ReaderRow): Notification {
  return {
    ...row,
    body: isConfidential(row.template) ? "" : textBody,
    createdAt: new Date(createdAt).toISOString(),
    readAt: readAt === null ? null : new Date(readAt).toISOString(),
  };
}

export async function listNotifications(
  deps: NotificationsDeps,
  call: Call,
  page: z.output<typeof ListNotificationsInput>,
): Promise<Outcome<Page<Notification>>> {
  const { actor } = call;
  if (!isUser(actor)) return SIGN_IN_FIRST;
  return await readPage(page, {
    scope: ["notifications", actor.id],
    key: NumberThenId,
    read: (after, limit) => listFor(deps, actor, after, limit),
    keyOf: ({ createdAt, id }) => [createdAt, id],
    render: renderNotification,
  });
}

export async function readNotification(
  deps: NotificationsDeps,
  call: Call,
  { notificationId }: z.output<typeof ReadNotificationInput>,
): Promise<Outcome<Notification>> {
  const row = isUser(call.actor) ? await markRead(deps, call.actor, notificationId) : undefined;
  return row === undefined ? fail("not_found", "There is no such notification.") : ok(renderNotification(row));
}

export async function countUnread(deps: NotificationsDeps, { actor }: Call): Promise<Outcome<number>> {
  return isUser(actor) ? ok(await countUnreadEvents(deps, actor)) : SIGN_IN_FIRST;
}

export async function listOrderNotifications(
  deps: NotificationsDeps,
  { actor }: Call,
  { orderId, customerId }: z.output<typeof OrderNotificationsInput>,
): Promise<Outcome<readonly Notification[]>> {
  if (actor.id !== customerId && !isAdmin(actor)) return ok([]);
  return ok((await listAbout(deps, customerId, orderId)).map(renderNotification));
}
