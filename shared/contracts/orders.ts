// The contract of the orders Worker for buyers: quote, place, read, cancel and pay an order. carts.ts and orders-staff.ts are its other
// parts.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import type { EventLine } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { MAX_LINES } from "../limits.ts";
import { Amount, Currency } from "../money.ts";
import { Moment, PageQuery, severalOf } from "../paging.ts";
import type { Page } from "../paging.ts";
import { line, text } from "../text.ts";
import { Email } from "./accounts.ts";
import { AddItemBody, CartRef } from "./carts.ts";
import type { CartsContract } from "./carts.ts";
import type { MessagingContract } from "./messaging.ts";
import type { OrdersOverview, OrdersStaffContract } from "./orders-staff.ts";
import { PaymentState } from "./payments.ts";
import type { Payment, PaymentIntent } from "./payments.ts";
import { ExternalId, ShownReferences } from "./references.ts";

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
    .max(MAX_LINES)
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
export const QuoteInput = QuoteBody.extend(CartRef.shape);
export const CreateOrderInput = CreateOrderBody.extend({
  ...CartRef.shape,
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
export const OrderRef = z.object({ orderId: z.string().max(60), orderToken: z.string().max(100).optional() });
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

/** How the lines of orders are read by another Worker, for a message. */
export const FirstLinesInput = z.object({
  orderIds: z.array(idSchema("ord")).min(1).max(100),
  /** How many lines of each order. */
  limit: z.int().min(1).max(MAX_LINES),
});
export interface FirstLines {
  readonly orderId: string;
  readonly lines: readonly EventLine[];
}

export const CancelOrderBody = z
  .strictObject({ reason: text(500).optional().describe("The reason, for the order's history.") })
  .meta({ id: "CancelOrder", description: "The cancellation of an order." });
export const CancelOrderInput = OrderRef.extend(CancelOrderBody.shape);

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

export interface OrdersContract extends MessagingContract, CartsContract, OrdersStaffContract {
  overview(call: Call): Promise<Outcome<OrdersOverview>>;
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
  /** Fails with not_found, for another's order too. */
  getOrder(call: Call, input: z.input<typeof GetOrderInput>): Promise<Outcome<Order>>;
  /** For Workers, not for people: the first lines of each of these orders, in their order. Unknown orders are left out. */
  firstLines(call: Call, input: z.input<typeof FirstLinesInput>): Promise<Outcome<readonly FirstLines[]>>;
  getTracking(call: Call, input: z.input<typeof GetOrderInput>): Promise<Outcome<OrderTracking>>;
  /**
   * Cancelling a cancelled order changes nothing. Before a vendor cancels, the authorization is voided. Fails with not_found,
   * illegal_transition, forbidden (a vendor, of an order whose money was captured), payment_provider_unavailable (a vendor's).
   */
  cancelOrder(call: Call, input: z.input<typeof CancelOrderInput>): Promise<Outcome<Order>>;
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
