// Stripe hangs or is slow. The caller gets an answer before the gateway gives up, and the sweeps finish what was begun.
import { describe, expect, it } from "vitest";
import { ok } from "#shared/result";
import { callAs } from "#shared/testkit/kit";
import { BUSY_RETRY_PAUSES_MS, CALL_DEADLINE_MS, CALL_TIMEOUT_POLICY } from "../src/constants.ts";
import { capture, captureOrder } from "../src/service/captures.ts";
import { callDeps, createDeps } from "../src/service/deps.ts";
import { withCallDeadline } from "../src/service/stripe/failures.ts";
import { createIntent } from "../src/service/intents.ts";
import { refund } from "../src/service/refunds.ts";
import {
  AMOUNT,
  adminCall,
  bindings,
  endOthers,
  intentInput,
  newAuthorized,
  newIntent,
  newWorld,
  paymentOf,
  sweepAll,
  valueOf,
  closeOnTimeout,
} from "./kit.ts";
import type { World } from "./kit.ts";

/** The gateway's PEER_DEADLINE_MS; e2e/payments.test.ts checks that the two are equal. */
const PEER_DEADLINE_MS = 10_000;

const UNAVAILABLE = { ok: false, error: { code: "payment_provider_unavailable" } };

async function hanging(): Promise<World> {
  const world = newWorld({ timeoutMs: 100 });
  await endOthers(world);
  return world;
}

describe("the time a call waits for Stripe", () => {
  it("ends before the gateway's deadline, with the pauses and without retries", () => {
    const pauses = BUSY_RETRY_PAUSES_MS.reduce((sum, ms) => sum + ms, 0);
    expect(CALL_TIMEOUT_POLICY.retries).toBe(0);
    expect(CALL_TIMEOUT_POLICY.timeoutMs + pauses).toBeLessThan(PEER_DEADLINE_MS / 2);
    expect(CALL_DEADLINE_MS).toBeLessThan(PEER_DEADLINE_MS - 1_000);
  });

  it("is short for calls, and longer where nobody waits", () => {
    const ctx = { waitUntil: () => undefined };
    const timeoutOf = (deps: { stripe: unknown }): number =>
      (deps.stripe as { getApiField(key: string): number }).getApiField("timeout");
    expect(timeoutOf(callDeps(bindings(), ctx))).toBe(CALL_TIMEOUT_POLICY.timeoutMs);
    expect(timeoutOf(createDeps(bindings(), ctx))).toBeGreaterThan(CALL_TIMEOUT_POLICY.timeoutMs);
  });

  it("ends for work that is slow as a whole, which continues without the caller", async () => {
    const world = newWorld();
    const gate = Promise.withResolvers<null>();
    let isDone = false;
    const answer = await withCallDeadline(
      world.deps,
      async () => {
        await gate.promise;
        isDone = true;
        return ok(null);
      },
      10,
    );
    expect(answer).toMatchObject(UNAVAILABLE);
    gate.resolve(null);
    await world.drained();
    expect(isDone).toBe(true);
  });
});

describe("a Stripe that hangs", () => {
  it("leaves an intent to the next call or the sweep", async () => {
    const world = await hanging();
    const input = intentInput();
    world.peer.faults = ["hang"];
    expect(await createIntent(world.deps, callAs("customer"), input)).toMatchObject(UNAVAILABLE);
    await sweepAll(world);
    expect((await paymentOf(world, input.orderId)).stripePaymentIntentId).not.toBeNull();
    expect(valueOf(await createIntent(world.deps, callAs("customer"), input)).created).toBe(false);
    expect(world.peer.intents.size).toBe(1);
  });

  it("leaves a refund pending, which the sweep executes", async () => {
    const world = await hanging();
    const input = intentInput();
    const { id, stripePaymentIntentId } = await newAuthorized(world, input);
    valueOf(await capture(world.deps, adminCall(), { paymentId: id }));
    world.peer.faults = ["hang"];
    expect(await refund(world.deps, adminCall(), { paymentId: id, amount: 700 })).toMatchObject(UNAVAILABLE);
    expect((await paymentOf(world, input.orderId)).refunds).toMatchObject([{ status: "pending", amount: 700 }]);
    await sweepAll(world);
    expect(await paymentOf(world, input.orderId)).toMatchObject({ amountRefunded: 700, status: "PARTIALLY_REFUNDED" });
    expect(world.peer.refundedOf(stripePaymentIntentId)).toBe(700);
  });

  it("ships nothing and closes nothing", async () => {
    const world = await hanging();
    const [authorized, unpaid] = [intentInput(), intentInput()];
    await newAuthorized(world, authorized);
    await newIntent(world, unpaid);
    world.peer.faults = ["hang"];
    expect(await captureOrder(world.deps, adminCall(), { orderId: authorized.orderId })).toMatchObject(UNAVAILABLE);
    world.peer.faults = ["hang"];
    expect(await closeOnTimeout(world, unpaid.orderId)).toBe("unknown");
    expect((await paymentOf(world, authorized.orderId)).status).toBe("AUTHORIZED");
    expect((await paymentOf(world, unpaid.orderId)).status).toBe("CREATED");
    expect(valueOf(await captureOrder(world.deps, adminCall(), { orderId: authorized.orderId })).amountCaptured).toBe(
      AMOUNT,
    );
    expect(await closeOnTimeout(world, unpaid.orderId)).toBe("closed");
  });

  it("is called again when it is busy with the same key", async () => {
    const world = newWorld();
    const input = intentInput();
    world.peer.faults = ["busy", "busy"];
    expect(valueOf(await createIntent(world.deps, callAs("customer"), input)).created).toBe(true);
    expect(world.peer.intents.size).toBe(1);
  });
});
