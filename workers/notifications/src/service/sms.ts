// Sends text messages by Twilio's REST API (https://www.twilio.com/docs/messaging/api/message-resource). It has no idempotency key, so
// a crash between Twilio's response and our record of it sends a text twice.
import * as z from "zod";
import { isSmsDestination } from "../domain/countries.ts";
import { SendRefused } from "../domain/delivery.ts";
import type { Outgoing } from "../store/outgoing.ts";
import type { ProviderFetch, Sender } from "./senders.ts";

export interface TwilioSettings {
  readonly accountSid: string;
  readonly authToken: string;
  /** A number in E.164, or a sender's name. */
  readonly from: string;
  /** SMS_COUNTRIES. Checked again here: it may have changed since the number was proven. */
  readonly countries: string;
}

const API = "https://api.twilio.com/2010-04-01/Accounts";
/** Twilio refuses the message itself, for example because the number is invalid or has opted out. */
const BAD_REQUEST = 400;

const Refusal = z.object({ code: z.number().optional(), message: z.string().optional() });

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { code, message } = Refusal.parse(JSON.parse(text));
    return `${String(code ?? "")} ${message ?? ""}`.trim();
  } catch {
    return "";
  }
}

export function smsSender(
  { accountSid, authToken, from, countries }: TwilioSettings,
  fetchProvider: ProviderFetch,
): Sender {
  const authorization = `Basic ${btoa(`${accountSid}:${authToken}`)}`;
  return async (row: Outgoing, signal: AbortSignal) => {
    if (!isSmsDestination(row.recipient, countries))
      throw new SendRefused("the shop does not text to this country", "final");
    const response = await fetchProvider(`${API}/${encodeURIComponent(accountSid)}/Messages.json`, {
      method: "POST",
      headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ To: row.recipient, From: from, Body: row.textBody }).toString(),
      redirect: "manual",
      signal,
    });
    if (response.ok) {
      await response.body?.cancel();
      return;
    }
    const reason = await reasonOf(response);
    const outlook = response.status === BAD_REQUEST ? "final" : "later";
    throw new SendRefused(`Twilio answered ${String(response.status)} ${reason}`.trim(), outlook);
  };
}
