import { describe, expect, it } from "vitest";
import type { Stripe } from "stripe";
import { authorizedIntent, call, client, newIntent, refusal } from "./support/client.ts";

const stripe = client();

describe("a PaymentIntent with manual capture", () => {
  it("is created, confirmed and captured", async () => {
    const created = await newIntent({ metadata: { paymentId: "pay_1" } });
    expect(created).toMatchObject({
      object: "payment_intent",
      status: "requires_payment_method",
      amount: 12_000,
      amount_capturable: 0,
      currency: "usd",
      metadata: { paymentId: "pay_1" },
      livemode: false,
    });
    expect(created.client_secret).toMatch(new RegExp(`^${created.id}_secret_`));

    const confirmed = await stripe.paymentIntents.confirm(created.id, { payment_method: "pm_card_visa" });
    expect(confirmed).toMatchObject({ status: "requires_capture", amount_capturable: 12_000, amount_received: 0 });

    const captured = await stripe.paymentIntents.capture(created.id, {}, { idempotencyKey: `capture:${created.id}` });
    expect(captured).toMatchObject({ status: "succeeded", amount_capturable: 0, amount_received: 12_000 });
  });

  it("has its charge when it is expanded", async () => {
    const { id } = await authorizedIntent();
    const intent = await stripe.paymentIntents.retrieve(id, { expand: ["latest_charge", "latest_charge.refunds"] });
    const charge = intent.latest_charge as Stripe.Charge;
    expect(charge).toMatchObject({
      captured: false,
      amount_captured: 0,
      disputed: false,
      payment_intent: id,
      paid: true,
    });
    expect(charge.payment_method_details?.card?.capture_before).toBeGreaterThan(intent.created);
    expect(charge.refunds?.data).toEqual([]);
  });

  it("can be created and confirmed in one call, also with automatic capture", async () => {
    const held = await newIntent({ confirm: true, payment_method: "pm_card_visa" });
    expect(held.status).toBe("requires_capture");
    const taken = await newIntent({ confirm: true, payment_method: "pm_card_visa", capture_method: "automatic" });
    expect(taken).toMatchObject({ status: "succeeded", amount_received: 12_000 });
  });

  it("releases the rest after a partial capture, and cannot be captured twice", async () => {
    const { id } = await authorizedIntent();
    const captured = await stripe.paymentIntents.capture(id, { amount_to_capture: 5_000, expand: ["latest_charge"] });
    expect(captured.amount_received).toBe(5_000);
    expect(captured.latest_charge).toMatchObject({
      amount: 12_000,
      amount_captured: 5_000,
      amount_refunded: 0,
      refunded: false,
    });
    expect((await stripe.refunds.list({ payment_intent: id })).data).toEqual([]);
    const again = await refusal(stripe.paymentIntents.capture(id));
    expect(again).toMatchObject({ statusCode: 400, code: "payment_intent_unexpected_state" });
    expect(again.payment_intent?.id).toBe(id);
  });

  it("cannot be captured beyond what was authorized", async () => {
    const { id } = await authorizedIntent();
    const error = await refusal(stripe.paymentIntents.capture(id, { amount_to_capture: 12_001 }));
    expect(error).toMatchObject({ statusCode: 400, code: "amount_too_large", param: "amount_to_capture" });
  });

  it("is cancelled, and then neither confirmed nor captured nor cancelled again", async () => {
    const { id } = await authorizedIntent();
    const canceled = await stripe.paymentIntents.cancel(id, { cancellation_reason: "requested_by_customer" });
    expect(canceled).toMatchObject({
      status: "canceled",
      amount_capturable: 0,
      cancellation_reason: "requested_by_customer",
    });
    expect(canceled.canceled_at).not.toBeNull();
    const charge = await stripe.charges.retrieve(canceled.latest_charge as string);
    expect(charge).toMatchObject({ amount_captured: 0, amount_refunded: 0, refunded: false });
    for (const attempt of [
      () => stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" }),
      () => stripe.paymentIntents.capture(id),
      () => stripe.paymentIntents.cancel(id),
    ]) {
      expect((await refusal(attempt())).code).toBe("payment_intent_unexpected_state");
    }
  });

  it("changes its amount only while it is unpaid", async () => {
    const { id } = await newIntent();
    const updated = await stripe.paymentIntents.update(id, { amount: 900, metadata: { a: "1" } });
    expect(updated).toMatchObject({ amount: 900, metadata: { a: "1" } });
    await stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" });
    expect((await refusal(stripe.paymentIntents.update(id, { amount: 1_000 }))).code).toBe(
      "payment_intent_unexpected_state",
    );
    expect((await stripe.paymentIntents.update(id, { metadata: { a: "" } })).metadata).toEqual({});
  });
});

