import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { capture, captureOrder } from "../src/service/captures.ts";
import { refund } from "../src/service/refunds.ts";
import {
  AMOUNT,
  adminCall,
  auditOf,
  consumeEvents,
  endOthersBut,
  eventTypesOf,
  findingsOf,
  intentInput,
  newAuthorized,
  newIntent,
  newWorld,
  orderCancelled,
  paymentOf,
  sweepAll,
  valueOf,
} from "./kit.ts";

describe("a capture", () => {
  it("captures all that is authorized", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id } = await newAuthorized(world, input);
    const { payment } = valueOf(await capture(world.deps, adminCall(), { paymentId: id }));
    expect(payment).toMatchObject({
      status: "CAPTURED",
      amountCaptured: AMOUNT,
      amountCapturable: 0,
      amountRefunded: 0,
    });
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_AUTHORIZED", "PAYMENT_CAPTURED"]);
  });

  it("of a part releases the rest without a refund", async () => {
    const world = newWorld();
    const { id } = await newAuthorized(world);
    const call = adminCall();
    const { payment } = valueOf(await capture(world.deps, call, { paymentId: id, amount: 1_000 }));
    expect(payment).toMatchObject({
      status: "CAPTURED",
      amountCaptured: 1_000,
      amountCapturable: 0,
      amountRefunded: 0,
      amountReleased: AMOUNT - 1_000,
      captureBefore: null,
      refunds: [],
    });
    expect(payment.history.at(-1)).toMatchObject({ status: "CAPTURED", actor: call.actor.id, reason: "capture" });
    for (const amount of [undefined, 1_000, AMOUNT]) {
      expect(await capture(world.deps, adminCall(), { paymentId: id, amount })).toMatchObject({
        error: { code: "payment_not_capturable" },
      });
    }
  });

  it("of a part lets the order ship, and refunds are limited to what was captured", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id } = await newAuthorized(world, input);
    valueOf(await capture(world.deps, adminCall(), { paymentId: id, amount: 1_000 }));
    const shipped = valueOf(await captureOrder(world.deps, adminCall(), { orderId: input.orderId }));
    expect(shipped).toMatchObject({ amountCaptured: 1_000, status: "CAPTURED" });
    expect(world.peer.requests.filter((request) => request.endsWith("/capture"))).toHaveLength(1);
    expect(await refund(world.deps, adminCall(), { paymentId: id, amount: 1_001 })).toMatchObject({
      error: { code: "amount_exceeds_captured" },
    });
    expect(valueOf(await refund(world.deps, adminCall(), { paymentId: id })).refund.amount).toBe(1_000);
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "REFUNDED", amountRefunded: 1_000 });
  });

  it("is in the audit log before Stripe is called, unless it cannot be made", async () => {
    const world = newWorld();
    const { id } = await newAuthorized(world);
    const call = adminCall();
    await capture(world.deps, call, { paymentId: id, amount: AMOUNT + 1 });
    expect(await auditOf(world, id)).toEqual([]);
    world.peer.faults = ["drop_before"];
    await capture(world.deps, call, { paymentId: id, amount: 1_000 });
    expect(await auditOf(world, id)).toMatchObject([
      { action: "payment.capture", actor: call.actor.id, details: { amount: 1_000, authorized: AMOUNT } },
    ]);
  });

  it.each(["drop_after", "hang"] as const)("that %s interrupts is found by the sweep", async (fault) => {
    const world = newWorld({ timeoutMs: 200 });
    const input = intentInput();
    const { id, stripePaymentIntentId } = await newAuthorized(world, input);
    world.peer.faults = [fault];
    expect(await capture(world.deps, adminCall(), { paymentId: id, amount: 1_000 })).toMatchObject({
      error: { code: "payment_provider_unavailable" },
    });
    // The capture may have hung before or after the work.
    if (fault === "hang")
      await world.deps.stripe.paymentIntents.capture(stripePaymentIntentId, { amount_to_capture: 1_000 });
    const [row] = await world.deps.db.all(
      sql<{ due: number }>`SELECT next_check_at AS due FROM payments WHERE id = ${id}`,
    );
    expect((row?.due ?? Infinity) - Date.now()).toBeLessThanOrEqual(60_000);
    expect((await sweepAll(world))["missedWebhooks"]).toBe(1);
    const payment = await paymentOf(world, input.orderId);
    expect(payment).toMatchObject({ status: "CAPTURED", amountCaptured: 1_000 });
    expect(payment.history.at(-1)).toMatchObject({ actor: "sweep:open_payments" });
    expect(await findingsOf(world, id)).toMatchObject([{ kind: "webhook_missed", outcome: "mended" }]);
  });

  it("does not attribute the buyer's payment to staff when its webhook was lost", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id, stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    const call = adminCall();
    const { payment } = valueOf(await capture(world.deps, call, { paymentId: id }));
    expect(payment.history.map(({ status, actor }) => [status, actor])).toEqual([
      ["CREATED", expect.any(String)],
      ["AUTHORIZED", "stripe"],
      ["CAPTURED", call.actor.id],
    ]);
  });

  it("is replayed under its key when the payment's webhook was lost", async () => {
    const world = newWorld();
    const { id, stripePaymentIntentId } = await newIntent(world);
    world.peer.authorize(stripePaymentIntentId);
    const call = adminCall();
    const input = { paymentId: id, amount: 500, idempotencyKey: "unheard" };
    expect(valueOf(await capture(world.deps, call, input)).replayed).toBe(false);
    expect(valueOf(await capture(world.deps, call, input))).toMatchObject({
      replayed: true,
      payment: { amountCaptured: 500 },
    });
  });

  it("concurrent with a cancellation ends in a void or a refunded capture", async () => {
    for (let round = 0; round < 5; round += 1) {
      const world = newWorld();
      const input = intentInput();
      const { id, stripePaymentIntentId } = await newAuthorized(world, input);
      await Promise.all([
        capture(world.deps, adminCall(), { paymentId: id }),
        consumeEvents(world, [orderCancelled(input)]),
      ]);
      await endOthersBut(world, id);
      await sweepAll(world);
      const { status, amountCaptured, amountRefunded } = await paymentOf(world, input.orderId);
      expect(["VOIDED", "REFUNDED"]).toContain(status);
      expect(amountRefunded).toBe(amountCaptured);
      expect(world.peer.refundedOf(stripePaymentIntentId)).toBe(amountCaptured);
    }
  });

  it("over the authorized amount is refused and changes nothing", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id } = await newAuthorized(world, input);
    const outcome = await capture(world.deps, adminCall(), { paymentId: id, amount: AMOUNT + 1, idempotencyKey: "k" });
    expect(outcome).toMatchObject({ ok: false, error: { code: "amount_exceeds_authorized" } });
    expect((await paymentOf(world, input.orderId)).status).toBe("AUTHORIZED");
  });

  it("is refused for a payment that is not authorized, or unknown", async () => {
    const world = newWorld();
    const { id } = await newIntent(world);
    expect(await capture(world.deps, adminCall(), { paymentId: id })).toMatchObject({
      error: { code: "payment_not_capturable" },
    });
    expect(await capture(world.deps, adminCall(), { paymentId: "pay_unknown" })).toMatchObject({
      error: { code: "not_found" },
    });
  });

  it("is made once under a key and replayed; another request under the key is refused", async () => {
    const world = newWorld();
    const { id } = await newAuthorized(world);
    const call = adminCall();
    const input = { paymentId: id, amount: 500, idempotencyKey: "same" };
    expect(valueOf(await capture(world.deps, call, input)).replayed).toBe(false);
    expect(valueOf(await capture(world.deps, call, input))).toMatchObject({
      replayed: true,
      payment: { amountCaptured: 500 },
    });
    expect(await capture(world.deps, call, { ...input, amount: 501 })).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
    expect(world.peer.requests.filter((request) => request.endsWith("/capture"))).toHaveLength(1);
  });

  it("whose answer was lost is replayed by a retry under its key", async () => {
    const world = newWorld();
    const { id } = await newAuthorized(world);
    const call = adminCall();
    const input = { paymentId: id, amount: 500, idempotencyKey: "lost" };
    world.peer.faults = ["drop_after"];
    expect(await capture(world.deps, call, input)).toMatchObject({ error: { code: "payment_provider_unavailable" } });
    expect(valueOf(await capture(world.deps, call, input)).payment).toMatchObject({ amountCaptured: 500 });
  });

  it("made twice concurrently captures once", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id } = await newAuthorized(world, input);
    const outcomes = await Promise.all(
      [1_000, 2_000].map((amount) => capture(world.deps, adminCall(), { paymentId: id, amount })),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_AUTHORIZED", "PAYMENT_CAPTURED"]);
  });
});

