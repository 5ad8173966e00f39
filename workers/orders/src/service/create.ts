// Making an order: price, hold, write. One request makes one order, however often and however concurrently it is sent: the
// UNIQUE of its request key decides in the order's own batch, and of a cart's version there is one order id. Nothing is looked
// up beforehand; whoever loses reads the winner.
import type { z } from "zod";
import { isProven, localeOf } from "#shared/call";
import type { Call } from "#shared/call";
import type { CreateOrderInput, CreatedOrder } from "#shared/contracts/orders";
import { StaleWrite, UniqueViolation } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import type { Customer, StockLine } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import { fingerprint, randomToken, requestKey, sha256Hex } from "#shared/hash";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import { CHECKOUT_LEASE_MS, MAX_STALE_RETRIES, ORDER_COMMIT_DEADLINE_MS } from "../constants.ts";
import { mergeLines } from "../domain/totals.ts";
import { isReturned } from "../store/caps.ts";
import type { Capped } from "../store/caps.ts";
import { findMade } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import { insertOrder } from "../store/write.ts";
import { cappedAs, giveBack, withinCaps } from "./caps.ts";
import type { OrdersDeps } from "./deps.ts";
import { draftOrder } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { countsTowardShare, hold, releaseBeside } from "./hold.ts";
import type { Hold } from "./hold.ts";
import { cartName, customerOf } from "./owner.ts";
import { checkCoupon, price } from "./quote.ts";
import type { Priced } from "./quote.ts";

const ROUTE = "POST /api/orders";

type Input = z.output<typeof CreateOrderInput>;
type Created = Outcome<{ readonly order: CreatedOrder; readonly replayed: boolean }>;

/** Who orders, and under what identity their requests are known. */
interface Buyer {
  readonly customer: Customer;
  readonly cartName: string | undefined;
  readonly identity: string;
}

/** A request with its identity settled. */
interface Request {
  readonly call: Call;
  readonly input: Input;
  readonly buyer: Buyer;
  readonly fingerprint: string;
  readonly startedAt: number;
}

/** Lines to order under one request key. `orderId` is the cart's, or fresh. */
interface Basket {
  readonly key: string;
  readonly orderId: string;
  readonly lines: readonly StockLine[];
}

/** A cart's lines, taken for an order. */
interface CartBasket extends Basket {
  readonly cartName: string;
  /** What to step back from when no order comes of it. */
  readonly attemptId: string;
  /** Whether this version was checked out before. */
  readonly repeated: boolean;
  /** Whether devices are connected to the cart. */
  readonly watched: boolean;
}

async function buyerOf(call: Call, { cartToken, email, shippingAddress }: Input): Promise<Outcome<Buyer>> {
  const name = await cartName(call, cartToken);
  const account = customerOf(call);
  if (account !== null) return ok({ customer: account, cartName: name, identity: `user:${call.actor.id}` });
  if (email === undefined) {
    const errors = [{ path: "email", message: "is needed without an account" }];
    return fail("validation_failed", "A guest's order needs an e-mail address.", { errors });
  }
  const customer = { id: null, email, name: shippingAddress.name, locale: localeOf(call), proven: false };
  return ok({ customer, cartName: name, identity: name ?? `email:${email.toLowerCase()}` });
}

/**
 * A guest's token. Where there is a cart token, itself a secret, it follows from that and the request, so that a repeated request
 * gets the same; without one it is random and told once.
 */
async function accessToken({ call, input, buyer }: Request, key: string): Promise<string | undefined> {
  if (customerOf(call) !== null) return undefined;
  if (buyer.cartName === undefined || input.cartToken === undefined) return randomToken();
  return await requestKey("order access token", input.cartToken, key);
}

async function replay(request: Request, key: string, made: StoredOrder): Promise<Created> {
  if (made.fingerprint !== request.fingerprint) {
    return request.input.idempotencyKey !== undefined && made.requestKey === key
      ? fail("idempotency_key_reused", "This request was made before with another body.")
      : fail("cart_already_ordered", "This cart was ordered already, with other details: see that order.", {
          orderId: made.order.id,
        });
  }
  const token = await accessToken(request, key);
  const known = token !== undefined && (await sha256Hex(token)) === made.accessTokenHash;
  return ok({ order: { ...made.order, ...(known ? { accessToken: token } : {}) }, replayed: true });
}

async function fromItems({ input, buyer }: Request, lines: readonly StockLine[]): Promise<Outcome<Basket>> {
  const merged = mergeLines(lines);
  if (!merged.ok) return merged;
  const key =
    input.idempotencyKey === undefined
      ? await requestKey(buyer.identity, ROUTE, "once", newId("req"))
      : await requestKey(buyer.identity, ROUTE, "key", input.idempotencyKey);
  return ok({ key, orderId: newId("ord"), lines: merged.value });
}