describe("cards that are declined", () => {
  it.each([
    ["pm_card_chargeDeclined", "generic_decline"],
    ["pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"],
  ])("%s answers 402 and leaves the intent payable", async (method, declineCode) => {
    const { id } = await newIntent();
    const error = await refusal(stripe.paymentIntents.confirm(id, { payment_method: method }));
    expect(error).toMatchObject({
      type: "StripeCardError",
      statusCode: 402,
      code: "card_declined",
      decline_code: declineCode,
    });
    expect(error.payment_intent).toMatchObject({ id, status: "requires_payment_method" });
    const failed = await stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] });
    expect(failed.last_payment_error).toMatchObject({ decline_code: declineCode, type: "card_error" });
    expect(failed.latest_charge).toMatchObject({ status: "failed", paid: false, captured: false });
    const paid = await stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" });
    expect(paid).toMatchObject({ status: "requires_capture", last_payment_error: null });
  });

  it("an unknown payment method is refused", async () => {
    const { id } = await newIntent();
    const error = await refusal(stripe.paymentIntents.confirm(id, { payment_method: "pm_card_imaginary" }));
    expect(error).toMatchObject({ statusCode: 400, code: "resource_missing", param: "payment_method" });
  });
});

describe("refunds", () => {
  it("can be partial, and never exceed what was captured", async () => {
    const { id } = await authorizedIntent();
    await stripe.paymentIntents.capture(id, { amount_to_capture: 5_000 });
    const first = await stripe.refunds.create({ payment_intent: id, amount: 2_000, metadata: { refundId: "rfd_1" } });
    expect(first).toMatchObject({
      object: "refund",
      status: "succeeded",
      amount: 2_000,
      payment_intent: id,
      currency: "usd",
    });
    expect((await refusal(stripe.refunds.create({ payment_intent: id, amount: 3_001 }))).param).toBe("amount");
    const rest = await stripe.refunds.create({ charge: first.charge as string, reason: "requested_by_customer" });
    expect(rest.amount).toBe(3_000);
    expect((await refusal(stripe.refunds.create({ payment_intent: id }))).code).toBe("charge_already_refunded");
    const charge = await stripe.charges.retrieve(first.charge as string);
    expect(charge).toMatchObject({ refunded: true, amount_refunded: 5_000 });
    const all = await stripe.refunds.list({ payment_intent: id });
    expect(all.data.map((refund) => refund.id)).toEqual([rest.id, first.id]);
    expect(await stripe.refunds.retrieve(first.id)).toMatchObject({ id: first.id, metadata: { refundId: "rfd_1" } });
    expect((await stripe.disputes.list({ payment_intent: id })).data).toEqual([]);
  });

  it("require captured money", async () => {
    const { id } = await authorizedIntent();
    expect((await refusal(stripe.refunds.create({ payment_intent: id }))).statusCode).toBe(400);
  });
});

describe("3-D Secure", () => {
  const confirmed = async (returnUrl?: string): Promise<{ id: string; path: string }> => {
    const { id } = await newIntent();
    const intent = await stripe.paymentIntents.confirm(id, {
      payment_method: "pm_card_authenticationRequired",
      ...(returnUrl === undefined ? {} : { return_url: returnUrl }),
    });
    expect(intent.status).toBe("requires_action");
    expect(intent.next_action?.type).toBe("redirect_to_url");
    const url = new URL(intent.next_action?.redirect_to_url?.url ?? "");
    expect(url.pathname).toBe(`/_stripe/3ds/${id}`);
    return { id, path: `${url.pathname.slice("/_stripe".length)}${url.search}` };
  };

  it("has a page whose approval authorizes the payment", async () => {
    const { id, path } = await confirmed("https://shop.example/done?order=1");
    const page = await call("GET", path);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("$120.00");
    const secret = new URLSearchParams(path.split("?")[1]).get("secret") ?? "";
    const sent = await call("POST", path, { secret, outcome: "approve" });
    expect(sent.status).toBe(303);
    const location = new URL(sent.headers.get("location") ?? "");
    expect(location.searchParams.get("order")).toBe("1");
    expect(location.searchParams.get("redirect_status")).toBe("succeeded");
    expect((await stripe.paymentIntents.retrieve(id)).status).toBe("requires_capture");
  });

  it("can be failed by a script, and another card can pay", async () => {
    const { id, path } = await confirmed();
    const failed = await call("POST", path, { outcome: "fail" }, { accept: "application/json" });
    expect(await failed.json()).toMatchObject({ id, status: "requires_payment_method" });
    const intent = await stripe.paymentIntents.retrieve(id);
    expect(intent.last_payment_error?.code).toBe("payment_intent_authentication_failure");
    const paid = await stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" });
    expect(paid.status).toBe("requires_capture");
  });

  it("requires the client secret", async () => {
    const { id } = await confirmed();
    const refused = await call("POST", `/3ds/${id}`, { secret: "wrong", outcome: "approve" });
    expect(refused.status).toBe(400);
    expect((await stripe.paymentIntents.retrieve(id)).status).toBe("requires_action");
  });
});
