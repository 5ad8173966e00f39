// Idempotency keys that found an existing payment instead of making one.
import { describe, expect, it } from "vitest";
import { callAs } from "#shared/testkit/kit";
import { createIntent } from "../src/service/intents.ts";
import { intentInput, newAuthorized, newIntent, newWorld, paymentsOf, post, valueOf } from "./kit.ts";

const customer = callAs("customer");

function keyed(fingerprint: string): { readonly key: string; readonly fingerprint: string } {
  return { key: crypto.randomUUID(), fingerprint };
}

describe("a key that found a payment", () => {
  it("replays the first answer, with the payment as it is now", async () => {
    const world = newWorld();
    const input = intentInput();
    await newIntent(world, input);
    const again = { ...input, idempotency: keyed("a") };
    const first = valueOf(await createIntent(world.deps, customer, again));
    expect(first).toMatchObject({ created: false, replayed: false });
    expect(valueOf(await createIntent(world.deps, customer, again))).toEqual({ ...first, replayed: true });
    const { stripePaymentIntentId } = first.intent;
    world.peer.authorize(stripePaymentIntentId);
    await post(
      world,
      await world.peer.intentWebhook("payment_intent.amount_capturable_updated", stripePaymentIntentId),
    );
    expect(valueOf(await createIntent(world.deps, customer, again))).toMatchObject({
      created: false,
      replayed: true,
      intent: { id: first.intent.id, status: "AUTHORIZED" },
    });
  });

  it("is refused for another order, without writing its payment", async () => {
    const world = newWorld();
    const input = intentInput();
    await newIntent(world, input);
    const { key } = keyed("a");
    valueOf(await createIntent(world.deps, customer, { ...input, idempotency: { key, fingerprint: "a" } }));
    const other = intentInput({ idempotency: { key, fingerprint: "b" } });
    expect(await createIntent(world.deps, customer, other)).toMatchObject({
      ok: false,
      error: { code: "idempotency_key_reused" },
    });
    expect(await paymentsOf(world, other.orderId)).toEqual([]);
  });

  it("is refused for one of two orders that use it concurrently", async () => {
    const world = newWorld();
    const { key } = keyed("a");
    const inputs = [intentInput(), intentInput()];
    await Promise.all(inputs.map((input) => newIntent(world, input)));
    const outcomes = await Promise.all(
      inputs.map((input, index) =>
        createIntent(world.deps, customer, { ...input, idempotency: { key, fingerprint: String(index) } }),
      ),
    );
    expect(outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.error.code)).toSorted()).toEqual([
      "idempotency_key_reused",
      "ok",
    ]);
  });

  it("is not stored when the order could not be paid", async () => {
    const world = newWorld();
    const paid = intentInput();
    await newAuthorized(world, paid);
    const { key } = keyed("a");
    const refused = await createIntent(world.deps, customer, { ...paid, idempotency: { key, fingerprint: "a" } });
    expect(refused).toMatchObject({ ok: false, error: { code: "order_not_payable" } });
    const free = intentInput({ idempotency: { key, fingerprint: "b" } });
    expect(valueOf(await createIntent(world.deps, customer, free))).toMatchObject({ created: true, replayed: false });
  });
});
