// Carts and orders: what the orders Worker answers.
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
  .describe("A guest's cart: 43 characters of base64url, as `X-Cart-Token` told it.");

/** Whose cart: a user's by the call's actor, a guest's by token. */
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
  .strictObject({ cartToken: CartToken.describe("The guest's cart token, as `X-Cart-Token` told it.") })
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
      "Price of one unit in minor units. It is the price of now, and the one that is charged.",
    ),
    priceWhenAdded: Amount.optional().describe(
      "Price of one unit in minor units when the buyer last added to the line or changed it. There only when the price has changed since.",
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
    version: z.int().describe("Grows with every change. The same number is the ETag, for `If-Match`."),
    items: z.array(CartItem).describe("The lines, in the order in which they were added."),
    subtotal: z.int().describe("Sum of the lines' totals in minor units."),
    currency: Currency.describe("The currency of all amounts, ISO 4217."),
    itemCount: z.int().describe("Units over all lines."),
    expiresAt: z.iso.datetime().describe("When the cart empties itself, if nobody touches it."),
  })
  .meta({ id: "Cart", description: "A cart with the prices of now." });
export type Cart = z.infer<typeof Cart>;

export const NotMerged = z
  .object({
    productId: z.string().describe("The product's id."),
    quantity: z.int().describe("Units that were left out."),
    reason: z
      .enum(["too_many_lines", "quantity_limit"])
      .describe("`too_many_lines`: the cart has 100 lines. `quantity_limit`: a line holds at most 9999 units."),
  })
  .meta({ id: "NotMerged", description: "Part of a guest's cart that found no room in the user's." });
export type NotMerged = z.infer<typeof NotMerged>;

export const MergedCart = Cart.extend({
  notMerged: z.array(NotMerged).describe("What found no room. Empty when everything did."),
}).meta({ id: "MergedCart", description: "The user's cart after the guest's has joined it." });
export type MergedCart = z.infer<typeof MergedCart>;

// ---- orders

export const OrderStatus = z.enum(["PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "CANCELLED"]).meta({
  id: "OrderStatus",
  description:
    "PENDING: waits for its payment. CONFIRMED: the money is authorized and the stock reserved. PROCESSING: staff prepare it. SHIPPED: it left, and the money is captured. DELIVERED and CANCELLED are ends.",
});
export type OrderStatus = z.infer<typeof OrderStatus>;
export const StockStatus = z.enum(["PENDING", "RESERVED", "REJECTED", "RELEASED", "CONSUMED"]).meta({
  id: "StockStatus",
  description:
    "PENDING: not decided yet. RESERVED: kept for the order. REJECTED: there was not enough. RELEASED: given back. CONSUMED: shipped.",
});
export type StockStatus = z.infer<typeof StockStatus>;
export const PaymentStatus = z.enum(["NONE", ...PaymentState.options]).meta({
  id: "PaymentStatus",
  description:
    "How the order's payment stands. NONE: no payment was begun. The other values are those of a payment's `status`.",
});
export type PaymentStatus = z.infer<typeof PaymentStatus>;

const text = (max: number): z.ZodString => z.string().trim().min(1).max(max);

export const Address = z
  .strictObject({
    name: line(100).describe("The person or firm that the parcel is for."),
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
  .meta({ id: "ShippingMethodId", description: "A way of shipping by its id." });
export type ShippingMethodId = z.infer<typeof ShippingMethodId>;

const OrderRequest = z.strictObject({
  items: z
    .array(AddItemBody)
    .min(1)
    .max(MAX_CART_LINES)
    .optional()
    .describe("The products to order. Left out: what is in the cart."),
  shippingAddress: Address.describe("Where the goods go."),
  shippingMethod: ShippingMethodId.optional().describe(
    "How the goods travel. Left out: the cheapest method that can carry the order.",
  ),
  couponCode: z
    .string()
    .max(100)
    .optional()
    .describe("A coupon. The shop has none yet: any code is 422 `coupon_not_found`."),
});
export const QuoteBody = OrderRequest.meta({ id: "QuoteRequest", description: "What an order would be made of." });
export const CreateOrderBody = OrderRequest.extend({
  expectedTotal: Amount.optional().describe(
    "The total that the buyer saw, in minor units. The order is refused with `total_changed` when it would cost another amount.",
  ),
  email: Email.optional().describe(
    "Where a guest's mails go. A guest has to give it; for a signed-in buyer the account's address is taken.",
  ),
}).meta({ id: "CreateOrder", description: "What to order, and where it goes." });
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
    minDays: z.int().describe("Days on the way, at least."),
    maxDays: z.int().describe("Days on the way, at most."),
  })
  .meta({ id: "ShippingMethod", description: "A way to ship the order, with its price." });
