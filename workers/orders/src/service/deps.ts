// What the use cases of carts and orders need: the database, the peers, the carts, and the shop's settings.
import type { CatalogContract } from "#shared/contracts/catalog";
import type { InventoryContract } from "#shared/contracts/inventory";
import type { PaymentsContract } from "#shared/contracts/payments";
import { logCost } from "#shared/logger";
import { baseDeps } from "#shared/deps";
import type { Deps } from "#shared/deps";
import { peer } from "#shared/rpc";
import type { Cap, Caps } from "../domain/caps.ts";
import type { CartObject } from "../objects/cart-object.ts";

export interface OrdersDeps extends Deps {
  readonly catalog: CatalogContract;
  readonly inventory: InventoryContract;
  readonly payments: PaymentsContract;
  /** A Cart object by its name. Get it again for each call: getting it counts the call. */
  readonly cart: (name: string) => CartObject;
  /** ISO 4217. */
  readonly currency: string;
  readonly cartTtlMs: number;
  /** How long an order waits for its payment at most. */
  readonly paymentWindowMs: number;
  /** How long the order of a guest or an unproven account waits for a payment method to be tried. */
  readonly untriedWindowMs: number;
  /** Whether the caps against abuse apply (docs/adr/020-abuse-caps.md): always, unless ORDER_CAPS is exactly `off`. */
  readonly orderCaps: boolean;
  readonly caps: Caps;
}

/** A whole number above zero. Any other setting stops the Worker: guessing would lose carts. */
function wholeSetting(name: string, value: string, unit: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number <= 0)
    throw new Error(`${name} must be a whole number of ${unit} above 0`);
  return number;
}

/** A time in seconds, as milliseconds. */
export function secondsSetting(name: string, value: string): number {
  return wholeSetting(name, value, "seconds") * 1_000;
}

function capsSetting(env: OrdersEnv): Caps {
  const capPer = (name: "GUEST" | "GUEST_EMAIL" | "NETWORK" | "UNPROVEN_ACCOUNT" | "PROVEN_ACCOUNT"): Cap => ({
    orders: wholeSetting(`OPEN_ORDERS_PER_${name}`, env[`OPEN_ORDERS_PER_${name}`], "orders"),
    value: wholeSetting(`OPEN_VALUE_PER_${name}`, env[`OPEN_VALUE_PER_${name}`], "minor units"),
  });
  return {
    guest: capPer("GUEST"),
    guestEmail: capPer("GUEST_EMAIL"),
    network: capPer("NETWORK"),
    unprovenAccount: capPer("UNPROVEN_ACCOUNT"),
    provenAccount: capPer("PROVEN_ACCOUNT"),
  };
}

export function createDeps(env: OrdersEnv, ctx: Pick<ExecutionContext, "waitUntil">): OrdersDeps {
  const paymentWindowMs = secondsSetting("PAYMENT_WINDOW_SECONDS", env.PAYMENT_WINDOW_SECONDS);
  return {
    ...baseDeps("orders", env, ctx),
    catalog: peer<CatalogContract>(env.CATALOG),
    inventory: peer<InventoryContract>(env.INVENTORY),
    payments: peer<PaymentsContract>(env.PAYMENTS),
    cart: (name) => {
      logCost({ objectCalls: 1 });
      return env.CART.getByName(name);
    },
    currency: env.SHOP_CURRENCY,
    cartTtlMs: secondsSetting("CART_TTL_SECONDS", env.CART_TTL_SECONDS),
    paymentWindowMs,
    untriedWindowMs: Math.min(
      secondsSetting("UNTRIED_PAYMENT_WINDOW_SECONDS", env.UNTRIED_PAYMENT_WINDOW_SECONDS),
      paymentWindowMs,
    ),
    orderCaps: env.ORDER_CAPS !== "off",
    caps: capsSetting(env),
  };
}
