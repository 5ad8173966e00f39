// The RPC surface of the notifications Worker. shared/contracts/notifications*.ts document each method.
import * as notifications from "#shared/contracts/notifications";
import * as staff from "#shared/contracts/notifications-staff";
import { method } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { openFeed } from "./service/live.ts";
import { metrics } from "./service/metrics.ts";
import { countUnread, listNotifications, listOrderNotifications, readNotification } from "./service/notifications.ts";
import { removePhone, setPhone, verifyPhone } from "./service/phone.ts";
import {
  listSubscriptions,
  preferences,
  pushKey,
  putPreferences,
  subscribe,
  unsubscribe,
} from "./service/preferences.ts";
import { listAllNotifications, retryNotification } from "./service/staff.ts";
import { getTemplate, listTemplates, previewTemplate, putTemplate, templateVersions } from "./service/templates.ts";

export class NotificationsRpc extends domainWorker<
  NotificationsEnv,
  NotificationsDeps,
  notifications.NotificationsContract
>({
  createDeps,
  metrics,
  ...plan,
  methods: {
    listNotifications: method(notifications.ListNotificationsInput, listNotifications),
    readNotification: method(notifications.ReadNotificationInput, readNotification),
    countUnread,
    listOrderNotifications: method(notifications.OrderNotificationsInput, listOrderNotifications),
    preferences,
    putPreferences: method(notifications.PutPreferencesInput, putPreferences),
    setPhone: method(notifications.SetPhoneInput, setPhone),
    verifyPhone: method(notifications.VerifyPhoneInput, verifyPhone),
    removePhone,
    pushKey,
    subscribe: method(notifications.SubscribeInput, subscribe),
    listSubscriptions,
    unsubscribe: method(notifications.UnsubscribeInput, unsubscribe),
    listAllNotifications: method(staff.ListAllNotificationsInput, listAllNotifications),
    retryNotification: method(staff.RetryNotificationInput, retryNotification),
    listTemplates: method(staff.ListTemplatesInput, listTemplates),
    getTemplate: method(staff.TemplateRef, getTemplate),
    templateVersions: method(staff.TemplateRef, templateVersions),
    putTemplate: method(staff.PutTemplateInput, putTemplate),
    previewTemplate: method(staff.PreviewTemplateInput, previewTemplate),
  },
}) {
  /** Socket upgrades for the live feed, from the gateway only; see shared/sockets.ts. */
  override fetch(request: Request): Promise<Response> {
    return openFeed(createDeps(this.env, this.ctx), request);
  }
}
