// The RPC contract of payments: payments and refunds over Stripe. Stripe's webhook is not here; it calls the Worker's `fetch`.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Customer } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { Amount, Currency, amountFrom } from "../money.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";
import type { MessagingContract, WorkerOverview } from "./messaging.ts";

const PaymentId = idSchema("pay");
const IdempotencyKey = z.string().min(1).max(255).optional();

export const PaymentState = z
  .enum([
    "CREATED",
    "REQUIRES_ACTION",
    "FAILED",
    "AUTHORIZED",
    "CAPTURED",
    "PARTIALLY_REFUNDED",
    "REFUNDED",
    "VOIDED",
    "DISPUTED",
  ])
  .meta({
    id: "PaymentState",
    description:
      "CREATED: begun. REQUIRES_ACTION: waits for the buyer's bank. FAILED: declined, and can be tried again. AUTHORIZED: the money is reserved at the bank. CAPTURED: the shop has the money. PARTIALLY_REFUNDED and REFUNDED: returned in part or whole. VOIDED: ended without money. DISPUTED: the buyer's bank demands it back.",
  });
export type PaymentState = z.infer<typeof PaymentState>;

export const CreateIntentInput = z.object({
  orderId: idSchema("ord"),
  orderNumber: z.string(),
  amount: amountFrom(1),
  currency: Currency,
  customer: Customer,
  /** The order's. The processing of the payment's webhooks runs under it. */
  correlationId: z.string(),
  /** Digests of the caller's Idempotency-Key and of the request made under it; see shared/hash.ts. */
  idempotency: z.object({ key: z.string(), fingerprint: z.string() }).optional(),
  /**
   * Identifies an unproven payer, whose declined cards are counted; absent for a proven account. `payer` is a digest of the account, or
   * of the guest's e-mail and client network. `network` is a digest of the client network.
   */
  unproven: z.object({ payer: z.string(), network: z.string().optional() }).optional(),
  /** False for an order that accepts no payment any more: none is begun, and the failure says why. */
  mayBegin: z.boolean().default(true),
});
export const CaptureBody = z
  .strictObject({
    amount: amountFrom(1)
      .optional()
      .describe("Minor units to capture, at most what is authorized. Without it, all of it."),
  })
  .meta({ id: "CapturePayment", description: "How much to capture." });
export const CaptureInput = CaptureBody.extend({ paymentId: PaymentId, idempotencyKey: IdempotencyKey });
export const CaptureOrderInput = z.object({ orderId: idSchema("ord") });
export const RefundBody = z
  .strictObject({
    amount: amountFrom(1)
      .optional()
      .describe("Minor units to refund, at most what is left of the captured amount. Without it, all that is left."),
    reason: z.string().trim().min(1).max(500).optional().describe("Why, for the payment's history."),
  })
  .meta({ id: "RefundPayment", description: "How much to refund." });
export const RefundInput = RefundBody.extend({ paymentId: PaymentId, idempotencyKey: IdempotencyKey });
export const ListAllPaymentsInput = PageQuery.extend({
  status: PaymentState.optional().describe("Only payments in this status."),
  createdFrom: z.iso.datetime({ offset: true }).optional().describe("Only payments begun at this time or later."),
  createdTo: z.iso.datetime({ offset: true }).optional().describe("Only payments begun before this time."),
  flagged: z
    .literal("true")
    .optional()
    .describe(
      "`true`: only payments that somebody has to look at. They are disputed, disagree with Stripe about the money, or have an authorization that expires soon.",
    ),
});
export const OrderPaymentsInput = z.object({ orderId: z.string().max(60) });
export const CloseInput = z.object({ orderId: idSchema("ord") });

/** Orders whose payment window is over; see PaymentsContract.closeUnpaid. */
export const CloseUnpaidInput = z.object({
  orders: z
    .array(
      z.object({
        orderId: idSchema("ord"),
        /** The order's. */
        correlationId: z.string(),
        /** Leaves the payment alone if the buyer tried a payment method. */
        unlessTried: z.boolean(),
      }),
    )
    .max(100),
});
/** `tried`: left alone because the buyer tried a payment method. `unknown`: not closed, because Stripe did not answer or is busy with it. */
export interface ClosedUnpaid {
  readonly orderId: string;
  readonly outcome: "paid" | "closed" | "tried" | "unknown";
}

