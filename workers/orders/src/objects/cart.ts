// One cart: a user's or a guest's. The object stores the state of domain/cart.ts and makes each step atomic. Prices and names come
// from the catalog, and no stock is held here. Connected devices are sent every new version.
import { DurableObject } from "cloudflare:workers";
import { systemCall } from "#shared/call";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { Cart as RenderedCart } from "#shared/contracts/carts";
import type { Outcome } from "#shared/errors";
import { openDatabase } from "#shared/database";
import type { Database } from "#shared/database";
import { newId } from "#shared/ids";
import { log, parseLogLevel, withInvocation } from "#shared/logger";
import { ok } from "#shared/result";
import { peer } from "#shared/rpc";
import { LiveSockets, SOCKET_CLOSE, socketPassOf } from "#shared/sockets";
import { MERGE_RETRY_MS, PUSH_RETRY_MS } from "../constants.ts";
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
  isCheckoutRepeated,
  finishCheckout,
  versionConflict,
} from "../domain/cart.ts";
import type { Checkout } from "../domain/cart.ts";
import { cartIdOf, renderCart, viewOf } from "../domain/cart-view.ts";
import type { CartView } from "../domain/cart-view.ts";
import { CART_CLOSED, MergeDecision, closeFor, completeTransfer, reopen, absorbLines } from "../domain/merge.ts";
import type { CartTransfer } from "../domain/merge.ts";
import { writeCartIndex } from "../store/carts.ts";
import { orderExists } from "../store/orders.ts";
import type { CartObject, Expiry, LineWrite, Merged, CartContext, Write } from "./cart-object.ts";

const STATE_KEY = "cart";
/** An alarm set in the past would fire at once, again and again. */
const MIN_ALARM_MS = 1_000;

function conflict(state: CartState, ifVersion: number | undefined): Outcome<null> {
  if (ifVersion === undefined || ifVersion === state.version) return ok(null);
  return versionConflict(state.version);
}

export class Cart extends DurableObject<OrdersEnv> implements CartObject {
  readonly #db: Database = openDatabase(this.env.DB);
  readonly #sockets = new LiveSockets(this.ctx);
  /** The stored state, cached: every step loads it several times. */
  #state: CartState | undefined;

  view(context: CartContext): Promise<CartView> {
    return this.#run("Cart.view", context, async () => {
      await this.#finishCheckout(context.now);
      return viewOf(expire(this.#load(), context.now));
    });
  }

  add(write: LineWrite & { readonly productId: string }): Promise<Outcome<CartView>> {
    const { productId, quantity, unitPrice } = write;
    const line = { id: newId("itm"), productId, quantity, priceWhenAdded: unitPrice };
    return this.#write("Cart.add", write, (state) => addLine(state, line, write, write.expiresAt));
  }

  change(write: LineWrite & { readonly itemId: string }): Promise<Outcome<CartView>> {
    const line = { id: write.itemId, quantity: write.quantity, priceWhenAdded: write.unitPrice };
    return this.#write("Cart.change", write, (state) => changeLine(state, line, write, write.expiresAt));
  }

  remove(write: Write & { readonly itemId: string }): Promise<Outcome<CartView>> {
    return this.#write("Cart.remove", write, (state) => removeLine(state, write.itemId, write.expiresAt));
  }

  clear(write: Write): Promise<Outcome<CartView>> {
    return this.#write("Cart.clear", write, (state) => ok(clearLines(state, write.expiresAt)));
  }

