// Places an order: price, hold, write. One request makes one order, however often and however concurrently it is sent: the UNIQUE of
// its request key decides in the order's own batch, and one version of a cart has one order id. A request that is refused looks
// for the order of a copy that won, and replays it.
import type * as z from "zod";
import { isProven, localeOf } from "#shared/call";
import type { Call } from "#shared/call";
import type { CreateOrderInput, CreatedOrder, Order } from "#shared/contracts/orders";
import { StaleWrite, UniqueViolation } from "#shared/database";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { linesOfEvent } from "#shared/events/catalogue";
import type { Customer, StockLine } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import { canonicalJson, fingerprint, randomToken, requestKey, sha256Hex } from "#shared/hash";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { networkDigest } from "#shared/network";
import { ok } from "#shared/result";
import { replayOrRefuse } from "#shared/retry";
import { MAX_STALE_RETRIES, ORDER_COMMIT_DEADLINE_MS } from "../constants.ts";
import { capScopeOf, tooManyOpenOrders } from "../domain/caps.ts";
import type { CapScope } from "../domain/caps.ts";
import { CART_EMPTY } from "../domain/cart.ts";
import { orderNumber } from "../domain/new-order.ts";
import { mergeLines } from "../domain/totals.ts";
import type { Calculation } from "../domain/totals.ts";
import { barHold, exceededCap, isHoldBarred } from "../store/caps.ts";
import { findPlaced, orderExists } from "../store/orders.ts";
import type { StoredOrder } from "../store/orders.ts";
import { insertOrder } from "../store/write.ts";
import { claimCart, notifyCart, withdrawClaim } from "./checkout.ts";
import type { ClaimedCart } from "./checkout.ts";
import type { OrdersDeps } from "./deps.ts";
import { holdStock, releaseHold } from "./hold.ts";
import { cartName, customerOf } from "./owner.ts";
import { checkCoupon, price } from "./quote.ts";

const ROUTE = "POST /api/orders";

type Input = z.output<typeof CreateOrderInput>;
type Created = Outcome<{ readonly order: CreatedOrder; readonly replayed: boolean }>;

/** A request and its buyer. Copies of it have the same identity and fingerprint. */
interface Placement {
  readonly call: Call;
  readonly input: Input;
  readonly customer: Customer;
  readonly cartName: string | undefined;
  /** Whose request it is: the scope of its Idempotency-Key. */
  readonly identity: string;
  readonly fingerprint: string;
  readonly startedAt: number;
}

/** What to order, and under which key it is ordered once. `cart`: the lines are a cart's. */
interface Basket {
  readonly requestKey: string;
  readonly orderId: string;
  readonly lines: readonly StockLine[];
  readonly cart?: ClaimedCart;
}

/** Why no order was written, and what to release unless the winner's order uses it. */
interface Refused {
  readonly refusal: Outcome<never>;
  readonly unused?: { readonly owner: string; readonly lines: readonly StockLine[] };
}

const IN_PROGRESS: Outcome<never> = fail("idempotency_in_progress", "This order is being made; try again in a moment.");
const TOO_SLOW: Outcome<never> = fail("service_unavailable", "The order took too long to be made; try again.");

/** See OrdersContract.createOrder. */
export async function createOrder(deps: OrdersDeps, call: Call, input: Input): Promise<Created> {
  const identified = await identify(deps, call, input);
  if (!identified.ok) return identified;
  const request = identified.value;
  const basket = await basketOf(deps, request);
  const placed = basket.ok ? await place(deps, request, basket.value) : { refusal: basket };
  const cart = basket.ok ? basket.value.cart : undefined;
  if ("order" in placed) {
    if (cart !== undefined) notifyCart(deps, call, cart);
    return ok({ order: placed.order, replayed: false });
  }
  // Whatever refused it may be the work of a copy that won: emptied the cart, taken the last unit, reached the cap.
  const winner = await findWinner(deps, request, basket.ok ? basket.value : undefined);
  const { refusal, unused } = placed;
  if (unused !== undefined && winner?.reservationOwner !== unused.owner) await releaseHold(deps, call, unused);
  if (cart !== undefined && winner?.order.id !== cart.orderId) await withdrawClaim(deps, cart);
  return winner === undefined ? refusal : await replay(request, winner);
}

