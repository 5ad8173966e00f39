// The local mailbox: takes what production would send and shows it, for local runs only.
import { handle } from "./http.ts";

export { MailboxProviders, MailboxRpc } from "./entrypoint.ts";
export { Letters } from "./objects/letters.ts";

export default { fetch: (request, env) => handle(request, env) } satisfies ExportedHandler<MailboxEnv>;