export type ShippingMethod = z.infer<typeof ShippingMethod>;

const Totals = {
  subtotal: Amount.describe("Sum of the lines in minor units."),
  discount: Amount.describe("What is taken off, in minor units."),
  shipping: Amount.describe("What the shipping costs, in minor units."),
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
    shippingMethods: z.array(ShippingMethod).describe("The ways that can carry the order, the cheapest first."),
  })
  .meta({ id: "Quote", description: "What an order would cost now. Nothing is held." });
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
    actor: z.string().describe("Who changed it: a user's id, `guest`, or the name of the part of the shop that acted."),
    reason: z
      .string()
      .nullable()
      .describe("Why, as the person who acted or the shop said it. Null when nobody said anything."),
    tracking: TrackingBody.optional().describe(
      "The parcel's tracking, where this entry set or changed it. A change later than SHIPPED leads from a status to the same one.",
    ),
  })
  .meta({ id: "OrderHistoryEntry", description: "One change of an order's status." });

export const OrderRefundLine = z
  .object({
    itemId: z.string().describe("The order line's id."),
    productId: z.string().describe("The product's id."),
    quantity: z.int().describe("Units refunded."),
    amount: Amount.describe("What is given back for them, in minor units."),
    restock: z.boolean().describe("Whether the goods go back on the shelf."),
  })
  .meta({ id: "OrderRefundLine", description: "Part of a line, refunded." });
export type OrderRefundLine = z.infer<typeof OrderRefundLine>;

export const OrderRefund = z
  .object({
    id: z.string().describe("The refund's id."),
    orderId: z.string().describe("The order's id."),
    paymentId: z
      .string()
      .optional()
      .describe("The payment that the money comes from. Absent when there was no money to give back."),
    amount: Amount.describe("What is given back in all, in minor units: the lines' amounts and the shipping."),
    shipping: Amount.describe("The part of the amount that is shipping, in minor units."),
    currency: Currency.describe("The currency of all amounts, ISO 4217."),
    status: z
      .enum(["requested", "done", "refused"])
      .describe(
        "`requested`: accepted, the money is on its way. `done`: the payment was refunded. `refused`: it could not be, and the quantities can be refunded again.",
      ),
    lines: z.array(OrderRefundLine).describe("What was refunded."),
    reason: z.string().nullable().describe("Why, as staff said it. Null when they said nothing."),
    createdAt: z.iso.datetime().describe("When it was asked for."),
  })
  .meta({ id: "OrderRefund", description: "A refund of lines of an order." });
export type OrderRefund = z.infer<typeof OrderRefund>;

export const OrderLine = QuoteLine.extend({
  id: z.string().describe("The line's id, as a refund names it."),
  refundedQuantity: z.int().describe("Units that refunds have taken, those of requested refunds too."),
}).meta({ id: "OrderLine", description: "One product of an order, at the price that was charged." });

export const Order = z
  .object({
    id: z.string().describe("The order's id."),
    number: z.string().describe("The number that people use, as it stands in mails."),
    customerId: z.string().nullable().describe("The buyer's user id. Null for a guest's order."),
    status: OrderStatus.describe("Where the order stands."),
    ...Totals,
    items: z.array(OrderLine).describe("The lines, one per product."),
    shippingAddress: Address.describe("Where the goods go."),
    shippingMethod: ShippingMethodId.describe("How the goods travel."),
    paymentStatus: PaymentStatus.describe("How the order's payment stands."),
    stockStatus: StockStatus.describe("How the order's stock stands."),
    paymentDueAt: z.iso
      .datetime()
      .describe("Until when the payment has to be authorized. The order is cancelled after that."),
    tracking: TrackingBody.optional().describe("Where the parcel can be followed. Absent until staff set it."),
    ...ShownReferences.shape,
    history: z.array(OrderHistoryEntry).describe("Each change of the status, oldest first."),
    refunds: z
      .array(OrderRefund)
      .describe("Refunds of lines, oldest first. What was refunded by amount alone shows at the payment."),
    createdAt: z.iso.datetime().describe("When it was placed."),
    updatedAt: z.iso.datetime().describe("When it last changed."),
  })
  .meta({ id: "Order", description: "An order with its lines, totals and history." });
