// Wires the RPC methods, the Stock object, the queue and the cron. Inventory answers no HTTP.
import { consumeBatch } from "./consumer.ts";
import { runScheduled } from "./scheduled.ts";

export { InventoryRpc } from "./entrypoint.ts";
export { Stock } from "./objects/stock.ts";

export default {
  fetch: () => new Response(null, { status: 404 }),
  queue: consumeBatch,
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<InventoryEnv>;
