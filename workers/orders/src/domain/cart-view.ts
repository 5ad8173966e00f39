// A cart as the API shows it: its lines with what the catalog says of them now. The use cases and the Cart object, which tells its
// sockets, show it alike.
import type { PricedProduct } from "#shared/contracts/catalog";
import type { Cart, CartItem } from "#shared/contracts/orders";
import { sha256Hex } from "#shared/hash";
import { lineTotalMinor, sumMinor } from "#shared/money";
import type { CartLine, CartState } from "./cart.ts";

/** What an object tells of its cart. */
export interface CartView {
  readonly version: number;
  readonly lines: readonly CartLine[];
  /** Milliseconds since the epoch; 0 for a cart without lines. */
  readonly expiresAt: number;
}

/** How the shop shows its carts. */
export interface CartDisplay {
  /** ISO 4217. */
  readonly currency: string;
  /** Until when a cart would live that had its first line now, in milliseconds since the epoch. */
  readonly newExpiresAt: number;
}

export function viewOf({ version, lines, expiresAt }: CartState): CartView {
  return { version, lines, expiresAt: lines.length === 0 ? 0 : expiresAt };
}

/** From the name of its object, so that a cart has its id before it has anything to store. */
export async function cartIdOf(name: string): Promise<string> {
  return `crt_${(await sha256Hex(name)).slice(0, 32)}`;
}

/**
 * A product that cannot be ordered any more (archived, a draft again, gone) stays in sight and costs nothing: the checkout
 * names it, and the subtotal is that of the rest.
 */
function renderLine(line: CartLine, product: PricedProduct | undefined, currency: string): CartItem {
  const { id, productId, quantity, priceWhenAdded } = line;
  const orderable = product?.status === "active" && product.currency === currency;
  const unitPrice = product?.unitPrice ?? 0;
  return {
    id,
    productId,
    sku: product?.sku ?? "",
    name: product?.name ?? "No longer sold",
    imageUrl: product?.imageUrl ?? "",
    unitPrice,
    ...(orderable && priceWhenAdded !== undefined && priceWhenAdded !== unitPrice ? { priceWhenAdded } : {}),
    quantity,
    lineTotal: orderable ? lineTotalMinor(unitPrice, quantity) : 0,
    status: orderable ? "available" : "unavailable",
    availability: orderable ? product.availability : "out_of_stock",
  };
}

/** Puts the catalog's products to the lines of a cart. */
export function renderCart(
  id: string,
  view: CartView,
  products: readonly PricedProduct[],
  { currency, newExpiresAt }: CartDisplay,
): Cart {
  const byId = new Map(products.map((product) => [product.id, product]));
  const items = view.lines.map((line) => renderLine(line, byId.get(line.productId), currency));
  return {
    id,
    version: view.version,
    items,
    subtotal: sumMinor(items.map(({ lineTotal }) => lineTotal)),
    currency,
    itemCount: items.reduce((sum, { quantity }) => sum + quantity, 0),
    expiresAt: new Date(view.expiresAt === 0 ? newExpiresAt : view.expiresAt).toISOString(),
  };
}
