// The cart's use cases. The Cart object decides; here its lines get their current prices and stock.
import type * as z from "zod";
import { isAdmin } from "#shared/call";
import type { Call } from "#shared/call";
import type { PricedProduct } from "#shared/contracts/catalog";
import type {
  AddItemInput,
  Cart,
  ChangeItemInput,
  ClearCartInput,
  GetCartInput,
  RemoveItemInput,
} from "#shared/contracts/carts";
import type { CustomerInput } from "#shared/contracts/orders-staff";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { socketPassOf } from "#shared/sockets";
import { NO_LINE, versionConflict } from "../domain/cart.ts";
import type { Limits } from "../domain/cart.ts";
import { cartIdOf, renderCart } from "../domain/cart-view.ts";
import type { CartView } from "../domain/cart-view.ts";
import type { CartContext, Write } from "../objects/cart-object.ts";
import type { OrdersDeps } from "./deps.ts";
import { cartName, customerOf, requireCart } from "./owner.ts";

const NO_PRODUCT = fail("product_not_found", "There is no such product in the shop, or not any more.");

export function contextOf(deps: OrdersDeps, call: Call): CartContext {
  return { now: deps.now(), correlationId: call.correlationId };
}

export function writeOf(deps: OrdersDeps, call: Call, ifVersion: number | undefined): Write {
  const context = contextOf(deps, call);
  return { ...context, ifVersion, expiresAt: context.now + deps.cartTtlMs, customer: customerOf(call) };
}

/** Renders the cart at the catalog's prices; reads only the products that `known` lacks. */
export async function render(
  deps: OrdersDeps,
  call: Call,
  name: string,
  view: CartView,
  known: readonly PricedProduct[] = [],
): Promise<Outcome<Cart>> {
  const products = new Map(known.map((product) => [product.id, product]));
  const ids = view.lines.map(({ productId }) => productId).filter((id) => !products.has(id));
  if (ids.length > 0) {
    const found = await deps.catalog.pricedProducts(call, { ids, fresh: false });
    if (!found.ok) return found;
    for (const product of found.value) products.set(product.id, product);
  }
  const display = { currency: deps.currency, newExpiresAt: deps.now() + deps.cartTtlMs };
  return ok(renderCart(await cartIdOf(name), view, [...products.values()], display));
}

/** The product and the limits on its quantity. Catalog and inventory are read concurrently. */
async function limitsOf(
  deps: OrdersDeps,
  call: Call,
  productId: string,
): Promise<Outcome<{ readonly product: PricedProduct; readonly limits: Limits }>> {
  const [products, level] = await Promise.all([
    deps.catalog.pricedProducts(call, { ids: [productId], fresh: false }),
    deps.inventory.level(call, { productId }),
  ]);
  if (!products.ok) return products;
  const product = products.value.find(({ id }) => id === productId);
  if (product?.status !== "active") return NO_PRODUCT;
  if (!level.ok) return level;
  return ok({ product, limits: { minimum: product.minOrderQuantity, available: level.value.available } });
}

export async function getCart(
  deps: OrdersDeps,
  call: Call,
  input: z.output<typeof GetCartInput>,
): Promise<Outcome<Cart>> {
  const name = await requireCart(call, input.cartToken);
  if (!name.ok) return name;
  return await render(deps, call, name.value, await deps.cart(name.value).view(contextOf(deps, call)));
}

export async function addItem(
  deps: OrdersDeps,
  call: Call,
  input: z.output<typeof AddItemInput>,
): Promise<Outcome<Cart>> {
  const name = await requireCart(call, input.cartToken);
  if (!name.ok) return name;
  const found = await limitsOf(deps, call, input.productId);
  if (!found.ok) return found;
  const { productId, quantity, ifVersion } = input;
  const { product, limits } = found.value;
  const added = await deps
    .cart(name.value)
    .add({ ...writeOf(deps, call, ifVersion), ...limits, productId, quantity, unitPrice: product.unitPrice });
  return added.ok ? await render(deps, call, name.value, added.value, [product]) : added;
}

export async function changeItem(
  deps: OrdersDeps,
  call: Call,
  input: z.output<typeof ChangeItemInput>,
): Promise<Outcome<Cart>> {
  if (input.quantity === 0) return await removeItem(deps, call, input);
  const name = await requireCart(call, input.cartToken);
  if (!name.ok) return name;
  const { itemId, quantity, ifVersion } = input;
  // A line's product never changes; everything else is decided in the object's own step below.
  const { lines, version } = await deps.cart(name.value).view(contextOf(deps, call));
  const line = lines.find(({ id }) => id === itemId);
  if (line === undefined) {
    return ifVersion === undefined || ifVersion === version ? NO_LINE : versionConflict(version);
  }
  const found = await limitsOf(deps, call, line.productId);
  if (!found.ok) return found;
  const { product, limits } = found.value;
  const changed = await deps
    .cart(name.value)
    .change({ ...writeOf(deps, call, ifVersion), ...limits, itemId, quantity, unitPrice: product.unitPrice });
  return changed.ok ? await render(deps, call, name.value, changed.value, [product]) : changed;
}

export async function removeItem(
  deps: OrdersDeps,
  call: Call,
  { cartToken, itemId, ifVersion }: z.output<typeof RemoveItemInput>,
): Promise<Outcome<Cart>> {
  const name = await requireCart(call, cartToken);
  if (!name.ok) return name;
  const removed = await deps.cart(name.value).remove({ ...writeOf(deps, call, ifVersion), itemId });
  return removed.ok ? await render(deps, call, name.value, removed.value) : removed;
}

export async function clearCart(
  deps: OrdersDeps,
  call: Call,
  { cartToken, ifVersion }: z.output<typeof ClearCartInput>,
): Promise<Outcome<Cart>> {
  const name = await requireCart(call, cartToken);
  if (!name.ok) return name;
  const cleared = await deps.cart(name.value).clear(writeOf(deps, call, ifVersion));
  return cleared.ok ? await render(deps, call, name.value, cleared.value) : cleared;
}

/** For admins: the cart of an account, whose Cart object is named by the account's id. Fails with forbidden. */
export async function customerCart(
  deps: OrdersDeps,
  call: Call,
  { customerId }: z.output<typeof CustomerInput>,
): Promise<Outcome<Cart>> {
  if (!isAdmin(call.actor)) return fail("forbidden", "Only an admin sees a customer's cart.");
  return await render(deps, call, customerId, await deps.cart(customerId).view(contextOf(deps, call)));
}

/** Passes a WebSocket upgrade on to the caller's Cart object. */
export async function openCart(deps: OrdersDeps, request: Request): Promise<Response> {
  const { call, cartToken } = socketPassOf(request);
  const name = await cartName(call, cartToken);
  if (name === undefined) throw new Error("a guest's cart is identified by its token");
  return await deps.cart(name).fetch(request);
}
