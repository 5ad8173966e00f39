// Wiring only: the RPC surface, the Stock object, the inbox and the cron. Inventory speaks no HTTP.
import { consumeBatch } from "./consumer.ts";
import { runScheduled } from "./scheduled.ts";

export { InventoryRpc } from "./entrypoint.ts";
export { Stock } from "./objects/stock.ts";

export default {
  fetch: () => new Response(null, { status: 404 }),
  queue: consumeBatch,
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<InventoryEnv>;
