// Sends web pushes to the push service of each browser (RFC 8030).
import * as z from "zod";
import { PUSH_TTL_SECONDS, VAPID_TTL_MS } from "../constants.ts";
import { SendRefused } from "../domain/delivery.ts";
import { encryptPush, newEphemeral, vapidHeader } from "../domain/web-push.ts";
import type { VapidKeys } from "../domain/web-push.ts";
import type { Outgoing } from "../store/outgoing.ts";
import type { ProviderFetch, Sender } from "./senders.ts";

export interface PushSettings {
  readonly vapid: VapidKeys;
  /** The contact of the shop for push services: a mailto: or https: address. */
  readonly subject: string;
}

/** The subscription has ended: 404 by RFC 8030, 7.3; services also use 410. */
const GONE = [404, 410];
/** The message itself is malformed or too large. */
const UNACCEPTABLE = [400, 413];

const Subscription = z.object({ endpoint: z.url(), p256dh: z.string(), auth: z.string() });

function outlookOf(status: number): SendRefused["outlook"] {
  if (GONE.includes(status)) return "gone";
  return UNACCEPTABLE.includes(status) ? "final" : "later";
}

/** @param now in milliseconds since the epoch. */
export function pushSender({ vapid, subject }: PushSettings, fetchProvider: ProviderFetch, now: () => number): Sender {
  return async (row: Outgoing, signal: AbortSignal) => {
    if (row.subscription === null) throw new SendRefused("the browser is no longer subscribed", "final");
    const { endpoint, ...keys } = Subscription.parse(JSON.parse(row.subscription));
    const payload = JSON.stringify({ id: row.id, kind: row.template, title: row.subject, body: row.textBody });
    const body = await encryptPush(payload, keys, await newEphemeral());
    const response = await fetchProvider(endpoint, {
      method: "POST",
      headers: {
        authorization: await vapidHeader(vapid, subject, endpoint, now() + VAPID_TTL_MS),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        ttl: String(PUSH_TTL_SECONDS),
        urgency: "normal",
      },
      body,
      redirect: "manual",
      signal,
    });
    await response.body?.cancel();
    if (!response.ok) {
      throw new SendRefused(`the push service answered ${String(response.status)}`, outlookOf(response.status));
    }
  };
}
