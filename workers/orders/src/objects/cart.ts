// One cart: a user's or a guest's. The object keeps the state of domain/cart.ts and makes each step atomic; prices and names are
// the catalog's, and no stock is held here.
import { DurableObject } from "cloudflare:workers";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { openDatabase } from "#shared/database";
import type { Database } from "#shared/database";
import type { Customer } from "#shared/events/catalogue";
import { newId } from "#shared/ids";
import { parseLogLevel, withInvocation } from "#shared/logger";
import { ok } from "#shared/result";
import {
  CartState,
  EMPTY_CART,
  abandon,
  addLine,
  changeLine,
  checkOut,
  clearLines,
  expire,
  removeLine,
  repeatsCheckout,
  settle,
} from "../domain/cart.ts";
import type { CartLine, Checkout, Limits } from "../domain/cart.ts";
import { writeCartIndex } from "../store/carts.ts";
import { orderExists } from "../store/orders.ts";

/** Under which request a call runs, and its time in milliseconds since the epoch. */
export interface Touch {
  readonly now: number;
  readonly correlationId: string;
}

export interface Write extends Touch {
  /** The version that If-Match named. */
  readonly ifVersion?: number | undefined;
  /** Until when the cart lives from this write on. */
  readonly expiresAt: number;
  /** Who is told when it expires; null for a guest. */
  readonly customer: Customer | null;
}

export interface CartView {
  readonly version: number;
  readonly lines: readonly CartLine[];
  /** 0 for a cart that never had a line or has expired. */
  readonly expiresAt: number;
}

/** What the expiry sweep learns. */
export type Expiry =
  | { readonly live: true; readonly until: number }
  | { readonly live: false; readonly version: number; readonly lines: readonly CartLine[] };

/** The object's methods as the Worker calls them. */
export interface CartObject {
  view(touch: Touch): Promise<CartView>;
  add(write: Write & Limits & { readonly productId: string; readonly quantity: number }): Promise<Outcome<CartView>>;
  change(write: Write & Limits & { readonly itemId: string; readonly quantity: number }): Promise<Outcome<CartView>>;
  remove(write: Write & { readonly itemId: string }): Promise<Outcome<CartView>>;
  clear(write: Write): Promise<Outcome<CartView>>;
  /** Hands the lines out for an order. Fails with cart_empty, idempotency_in_progress. */
  checkout(
    input: Touch & { readonly orderId: string; readonly attemptId: string; readonly until: number },
  ): Promise<Outcome<Checkout>>;
  /** Says that this attempt surely made no order. Idempotent. */
  abandon(input: { readonly attemptId: string }): Promise<void>;
  expiry(touch: Touch): Promise<Expiry>;
  /** Lets the lines of an expired cart go, if it still is at this version. Idempotent. */
  drop(input: { readonly version: number; readonly now: number }): Promise<void>;
}

const STATE_KEY = "cart";

function viewOf(state: CartState): CartView {
  return { version: state.version, lines: state.lines, expiresAt: state.lines.length === 0 ? 0 : state.expiresAt };
}

function conflict(state: CartState, ifVersion: number | undefined): Outcome<null> {
  if (ifVersion === undefined || ifVersion === state.version) return ok(null);
  return fail("cart_version_conflict", "The cart was changed meanwhile.", { currentVersion: state.version });
}

export class Cart extends DurableObject<OrdersEnv> implements CartObject {
  readonly #db: Database = openDatabase(this.env.DB);
  /** What is stored, once read: every step loads it several times. */
  #state: CartState | undefined;

  view(touch: Touch): Promise<CartView> {
    return this.#run("Cart.view", touch, async () => {
      await this.#settle(touch.now);
      return viewOf(expire(this.#load(), touch.now));
    });
  }

  add(write: Write & Limits & { readonly productId: string; readonly quantity: number }): Promise<Outcome<CartView>> {
    const line = { id: newId("itm"), productId: write.productId, quantity: write.quantity };
    return this.#write("Cart.add", write, (state) => addLine(state, line, write, write.expiresAt));
  }

