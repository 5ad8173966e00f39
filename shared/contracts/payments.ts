// Payments and refunds over Stripe: what the payments Worker answers. Stripe's webhook comes to its `fetch`, not here.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Customer } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { Amount, Currency } from "../money.ts";
import type { MessagingContract } from "./messaging.ts";

const PaymentId = idSchema("pay");
const IdempotencyKey = z.string().min(1).max(255).optional();

export const PaymentState = z.enum([
  "CREATED",
  "REQUIRES_ACTION",
  "FAILED",
  "AUTHORIZED",
  "CAPTURED",
  "PARTIALLY_REFUNDED",
  "REFUNDED",
  "VOIDED",
  "DISPUTED",
]);
export type PaymentState = z.infer<typeof PaymentState>;

export const CreateIntentInput = z.object({
  orderId: idSchema("ord"),
  orderNumber: z.string(),
  amount: Amount.min(1),
  currency: Currency,
  customer: Customer,
  /** The order's own; what the webhook causes runs under it. */
  correlationId: z.string(),
  /** Digests of the caller's Idempotency-Key and of what was asked under it; see shared/hash.ts. */
  idempotency: z.object({ key: z.string(), fingerprint: z.string() }).optional(),
});
export const CaptureBody = z.strictObject({ amount: Amount.min(1).optional() });
export const CaptureInput = CaptureBody.extend({ paymentId: PaymentId, idempotencyKey: IdempotencyKey });
export const CaptureOrderInput = z.object({ orderId: idSchema("ord") });
export const RefundBody = z.strictObject({
  amount: Amount.min(1).optional(),
  reason: z.string().trim().min(1).max(500).optional(),
});
export const RefundInput = RefundBody.extend({ paymentId: PaymentId, idempotencyKey: IdempotencyKey });
export const OrderPaymentsInput = z.object({ orderId: z.string().max(60) });
export const CloseInput = z.object({
  orderId: idSchema("ord"),
  /** Lets an authorization go as well, so that only captured money keeps the order open. */
  unless: z.literal("captured").optional(),
});

export const PaymentIntent = z
  .object({
    id: z.string(),
    orderId: z.string(),
    amount: Amount,
    currency: Currency,
    status: PaymentState,
    stripePaymentIntentId: z.string(),
    clientSecret: z.string(),
    publishableKey: z.string(),
  })
  .meta({ id: "PaymentIntent" });
export type PaymentIntent = z.infer<typeof PaymentIntent>;

export const Refund = z
  .object({
    id: z.string(),
    paymentId: z.string(),
    amount: Amount,
    currency: Currency,
    status: z.enum(["pending", "succeeded", "failed", "canceled"]),
    reason: z.string().nullable(),
    stripeRefundId: z.string().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Refund" });
export type Refund = z.infer<typeof Refund>;

/** A buyer's bank wants money back; see https://docs.stripe.com/disputes. */
export const Dispute = z
  .object({
    /** Stripe's. */
    id: z.string(),
    amount: Amount,
    currency: Currency,
    reason: z.string(),
    /** Stripe's own word: needs_response, under_review, won, lost, or an inquiry's warning_ form. */
    status: z.string(),
    /** What it has taken out of the shop's balance and not given back: the amount while it is open or lost, 0 once won. */
    amountWithdrawn: Amount,
    evidenceDueBy: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Dispute" });
export type Dispute = z.infer<typeof Dispute>;

export const Payment = z
  .object({
    id: z.string(),
    orderId: z.string(),
    amount: Amount,
    amountCapturable: Amount,
    amountCaptured: Amount,
    amountRefunded: Amount,
    /** What a partial capture left of the authorization; the buyer's bank has it back. */
    amountReleased: Amount,
    currency: Currency,
    status: PaymentState,
    /** That of the last PAYMENT_ event, or later; it only grows. */
    version: z.int().positive(),
    /** Until when an authorization can be captured, as far as Stripe tells; null when nothing is authorized. */
    captureBefore: z.iso.datetime().nullable(),
    /** Null until Stripe has answered. */
    stripePaymentIntentId: z.string().nullable(),
    refunds: z.array(Refund),
    disputes: z.array(Dispute),
    history: z.array(
      z.object({
        status: PaymentState,
        at: z.iso.datetime(),
        actor: z.string(),
        /** The call, event or webhook that changed it. */
        reason: z.string().nullable(),
      }),
    ),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Payment" });
export type Payment = z.infer<typeof Payment>;

export interface PaymentsContract extends MessagingContract {
  /**
   * Makes the order's PaymentIntent (manual capture), or gives the one that can still be paid. One open payment per order.
   * `replayed` when the same idempotency key made or found the payment before; `created` is then what the first answer said.
   * Fails with order_not_payable when the order was closed or is paid, idempotency_key_reused, payment_provider_unavailable.
   */
  createIntent(
    call: Call,
    input: z.input<typeof CreateIntentInput>,
  ): Promise<Outcome<{ readonly intent: PaymentIntent; readonly created: boolean; readonly replayed: boolean }>>;
  /**
   * Captures all or part; the rest is released. Fails with not_found,
   * payment_not_capturable, amount_exceeds_authorized, idempotency_key_reused.
   */
  capture(
    call: Call,
    input: z.input<typeof CaptureInput>,
  ): Promise<Outcome<{ readonly payment: Payment; readonly replayed: boolean }>>;
  /**
   * Captures an order's whole authorization, for its shipment. Already captured succeeds.
   * Fails with payment_not_capturable, payment_provider_unavailable.
   */
  captureOrder(call: Call, input: z.input<typeof CaptureOrderInput>): Promise<Outcome<Payment>>;
  /**
   * Fails with not_found, payment_not_refundable, amount_exceeds_captured, idempotency_key_reused,
   * payment_provider_unavailable.
   */
  refund(
    call: Call,
    input: z.input<typeof RefundInput>,
  ): Promise<Outcome<{ readonly refund: Refund; readonly replayed: boolean }>>;
  /** Whose order it is, the caller has checked. */
  listPayments(
    call: Call,
    input: z.input<typeof OrderPaymentsInput>,
  ): Promise<Outcome<{ readonly items: readonly Payment[] }>>;
  /**
   * Ends an order's payment unless its money is authorized or captured, or only unless it is captured: asks Stripe first. `paid`
   * when there is such money (its event is on the way), `closed` when the intent is cancelled at Stripe and no later payment or
   * capture can succeed. Idempotent. Fails with payment_provider_unavailable.
   */
  close(call: Call, input: z.input<typeof CloseInput>): Promise<Outcome<"paid" | "closed">>;
}
