// The interface of a channel's sender, and the sender of mails by the platform's `send_email` binding.
import type { Outgoing } from "../store/outgoing.ts";

/** Hands one message to its provider. Throws unless the provider accepts it; SendRefused says whether to try again. */
export type Sender = (row: Outgoing, signal: AbortSignal) => Promise<void>;

/** `fetch` for calls to providers. */
export type ProviderFetch = (url: string, init: RequestInit) => Promise<Response>;

/** The provider sets Message-ID itself, so recipients recognize copies of a mail by this header. */
const ID_HEADER = "X-Notification-Id";

export interface MailSettings {
  readonly shopName: string;
  readonly from: string;
}

/** @param send throws unless the provider accepts the mail. */
export function emailSender(
  { shopName, from }: MailSettings,
  send: (message: EmailMessageBuilder) => Promise<unknown>,
): Sender {
  return async (row: Outgoing) => {
    await send({
      from: { name: shopName, email: from },
      to: row.recipient,
      subject: row.subject,
      text: row.textBody,
      html: row.htmlBody,
      headers: { [ID_HEADER]: row.id },
    });
  };
}