  checkout(
    input: CartContext & { readonly orderId: string; readonly attemptId: string; readonly until: number },
  ): Promise<Outcome<Checkout & { readonly watched: boolean }>> {
    const { now, orderId, attemptId, until } = input;
    return this.#run("Cart.checkout", input, async () => {
      // A repeat is answered from the record, so that a request that is sent again later still finds its order.
      if (!isCheckoutRepeated(expire(this.#load(), now))) await this.#finishCheckout(now);
      const checkedOut = checkOut(expire(this.#load(), now), orderId, { id: attemptId, until }, now);
      if (!checkedOut.ok) return checkedOut;
      this.#save(checkedOut.value.state);
      const watched = this.#sockets.count > 0;
      // For an attempt that never reports its end.
      if (watched) await this.#armBy(until);
      return ok({ ...checkedOut.value.checkout, watched });
    });
  }

  async abandon({ attemptId }: { readonly attemptId: string }): Promise<void> {
    this.#save(abandon(this.#load(), attemptId));
  }

  ordered(input: CartContext & { readonly orderId: string }): Promise<void> {
    return this.#run("Cart.ordered", input, async () => {
      const state = this.#load();
      if (state.checkout?.orderId === input.orderId)
        this.#save(finishCheckout(state, { isOrdered: true, now: input.now }));
      await Promise.resolve();
    });
  }

  close(input: Write & { readonly mergeId: string; readonly into: string }): Promise<Outcome<CartTransfer | null>> {
    const { now, mergeId, into, customer, expiresAt, ifVersion } = input;
    const decide = (): ReturnType<typeof closeFor> =>
      closeFor(expire(this.#load(), now), { mergeId, into, customer, expiresAt, ifVersion });
    return this.#run("Cart.close", input, async () => {
      await this.#finishCheckout(now);
      let closing = decide();
      if (closing.ok && closing.value.transfer !== null && closing.value.state.closed?.done === false) {
        // Armed before the lines are returned, so that they arrive even if the request fails. Other calls may run during the await.
        await this.#armBy(now + MERGE_RETRY_MS);
        closing = decide();
      }
      if (!closing.ok) return closing;
      if (closing.value.transfer !== null) this.#save(closing.value.state);
      return ok(closing.value.transfer);
    });
  }

  async absorb(write: Write & CartTransfer): Promise<Outcome<Merged>> {
    const { mergeId, lines, ifVersion, expiresAt } = write;
    let decision: MergeDecision | undefined;
    const plan = (state: CartState): Outcome<CartState> => {
      decision = this.#decision(mergeId);
      if (decision !== undefined) return ok(state);
      const unchanged = conflict(state, ifVersion);
      if (!unchanged.ok) {
        this.#keepDecision(mergeId, { taken: false, notMerged: [] });
        return unchanged;
      }
      const joined = absorbLines(state, lines, expiresAt);
      decision = { taken: true, notMerged: joined.notMerged };
      return ok(joined.state);
    };
    // The decision and the lines are written together: there is no await between the two.
    const keep = (): void => {
      if (decision !== undefined) this.#keepDecision(mergeId, decision);
    };
    const written = await this.#write("Cart.absorb", { ...write, ifVersion: undefined }, plan, keep);
    if (!written.ok) return written;
    if (decision === undefined) throw new Error("a merge was written undecided");
    return ok({ ...decision, view: written.value });
  }

  endTransfer(input: CartContext & { readonly mergeId: string; readonly isAbsorbed: boolean }): Promise<void> {
    return this.#run("Cart.endTransfer", input, async () => {
      this.#save(
        input.isAbsorbed ? completeTransfer(this.#load(), input.mergeId) : reopen(this.#load(), input.mergeId),
      );
      await Promise.resolve();
    });
  }

  expiry(context: CartContext): Promise<Expiry> {
    return this.#run("Cart.expiry", context, async () => {
      await this.#finishCheckout(context.now);
      const { version, lines, expiresAt, customer, checkout } = this.#load();
      // Lines that are being ordered expire only after the last attempt.
      const until = Math.max(expiresAt, ...(checkout?.attempts.map((attempt) => attempt.until) ?? []));
      return until > context.now ? { live: true, until } : { live: false, version, lines, customer };
    });
  }

  async drop({ version, now }: { readonly version: number; readonly now: number }): Promise<void> {
    const state = this.#load();
    if (state.version === version) this.#save(expire(state, now));
  }

  override async fetch(request: Request): Promise<Response> {
    const pass = socketPassOf(request);
    const context = { now: Date.now(), correlationId: pass.call.correlationId };
    return await this.#run("Cart.fetch", context, async () => {
      await this.#finishCheckout(context.now);
      const cart = await this.#render(viewOf(expire(this.#load(), context.now)), context);
      // A change during that read is sent when this step ends.
      return this.#sockets.accept(pass, context.now, { text: JSON.stringify(cart), version: cart.version });
    });
  }

  override async alarm(): Promise<void> {
    const context = { now: Date.now(), correlationId: newId("req") };
    await this.#run("Cart.alarm", context, async () => {
      try {
        await this.#finishMerge(context);
        await this.#finishCheckout(context.now);
      } catch (error) {
        log("warn", "a cart's alarm is tried again", { error });
      }
      await this.#rearm(context.now);
    });
  }

  override webSocketMessage(socket: WebSocket): void {
    this.#sockets.refuseMessage(socket);
  }

  /**
   * Runs one changing step: finish a checkout, expire, compare the version, plan, write. `keep` writes something in the same step as
   * the state.
   */
  #write(
    operation: string,
    write: Write,
    plan: (state: CartState) => Outcome<CartState>,
    keep: () => void = () => undefined,
  ): Promise<Outcome<CartView>> {
    const { now, ifVersion, expiresAt, customer } = write;
    const decide = (): Outcome<CartState> => {
      const state = expire(this.#load(), now);
      if (state.closed !== null) return CART_CLOSED;
      const unchanged = conflict(state, ifVersion);
      return unchanged.ok ? plan(state) : unchanged;
    };
    return this.#run(operation, write, async () => {
      await this.#finishCheckout(now);
      let planned = decide();
      if (planned.ok && planned.value.lines.length > 0 && !planned.value.indexed) {
        await writeCartIndex(this.#db, this.#name(), customer, expiresAt);
        // Other calls may have run while D1 wrote.
        planned = decide();
        if (planned.ok) planned = ok({ ...planned.value, indexed: true });
      }
      if (!planned.ok) return planned;
      keep();
      this.#save({ ...planned.value, customer });
      return ok(viewOf(planned.value));
    });
  }

  /** Finishes a recorded checkout by the orders table. Other calls may run during the read, so the record is compared again. */
  async #finishCheckout(now: number): Promise<void> {
    const { checkout } = this.#load();
    if (checkout === null) return;
    const isOrdered = await orderExists(this.#db, checkout.orderId);
    const state = this.#load();
    if (state.checkout?.orderId === checkout.orderId) this.#save(finishCheckout(state, { isOrdered, now }));
  }

  /** Finishes a merge that a request has begun: the other cart absorbs the lines, or has refused them before. */
  async #finishMerge({ now, correlationId }: CartContext): Promise<void> {
    const { closed } = this.#load();
    if (closed === null || closed.done) return;
    const { mergeId, lines, customer, expiresAt, ifVersion } = closed;
    const other: CartObject = this.env.CART.getByName(closed.into);
    const absorbed = await other.absorb({ now, correlationId, mergeId, lines, customer, expiresAt, ifVersion });
    const isAbsorbed = absorbed.ok && absorbed.value.taken;
    if (!absorbed.ok && absorbed.error.code !== "cart_version_conflict") {
      throw new Error(`the other cart refused: ${absorbed.error.code}`);
    }
    const state = this.#load();
    this.#save(isAbsorbed ? completeTransfer(state, mergeId) : reopen(state, mergeId));
  }

  #decision(mergeId: string): MergeDecision | undefined {
    const stored = this.ctx.storage.kv.get(`merge:${mergeId}`);
    return stored === undefined ? undefined : MergeDecision.parse(stored);
  }

  /** Stored for ever: a late copy of the request must not add the lines twice. */
  #keepDecision(mergeId: string, decision: MergeDecision): void {
    this.ctx.storage.kv.put(`merge:${mergeId}`, decision);
  }

  /** The cart as the API returns it. */
  async #render(view: CartView, { now, correlationId }: CartContext): Promise<RenderedCart> {
    const ids = view.lines.map(({ productId }) => productId);
    const catalog = peer<CatalogContract>(this.env.CATALOG);
    const call = systemCall("cart_live", correlationId);
    const found = ids.length === 0 ? ok([]) : await catalog.pricedProducts(call, { ids, fresh: false });
    if (!found.ok) throw new Error(`the catalog refused: ${found.error.code}`);
    // createDeps has checked that the setting is a number.
    const newExpiresAt = now + Number(this.env.CART_TTL_SECONDS) * 1_000;
    return renderCart(await cartIdOf(this.#name()), view, found.value, {
      currency: this.env.SHOP_CURRENCY,
      newExpiresAt,
    });
  }

  /** Closes the sockets whose token has expired, and sends the others a version that they lack. The alarm repeats a failed attempt. */
  async #notifySockets(context: CartContext): Promise<void> {
    try {
      this.#sockets.closeExpired(context.now);
      const view = viewOf(expire(this.#load(), context.now));
      if (this.#sockets.lacks(view.version)) {
        const cart = await this.#render(view, context);
        // Of two concurrent renderings the later may end first; the older version is then not sent.
        this.#sockets.send(JSON.stringify(cart), context.now, cart.version);
      }
      if (this.#load().closed?.done === true) this.#sockets.closeAll(SOCKET_CLOSE.ended, "the cart was merged");
      await this.#rearm(context.now);
    } catch (error) {
      log("warn", "sockets were not notified", { error });
      await this.#armBy(context.now + PUSH_RETRY_MS);
    }
  }

  /** Sets the alarm for the next time that matters. An idle cart without sockets needs none. */
  async #rearm(now: number): Promise<void> {
    const { closed, checkout, lines, expiresAt } = this.#load();
    const merge = closed?.done === false ? [now + MERGE_RETRY_MS] : [];
    const watched = this.#sockets.nextExpiry();
    const leases = checkout?.attempts.map(({ until }) => until) ?? [];
    const notifyAt = watched === undefined ? [] : [watched, ...leases, ...(lines.length > 0 ? [expiresAt] : [])];
    // Times in the past were handled when this step began.
    const times = [...merge, ...notifyAt].filter((at) => at > now);
    if (times.length > 0) await this.#armBy(Math.max(Math.min(...times), now + MIN_ALARM_MS));
  }

  async #armBy(at: number): Promise<void> {
    const current = await this.ctx.storage.getAlarm();
    if (current === null || current > at) await this.ctx.storage.setAlarm(at);
  }

  #name(): string {
    const { name } = this.ctx.id;
    if (name === undefined) throw new Error("a Cart object needs a name");
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

  /** Every step ends by notifying the sockets, without delaying its answer. */
  async #run<T>(operation: string, context: CartContext, work: () => Promise<T>): Promise<T> {
    const { correlationId } = context;
    const level = parseLogLevel(this.env.LOG_LEVEL);
    return await withInvocation({ worker: "orders", operation, correlationId, level }, async () => {
      try {
        return await work();
      } finally {
        if (this.#sockets.count > 0) this.ctx.waitUntil(this.#notifySockets(context));
      }
    });
  }
}
