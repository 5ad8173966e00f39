// The Stripe sandbox: Stripe's HTTP API as stripe-node 23.1 speaks it, for local runs only.
import { route } from "./router.ts";

export { SandboxAdmin } from "./admin.ts";
export { Ledger } from "./objects/ledger.ts";

export default { fetch: (request, env) => route(request, env) } satisfies ExportedHandler<SandboxEnv>;
