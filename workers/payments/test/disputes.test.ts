import { describe, expect, it } from "vitest";
import { captureOrder } from "../src/service/captures.ts";
import { refund } from "../src/service/refunds.ts";
import {
  AMOUNT,
  adminCall,
  consumeEvents,
  endOthersBut,
  eventTypesOf,
  eventsOf,
  findingsOf,
  intentInput,
  newAuthorized,
  newWorld,
  noticesOf,
  orderCancelled,
  paymentOf,
  post,
  sweepAll,
  valueOf,
} from "./kit.ts";
import type { IntentInput, World } from "./kit.ts";

interface Scene {
  readonly world: World;
  readonly input: IntentInput;
  readonly paymentId: string;
  readonly intentId: string;
  readonly orderId: string;
  /** Gives Stripe's dispute this state and delivers its webhook. */
  readonly dispute: (status: string, type?: string, amount?: number) => Promise<void>;
}

async function captured(): Promise<Scene> {
  const world = newWorld();
  const input = intentInput();
  const { orderId } = input;
  const { id: paymentId, stripePaymentIntentId: intentId } = await newAuthorized(world, input);
  valueOf(await captureOrder(world.deps, adminCall(), { orderId }));
  const dispute: Scene["dispute"] = async (status, type = "charge.dispute.updated", amount = AMOUNT) => {
    world.peer.disputes.set(intentId, { status, reason: "fraudulent", amount });
    const object = { object: "dispute", id: `du_${intentId}`, payment_intent: intentId };
    await post(world, await world.peer.webhook(type, object));
  };
  return { world, input, paymentId, intentId, orderId, dispute };
}

