// The contract of the orders Worker for carts: a user's, or a guest's by its token.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Availability } from "../events/catalogue.ts";
import { MAX_LINES, MAX_QUANTITY } from "../limits.ts";
import { Amount, Currency } from "../money.ts";
import { ProductId } from "./catalog.ts";
import { Quantity } from "./inventory.ts";

export const CartToken = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, "is not a cart token")
  .describe("A guest's cart: 43 characters of base64url, as returned in `X-Cart-Token`.");

/** Whose cart: a user's by the call's actor, a guest's by its token. */
export const CartRef = z.object({ cartToken: CartToken.optional() });
const Conditional = CartRef.extend({
  /** The version that If-Match named; absent when the write is unconditional. */
  ifVersion: z.int().min(0).optional(),
});

export const AddItemBody = z
  .strictObject({
    productId: ProductId.describe("The product's id."),
    quantity: Quantity,
  })
  .meta({ id: "ItemQuantity", description: "A product and how many units of it." });
export const ChangeItemBody = z
  .strictObject({
    quantity: z
      .int()
      .min(0)
      .max(MAX_QUANTITY)
      .describe(`Units, 0 to ${String(MAX_QUANTITY)}. 0 removes the line.`),
  })
  .meta({ id: "ChangeCartItem", description: "The new quantity of a line." });

export const GetCartInput = CartRef;
export const AddItemInput = Conditional.extend(AddItemBody.shape);
export const ChangeItemInput = Conditional.extend({ itemId: z.string().max(60), ...ChangeItemBody.shape });
export const RemoveItemInput = Conditional.extend({ itemId: z.string().max(60) });
export const ClearCartInput = Conditional;
export const MergeCartBody = z
  .strictObject({ cartToken: CartToken.describe("The guest's cart token, as returned in `X-Cart-Token`.") })
  .meta({ id: "MergeCart", description: "The cart that a guest filled before signing in." });
export const MergeCartInput = MergeCartBody.extend(Conditional.pick({ ifVersion: true }).shape);

export const CartItem = z
  .object({
    id: z.string().describe("The line's id."),
    productId: z.string().describe("The product's id."),
    sku: z.string().describe("The product's SKU."),
    name: z.string().describe("The product's name."),
    imageUrl: z.string().describe("Path or URL of the product's first picture."),
    unitPrice: Amount.describe(
      "Price of one unit in minor units, at most two seconds old. The order is charged at the price when it is placed.",
    ),
    priceWhenAdded: Amount.optional().describe(
      "Price of one unit in minor units when the buyer last changed the line. Present only when the price has changed since.",
    ),
    quantity: z.int().describe("Units in the line."),
    lineTotal: z.int().describe("`unitPrice` times `quantity` in minor units. 0 when the line is unavailable."),
    status: z
      .enum(["available", "unavailable"])
      .describe("`unavailable`: the product is not sold any more, and the cart cannot be ordered with this line."),
    availability: Availability.describe("Whether the shop has the product in stock."),
  })
  .meta({ id: "CartItem", description: "One line of a cart." });
export type CartItem = z.infer<typeof CartItem>;

export const Cart = z
  .object({
    id: z.string().describe("The cart's id."),
    version: z.int().describe("Grows with every change. It is also the ETag, for `If-Match`."),
    items: z.array(CartItem).describe("The lines, in the order in which they were added."),
    subtotal: z
      .int()
      .describe(
        "Sum of the lines' totals in minor units, at most 9007199254740991. It may exceed what one order can cost.",
      ),
    currency: Currency.describe("The currency of all amounts, ISO 4217."),
    itemCount: z.int().describe("Units over all lines."),
    expiresAt: z.iso.datetime().describe("When the cart expires, if it is not changed."),
  })
  .meta({ id: "Cart", description: "A cart at current prices." });
export type Cart = z.infer<typeof Cart>;

export const NotMerged = z
  .object({
    productId: z.string().describe("The product's id."),
    quantity: z.int().describe("Units that were left out."),
    reason: z
      .enum(["too_many_lines", "quantity_limit"])
      .describe(
        `\`too_many_lines\`: the cart has ${String(MAX_LINES)} lines. \`quantity_limit\`: a line holds at most ${String(MAX_QUANTITY)} units.`,
      ),
  })
  .meta({ id: "NotMerged", description: "Part of a guest's cart that did not fit into the user's." });
export type NotMerged = z.infer<typeof NotMerged>;

export const MergedCart = Cart.extend({
  notMerged: z.array(NotMerged).describe("What did not fit. Empty when everything did."),
}).meta({ id: "MergedCart", description: "The user's cart after the merge." });
export type MergedCart = z.infer<typeof MergedCart>;

export interface CartsContract {
  /** The cart at current prices; an unknown or expired one reads as empty. */
  getCart(call: Call, input: z.input<typeof GetCartInput>): Promise<Outcome<Cart>>;
  /**
   * Adds up with a line of the same product. Fails with product_not_found, insufficient_stock, quantity_below_minimum,
   * too_many_lines, cart_version_conflict.
   */
  addItem(call: Call, input: z.input<typeof AddItemInput>): Promise<Outcome<Cart>>;
  /** Sets a line's quantity; 0 removes it. Fails with not_found and as addItem. */
  changeItem(call: Call, input: z.input<typeof ChangeItemInput>): Promise<Outcome<Cart>>;
  /** Fails with not_found, cart_version_conflict. */
  removeItem(call: Call, input: z.input<typeof RemoveItemInput>): Promise<Outcome<Cart>>;
  /** Fails with cart_version_conflict. */
  clearCart(call: Call, input: z.input<typeof ClearCartInput>): Promise<Outcome<Cart>>;
  /**
   * Merges the guest's cart into the user's, once, and closes it: it reads as empty, and a write to it is cart_closed. Repeated for
   * the same user it adds nothing. An unknown, expired or empty cart changes nothing. Fails with cart_closed (it was merged into
   * another user's), idempotency_in_progress (an order of it is being made), cart_version_conflict (of the user's cart).
   */
  mergeCart(call: Call, input: z.input<typeof MergeCartInput>): Promise<Outcome<MergedCart>>;
}
