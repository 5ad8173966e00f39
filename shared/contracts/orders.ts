// The contract of the orders Worker: carts and orders.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Availability } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { Amount, Currency } from "../money.ts";
import { Moment, PageQuery, severalOf } from "../paging.ts";
import type { Page } from "../paging.ts";
import { line } from "../text.ts";
import { Email } from "./accounts.ts";
import { MAX_PRODUCTS_AT_ONCE, ProductId } from "./catalog.ts";
import { MAX_QUANTITY, Quantity } from "./inventory.ts";
import type { MessagingContract, WorkerOverview } from "./messaging.ts";
import { PaymentState } from "./payments.ts";
import type { Payment, PaymentIntent } from "./payments.ts";
import { ExternalId, References, ShownReferences } from "./references.ts";

export const MAX_CART_LINES = MAX_PRODUCTS_AT_ONCE;

// ---- cart

export const CartToken = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, "is not a cart token")
  .describe("A guest's cart: 43 characters of base64url, as returned in `X-Cart-Token`.");

/** Whose cart: a user's by the call's actor, a guest's by its token. */
const Owned = z.object({ cartToken: CartToken.optional() });
const Conditional = Owned.extend({
  /** The version that If-Match named; absent when the write is unconditional. */
  ifVersion: z.int().min(0).optional(),
});

export const AddItemBody = z
  .strictObject({
    productId: ProductId.describe("The product's id."),
    quantity: Quantity.describe("Units, 1 to 9999."),
  })
  .meta({ id: "ItemQuantity", description: "A product and how many units of it." });
export const ChangeItemBody = z
  .strictObject({ quantity: z.int().min(0).max(MAX_QUANTITY).describe("Units, 0 to 9999. 0 removes the line.") })
  .meta({ id: "ChangeCartItem", description: "The new quantity of a line." });

export const GetCartInput = Owned;
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
    unitPrice: Amount.describe("Current price of one unit in minor units, which is charged."),
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
    subtotal: z.int().describe("Sum of the lines' totals in minor units."),
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
      .describe("`too_many_lines`: the cart has 100 lines. `quantity_limit`: a line holds at most 9999 units."),
  })
  .meta({ id: "NotMerged", description: "Part of a guest's cart that did not fit into the user's." });
export type NotMerged = z.infer<typeof NotMerged>;

export const MergedCart = Cart.extend({
  notMerged: z.array(NotMerged).describe("What did not fit. Empty when everything did."),
}).meta({ id: "MergedCart", description: "The user's cart after the merge." });
export type MergedCart = z.infer<typeof MergedCart>;

// ---- orders

export const OrderStatus = z.enum(["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "CANCELLED"]).meta({
  id: "OrderStatus",
  description:
    "PENDING: waits for its payment. CONFIRMED: the money is authorized and the stock reserved. PROCESSING: staff prepare it. SHIPPED: it has left, and the money is captured. DELIVERED and CANCELLED are final.",
});
export type OrderStatus = z.infer<typeof OrderStatus>;
export const StockStatus = z.enum(["PENDING", "RESERVED", "REJECTED", "RELEASED", "CONSUMED"]).meta({
  id: "StockStatus",
  description:
    "PENDING: not decided yet. RESERVED: kept for the order. REJECTED: there was not enough. RELEASED: back in stock. CONSUMED: shipped.",
});
export type StockStatus = z.infer<typeof StockStatus>;
export const PaymentStatus = z.enum(["NONE", ...PaymentState.options]).meta({
  id: "PaymentStatus",
  description:
    "Status of the order's payment. NONE: no payment was begun. The other values are those of a payment's `status`.",
});
export type PaymentStatus = z.infer<typeof PaymentStatus>;

const text = (max: number): z.ZodString => z.string().trim().min(1).max(max);

export const Address = z
  .strictObject({
    name: line(100).describe("The recipient, a person or a firm."),
    line1: text(200).describe("Street and number."),
    line2: text(200).optional().describe("Floor, unit or building."),
    city: text(100).describe("City or town."),
    region: text(100).optional().describe("State, province or county."),
    postalCode: text(20).describe("Postal code."),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code in upper case")
      .describe("ISO 3166-1 alpha-2 code in upper case, for example US."),
    phone: text(40).optional().describe("A number for the carrier."),
  })
  .meta({ id: "Address", description: "A postal address." });
export type Address = z.infer<typeof Address>;

export const ShippingMethodId = z
  .enum(["standard", "express", "freight"])
  .meta({ id: "ShippingMethodId", description: "The id of a shipping method." });
