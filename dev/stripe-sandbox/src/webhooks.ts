// Signing and scheduling of webhook deliveries (https://docs.stripe.com/webhooks#verify-manually).
import {
  FAULT_DELAY_MS,
  FAULT_SHUFFLE_WINDOW_MS,
  RETRY_DELAYS_MS,
  WEBHOOK_PATH,
  DELIVERY_TIMEOUT_MS,
} from "./constants.ts";
import type { Faults } from "./faults.ts";

const encoder = new TextEncoder();

/** HMAC-SHA256 under the endpoint's secret; the key is imported once. */
export class Signer {
  readonly #key: Promise<CryptoKey>;

  constructor(secret: string) {
    this.#key = crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
    ]);
  }

  /** The value of `Stripe-Signature` for this body at this second. */
  async header(body: string, seconds: number): Promise<string> {
    const mac = await crypto.subtle.sign("HMAC", await this.#key, encoder.encode(`${String(seconds)}.${body}`));
    const hex = Array.from(new Uint8Array(mac), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `t=${String(seconds)},v1=${hex}`;
  }
}

/**
 * When an event's deliveries are due: now, later, twice or never. A delivery that is sent now still has its row, due at the time of
 * the first retry, so that a crash only delays it.
 */
export function deliveryTimes(
  webhooks: Faults["webhooks"],
  now: number,
): { readonly dueMs: number; readonly isSentNow: boolean }[] {
  const first = { dueMs: now + (RETRY_DELAYS_MS[0] ?? 0) + DELIVERY_TIMEOUT_MS, isSentNow: true };
  if (webhooks === "drop") return [];
  if (webhooks === "duplicate") return [first, first];
  if (webhooks === "delay") return [{ dueMs: now + FAULT_DELAY_MS, isSentNow: false }];
  if (webhooks === "shuffle") {
    return [{ dueMs: (Math.floor(now / FAULT_SHUFFLE_WINDOW_MS) + 1) * FAULT_SHUFFLE_WINDOW_MS, isSentNow: false }];
  }
  return [first];
}

/** When a delivery that failed `attempts` times is due again, or undefined after the last attempt. */
export function nextAttempt(attempts: number, now: number): number | undefined {
  const delay = RETRY_DELAYS_MS[attempts - 1];
  return delay === undefined ? undefined : now + delay;
}

/** Posts one event to the shop. Returns whether the endpoint answered with a 2xx. */
export async function post(endpoint: Fetcher, signer: Signer, body: string, now: number): Promise<boolean> {
  try {
    const response = await endpoint.fetch(`http://payments.internal${WEBHOOK_PATH}`, {
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "stripe-signature": await signer.header(body, Math.floor(now / 1_000)),
      },
      body,
      signal: AbortSignal.timeout(DELIVERY_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
