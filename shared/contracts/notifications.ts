// Messages to people: what the notifications Worker answers. Everything it sends is caused by an event.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";
import type { MessagingContract } from "./messaging.ts";
import type { NotificationsOverviewContract } from "./notifications-overview.ts";

export const Channel = z.enum(["email", "sms", "push"]);
export type Channel = z.infer<typeof Channel>;
export const NotificationStatus = z.enum(["pending", "sent", "failed"]);
export type NotificationStatus = z.infer<typeof NotificationStatus>;

export const Notification = z
  .object({
    id: z.string(),
    channel: Channel,
    /** The template's kind, for example `order_received`. */
    template: z.string(),
    subject: z.string(),
    body: z.string(),
    status: NotificationStatus,
    createdAt: z.iso.datetime(),
    readAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Notification" });
export type Notification = z.infer<typeof Notification>;

export const ListNotificationsInput = PageQuery;
export const ReadNotificationInput = z.object({ notificationId: idSchema("ntf") });

export interface NotificationsContract extends MessagingContract, NotificationsOverviewContract {
  /** The caller's own, newest first. Fails with invalid_cursor. */
  listNotifications(call: Call, input: z.input<typeof ListNotificationsInput>): Promise<Outcome<Page<Notification>>>;
  /** Marks one of the caller's own as read. Idempotent. Fails with not_found. */
  readNotification(call: Call, input: z.input<typeof ReadNotificationInput>): Promise<Outcome<Notification>>;
}
