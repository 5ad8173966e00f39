// Mails, by the platform's `send_email` binding.
import type { Outgoing } from "../store/outgoing.ts";

/** Hands one message to its provider. Throws when it is not taken; SendRefused says whether a later try may be. */
export type Sender = (row: Outgoing, signal: AbortSignal) => Promise<void>;

/** `fetch`, to providers. */
export type ProviderFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Message-ID is the provider's own to set, so the id travels in a header of ours. */
const ID_HEADER = "X-Notification-Id";

export interface MailSettings {
  readonly shopName: string;
  /** The address that mails come from. */
  readonly from: string;
}

/** @param send hands one mail to the provider and throws when it is not taken. */
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
