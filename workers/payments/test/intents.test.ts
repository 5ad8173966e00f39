import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { CALL_TIMEOUT_POLICY, SWEEP_BATCH } from "../src/constants.ts";
import { cancelOrderPayments } from "../src/service/closing.ts";
import { createIntent } from "../src/service/intents.ts";
import { stripeClient } from "../src/service/stripe/client.ts";
import {
  AMOUNT,
  endOthers,
  intentInput,
  newAuthorized,
  newIntent,
  newWorld,
  paymentOf,
  paymentsOf,
  sweepAll,
  valueOf,
} from "./kit.ts";

const CANCEL = { actor: "orders", reason: "ORDER_CANCELLED" };

describe("an order's payment intent", () => {
  it("is created at Stripe for manual capture, with the payment's id in its metadata", async () => {
    const world = newWorld();
    const input = intentInput();
    const made = valueOf(await createIntent(world.deps, callAs("customer"), input));
    expect(made).toMatchObject({
      created: true,
      replayed: false,
      intent: { orderId: input.orderId, amount: AMOUNT, currency: "USD", status: "CREATED" },
    });
    const stored = world.peer.intent(made.intent.stripePaymentIntentId);
    expect(stored.metadata).toEqual({ paymentId: made.intent.id, orderId: input.orderId });
    expect(stored.client_secret).toBe(made.intent.clientSecret);
    expect(await paymentOf(world, input.orderId)).toMatchObject({ history: [{ status: "CREATED", reason: "intent" }] });
  });

  it("has the history that the version before wrote, before its own", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id } = await newIntent(world, input);
    await world.deps.db.batch([
      sql`UPDATE payments SET history = '[]' WHERE id = ${id}`,
      sql`INSERT INTO payment_history (payment_id, version, status, at, actor, reason) VALUES (${id}, 1, 'CREATED', 1, 'before', 'intent')`,
    ]);
    await newAuthorized(world, input);
    const { history } = await paymentOf(world, input.orderId);
    expect(history.map(({ status, actor }) => [status, actor])).toEqual([
      ["CREATED", "before"],
      ["AUTHORIZED", "stripe"],
    ]);
  });

  it("is the same for a second call while it can be paid", async () => {
    const world = newWorld();
    const input = intentInput();
    const first = await newIntent(world, input);
    world.peer.decline(first.stripePaymentIntentId, "insufficient_funds");
    const second = valueOf(await createIntent(world.deps, callAs("customer"), input));
    expect(second).toMatchObject({ created: false, replayed: false, intent: { id: first.id, status: "FAILED" } });
    expect(second.intent.clientSecret).toBe(first.clientSecret);
  });

  it("is created once by twenty concurrent calls", async () => {
    const world = newWorld();
    const input = intentInput();
    const made = await Promise.all(
      Array.from({ length: 20 }, async () => valueOf(await createIntent(world.deps, callAs("customer"), input))),
    );
    expect(new Set(made.map(({ intent }) => intent.stripePaymentIntentId)).size).toBe(1);
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(world.peer.intents.size).toBe(1);
    expect(await paymentsOf(world, input.orderId)).toHaveLength(1);
  });

  it("is completed with the same key after Stripe's answer was lost", async () => {
    const world = newWorld();
    const input = intentInput();
    world.peer.faults = ["drop_after"];
    const lost = await createIntent(world.deps, callAs("customer"), input);
    expect(lost).toMatchObject({ ok: false, error: { code: "payment_provider_unavailable" } });
    expect((await paymentOf(world, input.orderId)).stripePaymentIntentId).toBeNull();
    const intent = await newIntent(world, input);
    expect([...world.peer.intents.keys()]).toEqual([intent.stripePaymentIntentId]);
  });

  it("is completed by a sweep of everything, however many there are", async () => {
    const world = newWorld();
    await endOthers(world);
    const many = Array.from({ length: SWEEP_BATCH + 20 }, (_, index) => index);
    await world.deps.db
      .run(sql`INSERT INTO payments (id, order_id, order_number, customer, amount, currency, status, correlation_id,
        next_check_at, created_at, updated_at)
      SELECT 'pay_many' || value, 'ord_many' || value, 'TP-1', '{"id":null,"email":"a@example.com","name":"A","locale":"en"}', 100,
        'USD', 'CREATED', 'req_many', value, 1, 1 FROM json_each(${JSON.stringify(many)})`);
    expect((await sweepAll(world))["openPayments"]).toBe(SWEEP_BATCH + 20);
    expect(world.peer.intents.size).toBe(SWEEP_BATCH + 20);
  });

  it("is completed by the sweep after a crash between the row and Stripe", async () => {
    const world = newWorld();
    const input = intentInput();
    world.peer.faults = ["drop_before"];
    await createIntent(world.deps, callAs("customer"), input);
    await sweepAll(world);
    expect((await paymentOf(world, input.orderId)).stripePaymentIntentId).not.toBeNull();
  });

  it("survives a lost answer by the SDK's own retry", async () => {
    const world = newWorld({ retries: 2 });
    world.peer.faults = ["drop_after"];
    await newIntent(world);
    expect(world.peer.intents.size).toBe(1);
  });

  it("is not lost to a 500 that Stripe repeats under its key", async () => {
    const world = newWorld();
    const input = intentInput();
    world.peer.faults = ["error_500"];
    expect(await createIntent(world.deps, callAs("customer"), input)).toMatchObject({ ok: false });
    expect(await newIntent(world, input)).toMatchObject({ status: "CREATED" });
  });

  it("answers payment_provider_unavailable when Stripe hangs", async () => {
    const world = newWorld({ timeoutMs: 50 });
    world.peer.faults = ["hang"];
    const outcome = await createIntent(world.deps, callAs("customer"), intentInput());
    expect(outcome).toMatchObject({ ok: false, error: { code: "payment_provider_unavailable" } });
  });

  it("is refused for an order that is paid", async () => {
    const world = newWorld();
    const input = intentInput();
    await newAuthorized(world, input);
    const again = await createIntent(world.deps, callAs("customer"), input);
    expect(again).toMatchObject({ ok: false, error: { code: "order_not_payable" } });
  });

  it("is refused for an order that was paid without a webhook", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    const again = await createIntent(world.deps, callAs("customer"), input);
    expect(again).toMatchObject({ ok: false, error: { code: "order_not_payable" } });
    expect((await paymentOf(world, input.orderId)).status).toBe("AUTHORIZED");
  });

  it("is refused for another amount", async () => {
    const world = newWorld();
    const input = intentInput();
    await newIntent(world, input);
    const other = await createIntent(world.deps, callAs("customer"), { ...input, amount: AMOUNT + 1 });
    expect(other).toMatchObject({ ok: false, error: { code: "order_not_payable" } });
  });

  it("is refused for a closed order, and no row is written", async () => {
    const world = newWorld();
    const input = intentInput();
    await cancelOrderPayments(world.deps, input.orderId, "cancelled", CANCEL);
    const refused = await createIntent(world.deps, callAs("customer"), input);
    expect(refused).toMatchObject({ ok: false, error: { code: "order_not_payable" } });
    expect(await paymentsOf(world, input.orderId)).toEqual([]);
    expect(world.peer.requests).toEqual([]);
  });

  it("is cancelled and returned to nobody when the order is closed during its creation", async () => {
    const world = newWorld();
    const input = intentInput();
    world.peer.before = async (request) => {
      world.peer.before = undefined;
      if (request === "POST /v1/payment_intents") {
        await cancelOrderPayments(world.deps, input.orderId, "cancelled", CANCEL);
      }
    };
    const outcome = await createIntent(world.deps, callAs("customer"), input);
    expect(outcome).toMatchObject({ ok: false, error: { code: "order_not_payable" } });
    expect([...world.peer.intents.values()].map(({ status }) => status)).toEqual(["canceled"]);
    expect((await paymentOf(world, input.orderId)).status).toBe("VOIDED");
  });
});

