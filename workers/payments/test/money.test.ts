// Captured and refunded money, over random actions of staff, banks and Stripe's dashboard, with duplicate and late webhooks and lost
// answers. After all sweeps, the amounts are Stripe's and each refund was made once.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "#shared/testkit/runs";
import { capture } from "../src/service/captures.ts";
import { refund } from "../src/service/refunds.ts";
import { handleWebhook } from "../src/service/webhook.ts";
import {
  AMOUNT,
  adminCall,
  consumeEvents,
  endOthers,
  intentInput,
  newAuthorized,
  newWorld,
  orderCancelled,
  paymentOf,
  post,
  sweepAll,
  valueOf,
} from "./kit.ts";
import type { IntentInput, World } from "./kit.ts";
import type { Fault } from "./stripe-peer.ts";

interface Scene {
  readonly world: World;
  readonly input: IntentInput;
  readonly paymentId: string;
  readonly intentId: string;
  readonly cancelled: ReturnType<typeof orderCancelled>;
  /** Refunds that calls returned. */
  readonly told: Set<string>;
}

/** A call's key. There are few, so that calls repeat one, sometimes with another amount. */
const Key = fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined });
const Amount = fc.integer({ min: 1, max: AMOUNT });

const OURS = [
  fc.record({ kind: fc.constant("capture" as const), amount: fc.option(Amount, { nil: undefined }), key: Key }),
  fc.record({ kind: fc.constant("refund" as const), amount: fc.option(Amount, { nil: undefined }), key: Key }),
  fc.record({ kind: fc.constant("refund" as const), amount: fc.integer({ min: 1, max: 3_000 }), key: Key }),
  fc.record({ kind: fc.constant("webhook" as const), id: fc.constantFrom("1", "2", undefined) }),
  fc.record({ kind: fc.constant("settle" as const), as: fc.constantFrom("succeeded", "failed") }),
  fc.record({ kind: fc.constant("cancel" as const) }),
  fc.record({ kind: fc.constant("sweep" as const) }),
];
const THEIRS = [
  fc.record({ kind: fc.constant("dashboard" as const), amount: Amount }),
  fc.record({ kind: fc.constant("dispute" as const), amount: Amount }),
  fc.record({ kind: fc.constant("decide" as const), as: fc.constantFrom("won", "lost") }),
];
const Step = fc.oneof(...OURS, ...THEIRS);
type Step = typeof Step extends fc.Arbitrary<infer T> ? T : never;

const Faults = fc.array(
  fc.constantFrom<(Fault | undefined)[]>(undefined, undefined, undefined, "drop_before", "drop_after", "error_500"),
  { maxLength: 10 },
);

/** Steps in sequence, some of which are several concurrent actions. */
function stories(step: fc.Arbitrary<Step>): fc.Arbitrary<Step[][]> {
  return fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
}

function dispute({ world: { peer }, intentId }: Scene, amount: number): void {
  const { status, amount_received } = peer.intent(intentId);
  const left = amount_received - peer.refundedOf(intentId);
  if (status !== "succeeded" || left < 1 || peer.disputes.has(intentId)) return;
  peer.disputes.set(intentId, { status: "needs_response", reason: "fraudulent", amount: Math.min(amount, left) });
}

/** The bank decides on the oldest refund that is undecided. */
function settle({ world }: Scene, status: string): void {
  const waiting = [...world.peer.refunds.values()].find((one) => one.status === "pending");
  const made =
    status === "failed" ? [...world.peer.refunds.values()].find((one) => one.status === "succeeded") : undefined;
  Object.assign(waiting ?? made ?? {}, { status });
}

async function run(scene: Scene, step: Step): Promise<void> {
  const { world, input, paymentId, intentId, cancelled, told } = scene;
  switch (step.kind) {
    case "capture":
      await capture(world.deps, adminCall(), {
        paymentId,
        amount: step.amount,
        idempotencyKey: step.key && `${step.key}${paymentId}`,
      });
      break;
    case "refund": {
      const idempotencyKey = step.key && `${step.key}${paymentId}`;
      const made = await refund(world.deps, adminCall(), { paymentId, amount: step.amount, idempotencyKey });
      if (made.ok) told.add(made.value.refund.id);
      break;
    }
    case "webhook": {
      const object = { object: "refund", id: "re_1", payment_intent: intentId };
      const id = step.id && `evt_${step.id}${paymentId}`;
      await handleWebhook(
        await world.peer.webhook("refund.updated", object, id === undefined ? {} : { id }),
        world.deps,
      );
      break;
    }
    case "settle":
      settle(scene, step.as);
      break;
    case "cancel":
      await consumeEvents(world, [cancelled]);
      break;
    case "sweep":
      await sweepAll(world);
      break;
    case "dashboard":
      world.peer.refundInDashboard(intentId, step.amount);
      break;
    case "dispute":
      dispute(scene, step.amount);
      break;
    case "decide": {
      const open = world.peer.disputes.get(intentId);
      if (open?.status === "needs_response") open.status = step.as;
      break;
    }
    default:
      throw new Error(`no such step of ${input.orderId}`);
  }
}

async function newScene(refundStatus: string): Promise<Scene> {
  const world = newWorld();
  await endOthers(world);
  world.peer.refundStatus = refundStatus;
  const input = intentInput();
  const { id: paymentId, stripePaymentIntentId: intentId } = await newAuthorized(world, input);
  return { world, input, paymentId, intentId, cancelled: orderCancelled(input), told: new Set() };
}

