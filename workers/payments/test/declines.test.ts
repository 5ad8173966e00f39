// Card testing: after too many declines a payment ends, and no other can be begun for a while.
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { callAs, guestCall } from "#shared/testkit/kit";
import { DECLINE_WINDOW_MS } from "../src/constants.ts";
import { declineCaps } from "../src/service/decline-caps.ts";
import { createIntent } from "../src/service/intents.ts";
import {
  countOf,
  endOthersBut,
  eventsOf,
  findingsOf,
  intentInput,
  newIntent,
  newWorld,
  paymentOf,
  paymentsOf,
  post,
  sweepAll,
  valueOf,
} from "./kit.ts";
import type { IntentInput, World } from "./kit.ts";

const FAILED = "payment_intent.payment_failed";

/** A new unproven buyer, from a client network of their own unless one is given. */
function unprovenPayer(network: string = newId("req")): NonNullable<IntentInput["unproven"]> {
  return { payer: newId("usr"), network };
}

/** A card is declined, and its webhook is delivered. */
async function decline(world: World, intentId: string, atMs?: number): Promise<void> {
  world.peer.decline(intentId, "insufficient_funds", atMs);
  await post(world, await world.peer.intentWebhook(FAILED, intentId));
}

async function declineTimes(world: World, intentId: string, times: number, atMs?: number): Promise<void> {
  for (let count = 0; count < times; count += 1) await decline(world, intentId, atMs);
}

async function ask(world: World, input: IntentInput): Promise<Outcome<unknown>> {
  return await createIntent(world.deps, guestCall(), input);
}

/** Declines a payer's cards `times` times, over so many orders that none reaches the order's own cap. */
async function declineOverOrders(
  world: World,
  unproven: IntentInput["unproven"],
  times: number,
  atMs?: number,
): Promise<void> {
  for (let left = times; left > 0; left -= 4) {
    const intent = await newIntent(world, intentInput({ unproven }));
    await declineTimes(world, intent.stripePaymentIntentId, Math.min(left, 4), atMs);
  }
}

const TOO_MANY = { ok: false, error: { code: "too_many_attempts" } };

describe("an order whose cards are declined", () => {
  it("is ended by its fifth decline, at Stripe and with an event", async () => {
    const world = newWorld();
    const input = intentInput();
    const intent = await newIntent(world, input);
    await declineTimes(world, intent.stripePaymentIntentId, 4);
    expect(await ask(world, input)).toMatchObject({ ok: true });
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("requires_payment_method");

    await decline(world, intent.stripePaymentIntentId);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("canceled");
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "VOIDED" });
    expect((await eventsOf(world, input.orderId)).at(-1)).toMatchObject({
      type: "PAYMENT_VOIDED",
      data: { reason: "too_many_declines" },
    });
    expect(await findingsOf(world, intent.id)).toMatchObject([{ kind: "card_testing", outcome: "mended", times: 1 }]);
  });

  it("gets no other intent, and the failure says when a new order can be paid", async () => {
    const world = newWorld();
    const input = intentInput();
    const intent = await newIntent(world, input);
    await declineTimes(world, intent.stripePaymentIntentId, 5);
    for (const mayBegin of [true, false]) {
      const refused = await createIntent(world.deps, callAs("customer"), { ...input, mayBegin });
      expect(refused).toMatchObject(TOO_MANY);
      if (refused.ok) throw new Error("unreachable");
      expect(refused.error.detail).toContain("Place a new order");
      expect(Date.parse(refused.error.retryAt ?? "")).toBeGreaterThan(Date.now());
    }
    expect(await paymentsOf(world, input.orderId)).toHaveLength(1);
  });

  it("is also refused under the key that made its intent", async () => {
    const world = newWorld();
    const idempotency = { key: newId("req"), fingerprint: "same" };
    const input = intentInput({ idempotency });
    const intent = await newIntent(world, input);
    await declineTimes(world, intent.stripePaymentIntentId, 5);
    expect(await ask(world, input)).toMatchObject(TOO_MANY);
    expect(await ask(world, { ...input, idempotency: { ...idempotency, fingerprint: "other" } })).toMatchObject({
      error: { code: "idempotency_key_reused" },
    });
  });

  it("counts each decline once, however often and in whatever order it is reported", async () => {
    const world = newWorld();
    const input = intentInput();
    const { stripePaymentIntentId: id } = await newIntent(world, input);
    const told: Request[] = [];
    for (let count = 0; count < 4; count += 1) {
      world.peer.decline(id, "generic_decline");
      const eventId = `evt_${newId("req")}`;
      for (let copy = 0; copy < 2; copy += 1) told.push(await world.peer.intentWebhook(FAILED, id, eventId));
    }
    const before = await countOf(world, "declines");
    await Promise.all(told.toReversed().map((request) => post(world, request)));
    expect(await countOf(world, "declines")).toBe(before + 4);
    expect(world.peer.intent(id).status).toBe("requires_payment_method");
  });

  it("is ended by the sweep when all webhooks were lost", async () => {
    const world = newWorld();
    const input = intentInput();
    const intent = await newIntent(world, input);
    for (let count = 0; count < 5; count += 1) world.peer.decline(intent.stripePaymentIntentId, "generic_decline");
    await endOthersBut(world, intent.id);
    await sweepAll(world);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("canceled");
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "VOIDED" });
  });

  it("is ended when its buyer returns and the webhooks were lost", async () => {
    const world = newWorld();
    const input = intentInput();
    const intent = await newIntent(world, input);
    for (let count = 0; count < 5; count += 1) world.peer.decline(intent.stripePaymentIntentId, "generic_decline");
    expect(await ask(world, input)).toMatchObject(TOO_MANY);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("canceled");
  });

  it("fetches its charges only when a decline is new", async () => {
    const world = newWorld();
    const { stripePaymentIntentId: id } = await newIntent(world);
    await decline(world, id);
    world.peer.requests.length = 0;
    await post(world, await world.peer.intentWebhook(FAILED, id));
    expect(world.peer.requests).toEqual([`GET /v1/payment_intents/${id}`]);
  });
});

