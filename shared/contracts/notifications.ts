// Messages to people: what the notifications Worker answers. Everything it sends is caused by an event.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";
import type { MessagingContract } from "./messaging.ts";
import type { NotificationsOverviewContract } from "./notifications-overview.ts";
import type { NotificationsStaffContract } from "./notifications-staff.ts";

export const Channel = z.enum(["email", "sms", "push"]);
export type Channel = z.infer<typeof Channel>;
export const NotificationStatus = z.enum(["pending", "sent", "failed"]);
export type NotificationStatus = z.infer<typeof NotificationStatus>;

/** The kinds of messages that a user gets, and may have by other channels or not at all. */
export const UserKind = z.enum([
  "order_received",
  "payment_received",
  "order_shipped",
  "order_delivered",
  "order_cancelled",
  "payment_failed",
  "payment_refunded",
  "cart_reminder",
  "welcome",
  "password_reset",
  "email_verification",
  "password_changed",
]);
export type UserKind = z.infer<typeof UserKind>;

export const Notification = z
  .object({
    id: z.string(),
    channel: Channel,
    /** The template's kind, for example `order_received`. */
    template: z.string(),
    subject: z.string(),
    /** Empty for what is confidential. */
    body: z.string(),
    status: NotificationStatus,
    createdAt: z.iso.datetime(),
    readAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Notification" });
export type Notification = z.infer<typeof Notification>;

export const ListNotificationsInput = PageQuery;
export const ReadNotificationInput = z.object({ notificationId: idSchema("ntf") });

const Channels = z.array(Channel).max(Channel.options.length);
type ChosenShape = Record<UserKind, z.ZodExactOptional<typeof Channels>>;

/** An object and no record: a record passes over a key named `__proto__` in silence. */
const ChannelsByKind = z.strictObject(
  Object.fromEntries(UserKind.options.map((kind) => [kind, Channels.exactOptional()])) as ChosenShape,
);

/** The longest language tag that anybody uses is far shorter (RFC 5646, 4.4.1). */
const MAX_LOCALE_CHARACTERS = 35;

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

/** A language tag, in its canonical form: `de-at` becomes `de-AT`. */
export const Locale = z
  .string()
  .max(MAX_LOCALE_CHARACTERS)
  .refine(isLocale, "is not a language tag")
  .transform((tag) => Intl.getCanonicalLocales(tag)[0] ?? tag);

/** The whole document: a kind that is left out has its default, a phone or a locale that is left out is none. */
export const PutPreferencesInput = z.strictObject({
  preferences: ChannelsByKind,
  /** E.164, for example +4366412345678. */
  phone: z
    .string()
    .regex(/^\+[1-9]\d{6,14}$/, "is not a number in E.164, like +4366412345678")
    .nullish(),
  locale: Locale.nullish(),
});

export const Preferences = z
  .object({
    /** The channels in effect for every kind: defaults filled in, the mail of mandatory kinds included. */
    preferences: z.record(UserKind, z.array(Channel)),
    /** Kinds whose mail cannot be turned off. */
    mandatory: z.array(UserKind),
    /** The channels that this shop sends on. */
    available: z.array(Channel),
    phone: z.string().nullable(),
    locale: z.string().nullable(),
  })
  .meta({ id: "Preferences" });
export type Preferences = z.infer<typeof Preferences>;

/** Push services' addresses are some 200 characters long. */
const MAX_ENDPOINT_CHARACTERS = 1_000;

/** What a browser's PushSubscription gives as JSON (https://www.w3.org/TR/push-api/#dom-pushsubscription-tojson). */
export const SubscribeInput = z.object({
  endpoint: z.url().max(MAX_ENDPOINT_CHARACTERS),
  expirationTime: z.number().nullish(),
  keys: z.object({
    /** An uncompressed point of P-256: 65 bytes, base64url. */
    p256dh: z.string().regex(/^B[\w-]{86}=?$/, "is not a P-256 key in base64url"),
    /** 16 bytes, base64url. */
    auth: z.string().regex(/^[\w-]{22}(==)?$/, "is not 16 bytes in base64url"),
  }),
});
export const UnsubscribeInput = z.object({ subscriptionId: idSchema("psh") });

export const PushSubscription = z
  .object({ id: z.string(), endpoint: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: "PushSubscription" });
export type PushSubscription = z.infer<typeof PushSubscription>;

export const PushKey = z.object({ publicKey: z.string() }).meta({ id: "PushKey" });
export type PushKey = z.infer<typeof PushKey>;

export interface NotificationsContract
  extends MessagingContract, NotificationsOverviewContract, NotificationsStaffContract {
  /** The caller's own, newest first. Fails with invalid_cursor. */
  listNotifications(call: Call, input: z.input<typeof ListNotificationsInput>): Promise<Outcome<Page<Notification>>>;
  /** Marks one of the caller's own as read, on every channel that it went out on. Idempotent. Fails with not_found. */
  readNotification(call: Call, input: z.input<typeof ReadNotificationInput>): Promise<Outcome<Notification>>;
  /** The caller's preferences as they are in effect. */
  preferences(call: Call): Promise<Outcome<Preferences>>;
  /** Replaces them. Idempotent. Fails with validation_failed: a channel that the kind does not go out on, sms without a phone. */
  putPreferences(call: Call, input: z.input<typeof PutPreferencesInput>): Promise<Outcome<Preferences>>;
  /** The key that a browser subscribes with. Fails with not_found where the shop does not push. */
  pushKey(call: Call): Promise<Outcome<PushKey>>;
  /**
   * Sends pushes to the caller's browser from now on. Idempotent by endpoint; an endpoint of somebody else becomes the
   * caller's, who is the one sitting at that browser now. Fails with validation_failed for an address that is not a public push
   * service's.
   */
  subscribe(call: Call, input: z.input<typeof SubscribeInput>): Promise<Outcome<PushSubscription>>;
  /** The caller's browsers, the newest first. */
  listSubscriptions(call: Call): Promise<Outcome<{ readonly items: readonly PushSubscription[] }>>;
  /** Fails with not_found. */
  unsubscribe(call: Call, input: z.input<typeof UnsubscribeInput>): Promise<Outcome<null>>;
}
