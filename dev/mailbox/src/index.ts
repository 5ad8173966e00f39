// The mailbox of local runs: stores and shows the messages that production would send.
import { handle } from "./http.ts";

export { MailboxProviders, MailboxRpc } from "./entrypoint.ts";
export { Letters } from "./objects/letters.ts";

export default { fetch: (request, env) => handle(request, env) } satisfies ExportedHandler<MailboxEnv>;
