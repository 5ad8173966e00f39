// Stripe's side as tests see it: what the sandbox keeps, what people do in its dashboard, and how it fails on request.
import type { Payment } from "#shared/contracts/payments";
import type { Client, Send } from "../scripts/shop/client.ts";

/** The secret key that the sandbox takes. */
export const SANDBOX_KEY = "sk_test_sandbox";

/** Reads Stripe's API; the path follows `/v1/`. */
export async function atStripe<T>(send: Send, path: string): Promise<T> {
  const response = await send(`/_stripe/v1/${path}`, { headers: { authorization: `Bearer ${SANDBOX_KEY}` } });
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

/** What somebody does in Stripe's dashboard; the path follows `/dashboard/`. */
export async function inDashboard(send: Send, path: string, body: object = {}): Promise<{ readonly id: string }> {
  return await post(send, `dashboard/${path}`, body);
}

/** Sets the named switches of dev/stripe-sandbox/src/faults.ts; they hold until they are set again. */
export async function setFaults(send: Send, faults: { webhooks?: string; answers?: string }): Promise<void> {
  await post(send, "faults", faults);
}

/** The one payment of an order, as its buyer or an admin sees it. */
export async function paymentOf(client: Client, orderId: string): Promise<Payment> {
  const { items } = await client.expect<{ items: Payment[] }>(200, "GET", `/api/payments/order/${orderId}`);
  const [payment, ...others] = items;
  if (payment === undefined || others.length > 0) throw new Error(`${orderId} has ${String(items.length)} payments`);
  return payment;
}
