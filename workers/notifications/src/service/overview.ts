// What combined answers show of notifications; see shared/contracts/notifications-overview.ts.
import type { z } from "zod";
import type { Call } from "#shared/call";
import { isAdmin, isUser } from "#shared/call";
import type { Notification } from "#shared/contracts/notifications";
import type { OrderNotificationsInput } from "#shared/contracts/notifications-overview";
import { SIGN_IN_FIRST } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { listAbout, unreadOf } from "../store/overview.ts";
import type { NotificationsDeps } from "./deps.ts";
import { renderNotification } from "./notifications.ts";

export async function countUnread(deps: NotificationsDeps, { actor }: Call): Promise<Outcome<number>> {
  return isUser(actor) ? ok(await unreadOf(deps, actor)) : SIGN_IN_FIRST;
}

export async function listOrderNotifications(
  deps: NotificationsDeps,
  { actor }: Call,
  { orderId, customerId }: z.output<typeof OrderNotificationsInput>,
): Promise<Outcome<readonly Notification[]>> {
  if (actor.id !== customerId && !isAdmin(actor)) return ok([]);
  return ok((await listAbout(deps, customerId, orderId)).map(renderNotification));
}
