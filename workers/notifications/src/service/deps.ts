// What the use cases need, made from the Worker's bindings.
import { logCost } from "#shared/logger";
import { baseDeps } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import type { FeedObject } from "../objects/live-feed.ts";
import type { Shop } from "../domain/messages.ts";
import { TemplateCache } from "../store/templates.ts";

export interface NotificationsDeps extends Deps {
  readonly shop: Shop;
  /** The address that mails come from. */
  readonly mailFrom: string;
  /** Hands one mail to the provider; throws when it is not taken. */
  readonly sendMail: (message: EmailMessageBuilder) => Promise<unknown>;
  readonly templates: TemplateCache;
  /** A user's live feed. Ask for it anew before each call, which is counted as one. */
  readonly feed: (userId: string) => FeedObject;
}

const isolateTemplates = new TemplateCache();

export function createDeps(env: NotificationsEnv, ctx: Pick<ExecutionContext, "waitUntil">): NotificationsDeps {
  return {
    ...baseDeps("notifications", env, ctx),
    shop: { name: env.SHOP_NAME, adminEmail: env.ADMIN_EMAIL },
    mailFrom: env.MAIL_FROM,
    sendMail: (message) => env.EMAIL.send(message),
    templates: isolateTemplates,
    feed: (userId) => {
      logCost({ objectCalls: 1 });
      return env.LIVE_FEED.getByName(userId);
    },
  };
}