describe("a payment that a cap ended", () => {
  it("is cancelled by the sweep after an outage of Stripe, and cannot be begun again before", async () => {
    const world = newWorld();
    const input = intentInput();
    const intent = await newIntent(world, input);
    await declineTimes(world, intent.stripePaymentIntentId, 4);
    world.peer.before = (request) => {
      if (request.endsWith("/cancel")) throw new TypeError("Network connection lost.");
    };
    await decline(world, intent.stripePaymentIntentId);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("requires_payment_method");
    expect(await ask(world, input)).toMatchObject(TOO_MANY);
    world.peer.before = undefined;
    await endOthersBut(world, intent.id);
    const counts = await sweepAll(world);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("canceled");
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "VOIDED" });
    expect(counts["missedWebhooks"]).toBe(0);
    expect(await findingsOf(world, intent.id)).toMatchObject([{ kind: "card_testing" }]);
  });

  it("keeps money that arrived before the intent was cancelled", async () => {
    const world = newWorld();
    const input = intentInput();
    const intent = await newIntent(world, input);
    await declineTimes(world, intent.stripePaymentIntentId, 4);
    world.peer.before = (request) => {
      if (request.endsWith("/cancel")) throw new TypeError("Network connection lost.");
    };
    await decline(world, intent.stripePaymentIntentId);
    world.peer.before = undefined;
    world.peer.authorize(intent.stripePaymentIntentId);
    await endOthersBut(world, intent.id);
    await sweepAll(world);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("requires_capture");
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "AUTHORIZED" });
    expect(await ask(world, input)).toMatchObject({ error: { code: "order_not_payable" } });
    Object.assign(world.peer.intent(intent.stripePaymentIntentId), {
      status: "canceled",
      cancellation_reason: "abandoned",
    });
    await post(world, await world.peer.intentWebhook("payment_intent.canceled", intent.stripePaymentIntentId));
    expect((await eventsOf(world, input.orderId)).at(-1)).toMatchObject({ data: { reason: "abandoned" } });
    expect(await findingsOf(world, intent.id)).not.toMatchObject([{ kind: "card_testing" }]);
  });

  it("no longer has its payer once it is decided", async () => {
    const world = newWorld();
    for (const end of ["authorize", "declined"] as const) {
      const input = intentInput({ unproven: unprovenPayer() });
      const { id, stripePaymentIntentId } = await newIntent(world, input);
      if (end === "declined") await declineTimes(world, stripePaymentIntentId, 5);
      else {
        world.peer.authorize(stripePaymentIntentId);
        await post(
          world,
          await world.peer.intentWebhook("payment_intent.amount_capturable_updated", stripePaymentIntentId),
        );
      }
      const [row] = await world.deps.db.all(sql`SELECT payer, network FROM payments WHERE id = ${id}`);
      expect([end, row]).toEqual([end, { payer: null, network: null }]);
    }
  });

  it("is not ended if a good card followed before the declines were reported", async () => {
    const world = newWorld();
    const input = intentInput();
    const intent = await newIntent(world, input);
    const before = await countOf(world, "declines");
    for (let count = 0; count < 7; count += 1) world.peer.decline(intent.stripePaymentIntentId, "generic_decline");
    const told = await world.peer.intentWebhook(FAILED, intent.stripePaymentIntentId);
    world.peer.authorize(intent.stripePaymentIntentId);
    await post(world, told);
    expect(await paymentOf(world, input.orderId)).toMatchObject({ status: "AUTHORIZED" });
    expect(await countOf(world, "declines")).toBe(before + 7);
  });
});