export type ShippingMethodId = z.infer<typeof ShippingMethodId>;

const OrderRequest = z.strictObject({
  items: z
    .array(AddItemBody)
    .min(1)
    .max(MAX_CART_LINES)
    .optional()
    .describe("The products to order. Left out: the lines of the cart."),
  shippingAddress: Address.describe("Where the goods are sent."),
  shippingMethod: ShippingMethodId.optional().describe(
    "The shipping method. Left out: the cheapest that can carry the order.",
  ),
  couponCode: z
    .string()
    .max(100)
    .optional()
    .describe("A coupon. The shop has none yet: any code is 422 `coupon_not_found`."),
});
export const QuoteBody = OrderRequest.meta({ id: "QuoteRequest", description: "What to price." });
export const CreateOrderBody = OrderRequest.extend({
  expectedTotal: Amount.optional().describe(
    "The total that the buyer saw, in minor units. If the order costs another amount, it is refused with `total_changed`.",
  ),
  email: Email.optional().describe(
    "A guest's e-mail address, required of guests. For a signed-in buyer the account's address is used.",
  ),
}).meta({ id: "CreateOrder", description: "What to order, and where to send it." });
export const QuoteInput = QuoteBody.extend(Owned.shape);
export const CreateOrderInput = CreateOrderBody.extend({
  ...Owned.shape,
  idempotencyKey: z.string().min(1).max(255).optional(),
});

export const ShippingMethod = z
  .object({
    id: ShippingMethodId.describe("The method, as `shippingMethod` takes it."),
    name: z.string().describe("The method's name for people."),
    amount: Amount.describe("What it costs in minor units."),
    minDays: z.int().describe("Least number of working days."),
    maxDays: z.int().describe("Most working days."),
  })
  .meta({ id: "ShippingMethod", description: "A shipping method with its price." });
export type ShippingMethod = z.infer<typeof ShippingMethod>;

const Totals = {
  subtotal: Amount.describe("Sum of the lines in minor units."),
  discount: Amount.describe("The discount in minor units."),
  shipping: Amount.describe("The shipping cost in minor units."),
  tax: Amount.describe("Tax in minor units. 0 until the shop computes taxes."),
  total: Amount.describe("What the buyer pays, in minor units: subtotal - discount + shipping + tax."),
  currency: Currency.describe("The currency of all amounts, ISO 4217."),
};

export const QuoteLine = z
  .object({
    productId: z.string().describe("The product's id."),
    sku: z.string().describe("The product's SKU."),
    name: z.string().describe("The product's name."),
    unitPrice: Amount.describe("Price of one unit in minor units."),
    quantity: z.int().describe("Units."),
    lineTotal: Amount.describe("`unitPrice` times `quantity` in minor units."),
  })
  .meta({ id: "QuoteLine", description: "One product of a quote." });

export const Quote = z
  .object({
    items: z.array(QuoteLine).describe("The lines, one per product."),
    ...Totals,
    shippingMethods: z.array(ShippingMethod).describe("The methods that can carry the order, cheapest first."),
  })
  .meta({ id: "Quote", description: "What an order would cost now. No stock is held." });
export type Quote = z.infer<typeof Quote>;

export const TrackingBody = z
  .strictObject({
    carrier: text(100).describe("The carrier's name, for example DHL."),
    number: text(100).describe("The carrier's number of the parcel."),
    url: z
      .url({ protocol: /^https?$/ })
      .max(500)
      .optional()
      .describe("The carrier's page of the parcel, http or https."),
  })
  .meta({ id: "Tracking", description: "A parcel with its carrier." });

export const OrderHistoryEntry = z
  .object({
    from: OrderStatus.nullable().describe("The status before. Null for the first entry."),
    to: OrderStatus.describe("The status after."),
    at: z.iso.datetime().describe("When it changed."),
    actor: z.string().describe("Who changed it: a user's id, `guest`, or the part of the shop that acted."),
    reason: z.string().nullable().describe("The reason given for it. Null without one."),
    tracking: TrackingBody.optional().describe(
      "The parcel's tracking, if this entry set or changed it. A later change of the tracking has the same status before and after.",
    ),
  })
  .meta({ id: "OrderHistoryEntry", description: "One change of an order's status." });

