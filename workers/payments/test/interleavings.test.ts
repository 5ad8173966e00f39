// Random orders and repetitions of steps, with failures of Stripe in between. After all sweeps, the money and the rows are as after an
// undisturbed run.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "#shared/testkit/runs";
import type { PaymentEventData } from "#shared/events/catalogue";
import { captureOrder } from "../src/service/captures.ts";
import { handleWebhook } from "../src/service/webhook.ts";
import {
  AMOUNT,
  adminCall,
  consumeEvents,
  endOthers,
  eventsOf,
  intentInput,
  newIntent,
  newWorld,
  orderCancelled,
  paymentOf,
  sweepAll,
  closeOnTimeout,
} from "./kit.ts";
import type { IntentInput, World } from "./kit.ts";
import type { Fault } from "./stripe-peer.ts";

const STEPS = ["webhook", "same_webhook", "cancel", "sweep", "close", "capture"] as const;
type Step = (typeof STEPS)[number];

const FAULTS: readonly (Fault | undefined)[] = [
  undefined,
  undefined,
  undefined,
  "drop_before",
  "drop_after",
  "error_500",
];

interface Scene {
  readonly world: World;
  readonly input: IntentInput;
  readonly intentId: string;
  readonly cancelled: ReturnType<typeof orderCancelled>;
}

async function run({ world, input, intentId, cancelled }: Scene, step: Step): Promise<void> {
  const { orderId } = input;
  const type = "payment_intent.amount_capturable_updated";
  switch (step) {
    case "webhook":
      await handleWebhook(await world.peer.intentWebhook(type, intentId), world.deps);
      break;
    case "same_webhook":
      await handleWebhook(await world.peer.intentWebhook(type, intentId, `evt_${orderId}`), world.deps);
      break;
    case "cancel":
      await consumeEvents(world, [cancelled]);
      break;
    case "sweep":
      await sweepAll(world);
      break;
    case "close":
      await closeOnTimeout(world, orderId);
      break;
    case "capture":
      await captureOrder(world.deps, adminCall(), { orderId });
      break;
  }
}

async function newScene(): Promise<Scene> {
  const world = newWorld();
  await endOthers(world);
  const input = intentInput();
  const { stripePaymentIntentId: intentId } = await newIntent(world, input);
  world.peer.authorize(intentId);
  return { world, input, intentId, cancelled: orderCancelled(input) };
}

/** Ends Stripe's failures and sweeps until nothing is open. */
async function comeToRest({ world, cancelled }: Scene): Promise<void> {
  await world.drained();
  world.peer.faults = [];
  world.peer.forgetKeys();
  await consumeEvents(world, [cancelled]);
  await sweepAll(world);
  await sweepAll(world);
}

describe("a cancelled order's payment", () => {
  it("ends with the money returned exactly once, whatever happens in whatever order", async () => {
    const steps = fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 6 });
    const faults = fc.array(fc.constantFrom(...FAULTS), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(steps, faults, fc.boolean(), async (order, failing, concurrent) => {
        const scene = await newScene();
        const { world, input, intentId } = scene;
        world.peer.faults = [...failing];
        if (concurrent) await Promise.all(order.map((step) => run(scene, step)));
        else for (const step of order) await run(scene, step);
        await comeToRest(scene);

        const intent = world.peer.intent(intentId);
        const payment = await paymentOf(world, input.orderId);
        const captured = intent.status === "succeeded";
        expect(world.peer.refundedOf(intentId)).toBe(captured ? AMOUNT : 0);
        expect(world.peer.refunds.size).toBe(captured ? 1 : 0);
        expect(payment.status).toBe(captured ? "REFUNDED" : "VOIDED");
        expect(captured || intent.status === "canceled").toBe(true);
        expect(payment.amountRefunded).toBe(payment.amountCaptured);

        const data = (await eventsOf(world, input.orderId)).map((event) => event.data as PaymentEventData);
        const versions = data.map(({ version }) => version).toSorted((a, b) => a - b);
        expect(new Set(versions).size).toBe(versions.length);
        const last = data.toSorted((a, b) => a.version - b.version).at(-1);
        expect(last?.status).toBe(payment.status);
        expect(data.filter(({ status }) => status === payment.status)).toHaveLength(1);
      }),
      runs(12),
    );
  });
});

describe("a paid order's payment", () => {
  it("ends authorized or captured, with one event each, whatever happens in whatever order", async () => {
    const steps = fc.array(fc.constantFrom("webhook", "same_webhook", "sweep", "close", "capture"), {
      minLength: 1,
      maxLength: 6,
    });
    const faults = fc.array(fc.constantFrom(...FAULTS), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, faults, async (order, failing) => {
        const scene = await newScene();
        const { world, input, intentId } = scene;
        world.peer.faults = [...failing];
        await Promise.all(order.map((step) => run(scene, step as Step)));
        await world.drained();
        world.peer.faults = [];
        await sweepAll(world);
        await sweepAll(world);
        const captured = world.peer.intent(intentId).status === "succeeded";
        const payment = await paymentOf(world, input.orderId);
        expect(payment.status).toBe(captured ? "CAPTURED" : "AUTHORIZED");
        const types = (await eventsOf(world, input.orderId)).map(({ type }) => type);
        expect(new Set(types).size).toBe(types.length);
        expect(types.at(-1)).toBe(captured ? "PAYMENT_CAPTURED" : "PAYMENT_AUTHORIZED");
      }),
      runs(10),
    );
  });
});
