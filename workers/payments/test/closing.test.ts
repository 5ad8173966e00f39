import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { callAs } from "#shared/testkit/kit";
import { captureOrder } from "../src/service/captures.ts";
import { close } from "../src/service/closing.ts";
import { createIntent } from "../src/service/intents.ts";
import { refund } from "../src/service/refunds.ts";
import {
  AMOUNT,
  adminCall,
  auditOf,
  confirmEventsOf,
  consumeEvents,
  eventTypesOf,
  eventsOf,
  findingsOf,
  intentInput,
  newAuthorized,
  newIntent,
  newWorld,
  orderCancelled,
  paymentOf,
  paymentsOf,
  post,
  sweepAll,
  valueOf,
  closeOnTimeout,
} from "./kit.ts";

describe("closing an unpaid order", () => {
  it("cancels the intent at Stripe, and no later payment succeeds", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const { stripePaymentIntentId } = await newIntent(world, input);
    expect(await closeOnTimeout(world, orderId)).toBe("closed");
    expect(world.peer.intent(stripePaymentIntentId).status).toBe("canceled");
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "VOIDED" });
    expect(await createIntent(world.deps, callAs("customer"), input)).toMatchObject({
      error: { code: "order_not_payable" },
    });
    expect(await closeOnTimeout(world, orderId)).toBe("closed");
    const [event, ...more] = await eventsOf(world, orderId);
    expect(event).toMatchObject({ type: "PAYMENT_VOIDED", data: { reason: "payment_timeout" } });
    expect(more).toEqual([]);
  });

  it("leaves an order open that is paid at Stripe, and sends its event", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    expect(await closeOnTimeout(world, orderId)).toBe("paid");
    expect(await eventTypesOf(world, orderId)).toEqual(["PAYMENT_AUTHORIZED"]);
    expect(await closeOnTimeout(world, orderId)).toBe("paid");
    expect(await eventTypesOf(world, orderId)).toEqual(["PAYMENT_AUTHORIZED"]);
  });

  it("republishes the event of a payment that orders missed, with growing pauses", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    await newAuthorized(world, input);
    const ask = async (minutes: number): Promise<string[]> => {
      world.recorded.sent.length = 0;
      world.clock.skewMs = minutes * 60_000;
      expect(await closeOnTimeout(world, orderId)).toBe("paid");
      await world.drained();
      return world.recorded.sent.map(({ consumer, event }) => `${event.type} ${consumer}`);
    };
    expect(await ask(6)).toEqual([]);
    await confirmEventsOf(world, orderId);
    expect(await ask(4)).toEqual([]);
    expect(await ask(6)).toEqual(["PAYMENT_AUTHORIZED orders"]);
    expect(await ask(10)).toEqual([]);
    expect(await ask(13)).toEqual(["PAYMENT_AUTHORIZED orders"]);
    expect(await ask(18)).toEqual([]);
    const [first, ...copies] = await eventsOf(world, orderId);
    for (const copy of copies) expect(copy.data).toEqual(first?.data);
    expect(new Set([first, ...copies].map((event) => event?.id)).size).toBe(3);
  });

  it("closes an order without a payment, so that none can be made", async () => {
    const world = newWorld();
    const input = intentInput();
    expect(await closeOnTimeout(world, input.orderId)).toBe("closed");
    expect(await createIntent(world.deps, callAs("customer"), input)).toMatchObject({
      error: { code: "order_not_payable" },
    });
  });

  it("closes nothing while Stripe does not answer", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    await newIntent(world, input);
    world.peer.faults = ["drop_before"];
    expect(await closeOnTimeout(world, orderId)).toBe("unknown");
    world.peer.faults = ["error_500"];
    expect(await closeOnTimeout(world, orderId)).toBe("unknown");
    expect((await paymentOf(world, orderId)).status).toBe("CREATED");
  });

  it("waits for a payment that Stripe is processing", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.intent(stripePaymentIntentId).status = "processing";
    expect(await closeOnTimeout(world, input.orderId)).toBe("unknown");
  });

  it("has the same result when the answer to the cancellation was lost", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    await newIntent(world, input);
    world.peer.faults = [undefined, "drop_after"];
    expect(await closeOnTimeout(world, orderId)).toBe("unknown");
    expect(await closeOnTimeout(world, orderId)).toBe("closed");
    expect(await eventTypesOf(world, orderId)).toEqual(["PAYMENT_VOIDED"]);
  });

  it("cancels money that was authorized after Stripe was read", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.before = async (request) => {
      if (!request.endsWith("/cancel")) return;
      world.peer.before = undefined;
      world.peer.authorize(stripePaymentIntentId);
      await Promise.resolve();
    };
    expect(await closeOnTimeout(world, orderId)).toBe("closed");
    expect(world.peer.intent(stripePaymentIntentId).status).toBe("canceled");
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "VOIDED", amountCaptured: 0 });
    expect(await eventTypesOf(world, orderId)).toEqual(["PAYMENT_VOIDED"]);
  });

  it("concurrent with the creation of an intent leaves nothing that can be paid", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const closings: unknown[] = [];
    world.peer.before = async () => {
      world.peer.before = undefined;
      closings.push(await closeOnTimeout(world, orderId));
    };
    expect(await createIntent(world.deps, callAs("customer"), input)).toMatchObject({
      error: { code: "order_not_payable" },
    });
    expect(closings).toEqual(["closed"]);
    expect([...world.peer.intents.values()].map(({ status }) => status)).toEqual(["canceled"]);
    expect(await eventTypesOf(world, orderId)).toEqual(["PAYMENT_VOIDED"]);
  });

  it("concurrent with twenty calls for an intent leaves nothing that can be paid", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const calls = Array.from({ length: 20 }, () => createIntent(world.deps, callAs("customer"), input));
    const [closed] = await Promise.all([closeOnTimeout(world, orderId), ...calls]);
    expect(closed).toBe("closed");
    const open = [...world.peer.intents.values()].filter(({ status }) => status !== "canceled");
    expect(open).toEqual([]);
    expect((await paymentsOf(world, orderId)).every(({ status }) => status === "VOIDED")).toBe(true);
  });
});

