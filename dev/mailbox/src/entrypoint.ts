// Where the shop hands over its mails: in the shape of the platform's `send_email` binding, which this takes the place of.
import { WorkerEntrypoint } from "cloudflare:workers";
import { letterOf } from "./message.ts";
import { lettersOf } from "./objects/letters.ts";

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
