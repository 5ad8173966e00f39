// Actions in Stripe's dashboard and of banks, which the shop learns of by webhooks.
import { describe, expect, it } from "vitest";
import type { Stripe } from "stripe";
import { authorizedIntent, client, newIntent, refusal, sandbox, typesOf, webhooksOf } from "./support/client.ts";

const stripe = client();

interface Acted<T> {
  readonly status: number;
  readonly body: T;
}

async function dashboard<T>(path: string, body: object = {}): Promise<Acted<T>> {
  const response = await sandbox.default.fetch(
    new Request(`http://localhost:8787/dashboard${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
  return { status: response.status, body: await response.json() };
}

async function capturedIntent(method = "pm_card_visa"): Promise<string> {
  const { id } = await newIntent({ confirm: true, payment_method: method });
  await stripe.paymentIntents.capture(id);
  return id;
}

async function opened(intentId: string, amount?: number): Promise<Stripe.Dispute> {
  const { status, body } = await dashboard<Stripe.Dispute>("/disputes", { payment_intent: intentId, amount });
  expect(status).toBe(200);
  return body;
}

describe("a refund in the dashboard", () => {
  it("has no metadata of the shop, and its events are delivered", async () => {
    const id = await capturedIntent();
    const { status, body } = await dashboard<Stripe.Refund>("/refunds", {
      payment_intent: id,
      amount: 500,
      reason: "duplicate",
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: "refund",
      amount: 500,
      status: "succeeded",
      reason: "duplicate",
      metadata: {},
    });
    expect((await stripe.refunds.list({ payment_intent: id })).data.map((refund) => refund.id)).toEqual([body.id]);
    expect(typesOf(await webhooksOf(id))).toEqual(expect.arrayContaining(["refund.created", "charge.refunded"]));
  });

  it("over what is left, of nothing, or with invalid parameters is Stripe's 400", async () => {
    const id = await capturedIntent();
    for (const body of [
      { payment_intent: id, amount: 12_001 },
      { payment_intent: id, amount: -1 },
      { payment_intent: id, amount: 1.5 },
      { payment_intent: id, colour: "red" },
      {},
    ]) {
      expect((await dashboard("/refunds", body)).status).toBe(400);
    }
    expect((await dashboard("/refunds", { payment_intent: "pi_none" })).status).toBe(404);
    expect((await dashboard("/elsewhere")).status).toBe(404);
  });

  it("to a slow bank is pending until it is settled, and returns its amount when it fails", async () => {
    const id = await capturedIntent("pm_card_pendingRefund");
    const refund = await stripe.refunds.create({ payment_intent: id, amount: 12_000 });
    expect(refund.status).toBe("pending");
    expect(await refusal(stripe.refunds.create({ payment_intent: id }))).toMatchObject({
      code: "charge_already_refunded",
    });
    await dashboard(`/refunds/${refund.id}/settle`, { status: "failed" });
    expect((await stripe.refunds.retrieve(refund.id)).status).toBe("failed");
    expect(typesOf(await webhooksOf(id))).toContain("refund.failed");
    const again = await stripe.refunds.create({ payment_intent: id, amount: 12_000 });
    expect((await dashboard<Stripe.Refund>(`/refunds/${again.id}/settle`)).body.status).toBe("succeeded");
    expect((await dashboard(`/refunds/${refund.id}/settle`)).status).toBe(400);
  });
});

describe("a dispute", () => {
  it("withdraws the money immediately and sends events", async () => {
    const id = await capturedIntent();
    const dispute = await opened(id);
    expect(dispute).toMatchObject({
      object: "dispute",
      amount: 12_000,
      payment_intent: id,
      status: "needs_response",
      reason: "fraudulent",
      balance_transactions: [{ amount: -12_000 }],
    });
    expect(dispute.evidence_details.due_by).toBeGreaterThan(dispute.created);
    expect((await stripe.disputes.list({ payment_intent: id })).data).toEqual([dispute]);
    const intent = await stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] });
    expect(intent.latest_charge).toMatchObject({ disputed: true });
    expect(typesOf(await webhooksOf(id))).toEqual(
      expect.arrayContaining(["charge.dispute.created", "charge.dispute.funds_withdrawn"]),
    );
  });

  it("prevents refunds while it is open or lost", async () => {
    const id = await capturedIntent();
    const { id: disputeId } = await opened(id);
    const refused = { code: "charge_disputed" };
    expect(await refusal(stripe.refunds.create({ payment_intent: id, amount: 1 }))).toMatchObject(refused);
    await dashboard(`/disputes/${disputeId}/close`, { outcome: "lost" });
    expect(await refusal(stripe.refunds.create({ payment_intent: id, amount: 1 }))).toMatchObject(refused);
    expect(typesOf(await webhooksOf(id))).not.toContain("charge.dispute.funds_reinstated");
  });

  it("of a part prevents all refunds while it is open, and leaves the rest refundable once it is lost", async () => {
    const id = await capturedIntent();
    const { id: disputeId } = await opened(id, 5_000);
    const create = (amount: number): Promise<unknown> => stripe.refunds.create({ payment_intent: id, amount });
    const refused = { code: "charge_disputed" };
    expect(await refusal(create(1))).toMatchObject(refused);
    await dashboard(`/disputes/${disputeId}/close`, { outcome: "lost" });
    expect(await refusal(create(7_001))).toMatchObject({ param: "amount" });
    await create(7_000);
    expect(await refusal(create(1))).toMatchObject(refused);
  });

  it("that is responded to and won returns the money, and the charge can be refunded again", async () => {
    const id = await capturedIntent();
    const { id: disputeId } = await opened(id);
    expect((await dashboard<Stripe.Dispute>(`/disputes/${disputeId}/respond`)).body.status).toBe("under_review");
    await dashboard(`/disputes/${disputeId}/close`, { outcome: "won" });
    const dispute = await stripe.disputes.retrieve(disputeId);
    expect(dispute.balance_transactions.map(({ amount }) => amount)).toEqual([-12_000, 12_000]);
    expect((await stripe.refunds.create({ payment_intent: id })).status).toBe("succeeded");
    expect((await dashboard(`/disputes/${disputeId}/close`, { outcome: "lost" })).status).toBe(400);
    expect(typesOf(await webhooksOf(id))).toEqual(
      expect.arrayContaining(["charge.dispute.updated", "charge.dispute.funds_reinstated", "charge.dispute.closed"]),
    );
  });

  it("is one at a time, of captured money, and no more of it", async () => {
    const id = await capturedIntent();
    await opened(id);
    expect((await dashboard("/disputes", { payment_intent: id })).status).toBe(400);
    const held = await authorizedIntent();
    expect((await dashboard("/disputes", { payment_intent: held.id })).status).toBe(400);
    const unpaid = await newIntent();
    expect((await dashboard("/disputes", { payment_intent: unpaid.id })).status).toBe(400);
    const other = await capturedIntent();
    expect((await dashboard("/disputes", { payment_intent: other, amount: 12_001 })).status).toBe(400);
  });
});

describe("an authorization", () => {
  it("is captured in part or cancelled from the dashboard", async () => {
    const first = await authorizedIntent();
    await dashboard(`/payment_intents/${first.id}/capture`, { amount: 4_000 });
    expect(await stripe.paymentIntents.retrieve(first.id)).toMatchObject({
      status: "succeeded",
      amount_received: 4_000,
    });
    const second = await authorizedIntent();
    await dashboard(`/payment_intents/${second.id}/cancel`);
    expect((await stripe.paymentIntents.retrieve(second.id)).status).toBe("canceled");
  });

  it("that expires is cancelled by Stripe with two events", async () => {
    const { id } = await authorizedIntent();
    await dashboard(`/payment_intents/${id}/expire`);
    expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: "canceled",
      cancellation_reason: "expired",
    });
    expect(typesOf(await webhooksOf(id))).toEqual(
      expect.arrayContaining(["payment_intent.canceled", "charge.expired"]),
    );
    expect((await dashboard(`/payment_intents/${id}/expire`)).status).toBe(400);
  });
});

describe("the dashboard's HTTP interface", () => {
  it("accepts JSON or a form, and only POST", async () => {
    const id = await capturedIntent();
    const post = (init: RequestInit): Promise<Response> =>
      sandbox.default.fetch(new Request("http://localhost:8787/dashboard/refunds", { method: "POST", ...init }));
    expect((await post({ body: new URLSearchParams({ payment_intent: id, amount: "1" }) })).status).toBe(200);
    expect((await post({ body: "{" })).status).toBe(400);
    expect((await post({ body: '{"amount":{}}' })).status).toBe(400);
    expect((await sandbox.default.fetch(new Request("http://localhost:8787/dashboard/refunds"))).status).toBe(405);
  });
});