describe("closing an order unless its money is captured", () => {
  it("releases an authorization, with an audit entry first, and nothing can be captured after it", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const { id, stripePaymentIntentId } = await newAuthorized(world, input);
    const call = callAs("vendor");
    world.peer.faults = [undefined, "drop_before"];
    expect(await close(world.deps, call, { orderId })).toMatchObject({ ok: false });
    expect(await auditOf(world, id)).toMatchObject([{ action: "payment.void", actor: call.actor.id }]);
    expect((await paymentOf(world, orderId)).status).toBe("AUTHORIZED");

    expect(valueOf(await close(world.deps, call, { orderId }))).toBe("closed");
    expect(world.peer.intent(stripePaymentIntentId).status).toBe("canceled");
    expect(await captureOrder(world.deps, adminCall(), { orderId })).toMatchObject({
      error: { code: "payment_not_capturable" },
    });
    expect(valueOf(await close(world.deps, call, { orderId }))).toBe("closed");
    expect(await eventsOf(world, orderId)).toMatchObject([
      { type: "PAYMENT_AUTHORIZED" },
      { type: "PAYMENT_VOIDED", data: { reason: "order_cancelled" } },
    ]);
  });

  it("leaves captured money alone, and the order open", async () => {
    const world = newWorld();
    const input = intentInput();
    const { orderId } = input;
    const { id } = await newAuthorized(world, input);
    valueOf(await captureOrder(world.deps, adminCall(), { orderId }));
    expect(valueOf(await close(world.deps, callAs("vendor"), { orderId }))).toBe("paid");
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "CAPTURED", amountRefunded: 0 });
    expect((await auditOf(world, id)).map(({ action }) => action)).toEqual(["payment.capture"]);
    await sweepAll(world);
    expect(world.peer.refunds.size).toBe(0);
  });

  it.each(["captured without a webhook", "captured while Stripe is being called"])(
    "leaves money alone that was %s",
    async (when) => {
      const world = newWorld();
      const input = intentInput();
      const { orderId } = input;
      const { stripePaymentIntentId } = await newAuthorized(world, input);
      const capture = async (): Promise<void> => {
        await world.deps.stripe.paymentIntents.capture(stripePaymentIntentId);
      };
      if (when === "captured without a webhook") await capture();
      else {
        world.peer.before = async (request) => {
          if (!request.endsWith("/cancel")) return;
          world.peer.before = undefined;
          await capture();
        };
      }
      expect(valueOf(await close(world.deps, callAs("vendor"), { orderId }))).toBe("paid");
      expect(world.peer.intent(stripePaymentIntentId).status).toBe("succeeded");
      expect(await paymentOf(world, orderId)).toMatchObject({ status: "CAPTURED", amountRefunded: 0 });
      await sweepAll(world);
      expect(world.peer.refunds.size).toBe(0);
    },
  );

  it("concurrent with captures ends in a void or a capture that is not refunded", async () => {
    for (let round = 0; round < 10; round += 1) {
      const world = newWorld();
      const input = intentInput();
      const { orderId } = input;
      await newAuthorized(world, input);
      const [closed, captured] = await Promise.all([
        close(world.deps, callAs("vendor"), { orderId }),
        captureOrder(world.deps, adminCall(), { orderId }),
      ]);
      const isPaid = valueOf(closed) === "paid";
      expect(captured.ok).toBe(isPaid);
      await sweepAll(world);
      expect((await paymentOf(world, orderId)).status).toBe(isPaid ? "CAPTURED" : "VOIDED");
      expect(world.peer.refunds.size).toBe(0);
    }
  });
});

