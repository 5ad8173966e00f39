// Carts and orders: what the orders Worker answers.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Availability } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { Amount, Currency } from "../money.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";
import { line } from "../text.ts";
import { Email } from "./accounts.ts";
import { MAX_PRODUCTS_AT_ONCE, ProductId } from "./catalog.ts";
import { MAX_QUANTITY, Quantity } from "./inventory.ts";
import type { MessagingContract } from "./messaging.ts";
import { PaymentState } from "./payments.ts";
import type { Payment, PaymentIntent } from "./payments.ts";

export const MAX_CART_LINES = MAX_PRODUCTS_AT_ONCE;

// ---- cart

/** 43 characters of base64url: 256 random bits that the gateway makes for a guest. */
export const CartToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "is not a cart token");

/** Whose cart: a user's by the call's actor, a guest's by token. */
const Owned = z.object({ cartToken: CartToken.optional() });
const Conditional = Owned.extend({
  /** The version that If-Match named; absent when the write is unconditional. */
  ifVersion: z.int().min(0).optional(),
});

export const AddItemBody = z.strictObject({ productId: ProductId, quantity: Quantity });
export const ChangeItemBody = z.strictObject({ quantity: z.int().min(0).max(MAX_QUANTITY) });

export const GetCartInput = Owned;
export const AddItemInput = Conditional.extend(AddItemBody.shape);
export const ChangeItemInput = Conditional.extend({ itemId: z.string().max(60), ...ChangeItemBody.shape });
export const RemoveItemInput = Conditional.extend({ itemId: z.string().max(60) });
export const ClearCartInput = Conditional;
/** The cart that a guest filled before signing in. */
export const MergeCartBody = z.strictObject({ cartToken: CartToken });
export const MergeCartInput = MergeCartBody.extend(Conditional.pick({ ifVersion: true }).shape);

export const CartItem = z.object({
  id: z.string(),
  productId: z.string(),
  sku: z.string(),
  name: z.string(),
  imageUrl: z.string(),
  /** What it costs now, which is what is charged. */
  unitPrice: Amount,
  /** The price when the buyer last added to the line or changed it; there only when it has changed since. */
  priceWhenAdded: Amount.optional(),
  quantity: z.int(),
  /** 0 when the line is unavailable. */
  lineTotal: z.int(),
  /** `unavailable`: the product is not sold any more, and the cart cannot be ordered with it. */
  status: z.enum(["available", "unavailable"]),
  availability: Availability,
});
export type CartItem = z.infer<typeof CartItem>;