/** Who orders, and what makes this request the same as another. Fails with validation_failed. */
async function identify(deps: OrdersDeps, call: Call, input: Input): Promise<Outcome<Placement>> {
  const { email, shippingAddress, idempotencyKey, cartToken, ...body } = input;
  const name = await cartName(call, cartToken);
  const guest =
    email === undefined
      ? undefined
      : { id: null, email, name: shippingAddress.name, locale: localeOf(call), proven: false };
  const customer = customerOf(call) ?? guest;
  if (customer === undefined) {
    const errors = [{ path: "email", message: "is needed without an account" }];
    return fail("validation_failed", "A guest's order needs an e-mail address.", { errors });
  }
  const isGuest = customer.id === null;
  const identity = isGuest ? (name ?? `email:${customer.email.toLowerCase()}`) : `user:${call.actor.id}`;
  const asked = { ...body, email, shippingAddress };
  // A guest without a cart is known by an e-mail address alone, which anybody can type. The client network is then part of the
  // fingerprint, so that the same request from elsewhere is another one. The key, which is not stored, keeps the network from being
  // found by trial.
  const isByEmailAlone = isGuest && name === undefined && idempotencyKey !== undefined;
  return ok({
    call,
    input,
    customer,
    cartName: name,
    identity,
    fingerprint: await fingerprint(ROUTE, isByEmailAlone ? { ...asked, idempotencyKey, network: call.network } : asked),
    startedAt: deps.now(),
  });
}

/** The key of all copies of a request: by its Idempotency-Key, else by `otherwise`. */
async function keyOf({ identity, input }: Placement, ...otherwise: readonly string[]): Promise<string> {
  const { idempotencyKey } = input;
  return await requestKey(identity, ROUTE, ...(idempotencyKey === undefined ? otherwise : ["key", idempotencyKey]));
}

/** The lines to order: those of the request, else the cart's. */
async function basketOf(deps: OrdersDeps, request: Placement): Promise<Outcome<Basket>> {
  const { call, input, cartName: name, startedAt } = request;
  const coupon = checkCoupon(input.couponCode);
  if (!coupon.ok) return coupon;
  if (input.items !== undefined) {
    const lines = mergeLines(input.items);
    const key = await keyOf(request, "once", newId("req"));
    return lines.ok ? ok({ requestKey: key, orderId: newId("ord"), lines: lines.value }) : lines;
  }
  if (name === undefined) return CART_EMPTY;
  const cart = await claimCart(deps, call, name, startedAt);
  if (!cart.ok) return cart;
  const { orderId, version, lines } = cart.value;
  return ok({
    requestKey: await keyOf(request, "cart", name, String(version)),
    orderId,
    lines,
    cart: cart.value,
  });
}

/** Prices, holds and writes. After the hold only a winner, a cap or the deadline refuses it. */
async function place(
  deps: OrdersDeps,
  request: Placement,
  basket: Basket,
): Promise<Refused | { readonly order: CreatedOrder }> {
  const { call, input, customer, startedAt } = request;
  const { requestKey: key, orderId, lines } = basket;
  if (basket.cart?.repeated === true && (await orderExists(deps.db, orderId))) return { refusal: IN_PROGRESS };
  const priced = await price(deps, call, lines, input);
  if (!priced.ok) return { refusal: priced };
  const { total } = priced.value.quote;
  if (input.expectedTotal !== undefined && input.expectedTotal !== total) {
    const detail =
      "The order costs another amount now, given as `total`; show it to the buyer and send it as expectedTotal.";
    return { refusal: fail("total_changed", detail, { total }) };
  }
  const capScope = deps.orderCaps ? capScopeOf(call, customer, await networkDigest(call.network)) : undefined;
  // Those who abuse orders are refused before they hold stock. For proven accounts it is not worth a read.
  const overCap = isProven(call.actor) ? undefined : await capRefusal(deps, capScope, total);
  if (overCap !== undefined) return { refusal: overCap };
  // Copies of the request share one owner. Another body under the same key has another, so that it releases nothing of this one's.
  const owner = await requestKey("hold", key, request.fingerprint, canonicalJson(lines));
  const options = { owner, counted: countsTowardShare(deps, call) };
  let hold = await holdStock(deps, call, priced.value.lines, { ...options, isShared: true });
  for (let attempt = 1; ; attempt += 1) {
    if (!hold.ok) return { refusal: hold };
    const { owner: holder, newlyHeld } = hold.value;
    if (deps.now() - startedAt > ORDER_COMMIT_DEADLINE_MS) {
      await barHold(deps.db, { owner: holder, requestKey: key, now: deps.now() });
      return { refusal: TOO_SLOW, unused: { owner: holder, lines } };
    }
    try {
      return { order: await writeOrder(deps, request, basket, priced.value, holder, capScope) };
    } catch (error) {
      const isCollision = error instanceof UniqueViolation && error.constraint === "orders.number";
      if (error instanceof UniqueViolation && !isCollision) {
        return { refusal: IN_PROGRESS, unused: { owner: holder, lines: newlyHeld } };
      }
      if (!(isCollision || error instanceof StaleWrite) || attempt === MAX_STALE_RETRIES) throw error;
    }
    const refusal = await capRefusal(deps, capScope, total);
    if (refusal !== undefined) {
      await barHold(deps.db, { owner: holder, requestKey: key, now: deps.now() });
      return { refusal, unused: { owner: holder, lines } };
    }
    // A copy of the request was over a cap and returned the shared hold.
    if (await isHoldBarred(deps.db, holder)) {
      hold = await holdStock(deps, call, priced.value.lines, { ...options, isShared: false });
    }
  }
}