export type Order = z.infer<typeof Order>;

export const CreatedOrder = Order.extend({
  accessToken: z
    .string()
    .optional()
    .describe("A guest's bearer token for this one order, good for 90 days. It is told only here."),
}).meta({ id: "CreatedOrder", description: "The order as it was placed." });
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
      "Only orders whose number, e-mail address or addressee begins with this. Case does not matter, of the letters A to Z.",
    ),
  status: severalOf(OrderStatus, "Only orders in this status."),
  paymentStatus: severalOf(PaymentStatus, "Only orders whose payment is in this status."),
  createdFrom: Moment.optional().describe("Only orders made at this time or later."),
  createdTo: Moment.optional().describe("Only orders made before this time."),
  updatedSince: Moment.optional().describe(
    "Only orders changed at this time or later, the oldest change first. An order that changes meanwhile comes again, later. `nextCursor` is null only when nothing came: the last one stays good to ask with again.",
  ),
  externalId: ExternalId.optional().describe("Only the order that staff gave this external id."),
  customerId: idSchema("usr")
    .optional()
    .describe("Only this buyer's orders. For admins; anyone else sees their own, whatever stands here."),
  scope: z
    .enum(["purchases", "sales"])
    .optional()
    .describe(
      "`purchases`: orders that the caller bought. `sales`: orders made of the caller's own products only. Left out: all for an admin, purchases for anyone else.",
    ),
});
export const UpdateOrderBody = References.meta({
  id: "UpdateOrder",
  description: "What staff notes on an order. What is left out stays as it is.",
});
export const UpdateOrderInput = OrderRef.extend(UpdateOrderBody.shape);

/** For staff: whose orders and cart. */
export const CustomerInput = z.object({ customerId: idSchema("usr") });

export const CustomerTotals = z
  .object({
    count: z.int().describe("How many orders the customer has made, cancelled ones included."),
    total: z
      .record(Currency, z.int())
      .describe("What the orders that are not cancelled come to, by currency, in minor units (cents)."),
  })
  .meta({ id: "CustomerTotals", description: "How much a customer has ordered." });
export type CustomerTotals = z.infer<typeof CustomerTotals>;

export const CancelOrderBody = z
  .strictObject({ reason: text(500).optional().describe("Why, for the order's history.") })
  .meta({ id: "CancelOrder", description: "Why the order is cancelled." });
export const CancelOrderInput = OrderRef.extend(CancelOrderBody.shape);
export const ChangeStatusBody = z
  .strictObject({
    status: OrderStatus.describe("The status to move to. CANCELLED cancels the order."),
    reason: text(500).optional().describe("Why, for the order's history."),
    tracking: TrackingBody.optional().describe(
      "Where the parcel can be followed. With SHIPPED only; with SHIPPED again it changes what was set.",
    ),
  })
  .meta({ id: "ChangeOrderStatus", description: "The next status of an order." });
export const ChangeStatusInput = OrderRef.extend(ChangeStatusBody.shape);
export const SetTrackingInput = OrderRef.extend({ tracking: TrackingBody });

/** A line may be named twice: some of it goes back on the shelf, some does not. */
const MAX_REFUND_LINES = 2 * MAX_CART_LINES;

export const RefundLinesBody = z
  .strictObject({
    lines: z
      .array(
        z.strictObject({
          itemId: idSchema("itm").describe("The order line's id."),
          quantity: Quantity.describe("Units to refund."),
          restock: z.boolean().default(true).describe("Whether the goods go back on the shelf."),
        }),
      )
      .min(1)
      .max(MAX_REFUND_LINES)
      .describe("What to refund. A line may be named twice: some of it goes back on the shelf, some does not."),
    includeShipping: z
      .boolean()
      .default(false)
      .describe("Whether to refund the shipping too. It is refunded once and whole."),
    reason: text(500).optional().describe("Why, for the buyer and the books."),
  })
  .meta({ id: "RefundOrderLines", description: "What to refund of an order." });
