// Wires the RPC surface and the cron. Accounts consumes no events and serves no HTTP.
import { runScheduled } from "./scheduled.ts";

export { AccountsRpc } from "./entrypoint.ts";

export default {
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<AccountsEnv>;
