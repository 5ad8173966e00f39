// What clients of Stripe's API rely on besides payments: returned parameters, the form of events and errors, and what is unsupported.
import { describe, expect, it } from "vitest";
import { authorizedIntent, client, newIntent, refusal, sandbox } from "./support/client.ts";

const stripe = client();

describe("a PaymentIntent returns its parameters", () => {
  it("for redirects of payment methods", async () => {
    const never = await newIntent({ automatic_payment_methods: { enabled: true, allow_redirects: "never" } });
    expect(never.automatic_payment_methods).toEqual({ enabled: true, allow_redirects: "never" });
    const always = await newIntent({ automatic_payment_methods: { enabled: true } });
    expect(always.automatic_payment_methods).toEqual({ enabled: true, allow_redirects: "always" });
  });

  it("for customer, shipping and method options, which its charge has too", async () => {
    const shipping = { name: "Bo Buyer", phone: "+15550100", address: { line1: "1 Dock Road", country: "US" } };
    const made = await newIntent({
      customer: "cus_42",
      shipping,
      payment_method_options: { card: { request_three_d_secure: "challenge" } },
    });
    expect(made).toMatchObject({
      customer: "cus_42",
      shipping: { ...shipping, address: { ...shipping.address, line2: null }, tracking_number: null },
      payment_method_options: { card: { request_three_d_secure: "challenge", network: null } },
    });
    const updated = await stripe.paymentIntents.update(made.id, {
      shipping: { ...shipping, tracking_number: "1Z999" },
      payment_method_options: { card: { request_three_d_secure: "automatic" } },
    });
    expect(updated).toMatchObject({ customer: "cus_42", shipping: { tracking_number: "1Z999" } });
    const paid = await stripe.paymentIntents.confirm(made.id, { payment_method: "pm_card_visa" });
    const charge = await stripe.charges.retrieve(paid.latest_charge as string);
    expect(charge).toMatchObject({ customer: "cus_42", shipping: { name: "Bo Buyer", tracking_number: "1Z999" } });
    expect((await stripe.paymentIntents.update(made.id, { shipping: "" })).shipping).toBeNull();
  });

  it("unless they are invalid", async () => {
    const create = (params: object): Promise<unknown> => newIntent(params);
    expect((await refusal(create({ shipping: { address: { line1: "1" } } }))).param).toBe("shipping[name]");
    expect((await refusal(create({ shipping: { name: "B", colour: "red" } }))).param).toBe("shipping[colour]");
    expect((await refusal(create({ customer: "somebody" }))).code).toBe("resource_missing");
    const wrong = { payment_method_options: { card: { request_three_d_secure: "maybe" } } };
    expect((await refusal(create(wrong))).statusCode).toBe(400);
  });
});

describe("events", () => {
  it("are listed by a pattern of types", async () => {
    const { id } = await authorizedIntent();
    await stripe.paymentIntents.capture(id);
    const { data } = await stripe.events.list({ type: "charge.*", limit: 2 });
    expect(data.map(({ type }) => type)).toEqual(["charge.captured", "charge.succeeded"]);
    const refunds = await stripe.events.list({ type: "charge.dispute.*", limit: 100 });
    expect(refunds.data.every(({ type }) => type.startsWith("charge.dispute."))).toBe(true);
  });

  it("are not listed by both type and types, nor by an invalid type", async () => {
    for (const query of [
      { type: "charge.*", types: ["charge.captured"] },
      { types: ["charge.*"] },
      { type: "charge[.]*" },
    ]) {
      expect((await refusal(stripe.events.list(query))).statusCode).toBe(400);
    }
  });

  it("that report a change have the previous values", async () => {
    const { id } = await newIntent({ confirm: true, payment_method: "pm_card_visa", capture_method: "automatic" });
    const refund = await stripe.refunds.create({ payment_intent: id, amount: 2_000, metadata: { a: "1" } });
    const [refunded] = (await stripe.events.list({ type: "charge.refunded", limit: 1 })).data;
    expect(refunded?.data.previous_attributes).toEqual({ amount_refunded: 0 });
    await stripe.refunds.update(refund.id, { metadata: { a: "2" } });
    const [updated] = (await stripe.events.list({ type: "refund.updated", limit: 1 })).data;
    expect(updated?.data).toMatchObject({
      object: { id: refund.id, metadata: { a: "2" } },
      previous_attributes: { metadata: { a: "1" } },
    });
    const [created] = (await stripe.events.list({ type: "refund.created", limit: 1 })).data;
    expect(created?.data).not.toHaveProperty("previous_attributes");
  });
});

describe("errors have formatted amounts", () => {
  it.each([
    [{ amount: 49, currency: "usd" }, "Amount must be at least $0.50 usd"],
    [{ amount: 29, currency: "gbp" }, "Amount must be at least £0.30 gbp"],
    [{ amount: 49, currency: "jpy" }, "Amount must be at least ¥50 jpy"],
    [{ amount: 100_000_000, currency: "usd" }, "Amount must be no more than $999,999.99"],
  ])("of an intent: %j", async (params, message) => {
    expect((await refusal(stripe.paymentIntents.create(params))).message).toBe(message);
  });

  it("of a capture and of a refund", async () => {
    const { id } = await authorizedIntent();
    const captured = await refusal(stripe.paymentIntents.capture(id, { amount_to_capture: 12_001 }));
    expect(captured.message).toContain("$120.00");
    await stripe.paymentIntents.capture(id, { amount_to_capture: 5_000 });
    const refunded = await refusal(stripe.refunds.create({ payment_intent: id, amount: 5_001 }));
    expect(refunded.message).toBe("Refund amount ($50.01) is greater than unrefunded amount on charge ($50.00)");
  });
});

describe("what Stripe has and the sandbox does not", () => {
  it.each([
    ["a parameter", () => newIntent({ setup_future_usage: "off_session" })],
    ["a payment method type", () => newIntent({ payment_method_types: ["klarna"] } as object)],
    [
      "an option of a method",
      () => newIntent({ payment_method_options: { card: { statement_descriptor_suffix_kana: "x" } } }),
    ],
    [
      "a method's options",
      () => newIntent({ payment_method_options: { klarna: {} as never, acss_debit: { target_date: "x" } } }),
    ],
    ["a resource", () => stripe.customers.create({ email: "a@example.com" })],
    ["a call of a resource that it has", () => stripe.paymentIntents.search({ query: "amount>1" })],
    [
      "several captures",
      async () => stripe.paymentIntents.capture((await authorizedIntent()).id, { final_capture: false }),
    ],
  ])("is refused as not supported: %s", async (_name, ask) => {
    const error = await refusal(ask());
    expect(error.type).toBe("StripeInvalidRequestError");
    expect(error.message).toContain("not supported by the sandbox");
  });

  it("differs from what Stripe does not have either", async () => {
    const request = new Request("http://localhost/v1/payment_intents", {
      method: "POST",
      headers: { authorization: "Bearer sk_test_sandbox" },
      body: new URLSearchParams({ amount: "100", currency: "usd", colour: "red" }),
    });
    expect(await (await sandbox.default.fetch(request)).json()).toMatchObject({
      error: { code: "parameter_unknown", message: "Received unknown parameter: colour" },
    });
  });
});
