// The local mailbox: takes what production would send as mail and shows it, for local runs only.
import { handle } from "./http.ts";

export { MailboxRpc } from "./entrypoint.ts";
export { Letters } from "./objects/letters.ts";

export default { fetch: (request, env) => handle(request, env) } satisfies ExportedHandler<MailboxEnv>;
