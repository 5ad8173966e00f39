// The RPC entrypoint of the notifications Worker. shared/contracts/notifications.ts describes the methods.
import { z } from "zod";
import type { Call } from "#shared/call";
import {
  ListNotificationsInput,
  OrderNotificationsInput,
  PutPreferencesInput,
  ReadNotificationInput,
  SetPhoneInput,
  SubscribeInput,
  UnsubscribeInput,
  VerifyPhoneInput,
} from "#shared/contracts/notifications";
import type {
  Notification,
  NotificationsContract,
  PhoneCode,
  Preferences,
  PushKey,
  PushSubscription,
} from "#shared/contracts/notifications";
import {
  ListAllNotificationsInput,
  ListTemplatesInput,
  PreviewTemplateInput,
  PutTemplateInput,
  RetryNotificationInput,
  TemplateRef,
} from "#shared/contracts/notifications-staff";
import type {
  AdminNotification,
  Template,
  TemplatePreview,
  TemplateVersion,
} from "#shared/contracts/notifications-staff";
import type { Outcome } from "#shared/errors";
import type { Page } from "#shared/paging";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { metrics } from "./service/metrics.ts";
import { openFeed } from "./service/live.ts";
import { countUnread, listNotifications, listOrderNotifications, readNotification } from "./service/notifications.ts";
import {
  listSubscriptions,
  preferences,
  pushKey,
  putPreferences,
  subscribe,
  unsubscribe,
} from "./service/preferences.ts";
import { removePhone, setPhone, verifyPhone } from "./service/phone.ts";
import { listAllNotifications, retryNotification } from "./service/staff.ts";
import { getTemplate, listTemplates, previewTemplate, putTemplate, templateVersions } from "./service/templates.ts";

export class NotificationsRpc
  extends domainWorker<NotificationsEnv, NotificationsDeps>({ createDeps, metrics, ...plan })
  implements NotificationsContract
{
  /** Socket upgrades for the live feed, from the gateway only; see shared/sockets.ts. */
  override fetch(request: Request): Promise<Response> {
    return openFeed(createDeps(this.env, this.ctx), request);
  }

  listNotifications(call: Call, input: z.input<typeof ListNotificationsInput>): Promise<Outcome<Page<Notification>>> {
    const deps = createDeps(this.env, this.ctx);
    return serve(deps, "listNotifications", call, ListNotificationsInput, input, listNotifications);
  }

  readNotification(call: Call, input: z.input<typeof ReadNotificationInput>): Promise<Outcome<Notification>> {
    const deps = createDeps(this.env, this.ctx);
    return serve(deps, "readNotification", call, ReadNotificationInput, input, readNotification);
  }

  countUnread(call: Call): Promise<Outcome<number>> {
    return serve(createDeps(this.env, this.ctx), "countUnread", call, z.undefined(), undefined, countUnread);
  }

  listOrderNotifications(
    call: Call,
    input: z.input<typeof OrderNotificationsInput>,
  ): Promise<Outcome<readonly Notification[]>> {
    const deps = createDeps(this.env, this.ctx);
    return serve(deps, "listOrderNotifications", call, OrderNotificationsInput, input, listOrderNotifications);
  }

  preferences(call: Call): Promise<Outcome<Preferences>> {
    return serve(createDeps(this.env, this.ctx), "preferences", call, z.undefined(), undefined, preferences);
  }

  putPreferences(call: Call, input: z.input<typeof PutPreferencesInput>): Promise<Outcome<Preferences>> {
    return serve(createDeps(this.env, this.ctx), "putPreferences", call, PutPreferencesInput, input, putPreferences);
  }

  setPhone(call: Call, input: z.input<typeof SetPhoneInput>): Promise<Outcome<PhoneCode>> {
    return serve(createDeps(this.env, this.ctx), "setPhone", call, SetPhoneInput, input, setPhone);
  }

  verifyPhone(call: Call, input: z.input<typeof VerifyPhoneInput>): Promise<Outcome<Preferences>> {
    return serve(createDeps(this.env, this.ctx), "verifyPhone", call, VerifyPhoneInput, input, verifyPhone);
  }

  removePhone(call: Call): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "removePhone", call, z.undefined(), undefined, removePhone);
  }

  pushKey(call: Call): Promise<Outcome<PushKey>> {
    return serve(createDeps(this.env, this.ctx), "pushKey", call, z.undefined(), undefined, pushKey);
  }

  subscribe(call: Call, input: z.input<typeof SubscribeInput>): Promise<Outcome<PushSubscription>> {
    return serve(createDeps(this.env, this.ctx), "subscribe", call, SubscribeInput, input, subscribe);
  }

  listSubscriptions(call: Call): Promise<Outcome<{ readonly items: readonly PushSubscription[] }>> {
    return serve(
      createDeps(this.env, this.ctx),
      "listSubscriptions",
      call,
      z.undefined(),
      undefined,
      listSubscriptions,
    );
  }

  unsubscribe(call: Call, input: z.input<typeof UnsubscribeInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "unsubscribe", call, UnsubscribeInput, input, unsubscribe);
  }

  listAllNotifications(
    call: Call,
    input: z.input<typeof ListAllNotificationsInput>,
  ): Promise<Outcome<Page<AdminNotification>>> {
    return serve(
      createDeps(this.env, this.ctx),
      "listAllNotifications",
      call,
      ListAllNotificationsInput,
      input,
      listAllNotifications,
    );
  }

  retryNotification(call: Call, input: z.input<typeof RetryNotificationInput>): Promise<Outcome<AdminNotification>> {
    return serve(
      createDeps(this.env, this.ctx),
      "retryNotification",
      call,
      RetryNotificationInput,
      input,
      retryNotification,
    );
  }

  listTemplates(call: Call, input: z.input<typeof ListTemplatesInput>): Promise<Outcome<Page<Template>>> {
    return serve(createDeps(this.env, this.ctx), "listTemplates", call, ListTemplatesInput, input, listTemplates);
  }

  getTemplate(call: Call, input: z.input<typeof TemplateRef>): Promise<Outcome<Template>> {
    return serve(createDeps(this.env, this.ctx), "getTemplate", call, TemplateRef, input, getTemplate);
  }

  templateVersions(
    call: Call,
    input: z.input<typeof TemplateRef>,
  ): Promise<Outcome<{ readonly items: readonly TemplateVersion[] }>> {
    return serve(createDeps(this.env, this.ctx), "templateVersions", call, TemplateRef, input, templateVersions);
  }

  putTemplate(call: Call, input: z.input<typeof PutTemplateInput>): Promise<Outcome<Template>> {
    return serve(createDeps(this.env, this.ctx), "putTemplate", call, PutTemplateInput, input, putTemplate);
  }

  previewTemplate(call: Call, input: z.input<typeof PreviewTemplateInput>): Promise<Outcome<TemplatePreview>> {
    return serve(createDeps(this.env, this.ctx), "previewTemplate", call, PreviewTemplateInput, input, previewTemplate);
  }
}