export const PaymentIntent = z
  .object({
    id: z.string().describe("The payment's id."),
    orderId: z.string().describe("The order's id."),
    amount: Amount.describe("What will be charged, in minor units."),
    currency: Currency.describe("The currency of the amount, ISO 4217."),
    status: PaymentState.describe("The state of the payment."),
    stripePaymentIntentId: z.string().describe("Stripe's id of the PaymentIntent."),
    clientSecret: z.string().describe("The secret with which Stripe.js confirms the payment."),
    publishableKey: z.string().describe("The Stripe key to load Stripe.js with."),
  })
  .meta({ id: "PaymentIntent", description: "What a browser needs to pay with Stripe.js." });
export type PaymentIntent = z.infer<typeof PaymentIntent>;

export const Refund = z
  .object({
    id: z.string().describe("The refund's id."),
    paymentId: z.string().describe("The payment's id."),
    amount: Amount.describe("The refunded amount, in minor units."),
    currency: Currency.describe("The currency of the amount, ISO 4217."),
    status: z
      .enum(["pending", "succeeded", "failed", "canceled"])
      .describe(
        "`pending`: Stripe has not finished. `succeeded`: the money is on its way to the buyer. `failed` and `canceled`: it is not.",
      ),
    reason: z.string().nullable().describe("Why, in the words of staff or the shop. Null when no reason was given."),
    stripeRefundId: z.string().nullable().describe("Stripe's id of the refund. Null until Stripe has answered."),
    createdAt: z.iso.datetime().describe("When it was requested."),
  })
  .meta({ id: "Refund", description: "Money of a payment that is returned to the buyer." });
export type Refund = z.infer<typeof Refund>;

export const Dispute = z
  .object({
    id: z.string().describe("Stripe's id of the dispute."),
    amount: Amount.describe("The disputed amount, in minor units."),
    currency: Currency.describe("The currency of the amounts, ISO 4217."),
    reason: z.string().describe("Stripe's reason, for example fraudulent."),
    status: z
      .string()
      .describe(
        "Stripe's status: needs_response, under_review, won, lost, or one of an inquiry, which begins with warning_.",
      ),
    amountWithdrawn: Amount.describe(
      "Minor units withdrawn from the shop's balance and not returned: the amount while it is open or lost, 0 once won.",
    ),
    evidenceDueBy: z.iso.datetime().nullable().describe("Until when the shop can respond. Null when it need not."),
    createdAt: z.iso.datetime().describe("When it was opened."),
  })
  .meta({ id: "Dispute", description: "A buyer's bank demands money back: https://docs.stripe.com/disputes." });
export type Dispute = z.infer<typeof Dispute>;

export const PaymentFlag = z.enum(["disputed", "disagreeing", "expiring"]);
export type PaymentFlag = z.infer<typeof PaymentFlag>;

export const Payment = z
  .object({
    id: z.string().describe("The payment's id."),
    orderId: z.string().describe("The order's id."),
    amount: Amount.describe("The requested amount, in minor units."),
    amountCapturable: Amount.describe("Minor units that are authorized and can still be captured."),
    amountCaptured: Amount.describe("Minor units that were captured."),
    amountRefunded: Amount.describe("Minor units that were refunded."),
    amountReleased: Amount.describe(
      "Minor units of the authorization that a partial capture released to the buyer's bank.",
    ),
    currency: Currency.describe("The currency of all amounts, ISO 4217."),
    status: PaymentState.describe("The state of the payment."),
    version: z.int().positive().describe("Grows with every change of the payment."),
    flags: z
      .array(PaymentFlag)
      .describe(
        "Why somebody has to look at it. `disputed`: a bank demands or withdrew the money. `disagreeing`: Stripe holds other money than was requested. `expiring`: the authorization expires within a day.",
      ),
    captureBefore: z.iso
      .datetime()
      .nullable()
      .describe("Until when an authorization can be captured. Null when Stripe does not say or nothing is authorized."),
    stripePaymentIntentId: z
      .string()
      .nullable()
      .describe("Stripe's id of the PaymentIntent. Null until Stripe has answered."),
    refunds: z.array(Refund).describe("The refunds, oldest first."),
    disputes: z.array(Dispute).describe("The disputes, oldest first."),
    history: z
      .array(
        z.object({
          status: PaymentState.describe("The status after the change."),
          at: z.iso.datetime().describe("When it changed."),
          actor: z.string().describe("Who changed it: a user's id, or the name of a part of the shop."),
          reason: z.string().nullable().describe("The call, event or webhook that changed it."),
        }),
      )
      .describe("Each change of the status, oldest first."),
    createdAt: z.iso.datetime().describe("When the payment was begun."),
  })
  .meta({ id: "Payment", description: "A payment of an order with its refunds, disputes and history." });