async function tell(
  scene: Scene,
  story: readonly (readonly Step[])[],
  faults: readonly (Fault | undefined)[],
): Promise<void> {
  scene.world.peer.faults = [...faults];
  for (const steps of story) await Promise.all(steps.map((step) => run(scene, step)));
}

/** Ends Stripe's failures, lets the banks decide, delivers one webhook, and sweeps until nothing is open. */
async function comeToRest({ world, intentId }: Scene): Promise<void> {
  const { peer } = world;
  await world.drained();
  peer.faults = [];
  peer.forgetKeys();
  peer.refundStatus = "succeeded";
  const open = peer.disputes.get(intentId);
  if (open?.status === "needs_response") open.status = "lost";
  for (let round = 0; round < 3; round += 1) {
    for (const one of peer.refunds.values()) if (one.status === "pending") one.status = "succeeded";
    await post(world, await peer.webhook("charge.refunded", { object: "charge", payment_intent: intentId }));
    await sweepAll(world);
  }
}

async function expectBooksToBeStripes({ world, input, intentId, told }: Scene, isCancelled: boolean): Promise<void> {
  const { peer } = world;
  const intent = peer.intent(intentId);
  const payment = await paymentOf(world, input.orderId);
  const lost = peer.lostOf(intent);
  expect(payment.amountCaptured).toBe(intent.amount_received);
  expect(payment.amountRefunded).toBe(peer.refundedOf(intentId));
  expect(payment.amountRefunded + lost).toBeLessThanOrEqual(payment.amountCaptured);
  const here = payment.refunds.filter(({ stripeRefundId }) => stripeRefundId !== null);
  expect(
    new Map(here.map(({ stripeRefundId, status, amount }) => [stripeRefundId, `${status} ${String(amount)}`])),
  ).toEqual(new Map([...peer.refunds.values()].map(({ id, status, amount }) => [id, `${status} ${String(amount)}`])));
  // Refunds that never reached Stripe have failed.
  expect(
    new Set(payment.refunds.map(({ stripeRefundId, status }) => stripeRefundId !== null || status === "failed")),
  ).not.toContain(false);
  const made = [...peer.refunds.values()].map(({ metadata }) => metadata["refundId"]).filter((id) => id !== undefined);
  expect(new Set(made).size).toBe(made.length);
  const ids = new Set(payment.refunds.map(({ id }) => id));
  expect([...told].filter((id) => !ids.has(id))).toEqual([]);
  expect(payment.disputes.map(({ status, amount }) => [status, amount])).toEqual(
    [...peer.disputes.values()].map(({ status, amount }) => [status, amount]),
  );
  const kept = payment.amountCaptured - payment.amountRefunded - lost;
  expect(isCancelled ? kept + intent.amount_capturable : 0).toBe(0);
}

describe("a payment's money", () => {
  it("is recorded as at Stripe, whatever staff, banks and the dashboard do", async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(
        stories(Step),
        Faults,
        fc.constantFrom("succeeded", "pending"),
        async (story, faults, status) => {
          const scene = await newScene(status);
          await tell(scene, story, faults);
          await comeToRest(scene);
          await expectBooksToBeStripes(
            scene,
            story.flat().some(({ kind }) => kind === "cancel"),
          );
        },
      ),
      runs(10),
    );
  });

  it("is never refunded over what was captured, without Stripe having to refuse", async () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 6_000 }), { minLength: 2, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(amounts, Amount, fc.boolean(), async (asked, part, isCancelled) => {
        const scene = await newScene("succeeded");
        const { world, paymentId, cancelled } = scene;
        valueOf(await capture(world.deps, adminCall(), { paymentId, amount: part }));
        await Promise.all([
          ...asked.map((amount) => run(scene, { kind: "refund", amount, key: undefined })),
          ...(isCancelled ? [consumeEvents(world, [cancelled])] : []),
        ]);
        await comeToRest(scene);
        expect(world.peer.overAsked).toBe(0);
        await expectBooksToBeStripes(scene, isCancelled);
      }),
      runs(6),
    );
  });

  it("that a refund in the dashboard failed to return is recorded, when that is all that the shop hears of it", async () => {
    const scene = await newScene("succeeded");
    const { world, paymentId, intentId } = scene;
    valueOf(await capture(world.deps, adminCall(), { paymentId, amount: 100 }));
    world.peer.refundInDashboard(intentId, 40);
    settle(scene, "failed");
    const object = { object: "refund", id: "re_1", payment_intent: intentId };
    await handleWebhook(await world.peer.webhook("refund.failed", object), world.deps);
    await expectBooksToBeStripes(scene, false);
    expect((await paymentOf(world, scene.input.orderId)).refunds).toMatchObject([{ status: "failed", amount: 40 }]);
  });

  it("that the bank returned is not recorded as refunded by an older snapshot", async () => {
    const scene = await newScene("pending");
    const { world, input, paymentId, intentId } = scene;
    valueOf(await capture(world.deps, adminCall(), { paymentId }));
    valueOf(await refund(world.deps, adminCall(), { paymentId, amount: 345 }));
    const [atStripe] = world.peer.refunds.values();
    const hear = async (): Promise<unknown> =>
      await post(world, await world.peer.webhook("refund.updated", { object: "refund", payment_intent: intentId }));
    settle(scene, "succeeded");
    world.peer.after = async (request) => {
      if (request !== "GET /v1/refunds") return;
      world.peer.after = undefined;
      settle(scene, "failed");
      await hear();
    };
    await hear();
    expect(atStripe?.status).toBe("failed");
    expect(await paymentOf(world, input.orderId)).toMatchObject({
      status: "CAPTURED",
      amountRefunded: 0,
      refunds: [{ status: "failed" }],
    });
  });
});