/** The refusal of an order over a cap; undefined when it is within all caps, or none applies. */
async function capRefusal(
  deps: OrdersDeps,
  capScope: CapScope | undefined,
  total: number,
): Promise<Outcome<never> | undefined> {
  const exceeded = capScope === undefined ? undefined : await exceededCap(deps.db, capScope, deps.caps, total);
  if (exceeded === undefined) return undefined;
  log("info", "an order is over a cap", { cap: exceeded.cap, by: exceeded.by });
  return tooManyOpenOrders(exceeded, deps.caps, deps.currency);
}

/** Whether the order counts toward the share of a product that unproven buyers may hold together. */
function countsTowardShare(deps: OrdersDeps, { actor }: Call): boolean {
  return deps.orderCaps && !isProven(actor);
}

/**
 * A guest's token. With a cart token, itself a secret, it is derived from that and the request, so that a repeated request gets the
 * same; without one it is random and returned once.
 */
async function accessToken({ call, input, cartName: name }: Placement, key: string): Promise<string | undefined> {
  if (customerOf(call) !== null) return undefined;
  if (name === undefined || input.cartToken === undefined) return randomToken();
  return await requestKey("order access token", input.cartToken, key);
}

/** @throws UniqueViolation when a copy won or the number is taken, StaleWrite when it exceeds a cap or its hold was returned. */
async function writeOrder(
  deps: OrdersDeps,
  request: Placement,
  { requestKey: key, orderId: id }: Basket,
  { quote, lines: priced, method }: Calculation,
  reservationOwner: string,
  capScope: CapScope | undefined,
): Promise<CreatedOrder> {
  const { call, customer, input } = request;
  const now = deps.now();
  const at = new Date(now).toISOString();
  const number = orderNumber(now, crypto.getRandomValues(new Uint8Array(8)));
  const paymentDueAt = now + (isProven(call.actor) ? deps.paymentWindowMs : deps.untriedWindowMs);
  const { items: lines, shippingMethods: _methods, ...totals } = quote;
  const order: Order = {
    id,
    number,
    customerId: customer.id,
    status: "PENDING",
    ...totals,
    items: lines.map((line) => ({ ...line, id: newId("itm"), refundedQuantity: 0 })),
    shippingAddress: input.shippingAddress,
    shippingMethod: method,
    paymentStatus: "NONE",
    stockStatus: "PENDING",
    paymentDueAt: new Date(paymentDueAt).toISOString(),
    history: [{ from: null, to: "PENDING", at, actor: call.actor.id, reason: null }],
    refunds: [],
    createdAt: at,
    updatedAt: at,
  };
  const eventData = {
    orderId: id,
    number,
    reservationOwner,
    customer,
    ...linesOfEvent(lines),
    ...totals,
    status: "PENDING",
    reason: null,
    reasonBy: "system" as const,
    tracking: null,
    moneyAuthorized: false,
    counted: countsTowardShare(deps, call),
  };
  const { correlationId, traceparent } = call;
  const token = await accessToken(request, key);
  await insertOrder(
    deps,
    {
      order,
      vendorIds: priced.map(({ product }) => product.vendorId),
      customer,
      eventData,
      reservationOwner,
      requestKey: key,
      fingerprint: request.fingerprint,
      correlationId,
      accessTokenHash: token === undefined ? null : await sha256Hex(token),
      createdAt: now,
      paymentDueAt,
      capScope,
      event: makeEvent("ORDER_CREATED", id, eventData, { worker: deps.worker, correlationId, traceparent, now }),
    },
    deps.caps,
  );
  return { ...order, ...(token === undefined ? {} : { accessToken: token }) };
}

/** The order that a copy of this request, or another checkout of the same version of the cart, has made. */
async function findWinner(
  deps: OrdersDeps,
  request: Placement,
  basket: Basket | undefined,
): Promise<StoredOrder | undefined> {
  // Lines without an Idempotency-Key have no copies.
  if (request.input.idempotencyKey === undefined && basket?.cart === undefined) return undefined;
  return await findPlaced(deps.db, basket?.requestKey ?? (await keyOf(request)), basket?.orderId);
}

/** The winner's order, if this request asked for the same. Fails with idempotency_key_reused, cart_already_ordered. */
async function replay(request: Placement, winner: StoredOrder): Promise<Created> {
  const { order, requestKey: key, accessTokenHash } = winner;
  const earlier = replayOrRefuse(winner, request.fingerprint, () => winner);
  if (!earlier.ok) {
    return request.input.idempotencyKey !== undefined && key === (await keyOf(request))
      ? earlier
      : fail("cart_already_ordered", "This cart was ordered already, with other details: see that order.", {
          orderId: order.id,
        });
  }
  const token = await accessToken(request, key);
  const isKnown = token !== undefined && (await sha256Hex(token)) === accessTokenHash;
  return ok({ order: { ...order, ...(isKnown ? { accessToken: token } : {}) }, replayed: true });
}