  change(write: Write & Limits & { readonly itemId: string; readonly quantity: number }): Promise<Outcome<CartView>> {
    const line = { id: write.itemId, quantity: write.quantity };
    return this.#write("Cart.change", write, (state) => changeLine(state, line, write, write.expiresAt));
  }

  remove(write: Write & { readonly itemId: string }): Promise<Outcome<CartView>> {
    return this.#write("Cart.remove", write, (state) => removeLine(state, write.itemId, write.expiresAt));
  }

  clear(write: Write): Promise<Outcome<CartView>> {
    return this.#write("Cart.clear", write, (state) => ok(clearLines(state, write.expiresAt)));
  }

  checkout(
    input: Touch & { readonly orderId: string; readonly attemptId: string; readonly until: number },
  ): Promise<Outcome<Checkout>> {
    const { now, orderId, attemptId, until } = input;
    return this.#run("Cart.checkout", input, async () => {
      // A repeat is answered from the record, so that sending an order again later still finds it.
      if (!repeatsCheckout(expire(this.#load(), now))) await this.#settle(now);
      const taken = checkOut(expire(this.#load(), now), orderId, { id: attemptId, until }, now);
      if (!taken.ok) return taken;
      this.#save(taken.value.state);
      return ok(taken.value.checkout);
    });
  }

  async abandon({ attemptId }: { readonly attemptId: string }): Promise<void> {
    this.#save(abandon(this.#load(), attemptId));
  }

  expiry(touch: Touch): Promise<Expiry> {
    return this.#run("Cart.expiry", touch, async () => {
      await this.#settle(touch.now);
      const { version, lines, expiresAt } = this.#load();
      return expiresAt > touch.now ? { live: true, until: expiresAt } : { live: false, version, lines };
    });
  }

  async drop({ version, now }: { readonly version: number; readonly now: number }): Promise<void> {
    const state = this.#load();
    if (state.version === version) this.#save(expire(state, now));
  }

  /** Runs one changing step: settle, expire, compare the version, plan, keep. */
  #write(operation: string, write: Write, plan: (state: CartState) => Outcome<CartState>): Promise<Outcome<CartView>> {
    const { now, ifVersion, expiresAt, customer } = write;
    const decide = (): Outcome<CartState> => {
      const state = expire(this.#load(), now);
      const unchanged = conflict(state, ifVersion);
      return unchanged.ok ? plan(state) : unchanged;
    };
    return this.#run(operation, write, async () => {
      await this.#settle(now);
      let planned = decide();
      if (planned.ok && planned.value.lines.length > 0 && !planned.value.indexed) {
        await writeCartIndex(this.#db, this.#name(), customer, expiresAt);
        // Others may have come in between while D1 wrote.
        planned = decide();
        if (planned.ok) planned = ok({ ...planned.value, indexed: true });
      }
      if (!planned.ok) return planned;
      this.#save(planned.value);
      return ok(viewOf(planned.value));
    });
  }

  /** Settles a recorded checkout against the orders table. The record is compared again after the read: others may have. */
  async #settle(now: number): Promise<void> {
    const { checkout } = this.#load();
    if (checkout === null) return;
    const ordered = await orderExists(this.#db, checkout.orderId);
    const state = this.#load();
    if (state.checkout?.orderId === checkout.orderId) this.#save(settle(state, ordered, now));
  }

  #name(): string {
    const { name } = this.ctx.id;
    if (name === undefined) throw new Error("a cart is reached by its name");
    return name;
  }

  #load(): CartState {
    if (this.#state === undefined) {
      const stored = this.ctx.storage.kv.get(STATE_KEY);
      this.#state = stored === undefined ? EMPTY_CART : CartState.parse(stored);
    }
    return this.#state;
  }

  #save(state: CartState): void {
    this.ctx.storage.kv.put(STATE_KEY, state);
    this.#state = state;
  }

  async #run<T>(operation: string, { correlationId }: Touch, work: () => Promise<T>): Promise<T> {
    const level = parseLogLevel(this.env.LOG_LEVEL);
    return await withInvocation({ worker: "orders", operation, correlationId, level }, work);
  }
}
