// What the use cases of carts and orders need: the database, the peers, the carts, and the shop's settings.
import type { CatalogContract } from "#shared/contracts/catalog";
import type { InventoryContract } from "#shared/contracts/inventory";
import type { PaymentsContract } from "#shared/contracts/payments";
import { logCost } from "#shared/logger";
import { baseDeps } from "#shared/outbox";
import type { Deps } from "#shared/outbox";
import { peer } from "#shared/rpc";
import type { CartObject } from "../objects/cart-object.ts";

export interface OrdersDeps extends Deps {
  readonly catalog: CatalogContract;
  readonly inventory: InventoryContract;
  readonly payments: PaymentsContract;
  /** A cart by its object's name. Ask for it anew before each call, which is counted as one. */
  readonly cart: (name: string) => CartObject;
  /** ISO 4217. */
  readonly currency: string;
  readonly cartTtlMs: number;
  readonly paymentWindowMs: number;
  /** Whether the caps against abuse apply (docs/adr/020-abuse-caps.md): always, unless ORDER_CAPS is `off`, exactly. */
  readonly orderCaps: boolean;
}

/** A whole number of seconds above zero, as milliseconds. A setting that is none stops the Worker: guessing would lose carts. */
export function secondsSetting(name: string, value: string): number {
  const seconds = Number(value);
  if (!Number.isInteger(seconds) || seconds <= 0) throw new Error(`${name} must be a whole number of seconds above 0`);
  return seconds * 1_000;
}

export function createDeps(env: OrdersEnv, ctx: Pick<ExecutionContext, "waitUntil">): OrdersDeps {
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
    paymentWindowMs: secondsSetting("PAYMENT_WINDOW_SECONDS", env.PAYMENT_WINDOW_SECONDS),
    orderCaps: env.ORDER_CAPS !== "off",
  };
}
