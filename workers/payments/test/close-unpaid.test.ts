// The time-out of many unpaid orders in one call: each by itself, and none whose payment method is being tried.
import { expect, it } from "vitest";
import { newId } from "#shared/ids";
import { closeUnpaid } from "../src/service/close-unpaid.ts";
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

it("closes those without a payment and with an open one, and lets those live that are paid or cannot be asked about", async () => {
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
  "leaves a payment alone that was tried (%s) before its webhook came, and tells orders of it",
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