describe("ORDER_CANCELLED", () => {
  it("cancels an authorization once, however often it is delivered", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newAuthorized(world, input);
    const event = orderCancelled(input);
    expect((await consumeEvents(world, [event, event])).acknowledged).toEqual([event.id, event.id]);
    await consumeEvents(world, [event]);
    expect(world.peer.intent(stripePaymentIntentId).status).toBe("canceled");
    const events = await eventsOf(world, input.orderId);
    expect(events.map(({ type }) => type)).toEqual(["PAYMENT_AUTHORIZED", "PAYMENT_VOIDED"]);
    expect(events[1]).toMatchObject({
      causationid: event.id,
      correlationid: input.correlationId,
      data: { reason: "changed my mind" },
    });
  });

  it("refunds what was captured and not refunded yet", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id, stripePaymentIntentId } = await newAuthorized(world, input);
    valueOf(await captureOrder(world.deps, adminCall(), { orderId: input.orderId }));
    valueOf(await refund(world.deps, adminCall(), { paymentId: id, amount: 345 }));
    await consumeEvents(world, [orderCancelled(input)]);
    expect(world.peer.refundedOf(stripePaymentIntentId)).toBe(AMOUNT);
    expect(await paymentOf(world, input.orderId)).toMatchObject({
      status: "REFUNDED",
      refunds: [{ amount: 345 }, { amount: AMOUNT - 345, status: "succeeded" }],
    });
  });

  it("delivered before there is a payment prevents one", async () => {
    const world = newWorld();
    const input = intentInput();
    await consumeEvents(world, [orderCancelled(input)]);
    expect(await createIntent(world.deps, callAs("customer"), input)).toMatchObject({
      error: { code: "order_not_payable" },
    });
  });

  it("voids a payment whose intent was never stored", async () => {
    const world = newWorld();
    const input = intentInput();
    world.peer.faults = ["drop_before"];
    await createIntent(world.deps, callAs("customer"), input);
    await consumeEvents(world, [orderCancelled(input)]);
    expect((await paymentOf(world, input.orderId)).status).toBe("VOIDED");
  });

  it.each(["drop_before", "drop_after", "error_500"] as const)(
    "is retried after %s, and makes one refund",
    async (fault) => {
      for (const good of [0, 1, 2, 3]) {
        const world = newWorld();
        const input = intentInput();
        const { stripePaymentIntentId } = await newAuthorized(world, input);
        valueOf(await captureOrder(world.deps, adminCall(), { orderId: input.orderId }));
        const event = orderCancelled(input);
        world.peer.faults = [...Array.from({ length: good }, () => undefined), fault];
        await consumeEvents(world, [event]);
        world.peer.forgetKeys();
        await consumeEvents(world, [event]);
        expect(world.peer.refundedOf(stripePaymentIntentId)).toBe(AMOUNT);
        expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "REFUNDED", amountRefunded: AMOUNT });
      }
    },
  );

  it("is retried by the queue and by the sweep while Stripe processes the payment", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.intent(stripePaymentIntentId).status = "processing";
    const event = orderCancelled(input);
    expect((await consumeEvents(world, [event])).retried).toEqual([event.id]);
    world.peer.authorize(stripePaymentIntentId);
    await sweepAll(world);
    expect(world.peer.intent(stripePaymentIntentId).status).toBe("canceled");
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_VOIDED"]);
    await consumeEvents(world, [event]);
    const [row] = await world.deps.db.all(sql`SELECT event_id FROM inbox WHERE event_id = ${event.id}`);
    expect(row).toEqual({ event_id: event.id });
  });

  it("delivered again republishes the payment's last event to orders", async () => {
    const world = newWorld();
    const input = intentInput();
    await newAuthorized(world, input);
    await consumeEvents(world, [orderCancelled(input)]);
    await confirmEventsOf(world, input.orderId);
    world.clock.skewMs = 6 * 60_000;
    world.recorded.sent.length = 0;
    await consumeEvents(world, [orderCancelled(input)]);
    expect(world.recorded.sent).toMatchObject([{ consumer: "orders", event: { type: "PAYMENT_VOIDED" } }]);
  });

  it("gives up after the bank returned three refunds, and records a finding", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id, stripePaymentIntentId } = await newAuthorized(world, input);
    valueOf(await captureOrder(world.deps, adminCall(), { orderId: input.orderId }));
    await consumeEvents(world, [orderCancelled(input)]);
    for (let round = 0; round < 5; round += 1) {
      for (const stored of world.peer.refunds.values()) stored.status = "failed";
      const [last] = [...world.peer.refunds.values()].toReversed();
      await post(world, await world.peer.webhook("refund.failed", { ...last }));
    }
    expect(world.peer.refunds.size).toBe(3);
    expect(world.peer.refundedOf(stripePaymentIntentId)).toBe(0);
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "CAPTURED", amountRefunded: 0 });
    expect(await findingsOf(world, id)).toMatchObject([{ kind: "refund_failed", outcome: "open", times: 3 }]);
  });

  it("closes a disputed payment's order without a refund", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newAuthorized(world, input);
    valueOf(await captureOrder(world.deps, adminCall(), { orderId: input.orderId }));
    world.peer.disputes.set(stripePaymentIntentId, { status: "needs_response", reason: "fraudulent" });
    await consumeEvents(world, [orderCancelled(input)]);
    expect((await paymentOf(world, input.orderId)).status).toBe("DISPUTED");
    expect(world.peer.refundedOf(stripePaymentIntentId)).toBe(0);
  });
});
