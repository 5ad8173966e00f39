// Changes that webhooks did not report: found at Stripe, made up for, and recorded as findings.
import { sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { newId } from "#shared/ids";
import { COMPARE_EVENTS_EVERY_MS, EVENT_GRACE_MS } from "../src/constants.ts";
import { captureOrder } from "../src/service/captures.ts";
import {
  AMOUNT,
  adminCall,
  confirmEventsOf,
  endOthers,
  eventTypesOf,
  findingsOf,
  intentInput,
  newAuthorized,
  newIntent,
  newWorld,
  paymentOf,
  post,
  sweep,
  sweepAll,
  valueOf,
  closeOnTimeout,
} from "./kit.ts";
import type { World } from "./kit.ts";

let world: World;

beforeEach(async () => {
  world = newWorld();
  await endOthers(world);
  await world.deps.db.run(sql`DELETE FROM marks`);
});

/** Runs the sweeps as the cron does each minute. */
function sweepDue(): ReturnType<typeof sweep> {
  return sweep(world, { everything: false });
}

async function captured(): Promise<{ paymentId: string; intentId: string; orderId: string }> {
  const input = intentInput();
  const { id, stripePaymentIntentId } = await newAuthorized(world, input);
  valueOf(await captureOrder(world.deps, adminCall(), { orderId: input.orderId }));
  return { paymentId: id, intentId: stripePaymentIntentId, orderId: input.orderId };
}

function dashboardRefund(intentId: string, amount: number): object {
  const refund = {
    id: `re_${newId("req")}`,
    object: "refund" as const,
    amount,
    created: 1_790_000_000,
    currency: "usd",
  };
  const stored = { ...refund, payment_intent: intentId, reason: null, status: "succeeded", metadata: {} };
  world.peer.refunds.set(refund.id, stored);
  return stored;
}

describe("a payment that succeeded at Stripe and whose webhook never came", () => {
  it("is found by the sweep, processed, counted and reported", async () => {
    const input = intentInput();
    const { id, stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    expect(await sweepAll(world)).toMatchObject({ openPayments: 1, missedWebhooks: 1 });
    const payment = await paymentOf(world, input.orderId);
    expect(payment.status).toBe("AUTHORIZED");
    expect(payment.history.at(-1)).toMatchObject({ actor: "sweep:open_payments" });
    const [finding, ...more] = await findingsOf(world, id);
    expect(finding).toMatchObject({ kind: "webhook_missed", outcome: "mended", times: 1 });
    expect(JSON.parse(finding?.details ?? "")).toMatchObject({
      orderId: input.orderId,
      from: "CREATED",
      to: "AUTHORIZED",
    });
    expect(more).toEqual([]);
    expect((await sweepAll(world))["missedWebhooks"]).toBe(0);
  });

  it("is found when not even its intent had been stored", async () => {
    const input = intentInput();
    world.peer.faults = ["drop_after"];
    await newIntent(world, input).catch(() => undefined);
    const [intentId] = [...world.peer.intents.keys()];
    world.peer.authorize(String(intentId));
    await sweepAll(world);
    await sweepAll(world);
    expect(await paymentOf(world, input.orderId)).toMatchObject({
      status: "AUTHORIZED",
      stripePaymentIntentId: intentId,
    });
    expect(world.peer.intents.size).toBe(1);
  });
});

describe("Stripe's list of events", () => {
  it("reveals what no other check would find: a refund in the dashboard", async () => {
    const { intentId, orderId } = await captured();
    const eventId = world.peer.happened("refund.created", dashboardRefund(intentId, 45));
    expect(await sweepAll(world)).toMatchObject({ missedWebhooks: 1, webhooks: 1 });
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "PARTIALLY_REFUNDED", amountRefunded: 45 });
    expect(await findingsOf(world, eventId)).toMatchObject([{ kind: "webhook_missed", outcome: "mended" }]);
    expect((await sweepAll(world))["missedWebhooks"]).toBe(0);
  });

  it("changes nothing for events that were delivered, are too young, or belong to others", async () => {
    const { intentId, orderId } = await captured();
    const refund = dashboardRefund(intentId, 45);
    const eventId = world.peer.happened("refund.created", refund);
    expect(await sweepDue()).toMatchObject({ missedWebhooks: 0 });
    expect((await paymentOf(world, orderId)).amountRefunded).toBe(0);
    await post(world, await world.peer.webhook("refund.created", refund, { id: eventId }));
    world.peer.happened("refund.created", { object: "refund", id: "re_x", payment_intent: "pi_elsewhere" });
    world.peer.happened("payment_intent.succeeded", { object: "payment_intent", id: "pi_elsewhere", metadata: {} });
    world.clock.skewMs = COMPARE_EVENTS_EVERY_MS + 2 * EVENT_GRACE_MS;
    expect(await sweepDue()).toMatchObject({ missedWebhooks: 0 });
    expect(await findingsOf(world, eventId)).toEqual([]);
  });

  it("is compared every ten minutes, from where the last comparison ended", async () => {
    const asked = (): number => world.peer.requests.filter((request) => request === "GET /v1/events").length;
    await sweepDue();
    expect(asked()).toBe(1);
    await world.deps.db.run(sql`UPDATE marks SET at = ${Date.now() - EVENT_GRACE_MS}`);
    world.clock.skewMs = COMPARE_EVENTS_EVERY_MS - 30_000;
    await sweepDue();
    expect(asked()).toBe(1);
    world.clock.skewMs = COMPARE_EVENTS_EVERY_MS + 30_000;
    const { intentId } = await captured();
    world.peer.happened("refund.created", dashboardRefund(intentId, 45), Date.now() + 60_000);
    expect(await sweepDue()).toMatchObject({ missedWebhooks: 1 });
    expect(asked()).toBe(2);
  });

  it("is compared from the same point after an outage, which stops no other sweep", async () => {
    const { intentId, orderId } = await captured();
    world.peer.happened("refund.created", dashboardRefund(intentId, 45));
    world.peer.faults = ["error_500"];
    expect(await sweepAll(world)).toMatchObject({ missedWebhooks: 0 });
    expect(await sweepAll(world)).toMatchObject({ missedWebhooks: 1 });
    expect((await paymentOf(world, orderId)).amountRefunded).toBe(45);
  });

  it("stores an event once, by concurrent sweeps and its late webhook", async () => {
    const { intentId, orderId } = await captured();
    const refund = dashboardRefund(intentId, 45);
    const eventId = world.peer.happened("refund.created", refund);
    await Promise.all([
      sweepAll(world),
      sweepAll(world),
      post(world, await world.peer.webhook("refund.created", refund, { id: eventId })),
    ]);
    expect(await eventTypesOf(world, orderId)).toEqual(["PAYMENT_AUTHORIZED", "PAYMENT_CAPTURED", "PAYMENT_REFUNDED"]);
    expect((await paymentOf(world, orderId)).refunds).toHaveLength(1);
  });
});

