import { describe, expect, it } from "vitest";
import { captureOrder } from "../src/service/captures.ts";
import { refund } from "../src/service/refunds.ts";
import {
  AMOUNT,
  adminCall,
  auditOf,
  endOthersBut,
  eventTypesOf,
  findingsOf,
  intentInput,
  newAuthorized,
  newWorld,
  paymentOf,
  post,
  sweepAll,
  valueOf,
} from "./kit.ts";
import type { World } from "./kit.ts";

async function captured(world: World): Promise<{ paymentId: string; intentId: string; orderId: string }> {
  const input = intentInput();
  const { id, stripePaymentIntentId } = await newAuthorized(world, input);
  valueOf(await captureOrder(world.deps, adminCall(), { orderId: input.orderId }));
  return { paymentId: id, intentId: stripePaymentIntentId, orderId: input.orderId };
}

describe("a refund", () => {
  it("of a part, then of the rest, ends REFUNDED", async () => {
    const world = newWorld();
    const { paymentId, orderId } = await captured(world);
    const first = valueOf(await refund(world.deps, adminCall(), { paymentId, amount: 345, reason: "scratched" }));
    expect(first).toMatchObject({ replayed: false, refund: { amount: 345, status: "succeeded", reason: "scratched" } });
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "PARTIALLY_REFUNDED", amountRefunded: 345 });
    const rest = valueOf(await refund(world.deps, adminCall(), { paymentId }));
    expect(rest.refund.amount).toBe(AMOUNT - 345);
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "REFUNDED", amountRefunded: AMOUNT });
    expect(await eventTypesOf(world, orderId)).toEqual([
      "PAYMENT_AUTHORIZED",
      "PAYMENT_CAPTURED",
      "PAYMENT_REFUNDED",
      "PAYMENT_REFUNDED",
    ]);
  });

  it("is refused over what is left, and of an uncaptured payment", async () => {
    const world = newWorld();
    const { paymentId } = await captured(world);
    expect(await refund(world.deps, adminCall(), { paymentId, amount: AMOUNT + 1 })).toMatchObject({
      error: { code: "amount_exceeds_captured" },
    });
    const { id } = await newAuthorized(world);
    expect(await refund(world.deps, adminCall(), { paymentId: id })).toMatchObject({
      error: { code: "payment_not_refundable" },
    });
    expect(await refund(world.deps, adminCall(), { paymentId: "pay_unknown" })).toMatchObject({
      error: { code: "not_found" },
    });
  });

  it("by ten concurrent callers never exceeds what was captured", async () => {
    const world = newWorld();
    const { paymentId, intentId, orderId } = await captured(world);
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => refund(world.deps, adminCall(), { paymentId, amount: 5_000 })),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(2);
    expect(world.peer.refundedOf(intentId)).toBe(10_000);
    expect(await paymentOf(world, orderId)).toMatchObject({ amountRefunded: 10_000, status: "PARTIALLY_REFUNDED" });
  });

  it("counts a pending one as refunded", async () => {
    const world = newWorld();
    const { paymentId } = await captured(world);
    world.peer.faults = ["drop_before"];
    expect(await refund(world.deps, adminCall(), { paymentId, amount: AMOUNT })).toMatchObject({
      error: { code: "payment_provider_unavailable" },
    });
    expect(await refund(world.deps, adminCall(), { paymentId, amount: 1 })).toMatchObject({
      error: { code: "amount_exceeds_captured" },
    });
  });

  it("is made once under a key, concurrently and later; another request under the key is refused", async () => {
    const world = newWorld();
    const { paymentId, intentId } = await captured(world);
    const call = adminCall();
    const input = { paymentId, amount: 100, idempotencyKey: "same" };
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => refund(world.deps, call, input)));
    const ids = outcomes.map((outcome) => valueOf(outcome).refund.id);
    expect(new Set(ids).size).toBe(1);
    expect(valueOf(await refund(world.deps, call, input))).toMatchObject({ replayed: true, refund: { id: ids[0] } });
    expect(await refund(world.deps, call, { ...input, amount: 101 })).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
    expect(world.peer.refundedOf(intentId)).toBe(100);
  });

  it.each(["before", "after"] as const)(
    "whose answer was lost is made once by the sweep; Stripe's keys expired %s",
    async (when) => {
      const world = newWorld();
      const { paymentId, intentId, orderId } = await captured(world);
      world.peer.faults = ["drop_after"];
      await refund(world.deps, adminCall(), { paymentId, amount: 700 });
      if (when === "before") world.peer.forgetKeys();
      await sweepAll(world);
      world.peer.forgetKeys();
      await sweepAll(world);
      expect(world.peer.refunds.size).toBe(1);
      expect(await paymentOf(world, orderId)).toMatchObject({
        amountRefunded: 700,
        refunds: [{ status: "succeeded", amount: 700 }],
      });
      expect(world.peer.refundedOf(intentId)).toBe(700);
    },
  );

  it("whose answer was lost is made once by the retry under its key", async () => {
    const world = newWorld();
    const { paymentId, intentId } = await captured(world);
    const call = adminCall();
    const input = { paymentId, amount: 700, idempotencyKey: "lost" };
    world.peer.faults = ["drop_after"];
    await refund(world.deps, call, input);
    expect(valueOf(await refund(world.deps, call, input))).toMatchObject({
      replayed: false,
      refund: { status: "succeeded" },
    });
    expect(world.peer.refundedOf(intentId)).toBe(700);
  });

  it("made in Stripe's dashboard is recorded once", async () => {
    const world = newWorld();
    const { paymentId, intentId, orderId } = await captured(world);
    const made = { id: "re_dashboard", object: "refund" as const, amount: 45, created: 1_790_000_000, currency: "usd" };
    world.peer.refunds.set(made.id, {
      ...made,
      payment_intent: intentId,
      reason: "duplicate",
      status: "succeeded",
      metadata: {},
    });
    const webhook = (): Promise<Request> => world.peer.webhook("refund.created", { ...made, payment_intent: intentId });
    await post(world, await webhook());
    await post(world, await webhook());
    expect(await paymentOf(world, orderId)).toMatchObject({
      amountRefunded: 45,
      refunds: [{ amount: 45, stripeRefundId: "re_dashboard", reason: "duplicate" }],
    });
    expect(await refund(world.deps, adminCall(), { paymentId, amount: AMOUNT - 44 })).toMatchObject({
      error: { code: "amount_exceeds_captured" },
    });
  });

  it("that Stripe refuses is failed, reserves no money, and frees its key", async () => {
    const world = newWorld();
    const { paymentId, intentId, orderId } = await captured(world);
    world.peer.disputes.set(intentId, { status: "needs_response", reason: "fraudulent" });
    const call = adminCall();
    const input = { paymentId, amount: 100, idempotencyKey: "refused" };
    expect(await refund(world.deps, call, input)).toMatchObject({ error: { code: "payment_not_refundable" } });
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "DISPUTED", refunds: [{ status: "failed" }] });
    world.peer.disputes.delete(intentId);
    await post(
      world,
      await world.peer.webhook("charge.dispute.closed", { object: "dispute", payment_intent: intentId }),
    );
    expect(valueOf(await refund(world.deps, call, input)).refund.status).toBe("succeeded");
  });

  it("is in the audit log once, unless its amount is too large", async () => {
    const world = newWorld();
    const { paymentId } = await captured(world);
    const call = adminCall();
    const input = { paymentId, amount: 100, reason: "late", idempotencyKey: "audited" };
    await Promise.all(Array.from({ length: 3 }, () => refund(world.deps, call, input)));
    await refund(world.deps, call, { paymentId, amount: AMOUNT });
    const audit = (await auditOf(world, paymentId)).filter(({ action }) => action === "payment.refund");
    expect(audit).toMatchObject([{ actor: call.actor.id, details: { amount: 100, reason: "late" } }]);
  });

  it("that is pending at the bank reserves its amount until it fails", async () => {
    const world = newWorld();
    const { paymentId, intentId, orderId } = await captured(world);
    world.peer.refundStatus = "pending";
    const { refund: pending } = valueOf(await refund(world.deps, adminCall(), { paymentId, amount: 10_000 }));
    expect(pending.status).toBe("pending");
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "CAPTURED", amountRefunded: 0 });
    const over = await refund(world.deps, adminCall(), { paymentId, amount: AMOUNT - 9_999 });
    expect(over).toMatchObject({ error: { code: "amount_exceeds_captured" } });

    const stored = world.peer.refunds.get(pending.stripeRefundId ?? "");
    if (stored === undefined) throw new Error("Stripe has no such refund");
    stored.status = "failed";
    await post(world, await world.peer.webhook("refund.failed", { ...stored }));
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "CAPTURED", refunds: [{ status: "failed" }] });
    world.peer.refundStatus = "succeeded";
    expect(valueOf(await refund(world.deps, adminCall(), { paymentId })).refund.amount).toBe(AMOUNT);
    expect(world.peer.refundedOf(intentId)).toBe(AMOUNT);
  });

  it("that succeeded and then fails at the bank returns the payment to its former state", async () => {
    const world = newWorld();
    const { paymentId, orderId } = await captured(world);
    const { refund: done } = valueOf(await refund(world.deps, adminCall(), { paymentId }));
    expect((await paymentOf(world, orderId)).status).toBe("REFUNDED");
    const stored = world.peer.refunds.get(done.stripeRefundId ?? "");
    if (stored === undefined) throw new Error("Stripe has no such refund");
    stored.status = "failed";
    await post(world, await world.peer.webhook("refund.failed", { ...stored }));
    const payment = await paymentOf(world, orderId);
    expect(payment).toMatchObject({ status: "CAPTURED", amountRefunded: 0 });
    expect(payment.history.at(-1)).toMatchObject({ actor: "stripe", reason: "refund.failed" });
    expect(await findingsOf(world, paymentId)).toMatchObject([{ kind: "refund_failed", outcome: "open", times: 1 }]);
    valueOf(await refund(world.deps, adminCall(), { paymentId }));
    expect(await findingsOf(world, paymentId)).toMatchObject([{ kind: "refund_failed", outcome: "mended", times: 1 }]);
  });

  it.each(["drop_after", "drop_before", "hang", "error_500"] as const)(
    "made ten times concurrently over %s never exceeds what was captured, even after the sweeps",
    async (fault) => {
      const world = newWorld({ timeoutMs: 200 });
      const { paymentId, intentId, orderId } = await captured(world);
      world.peer.faults = Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? fault : undefined));
      await Promise.all(
        Array.from({ length: 10 }, () => refund(world.deps, adminCall(), { paymentId, amount: 5_000 })),
      );
      world.peer.faults = [];
      await endOthersBut(world, paymentId);
      for (let round = 0; round < 3; round += 1) {
        await sweepAll(world);
        world.peer.forgetKeys();
      }
      expect(world.peer.refundedOf(intentId)).toBe(10_000);
      const payment = await paymentOf(world, orderId);
      expect(payment).toMatchObject({ status: "PARTIALLY_REFUNDED", amountRefunded: 10_000 });
      expect(payment.refunds.filter(({ status }) => status === "succeeded")).toHaveLength(2);
      expect(payment.refunds.filter(({ status }) => status === "pending")).toEqual([]);
    },
  );

  it("made concurrently here and in the dashboard never exceeds what was captured", async () => {
    const world = newWorld();
    const { paymentId, intentId, orderId } = await captured(world);
    // Somebody refunds in the dashboard after our row was written and before Stripe is called.
    world.peer.before = async (request) => {
      if (request !== "POST /v1/refunds") return;
      world.peer.before = undefined;
      await world.deps.stripe.refunds.create({ payment_intent: intentId, amount: AMOUNT - 100 });
    };
    expect(await refund(world.deps, adminCall(), { paymentId, amount: 200 })).toMatchObject({
      error: { code: "amount_exceeds_captured" },
    });
    expect(await paymentOf(world, orderId)).toMatchObject({
      status: "PARTIALLY_REFUNDED",
      amountRefunded: AMOUNT - 100,
    });
    expect(valueOf(await refund(world.deps, adminCall(), { paymentId })).refund.amount).toBe(100);
    expect(world.peer.refundedOf(intentId)).toBe(AMOUNT);
  });
});