async function fromCart(deps: OrdersDeps, { call, input, buyer, startedAt }: Request): Promise<Outcome<CartBasket>> {
  if (buyer.cartName === undefined)
    return fail(
      "cart_empty",
      "The cart has no lines: add a product with POST /api/cart/items, or send items with the order.",
    );
  const attemptId = newId("req");
  const taken = await deps.cart(buyer.cartName).checkout({
    now: startedAt,
    correlationId: call.correlationId,
    orderId: newId("ord"),
    attemptId,
    until: startedAt + CHECKOUT_LEASE_MS,
  });
  if (!taken.ok) return taken;
  const { orderId, version, lines, repeated, watched } = taken.value;
  const key =
    input.idempotencyKey === undefined
      ? await requestKey(buyer.identity, ROUTE, "cart", buyer.cartName, String(version))
      : await requestKey(buyer.identity, ROUTE, "key", input.idempotencyKey);
  return ok({ key, orderId, lines, repeated, watched, attemptId, cartName: buyer.cartName });
}

/** What an order is written on. */
interface Grounds {
  readonly priced: Priced;
  readonly held: Hold;
  /** The caps that it is written under, if any. */
  readonly capped: Capped | undefined;
}

interface Drafted {
  readonly draft: Draft;
  readonly token: string | undefined;
}

/** Puts everything settled together as the order to write. */
async function drafted(
  deps: OrdersDeps,
  request: Request,
  basket: Basket,
  { priced, held, capped }: Grounds,
): Promise<Drafted> {
  const { call, input, buyer, fingerprint } = request;
  const token = await accessToken(request, basket.key);
  const draft = {
    id: basket.orderId,
    priced,
    customer: buyer.customer,
    shippingAddress: input.shippingAddress,
    reservationOwner: held.owner,
    requestKey: basket.key,
    fingerprint,
    accessTokenHash: token === undefined ? null : await sha256Hex(token),
    correlationId: call.correlationId,
    actor: call.actor.id,
    paymentWindowMs: isProven(call.actor) ? deps.paymentWindowMs : deps.untriedWindowMs,
    network: capped?.counted.network ?? null,
    counted: countsTowardShare(deps, call),
  };
  return { draft, token };
}

/**
 * What the order's batch was refused for: too many open orders, or a hold that a copy of the request gave back when it was
 * refused itself. Undefined when neither is so any more.
 */
async function refusalOf(
  deps: OrdersDeps,
  request: Request,
  basket: Basket,
  { held, capped }: Grounds,
): Promise<Created | "hold_returned" | undefined> {
  if (capped === undefined) return undefined;
  const within = await withinCaps(deps, capped);
  if (within.ok) return (await isReturned(deps.db, held.owner)) ? "hold_returned" : undefined;
  const { key, orderId, lines } = basket;
  const made = await giveBack(deps, request.call, { owner: held.owner, requestKey: key, orderId, lines });
  return made === undefined ? within : await replay(request, key, made);
}

/** Writes the order, or gives way to the one that the same request or cart has made. */
async function write(
  deps: OrdersDeps,
  request: Request,
  basket: Basket,
  grounds: Grounds,
): Promise<Created | "hold_returned"> {
  const { call } = request;
  const { draft, token } = await drafted(deps, request, basket, grounds);
  for (let draw = 1, stale = 1; ;) {
    const now = deps.now();
    const made = draftOrder(draft, now);
    const cause = { worker: deps.worker, correlationId: call.correlationId, traceparent: call.traceparent, now };
    try {
      await insertOrder(deps, made, makeEvent("ORDER_CREATED", basket.orderId, made.eventData, cause), grounds.capped);
      return ok({ order: { ...made.order, ...(token === undefined ? {} : { accessToken: token }) }, replayed: false });
    } catch (error) {
      if (error instanceof StaleWrite) {
        const refused = await refusalOf(deps, request, basket, grounds);
        if (refused !== undefined) return refused;
        if (stale === MAX_STALE_RETRIES) throw error;
        stale += 1;
        continue;
      }
      if (!(error instanceof UniqueViolation)) throw error;
      const winner = await findMade(deps.db, basket.key, basket.orderId);
      if (winner !== undefined) {
        await releaseBeside(deps, call, grounds.held, winner);
        return await replay(request, basket.key, winner);
      }
      // Then it was the number that is taken.
      if (draw === MAX_STALE_RETRIES) throw error;
      draw += 1;
    }
  }
}

