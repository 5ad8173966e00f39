import { env } from "cloudflare:workers";
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Stripe } from "stripe";
import {
  authorizedIntent,
  call,
  client,
  newIntent,
  refusal,
  refuseNext,
  sandbox,
  setFaults,
  typesOf,
  webhooksOf,
} from "./support/client.ts";

const SECRET = "whsec_local_development";
const stripe = client();
const ledger = (env as unknown as SandboxEnv).LEDGER.getByName("stripe");

async function arrived(intentId: string, count: number): Promise<string[]> {
  return await vi.waitUntil(
    async () => {
      const types = typesOf(await webhooksOf(intentId));
      return types.length >= count ? types : undefined;
    },
    { timeout: 5_000, interval: 20 },
  );
}

/** Makes every waiting delivery due, and runs the alarm. */
async function deliverWaiting(): Promise<void> {
  await runInDurableObject(ledger, (_instance, state) => {
    state.storage.sql.exec("UPDATE deliveries SET due_ms = 0");
    return state.storage.setAlarm(Date.now() + 60_000);
  });
  await runDurableObjectAlarm(ledger);
}

async function waitingDeliveries(): Promise<number> {
  return await runInDurableObject(
    ledger,
    (_instance, state) => state.storage.sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM deliveries").one().n,
  );
}

afterEach(async () => {
  await setFaults({ webhooks: "deliver", answers: "ok" });
  await refuseNext(0);
});

describe("webhooks", () => {
  it("are signed so that the SDK verifies them", async () => {
    const { id } = await authorizedIntent();
    await arrived(id, 1);
    const [webhook] = await webhooksOf(id);
    expect(webhook?.pathname).toBe("/api/webhooks/stripe");
    const { body, signature } = webhook ?? { body: "", signature: "" };
    const event = await stripe.webhooks.constructEventAsync(body, signature, SECRET);
    expect(event).toMatchObject({ type: "payment_intent.amount_capturable_updated", data: { object: { id } } });
    const forged = stripe.webhooks.constructEventAsync(body, signature, "whsec_other");
    await expect(forged).rejects.toBeInstanceOf(Stripe.errors.StripeSignatureVerificationError);
  });

  it("report each step once, and leave nothing to deliver", async () => {
    const { id } = await authorizedIntent();
    await stripe.paymentIntents.capture(id);
    await stripe.refunds.create({ payment_intent: id });
    const types = await arrived(id, 5);
    expect(types.toSorted()).toEqual([
      "charge.captured",
      "charge.refunded",
      "payment_intent.amount_capturable_updated",
      "payment_intent.succeeded",
      "refund.created",
    ]);
    await vi.waitUntil(async () => (await waitingDeliveries()) === 0);
  });

  it("report a decline, an authentication and a cancellation", async () => {
    const { id } = await newIntent();
    await refusal(stripe.paymentIntents.confirm(id, { payment_method: "pm_card_chargeDeclined" }));
    await stripe.paymentIntents.confirm(id, { payment_method: "pm_card_authenticationRequired" });
    await stripe.paymentIntents.cancel(id);
    expect((await arrived(id, 3)).toSorted()).toEqual([
      "payment_intent.canceled",
      "payment_intent.payment_failed",
      "payment_intent.requires_action",
    ]);
  });

  it("are sent again until the endpoint accepts them", async () => {
    await refuseNext(2);
    const { id } = await authorizedIntent();
    await arrived(id, 1);
    await vi.waitUntil(async () => {
      await deliverWaiting();
      return (await waitingDeliveries()) === 0;
    });
    const bodies = (await webhooksOf(id)).map(({ body }) => body);
    expect(bodies).toHaveLength(3);
    expect(new Set(bodies).size).toBe(1);
  });
});

