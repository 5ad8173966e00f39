// The payments Worker: RPC for its peers, Stripe's webhook, its queue and its cron.
import { systemCall } from "#shared/call";
import { newId } from "#shared/ids";
import { withInvocation } from "#shared/logger";
import { consumeBatch } from "./consumer.ts";
import { sweep } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { PaymentsBindings } from "./service/deps.ts";
import { handleWebhook } from "./service/webhook.ts";

export { PaymentsRpc } from "./entrypoint.ts";

export default {
  fetch: (request, env, ctx) => handleWebhook(request, createDeps(env, ctx)),
  queue: (batch, env, ctx) => consumeBatch(batch, env, ctx),
  scheduled: async (_controller, env, ctx) => {
    const deps = createDeps(env, ctx);
    const call = systemCall("payments", newId("req"));
    const { correlationId } = call;
    await withInvocation(
      { worker: deps.worker, operation: "scheduled", correlationId, level: deps.logLevel },
      async () => await sweep(deps, call, false),
    );
  },
} satisfies ExportedHandler<PaymentsBindings>;
