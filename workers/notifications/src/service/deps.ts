// The dependencies of the use cases, made from the Worker's bindings.
import type { Channel } from "#shared/contracts/notifications";
import type { OrdersContract } from "#shared/contracts/orders";
import { logCost } from "#shared/logger";
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { peer } from "#shared/rpc";
import type { FeedObject } from "../objects/live-feed.ts";
import { ceilingsOf } from "../domain/ceilings.ts";
import type { Ceilings } from "../domain/ceilings.ts";
import type { Shop } from "../domain/messages.ts";
import { TemplateCache } from "../store/template-cache.ts";
import { pushSender } from "./push.ts";
import { emailSender } from "./senders.ts";
import type { ProviderFetch, Sender } from "./senders.ts";
import { smsSender } from "./sms.ts";

/** Adds the secrets of optional channels, and PROVIDERS, which only the local configuration binds: it replaces Twilio and push services. */
export type NotificationsBindings = NotificationsEnv & {
  readonly TWILIO_AUTH_TOKEN?: string;
  readonly VAPID_PRIVATE_KEY?: string;
  readonly PROVIDERS?: Fetcher;
};

export interface NotificationsDeps extends Deps {
  readonly orders: Pick<OrdersContract, "firstLines">;
  readonly shop: Shop;
  readonly ceilings: Ceilings;
  /** The variable SMS_COUNTRIES. */
  readonly smsCountries: string;
  /** The channels that this shop sends on, always with mail. No notification is made for other channels. */
  readonly senders: ReadonlyMap<Channel, Sender>;
  /** The VAPID public key that browsers subscribe with; undefined if push is off. */
  readonly pushKey: string | undefined;
  readonly templates: TemplateCache;
  /** A user's live feed. Get it again for each call: getting it counts one object call. */
  readonly feed: (userId: string) => FeedObject;
}

const isolateTemplates = new TemplateCache();

function present(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

/** A channel is on when all its variables and secrets are set. */
export function sendersOf(env: NotificationsBindings): ReadonlyMap<Channel, Sender> {
  const { PROVIDERS: providers, TWILIO_AUTH_TOKEN: authToken, VAPID_PRIVATE_KEY: privateKey } = env;
  const fetchProvider: ProviderFetch = (url, init) =>
    providers === undefined ? fetch(url, init) : providers.fetch(url, init);
  const senders = new Map<Channel, Sender>();
  senders.set(
    "email",
    emailSender({ shopName: env.SHOP_NAME, from: env.MAIL_FROM }, (message) => env.EMAIL.send(message)),
  );
  if (present(env.TWILIO_ACCOUNT_SID) && present(env.TWILIO_FROM) && present(authToken)) {
    const twilio = {
      accountSid: env.TWILIO_ACCOUNT_SID,
      authToken,
      from: env.TWILIO_FROM,
      countries: env.SMS_COUNTRIES,
    };
    senders.set("sms", smsSender(twilio, fetchProvider));
  }
  if (present(env.VAPID_PUBLIC_KEY) && present(env.VAPID_SUBJECT) && present(privateKey)) {
    const vapid = { publicKey: env.VAPID_PUBLIC_KEY, privateKey };
    senders.set(
      "push",
      pushSender({ vapid, subject: env.VAPID_SUBJECT }, fetchProvider, () => Date.now()),
    );
  }
  return senders;
}

export function createDeps(env: NotificationsBindings, ctx: Pick<ExecutionContext, "waitUntil">): NotificationsDeps {
  const senders = sendersOf(env);
  return {
    ...baseDeps("notifications", env, ctx),
    orders: peer<OrdersContract>(env.ORDERS),
    shop: { name: env.SHOP_NAME, adminEmail: env.ADMIN_EMAIL },
    ceilings: ceilingsOf(env),
    smsCountries: env.SMS_COUNTRIES,
    senders,
    pushKey: senders.has("push") ? env.VAPID_PUBLIC_KEY : undefined,
    templates: isolateTemplates,
    feed: (userId) => {
      logCost({ objectCalls: 1 });
      return env.LIVE_FEED.getByName(userId);
    },
  };
}
