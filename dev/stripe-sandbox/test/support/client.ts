// The official SDK over the sandbox's own fetch, and the webhooks that the endpoint received.
import { env, exports } from "cloudflare:workers";
import { Stripe } from "stripe";

const { PAYMENTS } = env as unknown as SandboxEnv;

interface Sandbox {
  readonly default: Fetcher;
  readonly SandboxAdmin: {
    importPayments(payments: readonly unknown[]): Promise<number>;
    reset(): Promise<void>;
  };
}
export const sandbox = exports as unknown as Sandbox;

/** Calls the sandbox as payments does, without retries, so that a test gets the first answer. */
export function client(key = "sk_test_sandbox", maxNetworkRetries = 0): Stripe {
  return new Stripe(key, {
    httpClient: Stripe.createFetchHttpClient((input: RequestInfo | URL, init?: RequestInit) =>
      sandbox.default.fetch(new Request(input, init)),
    ),
    host: "stripe.sandbox",
    protocol: "http",
    maxNetworkRetries,
    telemetry: false,
  });
}

/** A request of a browser or a script, after dev/front has removed `/_stripe`. */
export async function call(
  method: string,
  path: string,
  form: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return await sandbox.default.fetch(
    new Request(`http://localhost:8787${path}`, {
      method,
      headers,
      redirect: "manual",
      ...(method === "POST" ? { body: new URLSearchParams(form) } : {}),
    }),
  );
}

export async function setFaults(faults: { webhooks?: string; answers?: string }): Promise<Response> {
  return await sandbox.default.fetch(
    new Request("http://localhost:8787/faults", { method: "POST", body: JSON.stringify(faults) }),
  );
}

export interface Webhook {
  readonly pathname: string;
  readonly signature: string;
  readonly body: string;
}

/** Every webhook about this intent, in the order of arrival. */
export async function webhooksOf(intentId: string): Promise<Webhook[]> {
  const all: Webhook[] = await (await PAYMENTS.fetch("http://endpoint/received")).json();
  return all.filter(({ body }) => body.includes(intentId));
}

export function typesOf(webhooks: readonly Webhook[]): string[] {
  return webhooks.map(({ body }) => (JSON.parse(body) as { type: string }).type);
}

export async function refuseNext(times: number): Promise<void> {
  await PAYMENTS.fetch(`http://endpoint/refuse?times=${String(times)}`);
}

/** The error of an SDK call. */
export async function refusal(work: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error("the call was not refused");
}

/** A PaymentIntent of $120.00 with manual capture, as the shop creates it. */
export async function newIntent(params: Partial<Stripe.PaymentIntentCreateParams> = {}): Promise<Stripe.PaymentIntent> {
  return await client().paymentIntents.create({ amount: 12_000, currency: "usd", capture_method: "manual", ...params });
}

/** Such an intent, authorized with a good card. */
export async function authorizedIntent(): Promise<Stripe.PaymentIntent> {
  const { id } = await newIntent();
  return await client().paymentIntents.confirm(id, { payment_method: "pm_card_visa" });
}
