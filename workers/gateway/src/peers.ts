// The Workers behind the gateway, each by its contract, and how a call of one fails.
import type { AccountsContract } from "#shared/contracts/accounts";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { InventoryContract } from "#shared/contracts/inventory";
import type { NotificationsContract } from "#shared/contracts/notifications";
import type { OrdersContract } from "#shared/contracts/orders";
import type { PaymentsContract } from "#shared/contracts/payments";
import { withTimeout } from "#shared/timeout";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";
import { HASHING_DEADLINE_MS, LARGE_ORDER_DEADLINE_MS, PEER_DEADLINE_MS, SMALL_ORDER_LINES } from "./constants.ts";

export interface Peers {
  readonly accounts: AccountsContract;
  readonly catalog: CatalogContract;
  readonly orders: OrdersContract;
  readonly payments: PaymentsContract;
  readonly inventory: InventoryContract;
  readonly notifications: NotificationsContract;
}

/** A Worker threw or did not answer in time. An expected failure is returned as an Outcome instead. */
export class PeerFailed extends Error {
  override readonly name = "PeerFailed";
}

/** Errors that only a bug raises. A service binding passes an error's name on, but not its class. */
const BUGS: ReadonlySet<string> = new Set(["TypeError", "RangeError", "ReferenceError", "SyntaxError", "ZodError"]);

/** Whether an error is a bug of the gateway or of a peer, rather than an outage. */
export function isBug(error: unknown): boolean {
  if (!(error instanceof PeerFailed)) return true;
  return error.cause instanceof Error && BUGS.has(error.cause.name);
}

/** Throws PeerFailed after `ms`. The call itself is not cancelled. */
export async function withDeadline<T>(call: Promise<T>, ms: number): Promise<T> {
  return await withTimeout(call, ms, () => {
    throw new PeerFailed(`no answer within ${String(ms)} ms`);
  });
}

type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** Calls that queue in accounts for their turn to hash a password. */
const HASHING: ReadonlySet<string | symbol> = new Set<keyof AccountsContract>([
  "register",
  "login",
  "changePassword",
  "resetPassword",
]);

const PLACING: string | symbol = "createOrder" satisfies keyof OrdersContract;

function deadlineOf(property: string | symbol, [, input]: readonly unknown[]): number {
  if (HASHING.has(property)) return HASHING_DEADLINE_MS;
  if (property !== PLACING) return PEER_DEADLINE_MS;
  const { items } = input as Parameters<OrdersContract["createOrder"]>[1];
  return items !== undefined && items.length <= SMALL_ORDER_LINES ? PEER_DEADLINE_MS : LARGE_ORDER_DEADLINE_MS;
}

/** The same contract, in which every call has a deadline and throws nothing but PeerFailed. */
function guarded(name: string, contract: object): object {
  return new Proxy(contract, {
    get(target, property) {
      return async (...args: readonly unknown[]): Promise<unknown> => {
        try {
          const methods = target as unknown as Record<string | symbol, Method>;
          return await withDeadline(Promise.resolve(methods[property]?.(...args)), deadlineOf(property, args));
        } catch (error) {
          throw new PeerFailed(`${name}.${String(property)} failed`, { cause: error });
        }
      };
    },
  });
}

/** All peers with deadlines. */
export function guardedPeers(peers: Peers): Peers {
  const entries = Object.entries(peers).map(([name, contract]: [string, object]) => [name, guarded(name, contract)]);
  return Object.fromEntries(entries);
}

/** The peers that the service bindings lead to. */
export function boundPeers(env: GatewayEnv): Peers {
  const entries = DOMAIN_WORKERS.map((name) => [name, env[name.toUpperCase() as Uppercase<DomainWorker>]]);
  // Untyped, as in `peer` of shared/rpc.ts: the type generated for a binding does not know the contract.
  return Object.fromEntries(entries);
}