describe("the capture for a shipment", () => {
  it("captures the whole authorization, and succeeds again when it is captured", async () => {
    const world = newWorld();
    const input = intentInput();
    await newAuthorized(world, input);
    const { orderId } = input;
    expect(valueOf(await captureOrder(world.deps, adminCall(), { orderId }))).toMatchObject({ amountCaptured: AMOUNT });
    expect(valueOf(await captureOrder(world.deps, adminCall(), { orderId }))).toMatchObject({ amountCaptured: AMOUNT });
  });

  it("succeeds after a lost answer", async () => {
    const world = newWorld();
    const input = intentInput();
    await newAuthorized(world, input);
    const { orderId } = input;
    world.peer.faults = ["drop_after"];
    expect(await captureOrder(world.deps, adminCall(), { orderId })).toMatchObject({
      error: { code: "payment_provider_unavailable" },
    });
    expect(valueOf(await captureOrder(world.deps, adminCall(), { orderId })).status).toBe("CAPTURED");
  });

  it("is refused without a payment, and after the authorization has expired", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const refusal = { error: { code: "payment_not_capturable" } };
    expect(await captureOrder(world.deps, adminCall(), { orderId })).toMatchObject(refusal);
    const { stripePaymentIntentId } = await newAuthorized(world, input);
    world.peer.intent(stripePaymentIntentId).status = "canceled";
    expect(await captureOrder(world.deps, adminCall(), { orderId })).toMatchObject(refusal);
    expect(await eventTypesOf(world, orderId)).toEqual(["PAYMENT_AUTHORIZED", "PAYMENT_VOIDED"]);
  });
});
