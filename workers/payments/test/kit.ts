// Helpers of payments' tests: the Worker's dependencies over a Stripe in memory, and the steps of a payment.
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { vi } from "vitest";
import { callAs, deliver, recordedQueues } from "#shared/testkit/kit";
import type { Delivery, RecordedQueues } from "#shared/testkit/kit";
import { systemCall } from "#shared/call";
import type { Call } from "#shared/call";
import type { SweepCounts } from "#shared/contracts/messaging";
import type { ClosedUnpaid, CreateIntentInput, Payment, PaymentIntent } from "#shared/contracts/payments";
import type { Outcome } from "#shared/errors";
import { linesOfEvent } from "#shared/events/catalogue";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { consume } from "#shared/inbox";
import { newId } from "#shared/ids";
import { runSweeps } from "#shared/sweep";
import type * as z from "zod";
import { handlers } from "../src/consumer.ts";
import { plan } from "../src/scheduled.ts";
import { createDeps } from "../src/service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "../src/service/deps.ts";
import { closeUnpaid } from "../src/service/closing.ts";
import { createIntent } from "../src/service/intents.ts";
import { listPayments } from "../src/service/list.ts";
import { stripeClient } from "../src/service/stripe/client.ts";
import { handleWebhook } from "../src/service/webhook.ts";
import { StripePeer } from "./stripe-peer.ts";

export const AMOUNT = 12_345;

// Use cases outside an invocation log at the default level, and tests cause failures on purpose.
vi.spyOn(console, "warn").mockImplementation(() => undefined);
vi.spyOn(console, "error").mockImplementation(() => undefined);

export interface World {
  readonly deps: PaymentsDeps;
  readonly peer: StripePeer;
  readonly recorded: RecordedQueues;
  /** Waits for all work that was passed to waitUntil. */
  readonly drained: () => Promise<void>;
  readonly clock: { skewMs: number };
}

export function bindings(): PaymentsBindings {
  return env;
}

/** The Worker over a Stripe of its own. The SDK does not retry unless a test is about that. */
export function newWorld(options: { readonly retries?: number; readonly timeoutMs?: number } = {}): World {
  const peer = new StripePeer();
  const recorded = recordedQueues();
  const waiting: Promise<unknown>[] = [];
  const clock = { skewMs: 0 };
  const deps: PaymentsDeps = {
    ...createDeps(bindings(), { waitUntil: (work) => void waiting.push(work) }),
    queues: recorded.queues,
    now: () => Date.now() + clock.skewMs,
    stripe: stripeClient(
      { secretKey: "sk_test_sandbox", sandbox: { fetch: peer.fetch } },
      { retries: options.retries ?? 0, timeoutMs: options.timeoutMs ?? 2_000 },
    ),
  };
  const drained = async (): Promise<void> => {
    while (waiting.length > 0) await Promise.all(waiting.splice(0));
  };
  return { deps, peer, recorded, drained, clock };
}

export type IntentInput = z.output<typeof CreateIntentInput>;

export function intentInput(overrides: Partial<IntentInput> = {}): IntentInput {
  return {
    orderId: newId("ord"),
    orderNumber: "TP-1001",
    amount: AMOUNT,
    currency: "USD",
    customer: { id: "usr_1", email: "buyer@example.com", name: "Bo Buyer", locale: "en", proven: true },
    correlationId: newId("req"),
    mayBegin: true,
    ...overrides,
  };
}

/** The value of an outcome. @throws when it is a failure */
export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`expected a value, got ${outcome.error.code}`);
  return outcome.value;
}

export async function newIntent(world: World, input: IntentInput = intentInput()): Promise<PaymentIntent> {
  return valueOf(await createIntent(world.deps, callAs("customer"), input)).intent;
}

/** Posts a webhook and waits until it is processed. */
export async function post(world: World, request: Request): Promise<Response> {
  const response = await handleWebhook(request, world.deps);
  await world.drained();
  return response;
}

/** A payment whose money is authorized, as a webhook reported. */
export async function newAuthorized(world: World, input: IntentInput = intentInput()): Promise<PaymentIntent> {
  const intent = await newIntent(world, input);
  world.peer.authorize(intent.stripePaymentIntentId);
  await post(
    world,
    await world.peer.intentWebhook("payment_intent.amount_capturable_updated", intent.stripePaymentIntentId),
  );
  return intent;
}

export async function paymentsOf(world: World, orderId: string): Promise<readonly Payment[]> {
  return valueOf(await listPayments(world.deps, callAs("admin"), { orderId })).items;
}

export async function paymentOf(world: World, orderId: string): Promise<Payment> {
  const [payment, ...others] = await paymentsOf(world, orderId);
  if (payment === undefined || others.length > 0) throw new Error(`expected one payment of ${orderId}`);
  return payment;
}

/** The order's events in the outbox, oldest first: its payment's, and mails to the admins. */
export async function eventsOf(world: World, orderId: string): Promise<EventEnvelope[]> {
  const rows = await world.deps.db.all(
    sql<{ envelope: string }>`SELECT envelope FROM outbox WHERE subject = ${orderId} ORDER BY id`,
  );
  return rows.map(({ envelope }) => JSON.parse(envelope) as EventEnvelope);
}