describe("fault switches", () => {
  it("are returned, changed one by one, and validated", async () => {
    expect(await (await setFaults({ webhooks: "drop" })).json()).toEqual({ webhooks: "drop", answers: "ok" });
    expect(await (await call("GET", "/faults")).json()).toEqual({ webhooks: "drop", answers: "ok" });
    expect((await setFaults({ webhooks: "eat" })).status).toBe(400);
  });

  it("drop: the event exists and is never sent", async () => {
    await setFaults({ webhooks: "drop" });
    const { id } = await authorizedIntent();
    expect(await waitingDeliveries()).toBe(0);
    expect(await webhooksOf(id)).toEqual([]);
    const { data } = await stripe.events.list({ limit: 1 });
    expect(data[0]?.data.object).toMatchObject({ id });
  });

  it("duplicate: the same event arrives twice", async () => {
    await setFaults({ webhooks: "duplicate" });
    const { id } = await authorizedIntent();
    await arrived(id, 2);
    const [first, second] = await webhooksOf(id);
    expect(first?.body).toBe(second?.body);
  });

  it("delay: the event comes later", async () => {
    await setFaults({ webhooks: "delay" });
    const { id } = await authorizedIntent();
    expect(await webhooksOf(id)).toEqual([]);
    await deliverWaiting();
    expect(await arrived(id, 1)).toHaveLength(1);
  });

  it("shuffle: the later event comes first", async () => {
    await setFaults({ webhooks: "shuffle" });
    const { id } = await authorizedIntent();
    await stripe.paymentIntents.capture(id);
    await deliverWaiting();
    const types = await arrived(id, 3);
    expect(types.indexOf("payment_intent.succeeded")).toBeLessThan(
      types.indexOf("payment_intent.amount_capturable_updated"),
    );
  });

  it("error_500: nothing was done", async () => {
    await setFaults({ answers: "error_500" });
    const key = { idempotencyKey: crypto.randomUUID() };
    const params = { amount: 500, currency: "usd", metadata: { fault: key.idempotencyKey } };
    expect((await refusal(stripe.paymentIntents.create(params, key))).statusCode).toBe(500);
    await setFaults({ answers: "ok" });
    const [newest] = (await stripe.paymentIntents.list({ limit: 1 })).data;
    expect(newest?.metadata["fault"]).not.toBe(key.idempotencyKey);
  });

  it("drop_after: the work is done, and its key replays the answer", async () => {
    await setFaults({ answers: "drop_after" });
    const key = { idempotencyKey: crypto.randomUUID() };
    const params = { amount: 500, currency: "usd", metadata: { fault: key.idempotencyKey } };
    expect((await refusal(stripe.paymentIntents.create(params, key))).type).toBe("StripeConnectionError");
    await setFaults({ answers: "ok" });
    const again = await stripe.paymentIntents.create(params, key);
    const [newest] = (await stripe.paymentIntents.list({ limit: 1 })).data;
    expect(again.id).toBe(newest?.id);
  });

  it("hang: a second request under the key is a conflict", async () => {
    await setFaults({ answers: "hang" });
    const key = { idempotencyKey: crypto.randomUUID() };
    const params = { amount: 500, currency: "usd" };
    const impatient = await refusal(stripe.paymentIntents.create(params, { ...key, timeout: 200 }));
    expect(impatient.type).toBe("StripeConnectionError");
    const second = await refusal(stripe.paymentIntents.create(params, key));
    expect(second).toMatchObject({ statusCode: 409, code: "idempotency_key_in_use" });
    await setFaults({ answers: "ok" });
    const third = await stripe.paymentIntents.create(params, key);
    expect(third.status).toBe("requires_payment_method");
  });
});

describe("payments imported from the seeds", () => {
  const PAYMENT = {
    id: "pi_seed1",
    chargeId: "ch_seed1",
    clientSecret: "pi_seed1_secret_1",
    amount: 9_900,
    currency: "USD",
    status: "succeeded",
    metadata: { paymentId: "pay_seed1" },
    refunds: [{ id: "re_seed1", amount: 900, metadata: {}, createdAt: 1_760_000_100_000 }],
    createdAt: 1_760_000_000_000,
    canceledAt: null,
  };

  it("are added once and can be refunded", async () => {
    expect(await sandbox.SandboxAdmin.importPayments([PAYMENT])).toBe(1);
    expect(await sandbox.SandboxAdmin.importPayments([PAYMENT])).toBe(0);
    const intent = await stripe.paymentIntents.retrieve("pi_seed1", { expand: ["latest_charge"] });
    expect(intent).toMatchObject({ status: "succeeded", amount_received: 9_900, metadata: { paymentId: "pay_seed1" } });
    expect(intent.latest_charge).toMatchObject({ captured: true, amount_refunded: 900 });
    expect((await stripe.refunds.create({ payment_intent: "pi_seed1" })).amount).toBe(9_000);
  });

  it("can still be captured when they were only authorized", async () => {
    await sandbox.SandboxAdmin.importPayments([
      { ...PAYMENT, id: "pi_seed2", chargeId: "ch_seed2", status: "requires_capture", refunds: [] },
    ]);
    expect((await stripe.paymentIntents.capture("pi_seed2")).amount_received).toBe(9_900);
  });

  it("may have been cancelled before anybody paid", async () => {
    await sandbox.SandboxAdmin.importPayments([
      { ...PAYMENT, id: "pi_seed3", chargeId: null, status: "canceled", refunds: [], canceledAt: PAYMENT.createdAt },
    ]);
    const intent = await stripe.paymentIntents.retrieve("pi_seed3", { expand: ["latest_charge"] });
    expect(intent).toMatchObject({ status: "canceled", latest_charge: null, canceled_at: 1_760_000_000 });
  });

  it("are forgotten by a reset", async () => {
    await sandbox.SandboxAdmin.importPayments([PAYMENT]);
    await sandbox.SandboxAdmin.reset();
    expect((await stripe.paymentIntents.list()).data).toEqual([]);
  });
});