export const OrderRefundLine = z
  .object({
    itemId: z.string().describe("The order line's id."),
    productId: z.string().describe("The product's id."),
    quantity: z.int().describe("Units refunded."),
    amount: Amount.describe("Amount refunded for them, in minor units."),
    restock: z.boolean().describe("Whether the goods are restocked."),
  })
  .meta({ id: "OrderRefundLine", description: "Part of a line, refunded." });
export type OrderRefundLine = z.infer<typeof OrderRefundLine>;

export const OrderRefund = z
  .object({
    id: z.string().describe("The refund's id."),
    orderId: z.string().describe("The order's id."),
    paymentId: z.string().optional().describe("The refunded payment. Absent when there was no money to refund."),
    amount: Amount.describe("Amount refunded in all, in minor units: the lines and the shipping."),
    shipping: Amount.describe("The part of the amount that is shipping, in minor units."),
    currency: Currency.describe("The currency of all amounts, ISO 4217."),
    status: z
      .enum(["requested", "done", "refused"])
      .describe(
        "`requested`: accepted, not refunded yet. `done`: the payment was refunded. `refused`: it could not be, and the quantities can be refunded again.",
      ),
    lines: z.array(OrderRefundLine).describe("What was refunded."),
    reason: z.string().nullable().describe("The reason that staff gave. Null without one."),
    createdAt: z.iso.datetime().describe("When it was requested."),
  })
  .meta({ id: "OrderRefund", description: "A refund of lines of an order." });
export type OrderRefund = z.infer<typeof OrderRefund>;

export const OrderLine = QuoteLine.extend({
  id: z.string().describe("The line's id, for refunds."),
  refundedQuantity: z.int().describe("Units in refunds, including requested ones."),
}).meta({ id: "OrderLine", description: "One product of an order, at the price that was charged." });

export const Order = z
  .object({
    id: z.string().describe("The order's id."),
    number: z.string().describe("The order number for people, as in mails."),
    customerId: z.string().nullable().describe("The buyer's user id. Null for a guest's order."),
    status: OrderStatus.describe("Status of the order."),
    ...Totals,
    items: z.array(OrderLine).describe("The lines, one per product."),
    shippingAddress: Address.describe("Where the goods are sent."),
    shippingMethod: ShippingMethodId.describe("The shipping method."),
    paymentStatus: PaymentStatus.describe("Status of the order's payment."),
    stockStatus: StockStatus.describe("Status of the order's stock."),
    paymentDueAt: z.iso
      .datetime()
      .describe("When the payment has to be authorized by. The order is cancelled after that."),
    tracking: TrackingBody.optional().describe("The parcel's tracking. Absent until staff set it."),
    ...ShownReferences.shape,
    history: z.array(OrderHistoryEntry).describe("Each change of the status, oldest first."),
    refunds: z
      .array(OrderRefund)
      .describe("Refunds of lines, oldest first. Refunds by amount alone are listed at the payment."),
    createdAt: z.iso.datetime().describe("When it was placed."),
    updatedAt: z.iso.datetime().describe("When it last changed."),
  })
  .meta({ id: "Order", description: "An order with its lines, totals and history." });
export type Order = z.infer<typeof Order>;

export const CreatedOrder = Order.extend({
  accessToken: z
    .string()
    .optional()
    .describe("A guest's bearer token for this one order, valid for 90 days. It is returned only here."),
}).meta({ id: "CreatedOrder", description: "The placed order." });
export type CreatedOrder = z.infer<typeof CreatedOrder>;

/** `orderToken` is a guest's opaque token of this one order, sent as bearer. */
const OrderRef = z.object({ orderId: z.string().max(60), orderToken: z.string().max(100).optional() });
export const GetOrderInput = OrderRef;
export const ListOrdersInput = PageQuery.extend({
  number: z.string().trim().toUpperCase().min(1).max(40).optional().describe("Only the order with this number."),
  email: Email.optional().describe("Only orders made with this e-mail address."),
  q: z
    .string()
    .trim()
    .min(2)
    .max(100)
    .optional()
    .describe(
      "Only orders whose number, e-mail address or addressee begins with this. The case of the letters A to Z does not matter.",
    ),
  status: severalOf(OrderStatus, "Only orders in this status."),
  paymentStatus: severalOf(PaymentStatus, "Only orders whose payment is in this status."),
  createdFrom: Moment.optional().describe("Only orders made at this time or later."),
  createdTo: Moment.optional().describe("Only orders made before this time."),
  updatedSince: Moment.optional().describe(
    "Only orders changed at this time or later, oldest change first. An order that changes while you page appears again later. `nextCursor` is null only for an empty page: the cursor before it stays valid.",
  ),
  externalId: ExternalId.optional().describe("Only the order that staff gave this external id."),
  customerId: idSchema("usr").optional().describe("Only this buyer's orders. For admins; ignored for anyone else."),
  scope: z
    .enum(["purchases", "sales"])
    .optional()
    .describe(
      "`purchases`: orders that the caller bought. `sales`: orders of the caller's own products only. Left out: all for an admin, purchases for anyone else.",
    ),
});
export const UpdateOrderBody = References.meta({
  id: "UpdateOrder",
  description: "Staff's references on an order. Members left out stay unchanged.",
});
export const UpdateOrderInput = OrderRef.extend(UpdateOrderBody.shape);

