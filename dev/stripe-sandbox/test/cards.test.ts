// The behaviour of the payment methods of Stripe's testing page.
import { describe, expect, it } from "vitest";
import type { Stripe } from "stripe";
import { call, client, newIntent, refusal, sandbox, typesOf, webhooksOf } from "./support/client.ts";

const stripe = client();

async function chargeOf(intent: Stripe.PaymentIntent): Promise<Stripe.Charge> {
  return await stripe.charges.retrieve(intent.latest_charge as string);
}

async function paidWith(
  method: string,
  params: Partial<Stripe.PaymentIntentCreateParams> = {},
): Promise<{ readonly intent: Stripe.PaymentIntent; readonly charge: Stripe.Charge }> {
  const intent = await newIntent({ confirm: true, payment_method: method, ...params });
  return { intent, charge: await chargeOf(intent) };
}

/** Posts an outcome to the bank's page of an intent. */
async function answer(intent: Stripe.PaymentIntent, outcome: "approve" | "fail"): Promise<Response> {
  const url = new URL(intent.next_action?.redirect_to_url?.url ?? "");
  const path = `${url.pathname.slice("/_stripe".length)}${url.search}`;
  return await call("POST", path, { outcome }, { accept: "application/json" });
}

describe("cards by brand and country", () => {
  it.each([
    ["visa_debit", { brand: "visa", funding: "debit", country: "US", last4: "5556" }],
    ["mastercard_prepaid", { brand: "mastercard", funding: "prepaid", last4: "5100" }],
    ["amex", { brand: "amex" }],
    ["discover", { brand: "discover" }],
    ["diners", { brand: "diners" }],
    ["jcb", { brand: "jcb" }],
    ["unionpay", { brand: "unionpay" }],
    ["de", { brand: "visa", country: "DE", last4: "0016" }],
    ["mx", { brand: "visa", country: "MX", last4: "8001" }],
    ["gb_debit", { country: "GB", funding: "debit" }],
  ])("pm_card_%s is good and shows what it is", async (name, shown) => {
    const { intent, charge } = await paidWith(`pm_card_${name}`);
    expect(intent.status).toBe("requires_capture");
    expect(charge.payment_method_details?.card).toMatchObject(shown);
    const { payment_method } = await stripe.paymentIntents.retrieve(intent.id, { expand: ["payment_method"] });
    expect(payment_method).toMatchObject({ object: "payment_method", card: shown });
  });
});

