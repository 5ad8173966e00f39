// The contract of the orders Worker for staff: the status of orders, their parcels and refunds, and what a customer bought. A vendor is
// staff of orders whose lines are all own products.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { MAX_LINES } from "../limits.ts";
import { Currency } from "../money.ts";
import { text } from "../text.ts";
import type { Cart } from "./carts.ts";
import { Quantity } from "./inventory.ts";
import type { WorkerOverview } from "./messaging.ts";
import { OrderRef, OrderStatus, TrackingBody } from "./orders.ts";
import type { Order, OrderRefund, OrderTracking } from "./orders.ts";
import { References } from "./references.ts";

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
const MAX_REFUND_LINES = 2 * MAX_LINES;

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

export interface OrdersOverview extends WorkerOverview {
  /** How many orders have each status. */
  readonly ordersByStatus: Readonly<Record<OrderStatus, number>>;
}

export interface OrdersStaffContract {
  /** For admins: number and sum of a customer's orders. Fails with forbidden. */
  customerTotals(call: Call, input: z.input<typeof CustomerInput>): Promise<Outcome<CustomerTotals>>;
  /** For admins: the cart of an account, as its owner sees it. Fails with forbidden. */
  customerCart(call: Call, input: z.input<typeof CustomerInput>): Promise<Outcome<Cart>>;
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
}
