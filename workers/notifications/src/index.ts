// Wiring only: the RPC surface, the inbox and the cron. Notifications speaks no HTTP.
import { consumeBatch } from "./consumer.ts";
import { runScheduled } from "./scheduled.ts";

export { NotificationsRpc } from "./entrypoint.ts";
export { LiveFeed } from "./objects/live-feed.ts";

export default {
  queue: consumeBatch,
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<NotificationsEnv>;
