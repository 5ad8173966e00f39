// What the use cases of payments work with.
import type { Stripe } from "stripe";
import { baseDeps } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import { refuseLiveKey, stripeClient } from "./stripe.ts";
import type { StripeOptions } from "./stripe.ts";

/** The sandbox is bound by the local configuration only, and that is the whole difference between local and not. */
export type PaymentsBindings = PaymentsEnv & { readonly STRIPE_SANDBOX?: Fetcher };

export interface PaymentsDeps extends Deps {
  readonly stripe: Stripe;
  readonly publishableKey: string;
  readonly webhookSecret: string;
}

/** Building the SDK's client costs more than a call of an RPC method; the bindings of an isolate do not change. */
const clients = new WeakMap<PaymentsBindings, Stripe>();

function stripeOptions(env: PaymentsBindings): StripeOptions {
  return { secretKey: env.STRIPE_SECRET_KEY, sandbox: env.STRIPE_SANDBOX };
}

function clientOf(env: PaymentsBindings): Stripe {
  const present = clients.get(env);
  if (present !== undefined) return present;
  const client = stripeClient(stripeOptions(env));
  clients.set(env, client);
  return client;
}

export function createDeps(env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): PaymentsDeps {
  refuseLiveKey(stripeOptions(env));
  return {
    ...baseDeps("payments", env, ctx),
    // Lazy, because most calls never speak to Stripe.
    get stripe() {
      return clientOf(env);
    },
    publishableKey: env.STRIPE_PUBLISHABLE_KEY,
    webhookSecret: env.STRIPE_WEBHOOK_SECRET,
  };
}
