import { describe, expect, it } from "vitest";
import { capture, captureOrder } from "../src/service/captures.ts";
import {
  AMOUNT,
  adminCall,
  eventTypesOf,
  intentInput,
  newAuthorized,
  newIntent,
  newWorld,
  paymentOf,
  valueOf,
} from "./kit.ts";

describe("a capture", () => {
  it("takes all that is authorized", async () => {
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

  it("of a part releases the rest, which is no refund", async () => {
    const world = newWorld();
    const { id } = await newAuthorized(world);
    const { payment } = valueOf(await capture(world.deps, adminCall(), { paymentId: id, amount: 1_000 }));
    expect(payment).toMatchObject({
      status: "CAPTURED",
      amountCaptured: 1_000,
      amountCapturable: 0,
      amountRefunded: 0,
    });
    expect(await capture(world.deps, adminCall(), { paymentId: id, amount: 1_000 })).toMatchObject({
      error: { code: "payment_not_capturable" },
    });
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

  it("under one key is one, replayed; another request under it is refused", async () => {
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

  it("whose answer was lost is found done by the retry under its key", async () => {
    const world = newWorld();
    const { id } = await newAuthorized(world);
    const call = adminCall();
    const input = { paymentId: id, amount: 500, idempotencyKey: "lost" };
    world.peer.faults = ["drop_after"];
    expect(await capture(world.deps, call, input)).toMatchObject({ error: { code: "payment_provider_unavailable" } });
    expect(valueOf(await capture(world.deps, call, input)).payment).toMatchObject({ amountCaptured: 500 });
  });

  it("twice at once takes the money once", async () => {
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
  it("takes the whole authorization, and succeeds when it was captured before", async () => {
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

  it("is refused without a payment, and after the authorization has lapsed", async () => {
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
