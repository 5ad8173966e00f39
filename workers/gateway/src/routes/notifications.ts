// A user's own messages.
import { ListNotificationsInput, Notification, ReadNotificationInput } from "#shared/contracts/notifications";
import { pageOf } from "#shared/paging";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

export const notificationRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/notifications",
    tag: "Notifications",
    summary: "The caller's own messages, newest first",
    access: "user",
    limit: "read",
    query: ListNotificationsInput,
    answers: { 200: pageOf(Notification) },
    errors: ["invalid_cursor"],
    handle: async ({ notifications }, { call, query }) =>
      replyWith(200, await notifications.listNotifications(call, query)),
  }),
  route({
    method: "post",
    path: "/api/notifications/{notificationId}/read",
    tag: "Notifications",
    summary: "Mark a message as read",
    access: "user",
    limit: "write",
    params: ReadNotificationInput,
    answers: { 200: Notification },
    errors: ["not_found"],
    handle: async ({ notifications }, { call, params }) =>
      replyWith(200, await notifications.readNotification(call, params)),
  }),
];