export type Payment = z.infer<typeof Payment>;

export interface PaymentsOverview extends WorkerOverview {
  /** Of the payments begun in the last 30 days, by currency, in minor units. */
  readonly revenue: readonly { readonly currency: string; readonly captured: number; readonly refunded: number }[];
}

export interface PaymentsContract extends MessagingContract {
  overview(call: Call): Promise<Outcome<PaymentsOverview>>;
  /**
   * Creates the order's PaymentIntent (manual capture), or returns the one that can still be paid. An order has one open payment.
   * `replayed`: the same idempotency key made or found the payment before; `created` is then as in the first answer.
   * Fails with order_not_payable when the order is closed or paid, too_many_attempts (`retryAt`) when cards were declined too often,
   * idempotency_key_reused, payment_provider_unavailable.
   */
  createIntent(
    call: Call,
    input: z.input<typeof CreateIntentInput>,
  ): Promise<Outcome<{ readonly intent: PaymentIntent; readonly created: boolean; readonly replayed: boolean }>>;
  /**
   * Captures all or part of an authorization and releases the rest. Idempotent under an idempotency key. Fails with not_found,
   * payment_not_capturable, amount_exceeds_authorized, idempotency_key_reused, payment_provider_unavailable.
   */
  capture(
    call: Call,
    input: z.input<typeof CaptureInput>,
  ): Promise<Outcome<{ readonly payment: Payment; readonly replayed: boolean }>>;
  /**
   * Captures an order's whole authorization, for its shipment. Succeeds if it is captured already.
   * Fails with payment_not_capturable, payment_provider_unavailable.
   */
  captureOrder(call: Call, input: z.input<typeof CaptureOrderInput>): Promise<Outcome<Payment>>;
  /**
   * Refunds all or part of what was captured. Idempotent under an idempotency key. Fails with not_found, payment_not_refundable,
   * amount_exceeds_captured, idempotency_key_reused, payment_provider_unavailable.
   */
  refund(
    call: Call,
    input: z.input<typeof RefundInput>,
  ): Promise<Outcome<{ readonly refund: Refund; readonly replayed: boolean }>>;
  /** For admins: the payments of all orders, newest first. Fails with invalid_cursor. */
  listAllPayments(call: Call, input: z.input<typeof ListAllPaymentsInput>): Promise<Outcome<Page<Payment>>>;
  /** An order's payments, oldest first. The caller has checked that the user may see the order. */
  listPayments(
    call: Call,
    input: z.input<typeof OrderPaymentsInput>,
  ): Promise<Outcome<{ readonly items: readonly Payment[] }>>;
  /**
   * Ends an order's payment at Stripe unless its money is captured; an authorization is cancelled. `paid`: it is captured, and its
   * event is on the way. `closed`: the intent is cancelled, and no later payment or capture can succeed.
   * Idempotent. Fails with payment_provider_unavailable.
   */
  close(call: Call, input: z.input<typeof CloseInput>): Promise<Outcome<"paid" | "closed">>;
  /** `close` for many orders that were not paid in time. An order that fails is `unknown`, and the others are closed all the same. */
  closeUnpaid(call: Call, input: z.input<typeof CloseUnpaidInput>): Promise<Outcome<readonly ClosedUnpaid[]>>;
}
