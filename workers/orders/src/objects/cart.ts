// One cart: a user's or a guest's. The object keeps the state of domain/cart.ts and makes each step atomic; prices and names are
// the catalog's, and no stock is held here. Devices that are connected are told of every new version.
import { DurableObject } from "cloudflare:workers";
import { systemCall } from "#shared/call";
import type { CatalogContract } from "#shared/contracts/catalog";
import type { Cart as RenderedCart } from "#shared/contracts/orders";
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
/** An alarm that finds its time in the past would come again at once. */
const MIN_ALARM_MS = 1_000;

function conflict(state: CartState, ifVersion: number | undefined): Outcome<null> {
  if (ifVersion === undefined || ifVersion === state.version) return ok(null);
  return versionConflict(state.version);
}

export class Cart extends DurableObject<OrdersEnv> implements CartObject {
  readonly #db: Database = openDatabase(this.env.DB);
  readonly #sockets = new LiveSockets(this.ctx);
  /** What is stored, once read: every step loads it several times. */
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
      // A repeat is answered from the record, so that sending an order again later still finds it.
      if (!isCheckoutRepeated(expire(this.#load(), now))) await this.#finishCheckout(now);
      const taken = checkOut(expire(this.#load(), now), orderId, { id: attemptId, until }, now);
      if (!taken.ok) return taken;
      this.#save(taken.value.state);
      const watched = this.#sockets.count > 0;
      // Should nobody say what became of it.
      if (watched) await this.#armBy(until);
      return ok({ ...taken.value.checkout, watched });
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
        // Armed before the lines are on the way, so that they arrive whatever becomes of the request. Others may come in between.
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
    // The decision and the lines are one write: there is no await between the two.
    const kept = (): void => {
      if (decision !== undefined) this.#keepDecision(mergeId, decision);
    };
    const written = await this.#write("Cart.absorb", { ...write, ifVersion: undefined }, plan, kept);
    if (!written.ok) return written;
    if (decision === undefined) throw new Error("a merge was written undecided");
    return ok({ ...decision, view: written.value });
  }

  decided(input: CartContext & { readonly mergeId: string; readonly taken: boolean }): Promise<void> {
    return this.#run("Cart.decided", input, async () => {
      this.#save(input.taken ? completeTransfer(this.#load(), input.mergeId) : reopen(this.#load(), input.mergeId));
      await Promise.resolve();
    });
  }

  expiry(context: CartContext): Promise<Expiry> {
    return this.#run("Cart.expiry", context, async () => {
      await this.#finishCheckout(context.now);
      const { version, lines, expiresAt, customer, checkout } = this.#load();
      // Whether lines that are being ordered were left behind shows when the last attempt is over.
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
      const shown = await this.#render(viewOf(expire(this.#load(), context.now)), context);
      // What changed while the catalog was asked is told when this step ends.
      return this.#sockets.accept(pass, context.now, { text: JSON.stringify(shown), version: shown.version });
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
   * Runs one changing step: settle, expire, compare the version, plan, keep. `kept` writes beside the state, in the same step.
   */
  #write(
    operation: string,
    write: Write,
    plan: (state: CartState) => Outcome<CartState>,
    kept: () => void = () => undefined,
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
        // Others may have come in between while D1 wrote.
        planned = decide();
        if (planned.ok) planned = ok({ ...planned.value, indexed: true });
      }
      if (!planned.ok) return planned;
      kept();
      this.#save({ ...planned.value, customer });
      return ok(viewOf(planned.value));
    });
  }

  /** Settles a recorded checkout against the orders table. The record is compared again after the read: others may have. */
  async #finishCheckout(now: number): Promise<void> {
    const { checkout } = this.#load();
    if (checkout === null) return;
    const isOrdered = await orderExists(this.#db, checkout.orderId);
    const state = this.#load();
    if (state.checkout?.orderId === checkout.orderId) this.#save(finishCheckout(state, { isOrdered, now }));
  }

  /** Brings a merge to its end that a request has begun: the other cart takes the lines or has refused them before. */
  async #finishMerge({ now, correlationId }: CartContext): Promise<void> {
    const { closed } = this.#load();
    if (closed === null || closed.done) return;
    const { mergeId, lines, customer, expiresAt, ifVersion } = closed;
    const other: CartObject = this.env.CART.getByName(closed.into);
    const absorbed = await other.absorb({ now, correlationId, mergeId, lines, customer, expiresAt, ifVersion });
    const taken = absorbed.ok && absorbed.value.taken;
    if (!absorbed.ok && absorbed.error.code !== "cart_version_conflict") {
      throw new Error(`the other cart refused: ${absorbed.error.code}`);
    }
    const state = this.#load();
    this.#save(taken ? completeTransfer(state, mergeId) : reopen(state, mergeId));
  }

  #decision(mergeId: string): MergeDecision | undefined {
    const stored = this.ctx.storage.kv.get(`merge:${mergeId}`);
    return stored === undefined ? undefined : MergeDecision.parse(stored);
  }

  /** Kept for ever: a copy of the request may come late, and the lines must not come twice. */
  #keepDecision(mergeId: string, decision: MergeDecision): void {
    this.ctx.storage.kv.put(`merge:${mergeId}`, decision);
  }

  /** The cart as the API shows it. */
  async #render(view: CartView, { now, correlationId }: CartContext): Promise<RenderedCart> {
    const ids = view.lines.map(({ productId }) => productId);
    const catalog = peer<CatalogContract>(this.env.CATALOG);
    const call = systemCall("cart_live", correlationId);
    const found = ids.length === 0 ? ok([]) : await catalog.pricedProducts(call, { ids, fresh: false });
    if (!found.ok) throw new Error(`the catalog refused: ${found.error.code}`);
    // A setting that is no number has stopped the Worker before: see createDeps.
    const newExpiresAt = now + Number(this.env.CART_TTL_SECONDS) * 1_000;
    return renderCart(await cartIdOf(this.#name()), view, found.value, {
      currency: this.env.SHOP_CURRENCY,
      newExpiresAt,
    });
  }

  /**
   * Ends the sockets whose token has, and tells the others of a version that they have
   * not seen. What cannot be told now is told by the alarm.
   */
  async #notifySockets(context: CartContext): Promise<void> {
    try {
      this.#sockets.closeExpired(context.now);
      const view = viewOf(expire(this.#load(), context.now));
      if (this.#sockets.lacks(view.version)) {
        const shown = await this.#render(view, context);
        // Of two that render at a time, the later may come first; an older version is then sent to nobody.
        this.#sockets.send(JSON.stringify(shown), context.now, shown.version);
      }
      if (this.#load().closed?.done === true) this.#sockets.closeAll(SOCKET_CLOSE.ended, "the cart was merged");
      await this.#rearm(context.now);
    } catch (error) {
      log("warn", "sockets were not told", { error });
      await this.#armBy(context.now + PUSH_RETRY_MS);
    }
  }

  /** Sets the alarm for the first of what this cart waits for; an idle cart without sockets waits for nothing. */
  async #rearm(now: number): Promise<void> {
    const { closed, checkout, lines, expiresAt } = this.#load();
    const merge = closed?.done === false ? [now + MERGE_RETRY_MS] : [];
    const watched = this.#sockets.nextExpiry();
    const leases = checkout?.attempts.map(({ until }) => until) ?? [];
    const told = watched === undefined ? [] : [watched, ...leases, ...(lines.length > 0 ? [expiresAt] : [])];
    // What has passed was seen to when this step began.
    const times = [...merge, ...told].filter((at) => at > now);
    if (times.length > 0) await this.#armBy(Math.max(Math.min(...times), now + MIN_ALARM_MS));
  }

  async #armBy(at: number): Promise<void> {
    const current = await this.ctx.storage.getAlarm();
    if (current === null || current > at) await this.ctx.storage.setAlarm(at);
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

  /** Every step ends by telling the sockets what it changed, beside its answer. */
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