export const Cart = z
  .object({
    id: z.string(),
    version: z.int(),
    items: z.array(CartItem),
    subtotal: z.int(),
    currency: Currency,
    itemCount: z.int(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "Cart" });
export type Cart = z.infer<typeof Cart>;

/** What of a guest's cart found no room in the user's. */
export const NotMerged = z.object({
  productId: z.string(),
  quantity: z.int(),
  reason: z.enum(["too_many_lines", "quantity_limit"]),
});
export type NotMerged = z.infer<typeof NotMerged>;

export const MergedCart = Cart.extend({ notMerged: z.array(NotMerged) }).meta({ id: "MergedCart" });
export type MergedCart = z.infer<typeof MergedCart>;

// ---- orders

export const OrderStatus = z.enum(["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "CANCELLED"]);
export type OrderStatus = z.infer<typeof OrderStatus>;
export const StockStatus = z.enum(["PENDING", "RESERVED", "REJECTED", "RELEASED", "CONSUMED"]);
export type StockStatus = z.infer<typeof StockStatus>;
/** How the order's payment stands; NONE before there is one. */
export const PaymentStatus = z.enum(["NONE", ...PaymentState.options]);
export type PaymentStatus = z.infer<typeof PaymentStatus>;

const text = (max: number): z.ZodString => z.string().trim().min(1).max(max);

export const Address = z.strictObject({
  name: line(100),
  line1: text(200),
  line2: text(200).optional(),
  city: text(100),
  region: text(100).optional(),
  postalCode: text(20),
  /** ISO 3166-1 alpha-2, upper case. */
  country: z.string().regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code in upper case"),
  phone: text(40).optional(),
});
export type Address = z.infer<typeof Address>;

export const ShippingMethodId = z.enum(["standard", "express", "freight"]);
export type ShippingMethodId = z.infer<typeof ShippingMethodId>;

const OrderRequest = z.strictObject({
  /** Left out: the cart. */
  items: z.array(AddItemBody).min(1).max(MAX_CART_LINES).optional(),
  shippingAddress: Address,
  /** The cheapest that can carry the order, when left out. */
  shippingMethod: ShippingMethodId.optional(),
  couponCode: z.string().max(100).optional(),
});
export const QuoteBody = OrderRequest;
export const CreateOrderBody = OrderRequest.extend({
  /** Refuse with total_changed rather than charge another amount than the buyer saw. */
  expectedTotal: Amount.optional(),
  /** A guest's address for mails; a signed-in buyer's own is taken from the account. */
  email: Email.optional(),
});
export const QuoteInput = QuoteBody.extend(Owned.shape);
export const CreateOrderInput = CreateOrderBody.extend({
  ...Owned.shape,
  idempotencyKey: z.string().min(1).max(255).optional(),
});

export const ShippingMethod = z.object({
  id: ShippingMethodId,
  name: z.string(),
  amount: Amount,
  minDays: z.int(),
  maxDays: z.int(),
});
export type ShippingMethod = z.infer<typeof ShippingMethod>;

const Totals = {
  subtotal: Amount,
  discount: Amount,
  shipping: Amount,
  tax: Amount,
  total: Amount,
  currency: Currency,
};

export const QuoteLine = z.object({
  productId: z.string(),
  sku: z.string(),
  name: z.string(),
  unitPrice: Amount,
  quantity: z.int(),
  lineTotal: Amount,
});

export const Quote = z
  .object({ items: z.array(QuoteLine), ...Totals, shippingMethods: z.array(ShippingMethod) })
  .meta({ id: "Quote" });
export type Quote = z.infer<typeof Quote>;

export const TrackingBody = z.strictObject({
  carrier: text(100),
  number: text(100),
  url: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .optional(),
});

export const OrderHistoryEntry = z.object({
  /** Null for the first entry. */
  from: OrderStatus.nullable(),
  to: OrderStatus,
  at: z.iso.datetime(),
  /** A user's id, `guest`, or the name of the part of the system that acted. */
  actor: z.string(),
  reason: z.string().nullable(),
});

/** Part of a line, refunded. */
export const OrderRefundLine = z.object({
  itemId: z.string(),
  productId: z.string(),
  quantity: z.int(),
  amount: Amount,
  /** Whether the goods go back on the shelf. */
  restock: z.boolean(),
});
export type OrderRefundLine = z.infer<typeof OrderRefundLine>;

export const OrderRefund = z
  .object({
    id: z.string(),
    orderId: z.string(),
    /** Absent when there was no money to give back. */
    paymentId: z.string().optional(),
    /** The lines' amounts and the shipping. */
    amount: Amount,
    /** The part of the amount that is shipping. */
    shipping: Amount,
    currency: Currency,
    /** `requested`: accepted, the money is on its way. `refused`: payments could not; the quantities are free again. */
    status: z.enum(["requested", "done", "refused"]),
    lines: z.array(OrderRefundLine),
    reason: z.string().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "OrderRefund" });
export type OrderRefund = z.infer<typeof OrderRefund>;

export const Order = z
  .object({
    id: z.string(),
    number: z.string(),
    /** Null for a guest's order. */
    customerId: z.string().nullable(),
    status: OrderStatus,
    ...Totals,
    items: z.array(
      QuoteLine.extend({
        id: z.string(),
        /** What refunds have taken of the quantity, requested ones too. */
        refundedQuantity: z.int(),
      }),
    ),
    shippingAddress: Address,
    shippingMethod: ShippingMethodId,
    paymentStatus: PaymentStatus,
    stockStatus: StockStatus,
    paymentDueAt: z.iso.datetime(),
    tracking: TrackingBody.optional(),
    history: z.array(OrderHistoryEntry),
    /** Refunds of lines, oldest first. What was refunded by amount alone shows at the payment. */
    refunds: z.array(OrderRefund),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Order" });
export type Order = z.infer<typeof Order>;

/** `accessToken` opens this one order to a guest; it is told only here. */
export const CreatedOrder = Order.extend({ accessToken: z.string().optional() }).meta({ id: "CreatedOrder" });
export type CreatedOrder = z.infer<typeof CreatedOrder>;

/** `orderToken` is a guest's opaque token of this one order, sent as bearer. */
const OrderRef = z.object({ orderId: z.string().max(60), orderToken: z.string().max(100).optional() });
export const GetOrderInput = OrderRef;
export const ListOrdersInput = PageQuery.extend({
  status: OrderStatus.optional(),
  /** Admins only; anyone else sees their own whatever stands here. */
  customerId: idSchema("usr").optional(),
  /**
   * `purchases`: those the caller bought; `sales`: those made of the caller's own products
   * only, for a vendor or an admin. Left out: an admin's are all, anyone else's are purchases.
   */
  scope: z.enum(["purchases", "sales"]).optional(),
});
export const CancelOrderBody = z.strictObject({ reason: text(500).optional() });
export const CancelOrderInput = OrderRef.extend(CancelOrderBody.shape);
export const ChangeStatusBody = z.strictObject({
  status: OrderStatus,
  reason: text(500).optional(),
  tracking: TrackingBody.optional(),
});
export const ChangeStatusInput = OrderRef.extend(ChangeStatusBody.shape);

/** A line may be named twice: some of it goes back on the shelf, some does not. */
const MAX_REFUND_LINES = 2 * MAX_CART_LINES;

export const RefundLinesBody = z.strictObject({
  lines: z
    .array(
      z.strictObject({
        itemId: idSchema("itm"),
        quantity: Quantity,
        /** The goods go back on the shelf. */
        restock: z.boolean().default(true),
      }),
    )
    .min(1)
    .max(MAX_REFUND_LINES),
  /** The shipping too, which is refunded once and whole. */
  includeShipping: z.boolean().default(false),
  reason: text(500).optional(),
});
export const RefundLinesInput = RefundLinesBody.extend({
  orderId: z.string().max(60),
  idempotencyKey: z.string().min(1).max(255).optional(),
});

export const OrderTracking = z
  .object({
    status: OrderStatus,
    carrier: z.string().nullable(),
    number: z.string().nullable(),
    url: z.string().nullable(),
    /** The last day promised; null once delivered or cancelled. */
    estimatedDelivery: z.iso.datetime().nullable(),
    events: z.array(z.object({ status: OrderStatus, at: z.iso.datetime(), note: z.string().nullable() })),
  })
  .meta({ id: "OrderTracking" });
export type OrderTracking = z.infer<typeof OrderTracking>;

/**
 * What `GET /api/orders/live` tells of each change: the event, and the status of the
 * order, or of its payment where it is a payment's event.
 */
export const OrderUpdate = z
  .object({ type: z.string(), orderId: z.string(), status: z.string(), at: z.iso.datetime() })
  .meta({ id: "OrderUpdate" });
export type OrderUpdate = z.infer<typeof OrderUpdate>;

export const CreateIntentBody = z.strictObject({ orderId: idSchema("ord") });
export const PayOrderInput = OrderRef.extend({ idempotencyKey: z.string().min(1).max(255).optional() });

export interface OrdersContract extends MessagingContract {
  /** The cart; an unknown or expired one reads as empty. Prices are the catalog's of now. */
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
   * The guest's cart joins the user's, once, and is closed: it reads as empty, and a write to it is cart_closed. Again for the
   * same user: the same answer and nothing added. An unknown, expired or empty cart changes nothing. Fails with cart_closed (it
   * went to another user), idempotency_in_progress (an order of it is being made), cart_version_conflict (of the user's cart).
   */
  mergeCart(call: Call, input: z.input<typeof MergeCartInput>): Promise<Outcome<MergedCart>>;

  /**
   * What an order would cost now. Holds nothing. Fails with cart_empty, product_not_found, product_unavailable,
   * quantity_below_minimum, coupon_not_found.
   */
  quote(call: Call, input: z.input<typeof QuoteInput>): Promise<Outcome<Quote>>;
  /**
   * Holds the stock and writes the order PENDING. Idempotent by Idempotency-Key, or by the cart and its version.
   * Fails as quote and with insufficient_stock, total_changed, idempotency_key_reused; with validation_failed for a guest
   * without an e-mail address, idempotency_in_progress while another order of the cart is being made, and service_unavailable
   * when it took so long that its hold may have ended.
   */
  createOrder(
    call: Call,
    input: z.input<typeof CreateOrderInput>,
  ): Promise<Outcome<{ readonly order: CreatedOrder; readonly replayed: boolean }>>;
  /** Newest first. Fails with invalid_cursor, forbidden (sales, for whom they are not). */
  listOrders(call: Call, input: z.input<typeof ListOrdersInput>): Promise<Outcome<Page<Order>>>;
  /** Fails with not_found, for another's order too. */
  getOrder(call: Call, input: z.input<typeof GetOrderInput>): Promise<Outcome<Order>>;
  getTracking(call: Call, input: z.input<typeof GetOrderInput>): Promise<Outcome<OrderTracking>>;
  /**
   * Cancelling a cancelled order changes nothing. A vendor's cancellation first lets the authorization go. Fails with not_found,
   * illegal_transition, forbidden (a vendor, of an order whose money was captured), payment_provider_unavailable (a vendor's).
   */
  cancelOrder(call: Call, input: z.input<typeof CancelOrderInput>): Promise<Outcome<Order>>;
  /**
   * Staff's step; SHIPPED captures first. Fails with not_found, forbidden (a buyer; a vendor's CANCELLED, as cancelOrder),
   * illegal_transition, payment_not_capturable, payment_provider_unavailable.
   */
  changeStatus(call: Call, input: z.input<typeof ChangeStatusInput>): Promise<Outcome<Order>>;
  /**
   * An admin's refund of lines, at the order's own prices. It is written before payments is asked, so it stands as `requested`
   * when payments does not answer, and a sweep goes on with it. Fails with not_found, forbidden, validation_failed (an unknown
   * line), refund_exceeds_order, payment_not_refundable, amount_exceeds_captured, idempotency_key_reused.
   */
  refundLines(
    call: Call,
    input: z.input<typeof RefundLinesInput>,
  ): Promise<Outcome<{ readonly refund: OrderRefund; readonly replayed: boolean }>>;
  /**
   * Makes or finds the payment intent of an order that can be paid. Fails with
   * not_found, order_not_payable, payment_provider_unavailable.
   */
  payOrder(
    call: Call,
    input: z.input<typeof PayOrderInput>,
  ): Promise<Outcome<{ readonly intent: PaymentIntent; readonly created: boolean; readonly replayed: boolean }>>;
  /** Payments of an order the caller may see. Fails with not_found. */
  listOrderPayments(
    call: Call,
    input: z.input<typeof GetOrderInput>,
  ): Promise<Outcome<{ readonly items: readonly Payment[] }>>;
}
