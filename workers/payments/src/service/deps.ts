// What the use cases of payments work with.
import type { Stripe } from "stripe";
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { BACKGROUND_TIMEOUT_POLICY, CALL_TIMEOUT_POLICY } from "../constants.ts";
import type { TimeoutPolicy } from "../constants.ts";
import type { DeclineCaps } from "../domain/payment.ts";
import { declineCaps } from "./caps.ts";
import { refuseLiveKey, stripeClient } from "./stripe/client.ts";
import type { StripeOptions } from "./stripe/client.ts";

/** The sandbox is bound by the local configuration only, and that is the whole difference between local and not. */
export type PaymentsBindings = PaymentsEnv & { readonly STRIPE_SANDBOX?: Fetcher };

export interface PaymentsDeps extends Deps {
  readonly stripe: Stripe;
  readonly publishableKey: string;
  readonly webhookSecret: string;
  /** Undefined when the caps on declined cards are lifted. */
  readonly declineCaps: DeclineCaps | undefined;
  /** Whether real money moves: events say of which mode they are. */
  readonly livemode: boolean;
}

/** Building the SDK's client costs more than a call of an RPC method; the bindings of an isolate do not change. */
const clients = { call: new WeakMap<PaymentsBindings, Stripe>(), background: new WeakMap<PaymentsBindings, Stripe>() };
type For = keyof typeof clients;
const TIMEOUT_POLICIES: Readonly<Record<For, TimeoutPolicy>> = {
  call: CALL_TIMEOUT_POLICY,
  background: BACKGROUND_TIMEOUT_POLICY,
};

function stripeOptions(env: PaymentsBindings): StripeOptions {
  return { secretKey: env.STRIPE_SECRET_KEY, sandbox: env.STRIPE_SANDBOX };
}

function clientOf(env: PaymentsBindings, use: For): Stripe {
  const present = clients[use].get(env);
  if (present !== undefined) return present;
  const client = stripeClient(stripeOptions(env), TIMEOUT_POLICIES[use]);
  clients[use].set(env, client);
  return client;
}

function depsFor(use: For, env: PaymentsBindings, ctx: Pick<ExecutionContext, "waitUntil">): PaymentsDeps {
  refuseLiveKey(stripeOptions(env));
  return {
    ...baseDeps("payments", env, ctx),
    // Lazy, because most calls never speak to Stripe.
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