/** The mails to the admins about the order. */
export async function noticesOf(world: World, orderId: string): Promise<{ kind: string; variables: object }[]> {
  return (await eventsOf(world, orderId)).flatMap((event) =>
    event.type === "NOTIFICATION_SEND" && event.data.recipient === null ? [event.data] : [],
  );
}

export interface FoundRow {
  readonly kind: string;
  readonly subject: string;
  readonly outcome: string;
  readonly times: number;
  readonly details: string;
}

/** The findings about any of these subjects. */
export async function findingsOf(world: World, ...subjects: readonly string[]): Promise<FoundRow[]> {
  const { results } = await world.deps.db.client
    .prepare(
      `SELECT kind, subject, outcome, times, details FROM findings WHERE subject IN (SELECT value FROM json_each(?)) ORDER BY kind, subject`,
    )
    .bind(JSON.stringify(subjects))
    .all<FoundRow>();
  return results;
}

export async function auditOf(
  world: World,
  subject: string,
): Promise<{ action: string; actor: string; details: object }[]> {
  const rows = await world.deps.db.all(
    sql<{
      action: string;
      actor_id: string;
      details: string;
    }>`SELECT action, actor_id, details FROM audit_log WHERE subject = ${subject} ORDER BY id`,
  );
  return rows.map(({ action, actor_id: actor, details }) => ({
    action,
    actor,
    details: JSON.parse(details) as object,
  }));
}

/** Confirms events as the outbox sweep does once every consumer has them, even as dead letters. */
export async function confirmEventsOf(world: World, orderId: string): Promise<void> {
  await world.deps.db.run(sql`UPDATE outbox SET confirmed_at = 1 WHERE subject = ${orderId}`);
}

export async function eventTypesOf(world: World, orderId: string): Promise<string[]> {
  return (await eventsOf(world, orderId)).map(({ type }) => type).filter((type) => type.startsWith("PAYMENT_"));
}

export async function countOf(world: World, table: string): Promise<number> {
  return (await world.deps.db.client.prepare(`SELECT count(*) AS n FROM ${table}`).first<number>("n")) ?? 0;
}

export function orderCancelled(
  input: IntentInput,
  reason: string | null = "changed my mind",
): EventEnvelope<"ORDER_CANCELLED"> {
  const { orderId, orderNumber: number, customer, currency, amount } = input;
  const line = { productId: "prd_1", sku: "S-1", name: "Bolt", quantity: 1, unitPrice: amount, lineTotal: amount };
  return makeEvent(
    "ORDER_CANCELLED",
    orderId,
    {
      orderId,
      number,
      reservationOwner: orderId,
      customer,
      ...linesOfEvent([line]),
      currency,
      subtotal: amount,
      discount: 0,
      shipping: 0,
      tax: 0,
      total: amount,
      status: "CANCELLED",
      reason,
      reasonBy: "buyer",
      tracking: null,
      moneyAuthorized: false,
      counted: false,
    },
    { worker: "orders", correlationId: input.correlationId, now: Date.now() },
  );
}

/** Delivers events to the queue handler as one batch. */
export async function consumeEvents(world: World, events: readonly EventEnvelope[]): Promise<Delivery> {
  const delivery = await deliver(
    (batch) => consume(batch, world.deps, handlers(world.deps)),
    "tradepost-payments-inbox",
    events,
  );
  await world.drained();
  return delivery;
}

/** Has an unpaid order closed as its time-out does. */
export async function closeOnTimeout(world: World, orderId: string): Promise<ClosedUnpaid["outcome"] | undefined> {
  const call = systemCall("cron", newId("req"));
  const order = { orderId, correlationId: call.correlationId, unlessTried: false };
  return valueOf(await closeUnpaid(world.deps, call, { orders: [order] }))[0]?.outcome;
}

export function adminCall(): Call {
  return callAs("admin");
}

/** Ends what earlier tests of the same file left open. Each test has its own Stripe, and a sweep would call the wrong one. */
export async function endOthers(world: World): Promise<void> {
  await endOthersBut(world, "");
}

/** The same, except for one payment. */
export async function endOthersBut(world: World, paymentId: string): Promise<void> {
  await world.deps.db.run(
    sql`UPDATE payments SET next_check_at = NULL WHERE next_check_at IS NOT NULL AND id <> ${paymentId}`,
  );
  await world.deps.db.run(
    sql`UPDATE refunds SET next_attempt_at = NULL WHERE next_attempt_at IS NOT NULL AND payment_id <> ${paymentId}`,
  );
  await world.deps.db.run(sql`UPDATE stripe_events SET next_attempt_at = NULL WHERE next_attempt_at IS NOT NULL`);
}

/** Runs all sweeps: those that are due, or over everything open. */
export async function sweep(world: World, { everything }: { readonly everything: boolean }): Promise<SweepCounts> {
  const counts = await runSweeps(world.deps, plan, { call: systemCall("cron", newId("req")), everything });
  await world.drained();
  return counts;
}

/** Runs all sweeps over everything open. */
export function sweepAll(world: World): Promise<SweepCounts> {
  return sweep(world, { everything: true });
}
