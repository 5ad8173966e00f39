// Errors in Stripe's form (https://docs.stripe.com/api/errors). They are thrown before anything is written. A decline is an answer and
// not an error, because it writes a failed charge.

export interface ErrorBody {
  readonly type: "invalid_request_error" | "card_error" | "idempotency_error" | "api_error";
  readonly message: string;
  readonly code?: string;
  readonly param?: string;
  readonly [member: string]: unknown;
}

export class StripeFailure extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  /** Whether the answer is stored under the idempotency key. Stripe stores none that it refused before running the call. */
  readonly isStored: boolean;

  constructor(status: number, body: ErrorBody, { isStored = false }: { readonly isStored?: boolean } = {}) {
    super(body.message);
    this.name = "StripeFailure";
    this.status = status;
    this.body = body;
    this.isStored = isStored;
  }
}

export function invalid(message: string, param?: string, code?: string): StripeFailure {
  return new StripeFailure(400, {
    type: "invalid_request_error",
    message,
    ...(code === undefined
      ? {}
      : { code, doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}` }),
    ...(param === undefined ? {} : { param }),
  });
}

/** The call is valid, but the object's state forbids it. As at Stripe, the error contains the intent. */
export function unexpectedState(message: string, intent?: object): StripeFailure {
  const code = "payment_intent_unexpected_state";
  return new StripeFailure(
    400,
    {
      type: "invalid_request_error",
      code,
      doc_url: "https://stripe.com/docs/error-codes/payment-intent-unexpected-state",
      message,
      ...(intent === undefined ? {} : { payment_intent: intent }),
    },
    { isStored: true },
  );
}

export function missing(kind: string, id: string, param = "id"): StripeFailure {
  return new StripeFailure(404, {
    type: "invalid_request_error",
    code: "resource_missing",
    doc_url: "https://stripe.com/docs/error-codes/resource-missing",
    message: `No such ${kind}: '${id}'`,
    param,
  });
}

export function unauthorized(message: string): StripeFailure {
  return new StripeFailure(401, { type: "invalid_request_error", message });
}

export function secretKeyRequired(): StripeFailure {
  return new StripeFailure(403, {
    type: "invalid_request_error",
    code: "secret_key_required",
    message: "This API call cannot be made with a publishable API key. Please use a secret API key.",
  });
}

export function unrecognizedUrl(method: string, path: string): StripeFailure {
  return new StripeFailure(404, {
    type: "invalid_request_error",
    message: `Unrecognized request URL (${method}: ${path}). If Stripe has it, it is not supported by the sandbox.`,
  });
}

/** Stripe has this, the sandbox does not. `what` is the subject of the message's sentence. */
export function unsupported(what: string, param: string): StripeFailure {
  return invalid(`${what} is not supported by the sandbox.`, param);
}
