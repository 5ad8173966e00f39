// Wires the RPC entrypoint, the queue consumer and the cron. Notifications serves no HTTP of its own.
import { consumeBatch } from "./consumer.ts";
import { runScheduled } from "./scheduled.ts";

export { NotificationsRpc } from "./entrypoint.ts";
export { LiveFeed } from "./objects/live-feed.ts";

export default {
  queue: consumeBatch,
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<NotificationsEnv>;
