// The RPC contract of the notifications Worker: a user's messages, preferences, phone number and browsers.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";
import type { MessagingContract } from "./messaging.ts";
import type { NotificationsStaffContract } from "./notifications-staff.ts";

export const Channel = z
  .enum(["email", "sms", "push"])
  .meta({ id: "Channel", description: "How a message goes out: e-mail, text message or push." });
export type Channel = z.infer<typeof Channel>;
export const NotificationStatus = z.enum(["pending", "sent", "failed"]).meta({
  id: "NotificationStatus",
  description: "pending: waits to be sent. sent: the provider took it. failed: the last attempt failed.",
});
export type NotificationStatus = z.infer<typeof NotificationStatus>;

export const UserKind = z
  .enum([
    "order_received",
    "payment_received",
    "order_shipped",
    "order_tracking_changed",
    "order_delivered",
    "order_cancelled",
    "payment_failed",
    "payment_refunded",
    "cart_reminder",
    "welcome",
    "password_reset",
    "email_verification",
    "password_changed",
    "phone_changed",
    "push_device_added",
  ])
  .meta({
    id: "NotificationKind",
    description: "A kind of message to a user, who can choose its channels.",
  });
export type UserKind = z.infer<typeof UserKind>;

export const Notification = z
  .object({
    id: z.string().describe("The message's id."),
    channel: Channel.describe("How it went out."),
    template: z.string().describe("The kind of message, for example `order_received`."),
    subject: z.string().describe("Its subject line."),
    body: z.string().describe("Its text. Empty if it is confidential."),
    status: NotificationStatus.describe("Whether it went out."),
    createdAt: z.iso.datetime().describe("When it was created."),
    readAt: z.iso.datetime().nullable().describe("When the user read it. Null until then."),
  })
  .meta({ id: "Notification", description: "A message to the caller." });
export type Notification = z.infer<typeof Notification>;

export const ListNotificationsInput = PageQuery;
export const ReadNotificationInput = z.object({ notificationId: idSchema("ntf").describe("The message's id.") });

export const OrderNotificationsInput = z.object({
  orderId: idSchema("ord"),
  /** The order's customer. The gateway has it from orders. */
  customerId: z.string().max(60),
});

const Channels = z.array(Channel).max(Channel.options.length);
type ChosenShape = Record<UserKind, z.ZodExactOptional<typeof Channels>>;

/** Not a record: a record ignores a key named `__proto__` silently. */
const ChannelsByKind = z.strictObject(
  Object.fromEntries(
    UserKind.options.map((kind) => [
      kind,
      Channels.exactOptional().describe(`The channels for \`${kind}\`. Empty: none.`),
    ]),
  ) as ChosenShape,
);

/** A language tag needs at most 35 characters (RFC 5646, 4.4.1). */
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

export const PutPreferencesInput = z
  .strictObject({
    preferences: ChannelsByKind.describe("The channels for each kind. A kind that is left out has its default."),
    locale: Locale.nullish().describe("The language of the messages as a BCP 47 tag, for example de-AT."),
  })
  .meta({
    id: "PutPreferences",
    description:
      "All of a user's preferences. A kind that is left out has its default; a locale that is left out is none. The phone number is set by POST /api/notifications/phone.",
  });

export const Preferences = z
  .object({
    preferences: z
      .record(UserKind, z.array(Channel))
      .describe("The channels in effect for every kind: defaults filled in, the mail of mandatory kinds included."),
    mandatory: z.array(UserKind).describe("Kinds whose mail cannot be turned off."),
    available: z.array(Channel).describe("The channels that this shop sends on."),
    phone: z.string().nullable().describe("The number for text messages. Null when there is none."),
    phoneVerified: z.boolean().describe("Whether a code has proven the number. Texts go to a proven number only."),
    locale: z.string().nullable().describe("The language of the messages as a BCP 47 tag. Null: the shop's own."),
  })
  .meta({ id: "Preferences", description: "How the caller's messages go out." });
export type Preferences = z.infer<typeof Preferences>;

export const SetPhoneInput = z
  .strictObject({
    phone: z
      .string()
      .regex(/^\+[1-9]\d{6,14}$/, "is not a number in E.164, like +4366412345678")
      .describe("The number for text messages in E.164, for example +4366412345678."),
  })
  .meta({ id: "SetPhone", description: "The number to send a code to." });

export const VerifyPhoneInput = z
  .strictObject({
    code: z
      .string()
      .regex(/^\d{6}$/, "is not a code of six digits")
      .describe("The six digits of the text message."),
  })
  .meta({ id: "VerifyPhone", description: "The code that was sent to the number." });

export const PhoneCode = z
  .object({
    phone: z.string().describe("The number that the code was sent to."),
    expiresAt: z.iso.datetime().describe("When the code expires."),
  })
  .meta({ id: "PhoneCode", description: "A code that was sent to a number." });
