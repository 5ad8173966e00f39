// Wiring of the notifications Worker.
import { consumeBatch } from "./consumer.ts";
import { runCron } from "./scheduled.ts";

export { NotificationsRpc } from "./entrypoint.ts";

export default {
  async queue(batch, env, ctx) {
    await consumeBatch(batch, env, ctx);
  },
  async scheduled(_controller, env, ctx) {
    await runCron(env, ctx);
  },
} satisfies ExportedHandler<NotificationsEnv>;
