// Stripe in memory: the part of its HTTP API that payments uses, so that the real SDK runs over it. It stores intents, refunds and
// idempotency keys, can fail as a network and Stripe do, and records its requests.
import { Stripe } from "stripe";

type Form = Readonly<Record<string, string>>;

interface StoredIntent {
  id: string;
  object: "payment_intent";
  amount: number;
  amount_capturable: number;
  amount_received: number;
  currency: string;
  status: string;
  client_secret: string;
  cancellation_reason: string | null;
  last_payment_error: { type: string; code: string; decline_code?: string } | null;
  latest_charge: string | null;
  metadata: Record<string, string>;
}

interface StoredCharge {
  id: string;
  object: "charge";
  created: number;
  payment_intent: string;
  status: "succeeded" | "failed";
}

interface StoredRefund {
  id: string;
  object: "refund";
  amount: number;
  created: number;
  currency: string;
  payment_intent: string;
  reason: string | null;
  status: string;
  metadata: Record<string, string>;
}

interface StoredDispute {
  status: string;
  reason: string;
  /** Without it, all of the intent's money. */
  amount?: number;
}

interface Saved {
  readonly fingerprint: string;
  readonly status: number;
  readonly body: unknown;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * `busy`: Stripe's conflict of two calls under one key. `error_500`: fails without doing the work. `drop_before` and `drop_after`: breaks
 * the connection before or after the work. `hang`: never answers.
 */
export type Fault = "error_500" | "drop_after" | "drop_before" | "hang" | "busy";

const CANCELABLE = ["requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"];

function refusal(code: string, status = 400): Answer {
  return { status, body: { error: { type: "invalid_request_error", code, message: code } } };
}

function metadataOf(form: Form): Record<string, string> {
  return Object.fromEntries(
    Object.entries(form).flatMap(([key, value]) => {
      const name = /^metadata\[(\w+)\]$/.exec(key)?.[1];
      return name === undefined ? [] : [[name, value]];
    }),
  );
}

function nextId(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`;
}

export class StripePeer {
  readonly intents = new Map<string, StoredIntent>();
  readonly refunds = new Map<string, StoredRefund>();
  readonly charges: StoredCharge[] = [];
  /** Disputes by their intent. */
  readonly disputes = new Map<string, StoredDispute>();
  /** Stripe's list of events, oldest first, whether their webhooks were delivered or not. */
  readonly events: { id: string; type: string; created: number }[] = [];
  /** Each request as `METHOD /path`, including those that failed. */
  readonly requests: string[] = [];
  /** The faults of the next requests, in order; `undefined` for one that succeeds. */
  faults: (Fault | undefined)[] = [];
  /** When authorizations expire, in seconds. Stripe does not say so for every method. */
  captureBefore: number | undefined = Math.floor(Date.now() / 1_000) + 7 * 24 * 60 * 60;
  /** The first status of the next refunds: a bank may take days. */
  refundStatus = "succeeded";
  /** Runs before each request is handled. Tests use it to let something else happen in between. */
  before: ((request: string) => Promise<void> | void) | undefined;
  /** Runs after each request is handled and before it is answered. */
  after: ((request: string) => Promise<void> | void) | undefined;
  /** Refunds that were requested over what was left. */
  overAsked = 0;
  readonly #saved = new Map<string, Saved>();

  /** The Fetcher to give to the SDK. */
  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    const name = `${request.method} ${pathname}`;
    this.requests.push(name);
    const fault = this.faults.shift();
    await this.before?.(name);
    if (fault === "hang") return await this.#hang(init?.signal);
    if (fault === "drop_before") throw new TypeError("Network connection lost.");
    if (fault === "busy") return Response.json(refusal("idempotency_key_in_use").body, { status: 409 });
    const key = request.headers.get("idempotency-key");
    const form = Object.fromEntries(new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer())));
    const query = Object.fromEntries(new URL(request.url).searchParams);
    const answer = this.#once(key, `${name} ${JSON.stringify(form)}`, () =>
      fault === "error_500"
        ? { status: 500, body: { error: { type: "api_error", message: "An unknown error occurred." } } }
        : this.#handle(request.method, pathname, { ...form, ...query }),
    );
    await this.after?.(name);
    if (fault === "drop_after") throw new TypeError("Network connection lost.");
    return Response.json(answer.body, { status: answer.status, headers: { "request-id": nextId("req") } });
  };

  async #hang(signal: AbortSignal | null | undefined): Promise<Response> {
    return await new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    });
  }

  /** Stripe repeats its answer under a key, even a 5xx, and refuses the key for another request. */
  #once(key: string | null, fingerprint: string, work: () => Answer): Answer {
    const saved = key === null ? undefined : this.#saved.get(key);
    if (saved !== undefined && saved.fingerprint !== fingerprint) {
      return { status: 400, body: { error: { type: "idempotency_error", message: "Keys for idempotent requests…" } } };
    }
    const answer = saved ?? work();
    // A copy, because the object may change before the answer is repeated.
    if (key !== null && saved === undefined) {
      this.#saved.set(key, { fingerprint, status: answer.status, body: structuredClone(answer.body) });
    }
    return answer;
  }

  /** Forgets all idempotency keys, as Stripe does after a day. */
  forgetKeys(): void {
    this.#saved.clear();
  }

  #handle(method: string, path: string, form: Form): Answer {
    const [, , resource, id, action] = path.split("/");
    if (resource === "refunds") return method === "POST" ? this.#refund(form) : this.#listRefunds(form);
    if (resource === "disputes") return this.#listDisputes(form);
    if (resource === "charges") return this.#listCharges(form);
    if (resource === "events") return this.#listEvents(form);
    if (resource !== "payment_intents") return refusal("resource_missing", 404);
    if (id === undefined) return this.#create(form);
    const intent = this.intents.get(id);
    if (intent === undefined) return refusal("resource_missing", 404);
    if (action === "capture") return this.#capture(intent, form);
    if (action === "cancel") return this.#cancel(intent);
    return { status: 200, body: this.expanded(intent) };
  }

  #create(form: Form): Answer {
    const id = nextId("pi");
    const intent: StoredIntent = {
      id,
      object: "payment_intent",
      amount: Number(form["amount"]),
      amount_capturable: 0,
      amount_received: 0,
      currency: String(form["currency"]),
      status: "requires_payment_method",
      client_secret: `${id}_secret_${nextId("s")}`,
      cancellation_reason: null,
      last_payment_error: null,
      latest_charge: null,
      metadata: metadataOf(form),
    };
    if (intent.amount < 50) return refusal("amount_too_small");
    this.intents.set(id, intent);
    return { status: 200, body: this.expanded(intent) };
  }

  #capture(intent: StoredIntent, form: Form): Answer {
    if (intent.status !== "requires_capture") return refusal("payment_intent_unexpected_state");
    const amount = Number(form["amount_to_capture"] ?? intent.amount_capturable);
    if (amount > intent.amount_capturable) return refusal("amount_too_large");
    Object.assign(intent, { status: "succeeded", amount_received: amount, amount_capturable: 0 });
    return { status: 200, body: this.expanded(intent) };
  }

  #cancel(intent: StoredIntent): Answer {
    if (!CANCELABLE.includes(intent.status)) return refusal("payment_intent_unexpected_state");
    Object.assign(intent, { status: "canceled", amount_capturable: 0 });
    return { status: 200, body: this.expanded(intent) };
  }

  #refund(form: Form): Answer {
    const intent = this.intents.get(String(form["payment_intent"]));
    if (intent?.status !== "succeeded") return refusal("charge_not_captured");
    const dispute = this.disputes.get(intent.id);
    const isOver = dispute === undefined || ["won", "lost", "warning_closed"].includes(dispute.status);
    if (!isOver) return refusal("charge_disputed");
    const left = intent.amount_received - this.refundedOf(intent.id) - this.lostOf(intent);
    const amount = Number(form["amount"] ?? left);
    if (left === 0) return refusal("charge_already_refunded");
    if (amount > left) {
      this.overAsked += 1;
      return refusal("parameter_invalid_integer");
    }
    return { status: 200, body: structuredClone(this.#newRefund(intent, amount, metadataOf(form))) };
  }

  #newRefund(
    { id: payment_intent, currency }: StoredIntent,
    amount: number,
    metadata: Record<string, string>,
  ): StoredRefund {
    const refund: StoredRefund = {
      id: nextId("re"),
      object: "refund",
      amount,
      created: Math.floor(Date.now() / 1_000),
      currency,
      payment_intent,
      reason: null,
      status: this.refundStatus,
      metadata,
    };
    this.refunds.set(refund.id, refund);
    return refund;
  }

  /** Somebody refunds in Stripe's dashboard, if possible: at most what is left. */
  refundInDashboard(id: string, amount: number): void {
    const intent = this.intent(id);
    const dispute = this.disputes.get(id);
    const left = intent.amount_received - this.refundedOf(id) - this.lostOf(intent);
    const isHeld = dispute !== undefined && dispute.status !== "won" && dispute.status !== "lost";
    if (intent.status === "succeeded" && !isHeld && left > 0) this.#newRefund(intent, Math.min(amount, left), {});
  }

  #listRefunds(form: Form): Answer {
    const data = [...this.refunds.values()].filter((refund) => refund.payment_intent === form["payment_intent"]);
    return { status: 200, body: { object: "list", has_more: false, url: "/v1/refunds", data: structuredClone(data) } };
  }

  #listCharges(form: Form): Answer {
    const ofIntent = this.charges.filter((charge) => charge.payment_intent === form["payment_intent"]);
    const data = ofIntent.toReversed().slice(0, Number(form["limit"] ?? 10));
    return { status: 200, body: { object: "list", has_more: false, url: "/v1/charges", data: structuredClone(data) } };
  }

  #listDisputes(form: Form): Answer {
    const intent = this.intent(String(form["payment_intent"]));
    const dispute = this.disputes.get(intent.id);
    const data = dispute === undefined ? [] : [this.#dispute(intent, dispute)];
    return { status: 200, body: { object: "list", has_more: false, url: "/v1/disputes", data } };
  }

  #dispute(intent: StoredIntent, { status, reason, amount = intent.amount_received }: StoredDispute): object {
    const movements = status === "won" ? [-amount, amount] : status.startsWith("warning_") ? [] : [-amount];
    return {
      id: `du_${intent.id}`,
      object: "dispute",
      amount,
      reason,
      status,
      created: 1_790_000_000,
      balance_transactions: movements.map((moved) => ({ object: "balance_transaction", amount: moved })),
      evidence_details: { due_by: 1_790_700_000 },
    };
  }

  #listEvents(form: Form): Answer {
    const [from, to] = [Number(form["created[gte]"] ?? 0), Number(form["created[lte]"] ?? Number.MAX_SAFE_INTEGER)];
    const data = this.events.filter(({ created }) => created >= from && created <= to).toReversed();
    return { status: 200, body: { object: "list", has_more: false, url: "/v1/events", data } };
  }

  /** An intent as Stripe returns it with `expand[]=latest_charge`. */
  expanded(intent: StoredIntent): Record<string, unknown> {
    const charge = {
      ...this.charges.find(({ id }) => id === intent.latest_charge),
      disputed: this.disputes.has(intent.id),
      payment_method_details: { card: this.captureBefore === undefined ? {} : { capture_before: this.captureBefore } },
      // Since 2025-03-31.basil this excludes what a partial capture released.
      amount_refunded: this.refundedOf(intent.id),
    };
    return structuredClone({ ...intent, latest_charge: intent.latest_charge === null ? null : charge });
  }

  /** The amount of a lost dispute. */
  lostOf({ id, amount_received }: Pick<StoredIntent, "id" | "amount_received">): number {
    const dispute = this.disputes.get(id);
    return dispute?.status === "lost" ? (dispute.amount ?? amount_received) : 0;
  }

  refundedOf(intentId: string): number {
    return [...this.refunds.values()]
      .filter(({ payment_intent, status }) => payment_intent === intentId && status !== "failed")
      .reduce((sum, { amount }) => sum + amount, 0);
  }

  intent(id: string): StoredIntent {
    const intent = this.intents.get(id);
    if (intent === undefined) throw new Error(`the test's Stripe has no intent ${id}`);
    return intent;
  }