describe("an intent that names an unknown payment", () => {
  it("is reported when it has money, and ignored when it has none", async () => {
    const input = intentInput();
    const { stripePaymentIntentId: intentId } = await newIntent(world, input);
    const other = {
      ...world.peer.intent(intentId),
      id: `${intentId}x`,
      metadata: { paymentId: "pay_gone", orderId: "ord_gone" },
    };
    world.peer.intents.set(other.id, other);
    await post(world, await world.peer.intentWebhook("payment_intent.payment_failed", other.id));
    expect(await findingsOf(world, other.id)).toEqual([]);
    world.peer.authorize(other.id);
    await post(world, await world.peer.intentWebhook("payment_intent.amount_capturable_updated", other.id));
    const [finding] = await findingsOf(world, other.id);
    expect(finding).toMatchObject({ kind: "payment_unknown", outcome: "open" });
    expect(JSON.parse(finding?.details ?? "")).toMatchObject({ paymentId: "pay_gone", amount: AMOUNT });
    expect(world.peer.intent(other.id).status).toBe("requires_capture");
  });
});

describe("a payment whose event orders missed", () => {
  it("has its event republished and reported", async () => {
    const input = intentInput();
    const { id } = await newAuthorized(world, input);
    await confirmEventsOf(world, input.orderId);
    world.clock.skewMs = 6 * 60_000;
    expect(await closeOnTimeout(world, input.orderId)).toBe("paid");
    expect(await findingsOf(world, id)).toMatchObject([{ kind: "payment_untold", outcome: "mended" }]);
  });
});
