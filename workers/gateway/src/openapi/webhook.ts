// The one operation without a route here: Stripe's webhook goes straight to the payments Worker, so it is described by hand.
import { header } from "./headers.ts";
import { problemsOf } from "./problems.ts";
import { reference } from "./schemas.ts";
import type { Json, Schemas } from "./schemas.ts";

export const WEBHOOK_PATH = "/api/webhooks/stripe";

const StripeEvent = {
  type: "object",
  description: "An event as Stripe sends it: https://docs.stripe.com/api/events/object",
  properties: {
    id: { type: "string", description: "Stripe's id of the event." },
    type: { type: "string", description: "The type, for example payment_intent.amount_capturable_updated." },
    data: { type: "object", description: "The object of the event." },
  },
  required: ["id", "type", "data"],
};

const WebhookReceipt = {
  type: "object",
  description: "The event is stored.",
  properties: { received: { const: true, description: "The event is stored and will be processed." } },
  required: ["received"],
};

const EXAMPLE = {
  id: "evt_1RT2bK2eZvKYlo2C",
  type: "payment_intent.amount_capturable_updated",
  data: { object: { id: "pi_3RT2bK2eZvKYlo2C", object: "payment_intent", status: "requires_capture" } },
};

export function webhookOperation(schemas: Schemas): Json {
  schemas.add("StripeEvent", StripeEvent, "output");
  schemas.add("WebhookReceipt", WebhookReceipt, "output");
  return {
    operationId: "receiveStripeEvent",
    tags: ["Payments"],
    summary: "Receive an event from Stripe",
    description:
      "For Stripe. The signature covers the raw body. The event is stored once, answered, and then processed.",
    security: [],
    parameters: [{ ...header("Stripe-Signature", "As Stripe writes it: `t=…,v1=…`."), required: true }],
    requestBody: {
      required: true,
      content: { "application/json": { schema: reference("StripeEvent"), example: EXAMPLE } },
    },
    responses: {
      200: {
        description: "The event is stored.",
        content: { "application/json": { schema: reference("WebhookReceipt"), example: { received: true } } },
      },
      ...problemsOf(
        ["invalid_signature", "malformed_json", "validation_failed", "payload_too_large", "service_unavailable"],
        {},
        schemas,
      ),
    },
  };
}