describe("a dispute", () => {
  it("is listed with its deadline, prevents refunds, and notifies the admins once", async () => {
    const { world, paymentId, orderId, intentId, dispute } = await captured();
    await dispute("needs_response", "charge.dispute.created");
    await dispute("needs_response", "charge.dispute.funds_withdrawn");
    const payment = await paymentOf(world, orderId);
    expect(payment).toMatchObject({
      status: "DISPUTED",
      amountCaptured: AMOUNT,
      disputes: [
        {
          id: `du_${intentId}`,
          amount: AMOUNT,
          currency: "USD",
          reason: "fraudulent",
          status: "needs_response",
          amountWithdrawn: AMOUNT,
          evidenceDueBy: new Date(1_790_700_000_000).toISOString(),
        },
      ],
    });
    expect(payment.history.at(-1)).toMatchObject({
      status: "DISPUTED",
      actor: "stripe",
      reason: "charge.dispute.created",
    });
    expect(await refund(world.deps, adminCall(), { paymentId, amount: 1 })).toMatchObject({
      error: { code: "payment_not_refundable" },
    });
    expect(await noticesOf(world, orderId)).toMatchObject([
      { kind: "dispute_opened", variables: { orderId, amount: "$123.45", reason: "fraudulent" } },
    ]);
    expect((await eventTypesOf(world, orderId)).filter((type) => type === "PAYMENT_DISPUTED")).toHaveLength(1);
  });

  it("that the shop responded to changes its status only", async () => {
    const { world, orderId, dispute } = await captured();
    await dispute("needs_response");
    const before = await eventTypesOf(world, orderId);
    await dispute("under_review");
    expect(await paymentOf(world, orderId)).toMatchObject({
      status: "DISPUTED",
      disputes: [{ status: "under_review" }],
    });
    expect(await eventTypesOf(world, orderId)).toEqual(before);
  });

  it("that is won leaves the payment as its money says", async () => {
    const { world, paymentId, orderId, dispute } = await captured();
    valueOf(await refund(world.deps, adminCall(), { paymentId, amount: 345 }));
    await dispute("needs_response");
    await dispute("won", "charge.dispute.closed");
    expect(await paymentOf(world, orderId)).toMatchObject({
      status: "PARTIALLY_REFUNDED",
      amountRefunded: 345,
      disputes: [{ status: "won", amountWithdrawn: 0 }],
    });
    expect(valueOf(await refund(world.deps, adminCall(), { paymentId })).refund.amount).toBe(AMOUNT - 345);
  });

  it("that is lost shows the money withdrawn and leaves the payment DISPUTED", async () => {
    const { world, paymentId, orderId, dispute } = await captured();
    await dispute("needs_response");
    await dispute("lost", "charge.dispute.closed");
    expect(await paymentOf(world, orderId)).toMatchObject({
      status: "DISPUTED",
      amountRefunded: 0,
      disputes: [{ status: "lost", amountWithdrawn: AMOUNT }],
    });
    expect((await eventsOf(world, orderId)).at(-1)).toMatchObject({
      type: "PAYMENT_DISPUTED",
      data: { reason: "dispute_lost" },
    });
    expect(await refund(world.deps, adminCall(), { paymentId })).toMatchObject({
      error: { code: "payment_not_refundable" },
    });
  });

  it("is recorded once, however its webhooks are duplicated and reordered", async () => {
    const { world, orderId, intentId } = await captured();
    world.peer.disputes.set(intentId, { status: "won", reason: "fraudulent" });
    const object = { object: "dispute", id: `du_${intentId}`, payment_intent: intentId };
    const types = ["closed", "funds_reinstated", "created", "funds_withdrawn", "updated", "created"];
    await Promise.all(
      types.map(async (type) => post(world, await world.peer.webhook(`charge.dispute.${type}`, object))),
    );
    const payment = await paymentOf(world, orderId);
    expect(payment).toMatchObject({ status: "CAPTURED", disputes: [{ status: "won" }] });
    expect(await noticesOf(world, orderId)).toHaveLength(1);
  });

  it("that is an inquiry blocks the order and withdraws no money", async () => {
    const { world, orderId, dispute } = await captured();
    await dispute("warning_needs_response");
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "DISPUTED", disputes: [{ amountWithdrawn: 0 }] });
    await dispute("warning_closed", "charge.dispute.closed");
    expect((await paymentOf(world, orderId)).status).toBe("CAPTURED");
  });

  it("whose last webhook was lost is found by the sweep", async () => {
    const { world, paymentId, orderId, intentId, dispute } = await captured();
    await dispute("needs_response");
    world.peer.disputes.set(intentId, { status: "won", reason: "fraudulent" });
    await endOthersBut(world, paymentId);
    expect(await sweepAll(world)).toMatchObject({ openPayments: 1, missedWebhooks: 1 });
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "CAPTURED", disputes: [{ status: "won" }] });
    expect(await findingsOf(world, paymentId)).toMatchObject([{ kind: "webhook_missed", outcome: "mended" }]);
    expect((await sweepAll(world))["openPayments"]).toBe(0);
  });

  it("of a cancelled order is refunded once it is won", async () => {
    const { world, input, orderId, intentId, dispute } = await captured();
    await dispute("needs_response");
    await consumeEvents(world, [orderCancelled(input)]);
    expect(world.peer.refundedOf(intentId)).toBe(0);
    world.peer.disputes.delete(intentId);
    const object = { object: "dispute", id: `du_${intentId}`, payment_intent: intentId };
    await post(world, await world.peer.webhook("charge.dispute.closed", object));
    expect(world.peer.refundedOf(intentId)).toBe(AMOUNT);
    expect((await paymentOf(world, orderId)).status).toBe("REFUNDED");
  });

  it("of a part that is lost leaves only the rest refundable", async () => {
    const { world, paymentId, orderId, intentId, dispute } = await captured();
    await dispute("lost", "charge.dispute.closed", 345);
    const refundOf = async (amount?: number): Promise<unknown> =>
      await refund(world.deps, adminCall(), { paymentId, ...(amount === undefined ? {} : { amount }) });
    expect(await refundOf(AMOUNT - 344)).toMatchObject({ error: { code: "amount_exceeds_captured" } });
    expect(await refundOf(2_000)).toMatchObject({ ok: true });
    expect(await refundOf()).toMatchObject({ ok: true, value: { refund: { amount: AMOUNT - 345 - 2_000 } } });
    expect(await refundOf(1)).toMatchObject({ error: { code: "payment_not_refundable" } });
    expect(world.peer.refundedOf(intentId)).toBe(AMOUNT - 345);
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "DISPUTED", amountRefunded: AMOUNT - 345 });
  });

  it.each(["before", "after"])(
    "of a part that is lost %s the order is cancelled ends in a refund of the rest",
    async (when) => {
      const { world, input, paymentId, orderId, intentId, dispute } = await captured();
      await dispute(when === "before" ? "lost" : "needs_response", "charge.dispute.created", 345);
      await consumeEvents(world, [orderCancelled(input)]);
      if (when === "after") await dispute("lost", "charge.dispute.closed", 345);
      expect(world.peer.refundedOf(intentId)).toBe(AMOUNT - 345);
      expect(await paymentOf(world, orderId)).toMatchObject({
        status: "DISPUTED",
        amountRefunded: AMOUNT - 345,
        refunds: [{ amount: AMOUNT - 345, status: "succeeded" }],
      });
      await consumeEvents(world, [orderCancelled(input)]);
      await endOthersBut(world, paymentId);
      expect(await sweepAll(world)).toMatchObject({ openPayments: 0, pendingRefunds: 0 });
      expect(world.peer.refunds.size).toBe(1);
    },
  );

  it("of a part that is lost has the refund of the rest retried by the sweep", async () => {
    const { world, input, paymentId, intentId, dispute } = await captured();
    await dispute("lost", "charge.dispute.closed", 345);
    world.peer.faults = ["drop_before", "drop_before"];
    await consumeEvents(world, [orderCancelled(input)]);
    expect(world.peer.refundedOf(intentId)).toBe(0);
    world.peer.faults = [];
    await endOthersBut(world, paymentId);
    await sweepAll(world);
    expect(world.peer.refundedOf(intentId)).toBe(AMOUNT - 345);
    expect((await sweepAll(world))["openPayments"]).toBe(0);
  });
});