export const RefundLinesInput = RefundLinesBody.extend({
  orderId: z.string().max(60),
  idempotencyKey: z.string().min(1).max(255).optional(),
});

export const OrderTracking = z
  .object({
    status: OrderStatus.describe("Where the order stands."),
    carrier: z.string().nullable().describe("The carrier's name. Null until staff set it."),
    number: z.string().nullable().describe("The carrier's number of the parcel. Null until staff set it."),
    url: z.string().nullable().describe("The carrier's page of the parcel. Null when there is none."),
    estimatedDelivery: z.iso
      .datetime()
      .nullable()
      .describe("The last day promised. Null once the order is delivered or cancelled."),
    events: z
      .array(
        z.object({
          status: OrderStatus.describe("The status that the order came to."),
          at: z.iso.datetime().describe("When it did."),
          note: z.string().nullable().describe("What was said of it. Null when nothing was."),
          tracking: TrackingBody.optional().describe(
            "Where the parcel can be followed, when it was set or changed then.",
          ),
        }),
      )
      .describe("The changes of the status that the buyer is shown, oldest first."),
  })
  .meta({ id: "OrderTracking", description: "Where an order's parcel is." });
export type OrderTracking = z.infer<typeof OrderTracking>;

export const OrderUpdate = z
  .object({
    type: z.string().describe("The event's type, for example ORDER_SHIPPED."),
    orderId: z.string().describe("The order's id."),
    status: z.string().describe("The status of the order, or of its payment when the event is a payment's."),
    at: z.iso.datetime().describe("When it happened."),
  })
  .meta({ id: "OrderUpdate", description: "One change of an order, as `GET /api/orders/live` tells it." });
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
   * Fails as quote and with insufficient_stock, total_changed, idempotency_key_reused, too_many_open_orders (it would break a
   * cap on unpaid orders); with cart_already_ordered for a cart that was ordered with other details, validation_failed for a
   * guest without an e-mail address, idempotency_in_progress while another order of the cart is being made, and
   * service_unavailable when it took so long that its hold may have ended.
   */
  createOrder(
    call: Call,
    input: z.input<typeof CreateOrderInput>,
  ): Promise<Outcome<{ readonly order: CreatedOrder; readonly replayed: boolean }>>;
  /**
   * Newest first; with `updatedSince` a feed of changes, the oldest first. Staff's external ids and metadata are in staff's answers
   * alone. Fails with invalid_cursor, forbidden (sales, for whom they are not).
   */
  listOrders(call: Call, input: z.input<typeof ListOrdersInput>): Promise<Outcome<Page<Order>>>;
  /** For admins: how many orders a customer has made, and for how much. Fails with forbidden. */
  customerTotals(call: Call, input: z.input<typeof CustomerInput>): Promise<Outcome<CustomerTotals>>;
  /** For admins: the cart of an account, as its owner sees it. Fails with forbidden. */
  customerCart(call: Call, input: z.input<typeof CustomerInput>): Promise<Outcome<Cart>>;
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
   * illegal_transition, payment_not_capturable, payment_provider_unavailable; with validation_failed for a tracking that comes with
   * another status than SHIPPED. SHIPPED again with another tracking is as setTracking.
   */
  changeStatus(call: Call, input: z.input<typeof ChangeStatusInput>): Promise<Outcome<Order>>;
  /**
   * Notes staff's external id and metadata; what changes nothing writes nothing. Fails with not_found, forbidden (a buyer),
   * external_id_taken.
   */
  updateOrder(call: Call, input: z.input<typeof UpdateOrderInput>): Promise<Outcome<Order>>;
  /**
   * Sets or changes the tracking of an order that is SHIPPED or DELIVERED, and tells the buyer, once for each change: what is set
   * already changes nothing. Fails with not_found, forbidden (a buyer), illegal_transition (it has not left yet, or never will).
   */
  setTracking(call: Call, input: z.input<typeof SetTrackingInput>): Promise<Outcome<OrderTracking>>;
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