export type PhoneCode = z.infer<typeof PhoneCode>;

/** Push services use some 200 characters. */
const MAX_ENDPOINT_CHARACTERS = 1_000;

/** A browser's PushSubscription as JSON (https://www.w3.org/TR/push-api/#dom-pushsubscription-tojson). */
export const SubscribeInput = z
  .strictObject({
    endpoint: z.url().max(MAX_ENDPOINT_CHARACTERS).describe("The push service's address of this browser."),
    expirationTime: z
      .number()
      .nullish()
      .describe("When the browser's subscription ends, in milliseconds since 1970. Null: it does not."),
    keys: z
      .strictObject({
        p256dh: z
          .string()
          .regex(/^B[\w-]{86}=?$/, "is not a P-256 key in base64url")
          .describe("The browser's public key: 65 bytes of P-256 in base64url."),
        auth: z
          .string()
          .regex(/^[\w-]{22}(==)?$/, "is not 16 bytes in base64url")
          .describe("The browser's secret: 16 bytes in base64url."),
      })
      .describe("What pushes to this browser are encrypted with."),
  })
  .meta({
    id: "PushSubscriptionInput",
    description:
      "What a browser's PushSubscription gives as JSON: https://www.w3.org/TR/push-api/#dom-pushsubscription-tojson",
  });
export const UnsubscribeInput = z.object({ subscriptionId: idSchema("psh").describe("The push subscription's id.") });

export const PushSubscription = z
  .object({
    id: z.string().describe("The push subscription's id."),
    endpoint: z.string().describe("The push service's address of the browser."),
    createdAt: z.iso.datetime().describe("When the browser was subscribed."),
  })
  .meta({ id: "PushSubscription", description: "A browser that gets pushes." });
export type PushSubscription = z.infer<typeof PushSubscription>;

export const PushKey = z
  .object({ publicKey: z.string().describe("The shop's public key in base64url, as `applicationServerKey`.") })
  .meta({ id: "PushKey", description: "The key that a browser subscribes with." });
export type PushKey = z.infer<typeof PushKey>;

export interface NotificationsContract extends MessagingContract, NotificationsStaffContract {
  /** The caller's own, newest first. Fails with invalid_cursor. */
  listNotifications(call: Call, input: z.input<typeof ListNotificationsInput>): Promise<Outcome<Page<Notification>>>;
  /** Marks one of the caller's own as read, on every channel that it went out on. Idempotent. Fails with not_found. */
  readNotification(call: Call, input: z.input<typeof ReadNotificationInput>): Promise<Outcome<Notification>>;
  /** The number of the caller's unread messages. A message on several channels counts once. */
  countUnread(call: Call): Promise<Outcome<number>>;
  /** The messages to the customer about an order, newest first. Empty unless the caller is the customer or an admin. */
  listOrderNotifications(
    call: Call,
    input: z.input<typeof OrderNotificationsInput>,
  ): Promise<Outcome<readonly Notification[]>>;
  /** The caller's preferences with defaults filled in. */
  preferences(call: Call): Promise<Outcome<Preferences>>;
  /** Replaces all preferences. Idempotent. Fails with validation_failed: a channel that the kind does not have, or sms without a proven number. */
  putPreferences(call: Call, input: z.input<typeof PutPreferencesInput>): Promise<Outcome<Preferences>>;
  /**
   * Sends a code of six digits, valid for 10 minutes and 5 tries, which replaces the previous code. The current number stays in use until
   * the new one is proven. Fails with not_found (no text messages here), validation_failed (another country) and too_many_texts.
   */
  setPhone(call: Call, input: z.input<typeof SetPhoneInput>): Promise<Outcome<PhoneCode>>;
  /** Stores the number as proven and mails the caller. The same code again changes nothing. Fails with phone_code_invalid. */
  verifyPhone(call: Call, input: z.input<typeof VerifyPhoneInput>): Promise<Outcome<Preferences>>;
  /** Deletes the number. Idempotent. */
  removePhone(call: Call): Promise<Outcome<null>>;
  /** The key that a browser subscribes with. Fails with not_found if push is off. */
  pushKey(call: Call): Promise<Outcome<PushKey>>;
  /**
   * Adds the caller's browser. Idempotent by endpoint. Another user's endpoint becomes the caller's, who uses that browser now. Fails with
   * validation_failed unless the endpoint is a public https address.
   */
  subscribe(call: Call, input: z.input<typeof SubscribeInput>): Promise<Outcome<PushSubscription>>;
  /** The caller's browsers, the newest first. */
  listSubscriptions(call: Call): Promise<Outcome<{ readonly items: readonly PushSubscription[] }>>;
  /** Fails with not_found. */
  unsubscribe(call: Call, input: z.input<typeof UnsubscribeInput>): Promise<Outcome<null>>;
}
