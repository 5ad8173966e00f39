// The methods of a Cart object as the Worker calls them, with their inputs and results.
import type { Outcome } from "#shared/errors";
import type { Customer } from "#shared/events/catalogue";
import type { CartLine, Checkout, Limits } from "../domain/cart.ts";
import type { CartView } from "../domain/cart-view.ts";
import type { MergeDecision, CartTransfer } from "../domain/merge.ts";

/** The request that a call belongs to, and its time in milliseconds since the epoch. */
export interface CartContext {
  readonly now: number;
  readonly correlationId: string;
}

export interface Write extends CartContext {
  /** The version that If-Match names. */
  readonly ifVersion?: number | undefined;
  /** When the cart expires after this write. */
  readonly expiresAt: number;
  /** Whom CART_EXPIRED names; null for a guest. */
  readonly customer: Customer | null;
}

/** A write to one line, with the limits on its quantity and the unit price of now. */
export interface LineWrite extends Write, Limits {
  readonly quantity: number;
  readonly unitPrice: number;
}

/** What the expiry sweep reads. */
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
   * Records a checkout and returns the lines to order. `watched`: sockets are connected. Fails with cart_empty,
   * idempotency_in_progress.
   */
  checkout(
    input: CartContext & { readonly orderId: string; readonly attemptId: string; readonly until: number },
  ): Promise<Outcome<Checkout & { readonly watched: boolean }>>;
  /** Withdraws an attempt that certainly made no order. Idempotent. */
  abandon(input: { readonly attemptId: string }): Promise<void>;
  /** Finishes a checkout whose order was placed, so that sockets are notified at once; the next call would find it too. Idempotent. */
  ordered(input: CartContext & { readonly orderId: string }): Promise<void>;
  /**
   * Closes a guest's cart for a user's, and arms the alarm that finishes the merge if its request does not. Null: nothing to merge.
   * `ifVersion` is the user's cart's. Idempotent. Fails with cart_closed, idempotency_in_progress.
   */
  close(input: Write & { readonly mergeId: string; readonly into: string }): Promise<Outcome<CartTransfer | null>>;
  /**
   * Decides, once per merge id, whether to absorb the lines. Idempotent. Fails with cart_version_conflict, which is final.
   */
  absorb(write: Write & CartTransfer): Promise<Outcome<Merged>>;
  /** Applies the decision on a transfer to the guest's cart. Idempotent. */
  endTransfer(input: CartContext & { readonly mergeId: string; readonly isAbsorbed: boolean }): Promise<void>;
  expiry(context: CartContext): Promise<Expiry>;
  /** Drops the lines of an expired cart that is still at this version. Idempotent. */
  drop(input: { readonly version: number; readonly now: number }): Promise<void>;
}
