// The time-out of many unpaid orders in one call. Each is closed by itself, and none whose buyer tried a payment method.
import { expect, it } from "vitest";
import { newId } from "#shared/ids";
import { closeUnpaid } from "../src/service/closing.ts";
import { adminCall, eventTypesOf, intentInput, newAuthorized, newIntent, newWorld, paymentOf, valueOf } from "./kit.ts";
import type { World } from "./kit.ts";

async function closed(
  world: World,
  orderIds: readonly string[],
  unlessTried: boolean,
): Promise<readonly (string | undefined)[]> {
  const orders = orderIds.map((orderId) => ({ orderId, correlationId: newId("req"), unlessTried }));
  const answer = valueOf(await closeUnpaid(world.deps, adminCall(), { orders }));
  return orderIds.map((id) => answer.find(({ orderId }) => orderId === id)?.outcome);
}

it("closes orders with an open or no payment, and leaves paid ones and those that Stripe does not answer for", async () => {
  const world = newWorld();
  const [open, paid, processing] = [intentInput(), intentInput(), intentInput()];
  await newIntent(world, open);
  await newAuthorized(world, paid);
  const { stripePaymentIntentId } = await newIntent(world, processing);
  world.peer.intent(stripePaymentIntentId).status = "processing";
  const without = newId("ord");
  const ids = [open.orderId, paid.orderId, processing.orderId, without];
  expect(await closed(world, ids, true)).toEqual(["closed", "paid", "unknown", "closed"]);
});

it.each(["requires_action", "declined"])(
  "leaves a payment alone that was tried (%s), and sends its event",
  async (state) => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    if (state === "declined") world.peer.decline(stripePaymentIntentId, "insufficient_funds");
    else world.peer.intent(stripePaymentIntentId).status = state;
    expect(await closed(world, [input.orderId], true)).toEqual(["tried"]);
    const type = state === "declined" ? "PAYMENT_FAILED" : "PAYMENT_REQUIRES_ACTION";
    expect(await eventTypesOf(world, input.orderId)).toEqual([type]);
    expect(await closed(world, [input.orderId], true)).toEqual(["tried"]);
    expect(await closed(world, [input.orderId], false)).toEqual(["closed"]);
    expect((await paymentOf(world, input.orderId)).status).toBe("VOIDED");
  },
);