/** For staff: whose orders and cart. */
export const CustomerInput = z.object({ customerId: idSchema("usr") });

export const CustomerTotals = z
  .object({
    count: z.int().describe("Number of orders, including cancelled ones."),
    total: z
      .record(Currency, z.int())
      .describe("Sum of the orders that are not cancelled, by currency, in minor units (cents)."),
  })
  .meta({ id: "CustomerTotals", description: "Number and sum of a customer's orders." });
export type CustomerTotals = z.infer<typeof CustomerTotals>;

export const CancelOrderBody = z
  .strictObject({ reason: text(500).optional().describe("The reason, for the order's history.") })
  .meta({ id: "CancelOrder", description: "The cancellation of an order." });
export const CancelOrderInput = OrderRef.extend(CancelOrderBody.shape);
export const ChangeStatusBody = z
  .strictObject({
    status: OrderStatus.describe("The status to move to. CANCELLED cancels the order."),
    reason: text(500).optional().describe("The reason, for the order's history."),
    tracking: TrackingBody.optional().describe("The parcel's tracking. With SHIPPED only; SHIPPED again changes it."),
  })
  .meta({ id: "ChangeOrderStatus", description: "The next status of an order." });
export const ChangeStatusInput = OrderRef.extend(ChangeStatusBody.shape);
export const SetTrackingInput = OrderRef.extend({ tracking: TrackingBody });

/** A line may be named twice: once with and once without restocking. */
const MAX_REFUND_LINES = 2 * MAX_CART_LINES;

export const RefundLinesBody = z
  .strictObject({
    lines: z
      .array(
        z.strictObject({
          itemId: idSchema("itm").describe("The order line's id."),
          quantity: Quantity.describe("Units to refund."),
          restock: z.boolean().default(true).describe("Whether the goods are restocked."),
        }),
      )
      .min(1)
      .max(MAX_REFUND_LINES)
      .describe("What to refund. A line may be named twice: once with and once without restocking."),
    includeShipping: z
      .boolean()
      .default(false)
      .describe("Whether to refund the shipping too. It is refunded once, in full."),
    reason: text(500).optional().describe("The reason, for the buyer and the books."),
  })
  .meta({ id: "RefundOrderLines", description: "What to refund of an order." });
export const RefundLinesInput = RefundLinesBody.extend({
  orderId: z.string().max(60),
  idempotencyKey: z.string().min(1).max(255).optional(),
});

export const OrderTracking = z
  .object({
    status: OrderStatus.describe("Status of the order."),
    carrier: z.string().nullable().describe("The carrier's name. Null until staff set it."),
    number: z.string().nullable().describe("The carrier's number of the parcel. Null until staff set it."),
    url: z.string().nullable().describe("The carrier's page of the parcel. Null when there is none."),
    estimatedDelivery: z.iso
      .datetime()
      .nullable()
      .describe("The last promised day. Null once the order is delivered or cancelled."),
    events: z
      .array(
        z.object({
          status: OrderStatus.describe("The new status."),
          at: z.iso.datetime().describe("When it changed."),
          note: z.string().nullable().describe("The reason given for it. Null without one."),
          tracking: TrackingBody.optional().describe("The parcel's tracking, if it was set or changed then."),
        }),
      )
      .describe("The changes of the status, oldest first."),
  })
  .meta({ id: "OrderTracking", description: "Tracking of an order's parcel." });
export type OrderTracking = z.infer<typeof OrderTracking>;

export const OrderUpdate = z
  .object({
    type: z.string().describe("The event's type, for example ORDER_SHIPPED."),
    orderId: z.string().describe("The order's id."),
    status: z.string().describe("The status of the order, or of its payment when the event is a payment's."),
    at: z.iso.datetime().describe("When it happened."),
  })
  .meta({ id: "OrderUpdate", description: "One change of an order, as sent by `GET /api/orders/live`." });
