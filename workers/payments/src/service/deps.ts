// The dependencies of payments' use cases, made from the Worker's bindings and variables.
import type { Stripe } from "stripe";
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { BACKGROUND_TIMEOUT_POLICY, CALL_TIMEOUT_POLICY } from "../constants.ts";
import type { TimeoutPolicy } from "../constants.ts";
import type { DeclineCaps } from "../domain/payment.ts";
import { declineCaps } from "./decline-caps.ts";
import { refuseLiveKey, stripeClient } from "./stripe/client.ts";
import type { StripeOptions } from "./stripe/client.ts";

/** The sandbox is bound by the local configuration only. Payments differs locally in nothing else. */
export type PaymentsBindings = PaymentsEnv & { readonly STRIPE_SANDBOX?: Fetcher };

export interface PaymentsDeps extends Deps {
  readonly stripe: Stripe;
  readonly publishableKey: string;
  readonly webhookSecret: string;
  /** Undefined when the caps on declined cards are off. */
  readonly declineCaps: DeclineCaps | undefined;
  /** Whether the key moves real money. Stripe's events say of which mode they are. */
  readonly livemode: boolean;
}

/** Creating a client costs more than an RPC call, and an isolate's bindings do not change. */
const clients = { call: new WeakMap<PaymentsBindings, Stripe>(), background: new WeakMap<PaymentsBindings, Stripe>() };
type Use = keyof typeof clients;
const TIMEOUT_POLICIES: Readonly<Record<Use, TimeoutPolicy>> = {
  call: CALL_TIMEOUT_POLICY,
  background: BACKGROUND_TIMEOUT_POLICY,
};

function stripeOptions(env: PaymentsBindings): StripeOptions {
  return { secretKey: env.STRIPE_SECRET_KEY, sandbox: env.STRIPE_SANDBOX };
}

function clientOf(env: PaymentsBindings, use: Use): Stripe {
  const present = clients[use].get(env);
  if (present !== undefined) return present;
  const client = stripeClient(stripeOptions(env), TIMEOUT_POLICIES[use]);
  clients[use].set(env, client);
  return client;
}

function depsFor(use: Use, env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): PaymentsDeps {
  refuseLiveKey(stripeOptions(env));
  return {
    ...baseDeps("payments", env, ctx),
    // Lazy, because most calls never need Stripe.
    get stripe() {
      return clientOf(env, use);
    },
    publishableKey: env.STRIPE_PUBLISHABLE_KEY,
    webhookSecret: env.STRIPE_WEBHOOK_SECRET,
    declineCaps: declineCaps(env),
    livemode: /^[sr]k_live_/.test(env.STRIPE_SECRET_KEY),
  };
}

/** For webhooks, events and sweeps. */
export function createDeps(env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): PaymentsDeps {
  return depsFor("background", env, ctx);
}

/** For calls that somebody waits for. */
export function callDeps(env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): PaymentsDeps {
  return depsFor("call", env, ctx);
}