  /** The buyer pays with a good card: the money is authorized. */
  authorize(id: string): void {
    const intent = this.intent(id);
    Object.assign(intent, {
      status: "requires_capture",
      amount_capturable: intent.amount,
      last_payment_error: null,
      latest_charge: this.#charge(id, "succeeded", Date.now()),
    });
  }

  /** The buyer's card is declined, as long as the intent can be paid. Returns the failed charge's id. */
  decline(id: string, declineCode: string, atMs = Date.now()): string {
    const intent = this.intent(id);
    if (intent.status !== "requires_payment_method")
      throw new Error(`nobody can pay an intent that is ${intent.status}`);
    const latest_charge = this.#charge(id, "failed", atMs);
    Object.assign(intent, {
      latest_charge,
      last_payment_error: {
        type: "card_error",
        code: "card_declined",
        decline_code: declineCode,
        charge: latest_charge,
      },
    });
    return latest_charge;
  }

  #charge(payment_intent: string, status: StoredCharge["status"], atMs: number): string {
    const id = nextId("ch");
    this.charges.push({ id, object: "charge", created: Math.floor(atMs / 1_000), payment_intent, status });
    return id;
  }

  /** A signed webhook request as Stripe would post it now. `object` overrides members of the event's object. */
  async webhook(
    type: string,
    object: object,
    options: { readonly id?: string; readonly secret?: string; readonly timestamp?: number } = {},
  ): Promise<Request> {
    const payload = JSON.stringify({ id: options.id ?? nextId("evt"), object: "event", type, data: { object } });
    return await signed(payload, options.secret, options.timestamp);
  }

  /** Adds an event to Stripe's list whose webhook is never delivered. */
  happened(type: string, object: object, atMs = Date.now()): string {
    const event = { id: nextId("evt"), object: "event", type, created: Math.floor(atMs / 1_000), data: { object } };
    this.events.push(structuredClone(event));
    return event.id;
  }

  /** The webhook of an intent as it is now. */
  async intentWebhook(type: string, intentId: string, eventId = nextId("evt")): Promise<Request> {
    return await this.webhook(type, structuredClone(this.intent(intentId)), { id: eventId });
  }
}

/** A request that carries the payload with Stripe's signature. */
export async function signed(
  payload: string,
  secret = "whsec_local_development",
  timestamp = Math.floor(Date.now() / 1_000),
): Promise<Request> {
  const stripe = new Stripe("sk_test_sandbox");
  const signature = await stripe.webhooks.generateTestHeaderStringAsync({ payload, secret, timestamp });
  return new Request("https://shop.example/api/webhooks/stripe", {
    method: "POST",
    headers: { "stripe-signature": signature, "content-type": "application/json" },
    body: payload,
  });
}
