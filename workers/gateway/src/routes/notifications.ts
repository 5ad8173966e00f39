// A user's own messages, and how they want them.
import {
  ListNotificationsInput,
  Notification,
  Preferences,
  PushKey,
  PushSubscription,
  PutPreferencesInput,
  ReadNotificationInput,
  SubscribeInput,
  UnsubscribeInput,
} from "#shared/contracts/notifications";
import { pageOf } from "#shared/paging";
import { z } from "zod";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

const NotificationPage = pageOf(Notification).meta({ id: "NotificationPage", description: "One page of messages." });
const PushSubscriptions = z
  .object({ items: z.array(PushSubscription).describe("The browsers, the newest first.") })
  .meta({ id: "PushSubscriptions", description: "The caller's browsers that are pushed to." });

export const notificationRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/notifications",
    operationId: "listNotifications",
    tag: "Notifications",
    summary: "The caller's own messages, newest first",
    access: "user",
    limit: "read",
    query: ListNotificationsInput,
    answers: { 200: NotificationPage },
    errors: ["invalid_cursor"],
    handle: async ({ notifications }, { call, query }) =>
      replyWith(200, await notifications.listNotifications(call, query)),
  }),
  route({
    method: "post",
    path: "/api/notifications/{notificationId}/read",
    operationId: "markNotificationRead",
    tag: "Notifications",
    summary: "Mark a message as read, on every channel that it went out on",
    access: "user",
    limit: "write",
    params: ReadNotificationInput,
    answers: { 200: Notification },
    errors: ["not_found"],
    handle: async ({ notifications }, { call, params }) =>
      replyWith(200, await notifications.readNotification(call, params)),
  }),
  route({
    method: "get",
    path: "/api/notifications/preferences",
    operationId: "getNotificationPreferences",
    tag: "Notifications",
    summary: "Which messages the caller gets on which channels, defaults filled in",
    access: "user",
    limit: "read",
    answers: { 200: Preferences },
    errors: [],
    handle: async ({ notifications }, { call }) => replyWith(200, await notifications.preferences(call)),
  }),
  route({
    method: "put",
    path: "/api/notifications/preferences",
    operationId: "updateNotificationPreferences",
    tag: "Notifications",
    summary: "Replace the caller's preferences: what is left out has its default",
    access: "user",
    limit: "write",
    body: PutPreferencesInput,
    answers: { 200: Preferences },
    errors: [],
    handle: async ({ notifications }, { call, body }) => replyWith(200, await notifications.putPreferences(call, body)),
  }),
  route({
    method: "get",
    path: "/api/notifications/push-key",
    operationId: "getPushKey",
    tag: "Notifications",
    summary: "The applicationServerKey that a browser subscribes with; 404 where the shop sends no pushes",
    access: "user",
    limit: "read",
    answers: { 200: PushKey },
    errors: ["not_found"],
    handle: async ({ notifications }, { call }) => replyWith(200, await notifications.pushKey(call)),
  }),
  route({
    method: "get",
    path: "/api/notifications/push-subscriptions",
    operationId: "listPushSubscriptions",
    tag: "Notifications",
    summary: "The caller's browsers that are pushed to",
    access: "user",
    limit: "read",
    answers: { 200: PushSubscriptions },
    errors: [],
    handle: async ({ notifications }, { call }) => replyWith(200, await notifications.listSubscriptions(call)),
  }),
  route({
    method: "post",
    path: "/api/notifications/push-subscriptions",
    operationId: "createPushSubscription",
    tag: "Notifications",
    summary: "Push to this browser from now on; the body is its PushSubscription",
    access: "user",
    limit: "write",
    body: SubscribeInput,
    answers: { 201: PushSubscription },
    errors: [],
    handle: async ({ notifications }, { call, body }) => replyWith(201, await notifications.subscribe(call, body)),
  }),
  route({
    method: "delete",
    path: "/api/notifications/push-subscriptions/{subscriptionId}",
    operationId: "deletePushSubscription",
    tag: "Notifications",
    summary: "Push to that browser no more",
    access: "user",
    limit: "write",
    params: UnsubscribeInput,
    answers: { 204: null },
    errors: ["not_found"],
    handle: async ({ notifications }, { call, params }) =>
      replyWith(204, await notifications.unsubscribe(call, params)),
  }),
];