describe("an unproven payer", () => {
  it("is limited to 20 declines an hour over all orders, and learns when to try again", async () => {
    const world = newWorld();
    const unproven = unprovenPayer();
    const first = Date.now() - DECLINE_WINDOW_MS / 2;
    const open = intentInput({ unproven });
    const intent = await newIntent(world, open);
    await declineOverOrders(world, unproven, 19, first);
    expect(await ask(world, intentInput({ unproven }))).toMatchObject({ ok: true });
    await decline(world, intent.stripePaymentIntentId, first);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("canceled");

    const fresh = intentInput({ unproven });
    const retryAt = new Date(Math.floor(first / 1_000) * 1_000 + DECLINE_WINDOW_MS).toISOString();
    expect(await ask(world, fresh)).toMatchObject({ error: { code: "too_many_attempts", retryAt } });
    expect(await ask(world, open)).toMatchObject({ error: { code: "too_many_attempts", retryAt } });
    expect(await paymentsOf(world, fresh.orderId)).toHaveLength(0);

    expect(await ask(world, intentInput({ unproven: unprovenPayer(unproven.network) }))).toMatchObject({ ok: true });
    world.clock.skewMs = Date.parse(retryAt) - Date.now();
    expect(await ask(world, fresh)).toMatchObject({ ok: true });
  });

  it("over the cap has an earlier intent ended by the next decline", async () => {
    const world = newWorld();
    const unproven = unprovenPayer();
    const others = [
      await newIntent(world, intentInput({ unproven })),
      await newIntent(world, intentInput({ unproven })),
    ];
    await declineOverOrders(world, unproven, 20);
    for (const { stripePaymentIntentId: id } of others) {
      await decline(world, id);
      expect(world.peer.intent(id).status).toBe("canceled");
    }
  });

  it("shares 60 declines an hour with the client network, which never stop a proven account", async () => {
    const world = newWorld();
    const network = newId("req");
    for (let payer = 0; payer < 4; payer += 1) await declineOverOrders(world, unprovenPayer(network), 15);
    expect(await ask(world, intentInput({ unproven: unprovenPayer(network) }))).toMatchObject(TOO_MANY);
    expect(await ask(world, intentInput({ unproven: unprovenPayer() }))).toMatchObject({ ok: true });
    const proven = intentInput();
    const intent = await newIntent(world, proven);
    await declineTimes(world, intent.stripePaymentIntentId, 4);
    expect(await ask(world, proven)).toMatchObject({ ok: true });
  });

  it("who proves the account can continue the order and counts for no hourly cap", async () => {
    const world = newWorld();
    const unproven = unprovenPayer();
    const input = intentInput({ unproven });
    const intent = await newIntent(world, input);
    await declineOverOrders(world, unproven, 20);
    expect(await ask(world, input)).toMatchObject(TOO_MANY);
    const { unproven: _left, ...proven } = input;
    expect(await ask(world, proven)).toMatchObject({ ok: true });
    await declineTimes(world, intent.stripePaymentIntentId, 4);
    expect(world.peer.intent(intent.stripePaymentIntentId).status).toBe("requires_payment_method");
  });

  it("is stopped by concurrent declines of several orders", async () => {
    const world = newWorld();
    const unproven = unprovenPayer();
    const intents = await Promise.all(Array.from({ length: 3 }, () => newIntent(world, intentInput({ unproven }))));
    await declineOverOrders(world, unproven, 17);
    await Promise.all(intents.map(({ stripePaymentIntentId: id }) => decline(world, id)));
    const states = intents.map(({ stripePaymentIntentId: id }) => world.peer.intent(id).status);
    expect(states).toContain("canceled");
    expect(await ask(world, intentInput({ unproven }))).toMatchObject(TOO_MANY);
  });
});

describe("the caps", () => {
  const SET = {
    DECLINES_PER_ORDER: "5",
    DECLINES_PER_HOUR: "20",
    NETWORK_DECLINES_PER_HOUR: "60",
  } as const;

  it("are switched off by exactly ORDER_CAPS=off", () => {
    expect(declineCaps({ ...SET, ORDER_CAPS: "off" })).toBeUndefined();
    for (const ORDER_CAPS of ["on", "OFF", "", "false"]) {
      expect(declineCaps({ ...SET, ORDER_CAPS })).toEqual({ order: 5, payer: 20, network: 60 });
    }
  });

  it.each(["0", "-1", "five", "2.5", ""])("refuse %j as a count", (value) => {
    expect(() => declineCaps({ ...SET, ORDER_CAPS: "on", DECLINES_PER_HOUR: value })).toThrow("DECLINES_PER_HOUR");
  });

  it("that are off leave declines counted and payments alone", async () => {
    const on = newWorld();
    const world = { ...on, deps: { ...on.deps, declineCaps: undefined } };
    const input = intentInput({ unproven: unprovenPayer() });
    const intent = await newIntent(world, input);
    const before = await countOf(world, "declines");
    await declineTimes(world, intent.stripePaymentIntentId, 8);
    expect(await countOf(world, "declines")).toBe(before + 8);
    expect(valueOf(await createIntent(world.deps, guestCall(), input)).intent).toMatchObject({ status: "FAILED" });
  });
});
