// Payments and refunds over Stripe: what the payments Worker answers. Stripe's webhook comes to its `fetch`, not here.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Customer } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { Amount, Currency, amountFrom } from "../money.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";
import type { MessagingContract } from "./messaging.ts";

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
      "CREATED: begun. REQUIRES_ACTION: waits for the buyer's bank. FAILED: declined, and can be tried again. AUTHORIZED: the money is held. CAPTURED: the money is taken. PARTIALLY_REFUNDED and REFUNDED: given back. VOIDED: ended without taking money. DISPUTED: the buyer's bank wants it back.",
  });
export type PaymentState = z.infer<typeof PaymentState>;

export const CreateIntentInput = z.object({
  orderId: idSchema("ord"),
  orderNumber: z.string(),
  amount: amountFrom(1),
  currency: Currency,
  customer: Customer,
  /** The order's own; what the webhook causes runs under it. */
  correlationId: z.string(),
  /** Digests of the caller's Idempotency-Key and of what was asked under it; see shared/hash.ts. */
  idempotency: z.object({ key: z.string(), fingerprint: z.string() }).optional(),
  /**
   * What declined cards of an unproven payer are counted by; absent for a proven account. `payer` is a digest of the account, or of
   * the guest's e-mail and client network; `network` one of the client network.
   */
  unproven: z.object({ payer: z.string(), network: z.string().optional() }).optional(),
  /** False for an order that takes no payment any more: none is begun, and the answer tells why not. */
  mayBegin: z.boolean().default(true),
});
export const CaptureBody = z
  .strictObject({
    amount: amountFrom(1)
      .optional()
      .describe("Minor units to capture, at most what is authorized. Left out: all of it."),
  })
  .meta({ id: "CapturePayment", description: "How much to capture." });
export const CaptureInput = CaptureBody.extend({ paymentId: PaymentId, idempotencyKey: IdempotencyKey });
export const CaptureOrderInput = z.object({ orderId: idSchema("ord") });
export const RefundBody = z
  .strictObject({
    amount: amountFrom(1)
      .optional()
      .describe("Minor units to give back, at most what is left of the captured amount. Left out: all that is left."),
    reason: z.string().trim().min(1).max(500).optional().describe("Why, for the payment's history."),
  })
  .meta({ id: "RefundPayment", description: "How much to give back." });
export const RefundInput = RefundBody.extend({ paymentId: PaymentId, idempotencyKey: IdempotencyKey });
export const ListAllPaymentsInput = PageQuery.extend({
  status: PaymentState.optional().describe("Only payments in this status."),
  createdFrom: z.iso.datetime({ offset: true }).optional().describe("Only payments begun at this time or later."),
  createdTo: z.iso.datetime({ offset: true }).optional().describe("Only payments begun before this time."),
  flagged: z
    .literal("true")
    .optional()
    .describe(
      "`true`: only payments that somebody has to look at. They are disputed, disagree with Stripe about the money, or are authorized and about to lapse.",
    ),
});
export const OrderPaymentsInput = z.object({ orderId: z.string().max(60) });
export const CloseInput = z.object({
  orderId: idSchema("ord"),
  /** Lets an authorization go as well, so that only captured money keeps the order open. */
  unless: z.literal("captured").optional(),
});

/** Orders whose payment window is over; see PaymentsContract.closeUnpaid. */
export const CloseUnpaidInput = z.object({
  orders: z
    .array(
      z.object({
        orderId: idSchema("ord"),
        /** The order's own story, which its end continues. */
        correlationId: z.string(),
        /** Leaves a payment alone that a payment method was tried for. */
        unlessTried: z.boolean(),
      }),
    )
    .max(100),
});
/** `tried`: left alone because a payment method was tried. `unknown`: Stripe could not be asked, or not yet. */
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
    status: PaymentState.describe("How the payment stands."),
    stripePaymentIntentId: z.string().describe("Stripe's id of the PaymentIntent."),
    clientSecret: z.string().describe("What Stripe.js confirms the payment with."),
    publishableKey: z.string().describe("The Stripe key to load Stripe.js with."),
  })
  .meta({ id: "PaymentIntent", description: "What a browser needs to pay with Stripe.js." });
export type PaymentIntent = z.infer<typeof PaymentIntent>;