describe("cards that are declined", () => {
  it.each([
    ["visa_chargeDeclined", "card_declined", "generic_decline", undefined, "try_again_later"],
    ["visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", undefined, "try_again_later"],
    ["visa_chargeDeclinedLostCard", "card_declined", "lost_card", undefined, "do_not_try_again"],
    ["visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", undefined, "do_not_try_again"],
    ["chargeDeclinedStolenCard", "card_declined", "stolen_card", undefined, "do_not_try_again"],
    [
      "visa_chargeDeclinedVelocityLimitExceeded",
      "card_declined",
      "card_velocity_exceeded",
      undefined,
      "try_again_later",
    ],
    ["chargeDeclinedExpiredCard", "expired_card", "expired_card", "exp_month", "confirm_card_data"],
    ["chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "cvc", "confirm_card_data"],
    ["chargeDeclinedProcessingError", "processing_error", "processing_error", undefined, "try_again_later"],
    ["radarBlock", "card_declined", "fraudulent", undefined, undefined],
  ])("pm_card_%s is declined as %s, %s", async (name, code, declineCode, param, adviceCode) => {
    const { id } = await newIntent();
    const error = await refusal(stripe.paymentIntents.confirm(id, { payment_method: `pm_card_${name}` }));
    expect([error.statusCode, error.code, error.decline_code, error.param, error.advice_code]).toEqual([
      402,
      code,
      declineCode,
      param,
      adviceCode,
    ]);
    const failed = await stripe.paymentIntents.retrieve(id);
    expect(failed.status).toBe("requires_payment_method");
    expect(failed.last_payment_error?.advice_code).toBe(adviceCode);
    expect((await chargeOf(failed)).outcome).toMatchObject({ advice_code: adviceCode ?? null });
  });

  it("never reach the bank when Radar blocks them", async () => {
    const { id } = await newIntent();
    await refusal(stripe.paymentIntents.confirm(id, { payment_method: "pm_card_radarBlock" }));
    expect((await chargeOf(await stripe.paymentIntents.retrieve(id))).outcome).toMatchObject({
      type: "blocked",
      network_status: "not_sent_to_network",
      reason: "highest_risk_level",
      risk_level: "highest",
    });
  });

  it("do not include risky cards and failed checks, which the charge reports", async () => {
    const { charge: risky } = await paidWith("pm_card_riskLevelElevated");
    expect(risky.outcome).toMatchObject({ type: "authorized", risk_level: "elevated" });
    const { charge: failing } = await paidWith("pm_card_cvcCheckFail");
    expect(failing.payment_method_details?.card?.checks?.cvc_check).toBe("fail");
  });
});

describe("3-D Secure", () => {
  it("is on the charge once approved", async () => {
    const waiting = await newIntent({ confirm: true, payment_method: "pm_card_threeDSecure2Required" });
    expect(waiting.status).toBe("requires_action");
    await answer(waiting, "approve");
    const paid = await stripe.paymentIntents.retrieve(waiting.id);
    expect(paid.status).toBe("requires_capture");
    const { card } = (await chargeOf(paid)).payment_method_details ?? {};
    expect(card?.three_d_secure).toMatchObject({
      authentication_flow: "challenge",
      result: "authenticated",
      electronic_commerce_indicator: "05",
    });
    expect(card?.electronic_commerce_indicator).toBe("05");
  });

  it.each(["pm_card_visa", "pm_card_threeDSecureOptional"])("is not required by %s", async (method) => {
    const { intent, charge } = await paidWith(method);
    expect(intent.status).toBe("requires_capture");
    expect(charge.payment_method_details?.card?.three_d_secure).toBeNull();
  });

  it("is done by an optional card when it is requested, and reported missing by a card without it", async () => {
    const asked = { payment_method_options: { card: { request_three_d_secure: "any" } } } as const;
    const waiting = await newIntent({ confirm: true, payment_method: "pm_card_threeDSecureOptional", ...asked });
    expect(waiting.status).toBe("requires_action");
    const { charge: unenrolled } = await paidWith("pm_card_visa", asked);
    expect(unenrolled.payment_method_details?.card?.three_d_secure?.result).toBe("attempt_acknowledged");
    const { charge: amex } = await paidWith("pm_card_amex_threeDSecureNotSupported", asked);
    expect(amex.payment_method_details?.card?.three_d_secure?.result).toBe("not_supported");
  });

  it.each([
    ["pm_card_threeDSecureRequiredChargeDeclined", "generic_decline"],
    ["pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds"],
  ])("approved with %s is declined after all", async (method, declineCode) => {
    const waiting = await newIntent({ confirm: true, payment_method: method });
    expect((await answer(waiting, "approve")).status).toBe(402);
    const failed = await stripe.paymentIntents.retrieve(waiting.id);
    expect(failed).toMatchObject({
      status: "requires_payment_method",
      last_payment_error: { decline_code: declineCode },
    });
  });

  it("redirects the buyer as failed when the card is declined after the approval", async () => {
    const waiting = await newIntent({
      confirm: true,
      payment_method: "pm_card_threeDSecureRequiredChargeDeclined",
      return_url: "https://shop.example/done",
    });
    const url = new URL(waiting.next_action?.redirect_to_url?.url ?? "");
    const path = `${url.pathname.slice("/_stripe".length)}${url.search}`;
    const sent = await call("POST", path, { outcome: "approve" });
    const { searchParams } = new URL(sent.headers.get("location") ?? "");
    expect([sent.status, searchParams.get("redirect_status")]).toEqual([303, "failed"]);
    expect(searchParams.get("payment_intent")).toBe(waiting.id);
  });

  it("that fails without the buyer is a decline without a page", async () => {
    const { id } = await newIntent();
    const method = "pm_card_threeDSecureRequiredProcessingError";
    const error = await refusal(stripe.paymentIntents.confirm(id, { payment_method: method }));
    expect([error.statusCode, error.code]).toEqual([402, "card_declined"]);
  });

  it("declines an off-session card unless it is set up for that", async () => {
    const { id } = await newIntent();
    const pay = (method: string): Promise<Stripe.PaymentIntent> =>
      stripe.paymentIntents.confirm(id, { payment_method: method, off_session: true });
    expect(await refusal(pay("pm_card_authenticationRequired"))).toMatchObject({
      statusCode: 402,
      code: "authentication_required",
      decline_code: "authentication_required",
    });
    expect((await pay("pm_card_authenticationRequiredSetupForOffSession")).status).toBe("requires_capture");
  });
});

describe("cards with later effects", () => {
  it.each([
    ["pm_card_createDispute", "fraudulent", "needs_response", 1],
    ["pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response", 1],
    ["pm_card_createDisputeInquiry", "fraudulent", "warning_needs_response", 0],
  ])("%s is disputed once the money is captured", async (method, reason, status, movements) => {
    const { intent } = await paidWith(method);
    expect((await stripe.disputes.list({ payment_intent: intent.id })).data).toEqual([]);
    await stripe.paymentIntents.capture(intent.id);
    const [dispute] = (await stripe.disputes.list({ payment_intent: intent.id })).data;
    expect(dispute).toMatchObject({ reason, status, amount: 12_000 });
    expect(dispute?.balance_transactions).toHaveLength(movements);
    expect((await chargeOf(intent)).disputed).toBe(true);
    expect(typesOf(await webhooksOf(intent.id))).toContain("charge.dispute.created");
    const { intent: immediate } = await paidWith(method, { capture_method: "automatic" });
    expect((await stripe.disputes.list({ payment_intent: immediate.id })).data).toHaveLength(1);
  });

  it("an inquiry withdraws no money, not even when it is closed", async () => {
    const { intent } = await paidWith("pm_card_createDisputeInquiry", { capture_method: "automatic" });
    const [dispute] = (await stripe.disputes.list({ payment_intent: intent.id })).data;
    const act = (path: string, body: object = {}): Promise<Response> =>
      sandbox.default.fetch(
        new Request(`http://localhost:8787/dashboard/disputes/${dispute?.id ?? ""}/${path}`, {
          method: "POST",
          body: JSON.stringify(body),
        }),
      );
    expect(await (await act("close", { outcome: "lost" })).text()).toContain("not supported by the sandbox");
    expect(await (await act("respond")).json()).toMatchObject({ status: "warning_under_review" });
    expect(await (await act("close", { outcome: "won" })).json()).toMatchObject({
      status: "warning_closed",
      balance_transactions: [],
    });
    expect((await stripe.refunds.create({ payment_intent: intent.id })).amount).toBe(12_000);
  });

  it("pm_card_refundFail fails a refund after the answer", async () => {
    const { intent } = await paidWith("pm_card_refundFail", { capture_method: "automatic" });
    const refund = await stripe.refunds.create({ payment_intent: intent.id });
    expect(refund.status).toBe("succeeded");
    expect((await stripe.refunds.retrieve(refund.id)).status).toBe("failed");
    expect((await chargeOf(intent)).amount_refunded).toBe(0);
    expect(typesOf(await webhooksOf(intent.id))).toEqual(expect.arrayContaining(["refund.created", "refund.failed"]));
  });

  it("unsupported cards are refused as such", async () => {
    const { id } = await newIntent();
    const pay = (method: string): Promise<unknown> => stripe.paymentIntents.confirm(id, { payment_method: method });
    expect((await refusal(pay("pm_card_createMultipleDisputes"))).message).toContain("not supported by the sandbox");
    expect((await refusal(pay("pm_card_imaginary"))).code).toBe("resource_missing");
    expect((await refusal(pay("pm_3zz"))).code).toBe("resource_missing");
  });
});
