import { describe, expect, it } from "vitest";
import { authorizedIntent, call, client, newIntent, refusal, sandbox } from "./support/client.ts";

const stripe = client();
const SECRET = { authorization: "Bearer sk_test_sandbox" };

describe("idempotency keys", () => {
  const params = { amount: 700, currency: "usd", capture_method: "manual" } as const;

  it("replay the first answer, even to concurrent calls", async () => {
    const key = { idempotencyKey: crypto.randomUUID() };
    const answers = await Promise.all(Array.from({ length: 5 }, () => stripe.paymentIntents.create(params, key)));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    const form = { amount: "700", currency: "usd", capture_method: "manual" };
    const later = await call("POST", "/v1/payment_intents", form, { ...SECRET, "idempotency-key": key.idempotencyKey });
    expect(later.headers.get("idempotent-replayed")).toBe("true");
    expect(await later.json()).toMatchObject({ id: answers[0]?.id });
  });

  it("replay a decline", async () => {
    const { id } = await newIntent();
    const key = { idempotencyKey: crypto.randomUUID() };
    const pay = async (): Promise<unknown> =>
      await stripe.paymentIntents.confirm(id, { payment_method: "pm_card_chargeDeclined" }, key);
    const [first, second] = [await refusal(pay()), await refusal(pay())];
    expect(second.statusCode).toBe(402);
    expect(second.charge).toBe(first.charge);
  });

  it("refuse a call with other parameters", async () => {
    const key = { idempotencyKey: crypto.randomUUID() };
    await stripe.paymentIntents.create(params, key);
    const error = await refusal(stripe.paymentIntents.create({ ...params, amount: 701 }, key));
    expect(error).toMatchObject({ statusCode: 400, type: "StripeIdempotencyError" });
  });

  it("do not store what was refused before it ran", async () => {
    const key = { idempotencyKey: crypto.randomUUID() };
    await refusal(stripe.paymentIntents.create({ ...params, amount: 1 }, key));
    expect((await stripe.paymentIntents.create(params, key)).amount).toBe(700);
  });
});

describe("keys", () => {
  it("are required", async () => {
    const none = await call("GET", "/v1/payment_intents");
    expect(none.status).toBe(401);
    expect(await none.json()).toMatchObject({ error: { type: "invalid_request_error" } });
    expect((await refusal(client("sk_test_other").paymentIntents.list())).type).toBe("StripeAuthenticationError");
  });

  it("may come as Basic credentials", async () => {
    const { id } = await newIntent();
    const answer = await call(
      "GET",
      `/v1/payment_intents/${id}`,
      {},
      { authorization: `Basic ${btoa("sk_test_sandbox:")}` },
    );
    expect(answer.status).toBe(200);
    expect(answer.headers.get("request-id")).toMatch(/^req_/);
  });

  it("that are publishable confirm with the client secret and get no metadata", async () => {
    const { id, client_secret: secret } = await newIntent({ metadata: { paymentId: "pay_1" } });
    const browser = { authorization: "Bearer pk_test_anything" };
    const wrong = await call("POST", `/v1/payment_intents/${id}/confirm`, { client_secret: "x" }, browser);
    expect(wrong.status).toBe(400);
    const form = { client_secret: String(secret), payment_method: "pm_card_visa" };
    const confirmed = await call("POST", `/v1/payment_intents/${id}/confirm`, form, browser);
    const intent: Record<string, unknown> = await confirmed.json();
    expect(intent).toMatchObject({ id, status: "requires_capture" });
    expect(intent).not.toHaveProperty("metadata");
    const query = `?client_secret=${String(secret)}`;
    expect((await call("GET", `/v1/payment_intents/${id}${query}`, {}, browser)).status).toBe(200);
    expect((await call("POST", `/v1/payment_intents/${id}/capture`, {}, browser)).status).toBe(403);
  });

  it("that are publishable get a decline as Stripe.js would", async () => {
    const { id, client_secret: secret } = await newIntent();
    const form = { client_secret: String(secret), payment_method: "pm_card_chargeDeclinedInsufficientFunds" };
    const answer = await call("POST", `/v1/payment_intents/${id}/confirm`, form, { authorization: "Bearer pk_test_1" });
    expect(answer.status).toBe(402);
    expect(await answer.json()).toMatchObject({
      error: { type: "card_error", code: "card_declined", decline_code: "insufficient_funds", payment_intent: { id } },
    });
  });
});