export type OrderUpdate = z.infer<typeof OrderUpdate>;

export const CreateIntentBody = z
  .strictObject({ orderId: idSchema("ord").describe("The order's id.") })
  .meta({ id: "CreatePaymentIntent", description: "The order to pay." });
export const PayOrderInput = OrderRef.extend({ idempotencyKey: z.string().min(1).max(255).optional() });

export interface OrdersOverview extends WorkerOverview {
  /** How many of the newest 20,000 orders have each status. */
  readonly ordersByStatus: Readonly<Record<OrderStatus, number>>;
}

export interface OrdersContract extends MessagingContract {
  overview(call: Call): Promise<Outcome<OrdersOverview>>;
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

  /**
   * What an order would cost now. Holds no stock. Fails with cart_empty, product_not_found, product_unavailable,
   * quantity_below_minimum, coupon_not_found.
   */
  quote(call: Call, input: z.input<typeof QuoteInput>): Promise<Outcome<Quote>>;
  /**
   * Holds the stock and writes the order PENDING. Idempotent by Idempotency-Key, or by the cart and its version.
   * Fails as quote and with insufficient_stock, total_changed, idempotency_key_reused, too_many_open_orders (over a cap on unpaid
   * orders), cart_already_ordered (with other details), validation_failed (a guest without an e-mail address),
   * idempotency_in_progress (another order of the cart is being made), service_unavailable (too slow: its hold may have expired).
   */
  createOrder(
    call: Call,
    input: z.input<typeof CreateOrderInput>,
  ): Promise<Outcome<{ readonly order: CreatedOrder; readonly replayed: boolean }>>;
  /**
   * Newest first; with `updatedSince` a feed of changes, oldest first. Only staff gets external ids and metadata. Fails with
   * invalid_cursor, forbidden (sales, for anyone but vendors and admins).
   */
  listOrders(call: Call, input: z.input<typeof ListOrdersInput>): Promise<Outcome<Page<Order>>>;
  /** For admins: number and sum of a customer's orders. Fails with forbidden. */
  customerTotals(call: Call, input: z.input<typeof CustomerInput>): Promise<Outcome<CustomerTotals>>;
  /** For admins: the cart of an account, as its owner sees it. Fails with forbidden. */
  customerCart(call: Call, input: z.input<typeof CustomerInput>): Promise<Outcome<Cart>>;
  /** Fails with not_found, for another's order too. */
  getOrder(call: Call, input: z.input<typeof GetOrderInput>): Promise<Outcome<Order>>;
  getTracking(call: Call, input: z.input<typeof GetOrderInput>): Promise<Outcome<OrderTracking>>;
  /**
   * Cancelling a cancelled order changes nothing. Before a vendor cancels, the authorization is voided. Fails with not_found,
   * illegal_transition, forbidden (a vendor, of an order whose money was captured), payment_provider_unavailable (a vendor's).
   */
  cancelOrder(call: Call, input: z.input<typeof CancelOrderInput>): Promise<Outcome<Order>>;
  /**
   * For staff; SHIPPED captures the payment first. Fails with not_found, forbidden (a buyer; a vendor's CANCELLED, as cancelOrder),
   * illegal_transition, payment_not_capturable, payment_provider_unavailable; validation_failed (a
   * tracking with another status than SHIPPED). SHIPPED again with another tracking is setTracking.
   */
  changeStatus(call: Call, input: z.input<typeof ChangeStatusInput>): Promise<Outcome<Order>>;
  /**
   * Sets staff's external id and metadata; without a change nothing is written. Fails with not_found, forbidden (a buyer),
   * external_id_taken.
   */
  updateOrder(call: Call, input: z.input<typeof UpdateOrderInput>): Promise<Outcome<Order>>;
  /**
   * Sets or changes the tracking of an order that is SHIPPED or DELIVERED, and notifies the buyer once per change; the same tracking
   * again changes nothing. Fails with not_found, forbidden (a buyer), illegal_transition (neither SHIPPED nor DELIVERED).
   */
  setTracking(call: Call, input: z.input<typeof SetTrackingInput>): Promise<Outcome<OrderTracking>>;
  /**
   * An admin's refund of lines, at the order's own prices. It is written before payments is called, so it is `requested` when payments
   * does not answer, and a sweep resumes it. Fails with not_found, forbidden, validation_failed (an unknown
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
