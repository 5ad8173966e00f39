// Wiring of the accounts Worker.
import { runCron } from "./scheduled.ts";

export { AccountsRpc } from "./entrypoint.ts";

export default {
  async scheduled(_controller, env, ctx) {
    await runCron(env, ctx);
  },
} satisfies ExportedHandler<AccountsEnv>;
