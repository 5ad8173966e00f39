// Wiring only: what the orders Worker exports to the platform.
import { consumeBatch } from "./consumer.ts";
import { runScheduled } from "./scheduled.ts";

export { OrdersRpc } from "./entrypoint.ts";
export { Cart } from "./objects/cart.ts";

export default {
  fetch: () => new Response(null, { status: 404 }),
  queue: consumeBatch,
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<OrdersEnv>;