describe("parameters", () => {
  it.each([
    [{ currency: "usd" }, "amount", "parameter_missing"],
    [{ amount: "12.5", currency: "usd" }, "amount", "parameter_invalid_integer"],
    [{ amount: "-1", currency: "usd" }, "amount", "parameter_invalid_integer"],
    [{ amount: "49", currency: "usd" }, "amount", "amount_too_small"],
    [{ amount: "100000000", currency: "usd" }, "amount", "amount_too_large"],
    [{ amount: "100" }, "currency", "parameter_missing"],
    [{ amount: "100", currency: "usd", colour: "red" }, "colour", "parameter_unknown"],
  ])("%j names %s", async (form, param, code) => {
    const answer = await call("POST", "/v1/payment_intents", form, SECRET);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { type: "invalid_request_error", param, code } });
  });

  it("with an unknown currency, an unknown expansion or a body of another type are refused", async () => {
    expect((await refusal(stripe.paymentIntents.create({ amount: 100, currency: "zzz" }))).param).toBe("currency");
    const { id } = await newIntent();
    expect((await refusal(stripe.paymentIntents.retrieve(id, { expand: ["colour"] }))).statusCode).toBe(400);
    const json = new Request("http://localhost/v1/payment_intents", {
      method: "POST",
      headers: { ...SECRET, "content-type": "application/json" },
      body: "{}",
    });
    expect((await sandbox.default.fetch(json)).status).toBe(400);
  });
});

describe("lists", () => {
  it("page through everything, newest first, once each", async () => {
    const made: string[] = [];
    for (let index = 0; index < 7; index += 1) made.push((await newIntent()).id);
    const seen: string[] = [];
    for await (const intent of stripe.paymentIntents.list({ limit: 3 })) {
      seen.push(intent.id);
      if (intent.id === made[0]) break;
    }
    expect(seen).toEqual(made.toReversed());
    const before = await stripe.paymentIntents.list({ ending_before: made[2] ?? "", limit: 2 });
    expect(before.data.map(({ id }) => id)).toEqual([made[4], made[3]]);
  });

  it("filter events by type and time", async () => {
    const { id } = await authorizedIntent();
    const events = await stripe.events.list({ type: "payment_intent.amount_capturable_updated", limit: 5 });
    const newest = events.data[0];
    expect(newest).toMatchObject({ object: "event", api_version: "2026-10-28.endive", livemode: false });
    expect(newest?.data.object).toMatchObject({ id, status: "requires_capture" });
    expect(await stripe.events.retrieve(newest?.id ?? "")).toMatchObject({ id: newest?.id });
    expect((await stripe.events.list({ created: { gt: Math.floor(Date.now() / 1_000) + 10 } })).data).toEqual([]);
  });
});

describe("an unknown URL", () => {
  it("is a 404 in Stripe's form", async () => {
    const object = await refusal(stripe.paymentIntents.retrieve("pi_none"));
    expect(object).toMatchObject({ statusCode: 404, code: "resource_missing", type: "StripeInvalidRequestError" });
    const path = await refusal(stripe.customers.list());
    expect(path).toMatchObject({ statusCode: 404, type: "StripeInvalidRequestError" });
    expect(path.message).toContain("Unrecognized request URL (GET: /v1/customers)");
    expect((await call("GET", "/anything")).status).toBe(404);
  });
});