describe("an intent under an Idempotency-Key", () => {
  it("is replayed for the same request, and refused for another", async () => {
    const world = newWorld();
    const idempotency = { key: newId("req"), fingerprint: "a" };
    const input = intentInput({ idempotency });
    const first = valueOf(await createIntent(world.deps, callAs("customer"), input));
    expect(first.replayed).toBe(false);
    const again = valueOf(await createIntent(world.deps, callAs("customer"), input));
    expect(again).toMatchObject({ replayed: true, intent: { id: first.intent.id } });
    const other = intentInput({ idempotency: { ...idempotency, fingerprint: "b" } });
    expect(await createIntent(world.deps, callAs("customer"), other)).toMatchObject({
      ok: false,
      error: { code: "idempotency_key_reused" },
    });
    expect(await paymentsOf(world, other.orderId)).toEqual([]);
  });
});

describe("the tables", () => {
  it("refuse to capture more than the amount, and to refund more than was captured", async () => {
    const world = newWorld();
    const { id } = await newIntent(world);
    const set = async (column: string, value: number): Promise<void> => {
      await world.deps.db.run(sql`UPDATE payments SET ${sql.identifier(column)} = ${value} WHERE id = ${id}`);
    };
    await expect(set("amount_captured", AMOUNT + 1)).rejects.toThrow(/CHECK constraint failed/);
    await expect(set("amount_refunded", 1)).rejects.toThrow(/CHECK constraint failed/);
  });
});

describe("the client", () => {
  it("refuses to run against the sandbox with a live key", () => {
    const sandbox = { fetch: async () => new Response() } as unknown as Fetcher;
    expect(() => stripeClient({ secretKey: "sk_live_abc", sandbox }, CALL_TIMEOUT_POLICY)).toThrow(/not a test key/);
  });
});
