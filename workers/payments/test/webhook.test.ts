import { sql } from "drizzle-orm";
import { describe, expect, it, vi } from "vitest";
import { openDatabase } from "#shared/database";
import { callAs } from "#shared/testkit/kit";
import { WEBHOOK_PATIENCE_MS } from "../src/constants.ts";
import { cancelOrderPayments } from "../src/service/closing.ts";
import { createIntent } from "../src/service/intents.ts";
import { handleWebhook } from "../src/service/webhook.ts";
import {
  AMOUNT,
  bindings,
  countOf,
  eventTypesOf,
  eventsOf,
  findingsOf,
  intentInput,
  newAuthorized,
  newIntent,
  newWorld,
  paymentOf,
  post,
  sweepAll,
  valueOf,
  closeOnTimeout,
} from "./kit.ts";
import { signed } from "./stripe-peer.ts";

const AUTHORIZED = "payment_intent.amount_capturable_updated";

describe("a webhook of Stripe's", () => {
  it("is stored, answered, and gives the payment Stripe's state", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    const response = await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ received: true });
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "AUTHORIZED", amountCapturable: AMOUNT });
    const [event] = await eventsOf(world, input.orderId);
    expect(event).toMatchObject({
      type: "PAYMENT_AUTHORIZED",
      subject: input.orderId,
      correlationid: input.correlationId,
      data: { orderId: input.orderId, amount: AMOUNT, amountCapturable: AMOUNT, status: "AUTHORIZED" },
    });
    expect(world.recorded.sent).toEqual([{ consumer: "orders", event }]);
  });

  it("has one effect when delivered ten times concurrently and again later", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    const copies = await Promise.all(
      Array.from({ length: 10 }, () => world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId, "evt_ten")),
    );
    const responses = await Promise.all(copies.map((copy) => handleWebhook(copy, world.deps)));
    await world.drained();
    const later = await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId, "evt_ten"));
    expect([...responses, later].map(({ status }) => status)).toEqual(Array.from({ length: 11 }, () => 200));
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_AUTHORIZED"]);
    const { history } = await paymentOf(world, input.orderId);
    expect(history.map(({ status }) => status)).toEqual(["CREATED", "AUTHORIZED"]);
    const stored = await world.deps.db.all(sql`SELECT id FROM stripe_events WHERE id = 'evt_ten'`);
    expect(stored).toHaveLength(1);
    expect(world.recorded.sent).toHaveLength(1);
  });

  it("never reverts the state when capturable arrives after succeeded", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    const early = await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId);
    Object.assign(world.peer.intent(stripePaymentIntentId), {
      status: "succeeded",
      amount_received: AMOUNT,
      amount_capturable: 0,
    });
    await post(world, await world.peer.intentWebhook("payment_intent.succeeded", stripePaymentIntentId));
    await post(world, early);
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "CAPTURED", amountCaptured: AMOUNT });
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_CAPTURED"]);
  });

  it("of a declined card fails the payment, which can be paid again", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.decline(stripePaymentIntentId, "insufficient_funds");
    await post(world, await world.peer.intentWebhook("payment_intent.payment_failed", stripePaymentIntentId));
    const [event] = await eventsOf(world, input.orderId);
    expect(event).toMatchObject({ type: "PAYMENT_FAILED", data: { reason: "insufficient_funds" } });
    world.peer.authorize(stripePaymentIntentId);
    await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId));
    expect((await paymentOf(world, input.orderId)).status).toBe("AUTHORIZED");
  });

  it("of 3-D Secure sends an event when it begins, and leaves the payment payable when it fails", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId: id } = await newIntent(world, input);
    world.peer.intent(id).status = "requires_action";
    await post(world, await world.peer.intentWebhook("payment_intent.requires_action", id));
    expect((await paymentOf(world, input.orderId)).status).toBe("REQUIRES_ACTION");
    world.peer.intent(id).status = "requires_payment_method";
    Object.assign(world.peer.intent(id), {
      last_payment_error: { type: "invalid_request_error", code: "payment_intent_authentication_failure" },
    });
    await post(world, await world.peer.intentWebhook("payment_intent.payment_failed", id));
    expect((await eventsOf(world, input.orderId)).at(-1)).toMatchObject({
      type: "PAYMENT_FAILED",
      data: { reason: "payment_intent_authentication_failure" },
    });
    const again = valueOf(await createIntent(world.deps, callAs("customer"), input));
    expect(again).toMatchObject({ created: false, intent: { stripePaymentIntentId: id } });
    world.peer.authorize(id);
    await post(world, await world.peer.intentWebhook(AUTHORIZED, id));
    expect(await eventTypesOf(world, input.orderId)).toEqual([
      "PAYMENT_REQUIRES_ACTION",
      "PAYMENT_FAILED",
      "PAYMENT_AUTHORIZED",
    ]);
    expect(world.recorded.sent.map(({ consumer }) => consumer)).toContain("orders");
  });

  it("of a good card after the payment window changes nothing", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId: id } = await newIntent(world, input);
    world.peer.decline(id, "insufficient_funds");
    await post(world, await world.peer.intentWebhook("payment_intent.payment_failed", id));
    expect((await paymentOf(world, input.orderId)).status).toBe("FAILED");
    expect(await closeOnTimeout(world, input.orderId)).toBe("closed");
    expect(world.peer.intent(id).status).toBe("canceled");
    // Nobody can pay it at Stripe now. An older webhook that arrives late changes nothing.
    const late = { ...world.peer.intent(id), status: "requires_capture", amount_capturable: AMOUNT };
    await post(world, await world.peer.webhook(AUTHORIZED, late));
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_FAILED", "PAYMENT_VOIDED"]);
  });

  it("of an unknown type is acknowledged, and trusted only to name its intent", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId: id } = await newIntent(world, input);
    for (const object of [
      { object: "customer", id: "cus_1" },
      { object: "review", payment_intent: id },
      { object: "x" },
    ]) {
      expect((await post(world, await world.peer.webhook("review.moonwalked", object))).status).toBe(200);
    }
    const claim = { ...world.peer.intent(id), status: "succeeded", amount_received: AMOUNT };
    expect((await post(world, await world.peer.webhook("payment_intent.succeeded", claim))).status).toBe(200);
    expect((await paymentOf(world, input.orderId)).status).toBe("CREATED");
    const {
      results: [open],
    } = await world.deps.db.client.prepare("SELECT 1 FROM stripe_events WHERE processed_at IS NULL").all();
    expect(open).toBeUndefined();
  });

  it("under an id that was used with another body has the effect of the first body", async () => {
    const world = newWorld();
    const [first, second] = [intentInput(), intentInput()];
    const one = await newIntent(world, first);
    const two = await newIntent(world, second);
    for (const { stripePaymentIntentId } of [one, two]) world.peer.authorize(stripePaymentIntentId);
    // The event is stored and not processed yet.
    world.peer.faults = ["error_500"];
    await post(world, await world.peer.intentWebhook(AUTHORIZED, one.stripePaymentIntentId, "evt_same"));
    const other = await world.peer.intentWebhook(AUTHORIZED, two.stripePaymentIntentId, "evt_same");
    expect((await post(world, other)).status).toBe(200);
    expect((await paymentOf(world, first.orderId)).status).toBe("AUTHORIZED");
    expect((await paymentOf(world, second.orderId)).status).toBe("CREATED");
    const rows = await world.deps.db.all(
      sql<{ payload: string }>`SELECT payload FROM stripe_events WHERE id = 'evt_same'`,
    );
    expect(rows.map(({ payload }) => payload.includes(one.stripePaymentIntentId))).toEqual([true]);
  });

  it("of Stripe's other mode is acknowledged and reported without effect; another API version is accepted", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId: id } = await newIntent(world, input);
    world.peer.authorize(id);
    const event = (members: object): string =>
      JSON.stringify({ object: "event", type: AUTHORIZED, data: { object: world.peer.intent(id) }, ...members });
    const live = event({ id: "evt_live", livemode: true });
    expect((await post(world, await signed(live))).status).toBe(200);
    expect((await paymentOf(world, input.orderId)).status).toBe("CREATED");
    expect(await world.deps.db.all(sql`SELECT 1 FROM stripe_events WHERE id = 'evt_live'`)).toEqual([]);
    expect(await findingsOf(world, "evt_live")).toMatchObject([{ kind: "webhook_other_mode", outcome: "open" }]);
    const old = event({ id: "evt_old", livemode: false, api_version: "2019-05-16" });
    expect((await post(world, await signed(old))).status).toBe(200);
    expect((await paymentOf(world, input.orderId)).status).toBe("AUTHORIZED");
  });

  it("of a dispute blocks the payment until it is won", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId: id } = await newAuthorized(world, input);
    Object.assign(world.peer.intent(id), { status: "succeeded", amount_received: AMOUNT, amount_capturable: 0 });
    world.peer.disputes.set(id, { status: "needs_response", reason: "fraudulent" });
    const dispute = { object: "dispute", id: "dp_1", payment_intent: id };
    await post(world, await world.peer.webhook("charge.dispute.created", dispute));
    expect((await paymentOf(world, input.orderId)).status).toBe("DISPUTED");
    world.peer.disputes.set(id, { status: "won", reason: "fraudulent" });
    await post(world, await world.peer.webhook("charge.dispute.closed", dispute));
    expect(await eventTypesOf(world, input.orderId)).toEqual([
      "PAYMENT_AUTHORIZED",
      "PAYMENT_DISPUTED",
      "PAYMENT_CAPTURED",
    ]);
    const versions = (await eventsOf(world, input.orderId)).flatMap(({ data }) =>
      "version" in data ? data.version : [],
    );
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(versions).size).toBe(3);
  });

  it("about an intent created elsewhere is acknowledged and ignored", async () => {
    const world = newWorld();
    const foreign = { object: "payment_intent", id: "pi_elsewhere", metadata: {} };
    expect((await post(world, await world.peer.webhook(AUTHORIZED, foreign, { id: "evt_foreign" }))).status).toBe(200);
    const [row] = await world.deps.db.all(sql`SELECT processed_at FROM stripe_events WHERE id = 'evt_foreign'`);
    expect(row).toMatchObject({ processed_at: expect.any(Number) as number });
    expect(world.peer.requests).toEqual([]);
  });

  it("finds the payment by its metadata when the intent's id was never stored", async () => {
    const world = newWorld();
    const input = intentInput();
    world.peer.faults = ["drop_after"];
    await newIntent(world, input).catch(() => undefined);
    const [id] = [...world.peer.intents.keys()];
    world.peer.authorize(String(id));
    await post(world, await world.peer.intentWebhook(AUTHORIZED, String(id)));
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "AUTHORIZED", stripePaymentIntentId: id });
  });

  it("about other money than was requested flags the payment and confirms nothing", async () => {
    const world = newWorld();
    const input = intentInput();
    const { id, stripePaymentIntentId } = await newIntent(world, input);
    world.peer.intent(stripePaymentIntentId).amount = 50;
    world.peer.authorize(stripePaymentIntentId);
    await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId));
    expect((await paymentOf(world, input.orderId)).status).toBe("CREATED");
    expect(await eventTypesOf(world, input.orderId)).toEqual([]);
    const [row] = await world.deps.db.all(sql`SELECT flag FROM payments WHERE id = ${id}`);
    expect(row).toEqual({ flag: "amount_mismatch" });
    expect(await findingsOf(world, id)).toMatchObject([{ kind: "amount_mismatch", outcome: "open" }]);
  });

  it("that could not be processed is processed by its duplicate", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    world.peer.faults = ["error_500"];
    await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId, "evt_twice"));
    expect((await paymentOf(world, input.orderId)).status).toBe("CREATED");
    await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId, "evt_twice"));
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_AUTHORIZED"]);
  });

  it("that could not be processed is processed by the sweep", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    world.peer.faults = ["drop_before"];
    await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId));
    await sweepAll(world);
    await sweepAll(world);
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_AUTHORIZED"]);
  });

  it("that was lost is made up for by the sweep of open payments", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    await sweepAll(world);
    expect((await paymentOf(world, input.orderId)).status).toBe("AUTHORIZED");
  });

  it("of a payment of a closed order voids it", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    // The order was closed while Stripe did not answer.
    world.peer.faults = ["drop_before"];
    const cancel = cancelOrderPayments(world.deps, input.orderId, "payment_timeout", {
      actor: "orders",
      reason: "close",
    });
    await expect(cancel).rejects.toThrow("Stripe is not available");
    world.peer.authorize(stripePaymentIntentId);
    await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId));
    expect(world.peer.intent(stripePaymentIntentId).status).toBe("canceled");
    const [event, ...more] = await eventsOf(world, input.orderId);
    expect(event).toMatchObject({ type: "PAYMENT_VOIDED", data: { reason: "payment_timeout" } });
    expect(more).toEqual([]);
  });

  it("voids the payment when the order is closed between reading it and writing it", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    world.peer.before = async () => {
      world.peer.before = undefined;
      // The consumer of ORDER_CANCELLED writes this first and then dies.
      await world.deps.db.run(sql`INSERT INTO closed_orders VALUES (${input.orderId}, 'cancelled', 1)`);
    };
    await post(world, await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId));
    expect(world.peer.intent(stripePaymentIntentId).status).toBe("canceled");
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_VOIDED"]);
  });

  it("of a captured payment of a closed order refunds it", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId: id } = await newIntent(world, input);
    world.peer.faults = ["drop_before"];
    await cancelOrderPayments(world.deps, input.orderId, "payment_timeout", { actor: "orders", reason: "x" }).catch(
      () => 0,
    );
    world.peer.authorize(id);
    Object.assign(world.peer.intent(id), { status: "succeeded", amount_received: AMOUNT, amount_capturable: 0 });
    await post(world, await world.peer.intentWebhook("payment_intent.succeeded", id));
    expect(world.peer.refundedOf(id)).toBe(AMOUNT);
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "REFUNDED", amountRefunded: AMOUNT });
  });

  it("is stored and answered before Stripe's state is known when that takes long, and processed all the same", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId } = await newIntent(world, input);
    world.peer.authorize(stripePaymentIntentId);
    const [asked, answered] = [Promise.withResolvers<null>(), Promise.withResolvers<null>()];
    world.peer.before = async () => {
      asked.resolve(null);
      await answered.promise;
    };
    const webhook = await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId, "evt_slow");
    const stored = async (): Promise<unknown> =>
      (await world.deps.db.all(sql`SELECT processed_at IS NULL AS open FROM stripe_events WHERE id = 'evt_slow'`))[0];
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const response = handleWebhook(webhook, world.deps);
      await asked.promise;
      expect(await stored()).toBeUndefined();
      vi.advanceTimersByTime(WEBHOOK_PATIENCE_MS);
      expect((await response).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
    expect(await stored()).toEqual({ open: 1 });
    answered.resolve(null);
    await world.drained();
    expect(await stored()).toEqual({ open: 0 });
    expect(await eventTypesOf(world, input.orderId)).toEqual(["PAYMENT_AUTHORIZED"]);
  });

  it("takes two D1 round trips and eight rows to authorize a payment", async () => {
    const world = newWorld();
    const { stripePaymentIntentId } = await newIntent(world);
    world.peer.authorize(stripePaymentIntentId);
    let roundTrips = 0;
    let rowsWritten = 0;
    const { DB } = bindings();
    const counted = {
      prepare: (query: string) => DB.prepare(query),
      batch: async (statements: D1PreparedStatement[]) => {
        roundTrips += 1;
        const results = await DB.batch(statements);
        rowsWritten += results.reduce((sum, { meta }) => sum + meta.rows_written, 0);
        return results;
      },
    };
    const db = openDatabase(counted as unknown as D1Database);
    await handleWebhook(await world.peer.intentWebhook(AUTHORIZED, stripePaymentIntentId), { ...world.deps, db });
    await world.drained();
    expect(roundTrips).toBe(2);
    expect(rowsWritten).toBeLessThanOrEqual(8);
  });
});

