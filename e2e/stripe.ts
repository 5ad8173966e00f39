// The Stripe sandbox for tests: its API, its dashboard, and its faults.
import type { Payment } from "#shared/contracts/payments";
import { SANDBOX_SECRET_KEY } from "../scripts/local/settings.ts";
import type { Client, Send } from "../scripts/shop/client.ts";

/** Reads from Stripe's API. `path` follows `/v1/`. */
export async function atStripe<T>(send: Send, path: string): Promise<T> {
  const response = await send(`/_stripe/v1/${path}`, { headers: { authorization: `Bearer ${SANDBOX_SECRET_KEY}` } });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return await response.json();
}

async function post<T>(send: Send, path: string, body: object): Promise<T> {
  const response = await send(`/_stripe/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return await response.json();
}

/** An action in Stripe's dashboard. `path` follows `/dashboard/`. */
export async function inDashboard(send: Send, path: string, body: object = {}): Promise<{ readonly id: string }> {
  return await post(send, `dashboard/${path}`, body);
}

/** Sets switches of dev/stripe-sandbox/src/faults.ts, until they are set again. */
export async function setFaults(send: Send, faults: { webhooks?: string; answers?: string }): Promise<void> {
  await post(send, "faults", faults);
}

/** The only payment of an order, read as its buyer or an admin. */
export async function paymentOf(client: Client, orderId: string): Promise<Payment> {
  const { items } = await client.expect<{ items: Payment[] }>(200, "GET", `/api/payments/order/${orderId}`);
  const [payment, ...others] = items;
  if (payment === undefined || others.length > 0) throw new Error(`${orderId} has ${String(items.length)} payments`);
  return payment;
}