export const Refund = z
  .object({
    id: z.string().describe("The refund's id."),
    paymentId: z.string().describe("The payment's id."),
    amount: Amount.describe("What is given back, in minor units."),
    currency: Currency.describe("The currency of the amount, ISO 4217."),
    status: z
      .enum(["pending", "succeeded", "failed", "canceled"])
      .describe(
        "`pending`: Stripe is asked. `succeeded`: the money is on its way to the buyer. `failed` and `canceled`: it is not.",
      ),
    reason: z.string().nullable().describe("Why, as staff or the shop said it. Null when nobody said anything."),
    stripeRefundId: z.string().nullable().describe("Stripe's id of the refund. Null until Stripe has answered."),
    createdAt: z.iso.datetime().describe("When it was asked for."),
  })
  .meta({ id: "Refund", description: "Money given back for a payment." });
export type Refund = z.infer<typeof Refund>;

export const Dispute = z
  .object({
    id: z.string().describe("Stripe's id of the dispute."),
    amount: Amount.describe("What the bank wants back, in minor units."),
    currency: Currency.describe("The currency of the amounts, ISO 4217."),
    reason: z.string().describe("Stripe's word for why, for example fraudulent."),
    status: z
      .string()
      .describe(
        "Stripe's word for how it stands: needs_response, under_review, won, lost, or an inquiry's warning_ form.",
      ),
    amountWithdrawn: Amount.describe(
      "Minor units that it has taken out of the shop's balance and not given back: the amount while it is open or lost, 0 once won.",
    ),
    evidenceDueBy: z.iso.datetime().nullable().describe("Until when the shop can answer. Null when it need not."),
    createdAt: z.iso.datetime().describe("When it was opened."),
  })
  .meta({ id: "Dispute", description: "A buyer's bank wants money back: https://docs.stripe.com/disputes." });
export type Dispute = z.infer<typeof Dispute>;

export const PaymentFlag = z.enum(["disputed", "disagreeing", "expiring"]);
export type PaymentFlag = z.infer<typeof PaymentFlag>;

export const Payment = z
  .object({
    id: z.string().describe("The payment's id."),
    orderId: z.string().describe("The order's id."),
    amount: Amount.describe("What was asked for, in minor units."),
    amountCapturable: Amount.describe("Minor units that are authorized and can still be captured."),
    amountCaptured: Amount.describe("Minor units that were taken."),
    amountRefunded: Amount.describe("Minor units that were given back."),
    amountReleased: Amount.describe(
      "Minor units that a partial capture left of the authorization. The buyer's bank has them back.",
    ),
    currency: Currency.describe("The currency of all amounts, ISO 4217."),
    status: PaymentState.describe("How the payment stands."),
    version: z.int().positive().describe("Grows with every change of the payment."),
    flags: z
      .array(PaymentFlag)
      .describe(
        "Why somebody has to look at it. `disputed`: a bank wants or took the money back. `disagreeing`: Stripe holds other money than was asked for. `expiring`: the authorization lapses within a day.",
      ),
    captureBefore: z.iso
      .datetime()
      .nullable()
      .describe(
        "Until when an authorization can be captured, as far as Stripe tells. Null when nothing is authorized.",
      ),
    stripePaymentIntentId: z
      .string()
      .nullable()
      .describe("Stripe's id of the PaymentIntent. Null until Stripe has answered."),
    refunds: z.array(Refund).describe("What was given back, oldest first."),
    disputes: z.array(Dispute).describe("What banks want back, oldest first."),
    history: z
      .array(
        z.object({
          status: PaymentState.describe("The status that it came to."),
          at: z.iso.datetime().describe("When it did."),
          actor: z.string().describe("Who changed it: a user's id, or the name of the part of the shop that acted."),
          reason: z.string().nullable().describe("The call, event or webhook that changed it."),
        }),
      )
      .describe("Each change of the status, oldest first."),
    createdAt: z.iso.datetime().describe("When the payment was begun."),
  })
  .meta({ id: "Payment", description: "A payment of an order with its refunds, disputes and history." });
export type Payment = z.infer<typeof Payment>;

export interface PaymentsContract extends MessagingContract {
  /**
   * Makes the order's PaymentIntent (manual capture), or gives the one that can still be paid. One open payment per order.
   * `replayed` when the same idempotency key made or found the payment before; `created` is then what the first answer said.
   * Fails with order_not_payable when the order was closed or is paid, too_many_attempts (`retryAt`) when cards were declined too
   * often, idempotency_key_reused, payment_provider_unavailable.
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
  /** For admins: the payments of all orders, newest first. Fails with invalid_cursor. */
  listAllPayments(call: Call, input: z.input<typeof ListAllPaymentsInput>): Promise<Outcome<Page<Payment>>>;
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
  /** `close` of many orders that were not paid in time. One that fails is `unknown`; the others are closed all the same. */
  closeUnpaid(call: Call, input: z.input<typeof CloseUnpaidInput>): Promise<Outcome<readonly ClosedUnpaid[]>>;
}
