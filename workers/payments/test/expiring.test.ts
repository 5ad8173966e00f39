import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { DEFAULT_CAPTURE_WINDOW_MS, EXPIRY_NOTICE_MS } from "../src/constants.ts";
import { captureOrder } from "../src/service/captures.ts";
import {
  adminCall,
  endOthers,
  eventsOf,
  findingsOf,
  intentInput,
  newAuthorized,
  newWorld,
  noticesOf,
  paymentOf,
  post,
  sweepAll,
  valueOf,
} from "./kit.ts";
import type { World } from "./kit.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

interface Scene {
  readonly world: World;
  readonly orderId: string;
  readonly paymentId: string;
  readonly intentId: string;
}

async function authorized(): Promise<Scene> {
  const world = newWorld();
  const input = intentInput();
  await endOthers(world);
  const { id: paymentId, stripePaymentIntentId: intentId } = await newAuthorized(world, input);
  return { world, orderId: input.orderId, paymentId, intentId };
}

describe("an authorization", () => {
  it("is listed with the time until which it can be captured", async () => {
    const { world, orderId } = await authorized();
    const { captureBefore } = await paymentOf(world, orderId);
    expect(captureBefore).toBe(new Date((world.peer.captureBefore ?? 0) * 1_000).toISOString());
  });

  it("that expires within a day is reported to the admins, once", async () => {
    const { world, orderId, paymentId } = await authorized();
    const expiresAt = (world.peer.captureBefore ?? 0) * 1_000;
    world.clock.skewMs = expiresAt - EXPIRY_NOTICE_MS - 60_000 - Date.now();
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(0);
    world.clock.skewMs += 120_000;
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(1);
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(0);
    expect(await noticesOf(world, orderId)).toMatchObject([
      {
        kind: "authorization_expiring",
        variables: {
          orderId,
          orderNumber: "TP-1001",
          amount: "$123.45",
          expiresAt: expect.stringMatching(/UTC$/) as string,
        },
      },
    ]);
    expect(await findingsOf(world, paymentId)).toMatchObject([
      { kind: "authorization_expiring", outcome: "open", times: 1 },
    ]);
  });

  it("is flagged once by concurrent sweeps", async () => {
    const { world, orderId, paymentId } = await authorized();
    world.clock.skewMs = 7 * DAY_MS;
    const counts = await Promise.all([sweepAll(world), sweepAll(world), sweepAll(world)]);
    expect(counts.reduce((sum, { expiringAuthorizations = 0 }) => sum + expiringAuthorizations, 0)).toBe(1);
    expect(await noticesOf(world, orderId)).toHaveLength(1);
    expect(await findingsOf(world, paymentId)).toMatchObject([{ times: 1 }]);
  });

  it("that was captured in time has its finding mended", async () => {
    const { world, orderId, paymentId } = await authorized();
    world.clock.skewMs = 6.5 * DAY_MS;
    await sweepAll(world);
    valueOf(await captureOrder(world.deps, adminCall(), { orderId }));
    expect(await findingsOf(world, paymentId)).toMatchObject([{ kind: "authorization_expiring", outcome: "mended" }]);
    expect(await paymentOf(world, orderId)).toMatchObject({ status: "CAPTURED", captureBefore: null });
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(0);
  });

  it("without an expiry at Stripe is flagged by the default", async () => {
    const world = newWorld();
    await endOthers(world);
    world.peer.captureBefore = undefined;
    const input = intentInput();
    await newAuthorized(world, input);
    expect((await paymentOf(world, input.orderId)).captureBefore).toBeNull();
    world.clock.skewMs = DEFAULT_CAPTURE_WINDOW_MS - EXPIRY_NOTICE_MS - 60_000;
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(0);
    world.clock.skewMs += 120_000;
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(1);
  });

  it("without a stored expiry is read from Stripe before anybody is notified", async () => {
    const { world, orderId, paymentId } = await authorized();
    await world.deps.db.run(sql`UPDATE payments SET capture_until = NULL, updated_at = 1 WHERE id = ${paymentId}`);
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(0);
    expect((await paymentOf(world, orderId)).captureBefore).not.toBeNull();
    expect(await noticesOf(world, orderId)).toEqual([]);
    world.clock.skewMs = 6.5 * DAY_MS;
    expect((await sweepAll(world))["expiringAuthorizations"]).toBe(1);
  });

  it.each(["payment_intent.canceled", "charge.expired", undefined])(
    "that has expired voids the payment, found by %s",
    async (type) => {
      const { world, orderId, paymentId, intentId } = await authorized();
      const intent = world.peer.intent(intentId);
      Object.assign(intent, { status: "canceled", cancellation_reason: "expired", amount_capturable: 0 });
      const charge = { object: "charge", id: intent.latest_charge, payment_intent: intentId };
      if (type === undefined) await sweepAll(world);
      else if (type === "charge.expired") await post(world, await world.peer.webhook(type, charge));
      else await post(world, await world.peer.intentWebhook(type, intentId));
      expect(await paymentOf(world, orderId)).toMatchObject({ status: "VOIDED", amountCapturable: 0 });
      expect((await eventsOf(world, orderId)).at(-1)).toMatchObject({
        type: "PAYMENT_VOIDED",
        data: { reason: "authorization_expired" },
      });
      const found = (await findingsOf(world, paymentId)).map(({ kind }) => kind);
      expect(found).toEqual(type === undefined ? ["webhook_missed"] : []);
      expect(await captureOrder(world.deps, adminCall(), { orderId })).toMatchObject({
        error: { code: "payment_not_capturable" },
      });
    },
  );
});
