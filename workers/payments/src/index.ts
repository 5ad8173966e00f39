// Wires the Worker: RPC for the other Workers, Stripe's webhook, the inbox and the cron.
import { consumeBatch } from "./consumer.ts";
import { runScheduled } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { PaymentsBindings } from "./service/deps.ts";
import { handleWebhook } from "./service/webhook.ts";

export { PaymentsRpc } from "./entrypoint.ts";

export default {
  fetch: (request, env, ctx) => handleWebhook(request, createDeps(env, ctx)),
  queue: consumeBatch,
  scheduled: (_controller, env, ctx) => runScheduled(env, ctx),
} satisfies ExportedHandler<PaymentsBindings>;
