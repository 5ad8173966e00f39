// Receives the shop's messages: mails by RPC, as the platform's `send_email` binding does, and text messages and pushes by `fetch`, as
// Twilio and push services do.
import { WorkerEntrypoint } from "cloudflare:workers";
import { letterOf } from "./message.ts";
import { lettersOf } from "./objects/letters.ts";
import { answerProviderCall } from "./providers.ts";

export class MailboxRpc extends WorkerEntrypoint<MailboxEnv> {
  /**
   * Stores one mail; durable when it returns.
   * @throws MailRefused with the platform's code for an invalid mail
   */
  async send(message: unknown): Promise<EmailSendResult> {
    const messageId = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
    await lettersOf(this.env).keep(letterOf(message, messageId, Date.now()));
    return { messageId };
  }
}

export class MailboxProviders extends WorkerEntrypoint<MailboxEnv> {
  /** Answers calls to Twilio and to push services. */
  override fetch(request: Request): Promise<Response> {
    return answerProviderCall(request, this.env);
  }
}
