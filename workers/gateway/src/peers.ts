// The Workers behind the gateway, each by its contract, and what a call of one that fails means to the client.
import type { AccountsContract } from "#shared/contracts/accounts";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { InventoryContract } from "#shared/contracts/inventory";
import type { NotificationsContract } from "#shared/contracts/notifications";
import type { OrdersContract } from "#shared/contracts/orders";
import type { PaymentsContract } from "#shared/contracts/payments";
import { withTimeout } from "#shared/timeout";
import { peer } from "#shared/rpc";
import { HASHING_DEADLINE_MS, PEER_DEADLINE_MS } from "./constants.ts";

export interface Peers {
  readonly accounts: AccountsContract;
  readonly catalog: CatalogContract;
  readonly orders: OrdersContract;
  readonly payments: PaymentsContract;
  readonly inventory: InventoryContract;
  readonly notifications: NotificationsContract;
}

export type PeerName = keyof Peers;
export const PEER_NAMES = ["accounts", "catalog", "orders", "payments", "inventory", "notifications"] as const;

/** A Worker threw or did not answer in time. Expected failures come back as results and never as this. */
export class PeerFailed extends Error {
  override readonly name = "PeerFailed";
}

/** Names of errors that only a bug makes; they cross service bindings as `name`, without their class. */
const BUGS: ReadonlySet<string> = new Set(["TypeError", "RangeError", "ReferenceError", "SyntaxError", "ZodError"]);

/** Whether what a peer threw says that it is broken, rather than that it or what it stands on is down. */
export function isBug(error: unknown): boolean {
  const cause = error instanceof PeerFailed ? error.cause : error;
  return !(error instanceof PeerFailed) || (cause instanceof Error && BUGS.has(cause.name));
}

/** Gives up waiting after `ms`; the work itself may go on. */
export async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  return await withTimeout(work, ms, () => {
    throw new PeerFailed(`no answer within ${String(ms)} ms`);
  });
}

type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** Calls of accounts that wait for their turn to hash. */
const HASHING: ReadonlySet<string | symbol> = new Set<keyof AccountsContract>([
  "register",
  "login",
  "changePassword",
  "resetPassword",
]);

/** Puts the deadline on every call of a peer and makes whatever it throws a PeerFailed. */
export function guarded<Contract extends object>(name: PeerName, contract: Contract): Contract {
  return new Proxy(contract, {
    get(target, property) {
      return async (...args: readonly unknown[]): Promise<unknown> => {
        try {
          const methods = target as unknown as Record<string | symbol, Method>;
          const deadlineMs = HASHING.has(property) ? HASHING_DEADLINE_MS : PEER_DEADLINE_MS;
          return await withDeadline(Promise.resolve(methods[property]?.(...args)), deadlineMs);
        } catch (error) {
          throw new PeerFailed(`${name}.${String(property)} failed`, { cause: error });
        }
      };
    },
  });
}

/** All peers with their deadlines on. */
export function guardedPeers(peers: Peers): Peers {
  return {
    accounts: guarded("accounts", peers.accounts),
    catalog: guarded("catalog", peers.catalog),
    orders: guarded("orders", peers.orders),
    payments: guarded("payments", peers.payments),
    inventory: guarded("inventory", peers.inventory),
    notifications: guarded("notifications", peers.notifications),
  };
}

/** The peers as the bindings give them. */
export function boundPeers(env: GatewayEnv): Peers {
  return {
    accounts: peer<AccountsContract>(env.ACCOUNTS),
    catalog: peer<CatalogContract>(env.CATALOG),
    orders: peer<OrdersContract>(env.ORDERS),
    payments: peer<PaymentsContract>(env.PAYMENTS),
    inventory: peer<InventoryContract>(env.INVENTORY),
    notifications: peer<NotificationsContract>(env.NOTIFICATIONS),
  };
}
