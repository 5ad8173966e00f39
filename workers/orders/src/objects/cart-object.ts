// The methods of a Cart object as the Worker calls them, and what they take and answer.
import type { Outcome } from "#shared/errors";
import type { Customer } from "#shared/events/catalogue";
import type { CartLine, Checkout, Limits } from "../domain/cart.ts";
import type { CartView } from "../domain/cart-view.ts";
import type { MergeDecision, CartTransfer } from "../domain/merge.ts";

/** Under which request a call runs, and its time in milliseconds since the epoch. */
export interface CartContext {
  readonly now: number;
  readonly correlationId: string;
}

export interface Write extends CartContext {
  /** The version that If-Match named. */
  readonly ifVersion?: number | undefined;
  /** Until when the cart lives from this write on. */
  readonly expiresAt: number;
  /** Who is told when it expires; null for a guest. */
  readonly customer: Customer | null;
}

/** A write to one line, with what its quantity is held against and what a unit costs now. */
export interface LineWrite extends Write, Limits {
  readonly quantity: number;
  readonly unitPrice: number;
}

/** What the expiry sweep learns. */
export type Expiry =
  | { readonly live: true; readonly until: number }
  | {
      readonly live: false;
      readonly version: number;
      readonly lines: readonly CartLine[];
      readonly customer: Customer | null;
    };

export interface Merged extends MergeDecision {
  readonly view: CartView;
}

export interface CartObject {
  /** Serves the upgrade of a live socket that the gateway has made. */
  fetch(request: Request): Promise<Response>;
  view(context: CartContext): Promise<CartView>;
  add(write: LineWrite & { readonly productId: string }): Promise<Outcome<CartView>>;
  change(write: LineWrite & { readonly itemId: string }): Promise<Outcome<CartView>>;
  remove(write: Write & { readonly itemId: string }): Promise<Outcome<CartView>>;
  clear(write: Write): Promise<Outcome<CartView>>;
  /**
   * Hands the lines out for an order. `watched`: sockets wait for what becomes of
   * it. Fails with cart_empty, idempotency_in_progress.
   */
  checkout(
    input: CartContext & { readonly orderId: string; readonly attemptId: string; readonly until: number },
  ): Promise<Outcome<Checkout & { readonly watched: boolean }>>;
  /** Says that this attempt surely made no order. Idempotent. */
  abandon(input: { readonly attemptId: string }): Promise<void>;
  /** Says that the order was made, so that sockets hear of it at once; without it the next touch finds out. Idempotent. */
  ordered(input: CartContext & { readonly orderId: string }): Promise<void>;
  /**
   * Closes a guest's cart for a user's, and takes it on itself to finish the merge if nobody else does. Null: there is nothing
   * to merge. `ifVersion` is the user's cart's. Idempotent. Fails with cart_closed, idempotency_in_progress.
   */
  close(input: Write & { readonly mergeId: string; readonly into: string }): Promise<Outcome<CartTransfer | null>>;
  /**
   * Decides, once for each merge id, whether to take a transfer in. Idempotent. Fails
   * with cart_version_conflict, which refuses it for ever.
   */
  absorb(write: Write & CartTransfer): Promise<Outcome<Merged>>;
  /** Tells a guest's cart what was decided about its transfer. Idempotent. */
  decided(input: CartContext & { readonly mergeId: string; readonly taken: boolean }): Promise<void>;
  expiry(context: CartContext): Promise<Expiry>;
  /** Lets the lines of an expired cart go, if it still is at this version. Idempotent. */
  drop(input: { readonly version: number; readonly now: number }): Promise<void>;
}