/** Prices, holds and writes. After the hold nothing can be refused but by a winner or a cap. */
async function make(deps: OrdersDeps, request: Request, basket: Basket): Promise<Created> {
  const { call, input, buyer, fingerprint, startedAt } = request;
  const priced = await price(deps, call, basket.lines, input);
  if (!priced.ok) return priced;
  const { total } = priced.value.quote;
  if (input.expectedTotal !== undefined && input.expectedTotal !== total) {
    return fail(
      "total_changed",
      "The order costs another amount by now, which `total` tells; show it to the buyer and send it as expectedTotal.",
      { total },
    );
  }
  const capped = await cappedAs(deps, call, buyer.customer, total);
  if (capped !== undefined && !isProven(call.actor)) {
    // Those who come for it are refused before they hold stock. For all others it is not worth a read.
    const within = await withinCaps(deps, capped);
    if (!within.ok) return within;
  }
  for (const alone of [false, true]) {
    const counted = countsTowardShare(deps, call);
    const held = await hold(deps, call, { key: basket.key, fingerprint, alone, counted }, priced.value.lines);
    if (!held.ok) return held;
    if (deps.now() - startedAt > ORDER_COMMIT_DEADLINE_MS) break;
    const written = await write(deps, request, basket, { priced: priced.value, held: held.value, capped });
    if (written !== "hold_returned") return written;
  }
  return fail("service_unavailable", "The order took too long to be made; try again.");
}

/** Beside the answer, and only for the sockets' sake: the cart's next touch finds out by itself. */
function notifyCart(deps: OrdersDeps, { call }: Request, cartName: string, orderId: string): void {
  const told = deps.cart(cartName).ordered({ now: deps.now(), correlationId: call.correlationId, orderId });
  deps.waitUntil(
    told.catch((error: unknown) => {
      log("warn", "a cart was not told of its order", { orderId, error });
    }),
  );
}

async function fromCartOnce(deps: OrdersDeps, request: Request): Promise<Created> {
  const taken = await fromCart(deps, request);
  if (!taken.ok) return taken;
  const { key, orderId, cartName, attemptId, repeated, watched } = taken.value;
  const found = async (): Promise<StoredOrder | undefined> =>
    repeated ? await findMade(deps.db, key, orderId) : undefined;
  const stepBack = (): Promise<void> => deps.cart(cartName).abandon({ attemptId });
  const answer = async (made: StoredOrder): Promise<Created> => {
    if (made.order.id !== orderId) await stepBack();
    return await replay(request, key, made);
  };
  const before = await found();
  if (before !== undefined) return await answer(before);
  const created = await make(deps, request, taken.value);
  if (created.ok && created.value.order.id === orderId) {
    if (watched) notifyCart(deps, request, cartName, orderId);
    return created;
  }
  const meanwhile = created.ok ? undefined : await found();
  if (meanwhile !== undefined) return await answer(meanwhile);
  // An attempt that was refused, or met the earlier order of its key, wrote nothing, so the cart is free again at once. One that
  // ended in an error may have: its lease decides.
  await stepBack();
  return created;
}

async function attempt(deps: OrdersDeps, request: Request): Promise<Created> {
  const { input } = request;
  const coupon = checkCoupon(input.couponCode);
  if (!coupon.ok) return coupon;
  if (input.items === undefined) return await fromCartOnce(deps, request);
  const basket = await fromItems(request, input.items);
  return basket.ok ? await make(deps, request, basket.value) : basket;
}

/**
 * What was asked for. A guest without a cart is known by nothing but the e-mail address, which anybody can type: there it is of the
 * client network too, so that the same request from elsewhere is another one. The key, which is not stored, keeps the network
 * from being found out by trial.
 */
async function fingerprintOf(call: Call, buyer: Buyer, input: Input): Promise<string> {
  const { idempotencyKey, cartToken: _cartToken, ...asked } = input;
  if (buyer.customer.id !== null || buyer.cartName !== undefined || idempotencyKey === undefined) {
    return await fingerprint(ROUTE, asked);
  }
  return await fingerprint(ROUTE, { ...asked, idempotencyKey, network: call.network });
}

/** See OrdersContract.createOrder. */
export async function createOrder(deps: OrdersDeps, call: Call, input: Input): Promise<Created> {
  const buyer = await buyerOf(call, input);
  if (!buyer.ok) return buyer;
  const { idempotencyKey } = input;
  const request: Request = {
    call,
    input,
    buyer: buyer.value,
    fingerprint: await fingerprintOf(call, buyer.value, input),
    startedAt: deps.now(),
  };
  const created = await attempt(deps, request);
  if (created.ok || idempotencyKey === undefined) return created;
  // The first of these requests may have changed what this one stumbled over: emptied the cart, taken the last piece.
  const key = await requestKey(buyer.value.identity, ROUTE, "key", idempotencyKey);
  const made = await findMade(deps.db, key);
  return made === undefined ? created : await replay(request, key, made);
}
