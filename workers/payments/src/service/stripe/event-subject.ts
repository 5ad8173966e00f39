// What one of Stripe's events is about. Parsed leniently: Stripe adds members at any time.
import { z } from "zod";

/** An object's id, where Stripe may have put the object itself. */
const Reference = z.union([z.string(), z.looseObject({ id: z.string() }).transform(({ id }) => id)]);

const EventObject = z.looseObject({
  object: z.string(),
  id: z.string().optional(),
  payment_intent: Reference.nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
});

/** https://docs.stripe.com/api/events/object */
export const StripeEvent = z.looseObject({
  id: z.string().min(1).max(255),
  type: z.string().min(1).max(255),
  livemode: z.boolean().optional(),
  data: z.looseObject({ object: EventObject }),
});
export type StripeEvent = z.infer<typeof StripeEvent>;

export interface EventSubject {
  readonly intentId: string;
  /** Of an intent or a charge; refunds and disputes do not carry the intent's metadata. */
  readonly paymentId: string | undefined;
}

/** The intent that an event tells of; undefined for what is no business of ours, such as an intent that was made elsewhere. */
export function subjectOf(event: StripeEvent): EventSubject | undefined {
  const { object } = event.data;
  const paymentId = object.metadata?.["paymentId"];
  if (object.object === "payment_intent") {
    return object.id === undefined || paymentId === undefined ? undefined : { intentId: object.id, paymentId };
  }
  const intentId = object.payment_intent;
  return typeof intentId === "string" ? { intentId, paymentId } : undefined;
}
