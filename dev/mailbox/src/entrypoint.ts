// Where the shop hands over its messages: mails in the shape of the platform's `send_email` binding, which this takes the place
// of, and texts and pushes by `fetch`, in the place of the outside world.
import { WorkerEntrypoint } from "cloudflare:workers";
import { letterOf } from "./message.ts";
import { lettersOf } from "./objects/letters.ts";
import { answerProviderCall } from "./providers.ts";

export class MailboxRpc extends WorkerEntrypoint<MailboxEnv> {
  /**
   * Keeps one mail; durable when it answers.
   * @throws MailRefused, with the platform's code, for what is not a mail.
   */
  async send(message: unknown): Promise<EmailSendResult> {
    const messageId = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
    await lettersOf(this.env).keep(letterOf(message, messageId, Date.now()));
    return { messageId };
  }
}

export class MailboxProviders extends WorkerEntrypoint<MailboxEnv> {
  /** Takes what was meant for Twilio or a push service. */
  override fetch(request: Request): Promise<Response> {
    return answerProviderCall(request, this.env);
  }
}
