// The gateway: the one public door. Wiring only.
import { createApp } from "./app.ts";
import { createDeps } from "./deps.ts";
import { runScheduled } from "./scheduled.ts";

export { GatewayRpc } from "./entrypoint.ts";

/** Made with the isolate's first request and kept: it holds the caches of keys, tokens and public answers. */
let app: ReturnType<typeof createApp> | undefined;

export default {
  fetch(request, env, ctx) {
    app ??= createApp(createDeps(env));
    return app.fetch(request, env, ctx);
  },
  scheduled(_controller, env) {
    return runScheduled(createDeps(env));
  },
} satisfies ExportedHandler<GatewayEnv>;
