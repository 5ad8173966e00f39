// A cart as the API returns it: its lines at the catalog's prices, at most two seconds old. The use cases and the Cart object's sockets
// share it.
import type { PricedProduct } from "#shared/contracts/catalog";
import type { Cart, CartItem } from "#shared/contracts/carts";
import { sha256Hex } from "#shared/hash";
import { lineTotalMinor, sumForDisplay } from "#shared/money";
import type { CartLine, CartState } from "./cart.ts";

/** What a Cart object returns of its state. */
export interface CartView {
  readonly version: number;
  readonly lines: readonly CartLine[];
  /** Milliseconds since the epoch; 0 for a cart without lines. */
  readonly expiresAt: number;
}

/** The shop's settings for rendering a cart. */
export interface CartDisplay {
  /** ISO 4217. */
  readonly currency: string;
  /** When a cart would expire whose first line was added now, in milliseconds since the epoch. */
  readonly newExpiresAt: number;
}

export function viewOf({ version, lines, expiresAt }: CartState): CartView {
  return { version, lines, expiresAt: lines.length === 0 ? 0 : expiresAt };
}

/** Derived from the object's name, so that a cart has an id before it stores anything. */
export async function cartIdOf(name: string): Promise<string> {
  return `crt_${(await sha256Hex(name)).slice(0, 32)}`;
}

/** A product that cannot be ordered any more stays visible and costs nothing; the checkout names it. */
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

/** Renders a cart with the catalog's products. */
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
    subtotal: sumForDisplay(items.map(({ lineTotal }) => lineTotal)),
    currency,
    itemCount: items.reduce((sum, { quantity }) => sum + quantity, 0),
    expiresAt: new Date(view.expiresAt === 0 ? newExpiresAt : view.expiresAt).toISOString(),
  };
}