describe("a webhook that Stripe did not send", () => {
  const PAYLOAD = JSON.stringify({
    id: "evt_x",
    type: AUTHORIZED,
    data: { object: { object: "payment_intent", id: "pi_x" } },
  });

  /** The status and code of an answer, after checking that it is a problem and nothing was written. */
  async function refusalOf(request: Request): Promise<string> {
    const world = newWorld();
    const before = await countOf(world, "stripe_events");
    const response = await post(world, request);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await countOf(world, "stripe_events")).toBe(before);
    const problem = await response.json<{ status: number; code: string; requestId: string }>();
    expect(problem).toMatchObject({ status: response.status, requestId: expect.any(String) as string });
    return `${String(problem.status)} ${problem.code}`;
  }

  it("is refused with a wrong secret", async () => {
    expect(await refusalOf(await signed(PAYLOAD, "whsec_another"))).toBe("400 invalid_signature");
  });

  it("is refused with a stale timestamp", async () => {
    expect(await refusalOf(await signed(PAYLOAD, undefined, Math.floor(Date.now() / 1_000) - 301))).toBe(
      "400 invalid_signature",
    );
  });

  it("is refused with a changed body", async () => {
    const { headers, url } = await signed(PAYLOAD);
    expect(await refusalOf(new Request(url, { method: "POST", headers, body: `${PAYLOAD} ` }))).toBe(
      "400 invalid_signature",
    );
  });

  it("is refused without a signature", async () => {
    const { url } = await signed(PAYLOAD);
    expect(await refusalOf(new Request(url, { method: "POST", body: PAYLOAD }))).toBe("400 invalid_signature");
  });

  it("is refused over 256 KiB", async () => {
    expect(await refusalOf(await signed(JSON.stringify({ pad: "x".repeat(256 * 1_024) })))).toBe(
      "413 payload_too_large",
    );
  });

  it("is refused when it is signed but not an event", async () => {
    expect(await refusalOf(await signed(`{"object":"event"}`))).toBe("400 validation_failed");
  });

  it("is refused over 256 KiB without being read to its end, whatever its content-length says", async () => {
    const { url, headers } = await signed(PAYLOAD);
    let chunks = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        chunks += 1;
        controller.enqueue(new Uint8Array(16_384));
      },
    });
    expect(await refusalOf(new Request(url, { method: "POST", headers, body: endless }))).toBe("413 payload_too_large");
    expect(chunks).toBeLessThan(100);
  });

  it("is 405 with another method, and 404 on another path", async () => {
    const { url } = await signed(PAYLOAD);
    for (const method of ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      expect(await refusalOf(new Request(url, { method }))).toBe("405 method_not_allowed");
    }
    expect(await refusalOf(new Request("https://shop.example/else", { method: "POST" }))).toBe("404 not_found");
    const response = await handleWebhook(new Request(url), newWorld().deps);
    expect(response.headers.get("allow")).toBe("POST");
  });

  it("always answers with the security headers and the request id", async () => {
    const world = newWorld();
    const headers = { "x-request-id": "req-1" };
    const { url } = await signed(PAYLOAD);
    for (const request of [await signed(PAYLOAD), new Request(url, { method: "POST", headers }), new Request(url)]) {
      const { headers: told } = await handleWebhook(request, world.deps);
      expect(told.get("x-content-type-options")).toBe("nosniff");
      expect(told.get("content-security-policy")).toContain("default-src 'none'");
      expect(told.get("x-request-id")).toBe(request.headers.get("x-request-id") ?? told.get("x-request-id"));
      expect(told.get("x-request-id")).not.toBeNull();
    }
    await world.drained();
  });

  it("is answered with 503 when it cannot be stored, so that Stripe sends it again", async () => {
    const { deps } = newWorld();
    const broken = {
      ...deps,
      now: (): number => {
        throw new Error("D1 is down");
      },
    };
    const response = await handleWebhook(await signed(PAYLOAD), broken);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await response.json()).toMatchObject({ code: "service_unavailable", status: 503 });
  });
});
