// Wires the RPC surface, the inbox and the cron. The catalog serves no HTTP.
import { consumeBatch } from "./consumer.ts";
import { runScheduled } from "./scheduled.ts";

export { CatalogRpc } from "./entrypoint.ts";

export default {
  fetch: () => new Response(null, { status: 404 }),
  queue: consumeBatch,
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<CatalogEnv>;
