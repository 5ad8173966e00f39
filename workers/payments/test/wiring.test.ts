// The Worker as it is deployed: with its own bindings, entrypoint and handlers. Nothing here reaches Stripe.
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import { newId } from "#shared/ids";
import { callAs, deliver } from "#shared/testkit/kit";
import { PaymentsRpc } from "../src/entrypoint.ts";
import worker from "../src/index.ts";
import type { PaymentsBindings } from "../src/service/deps.ts";
import { bindings as ownBindings, intentInput, orderCancelled, valueOf } from "./kit.ts";
import { StripePeer, signed } from "./stripe-peer.ts";

const sandbox = { fetch: new StripePeer().fetch } as unknown as Fetcher;

/** The Worker's own bindings, with an empty Stripe. */
function bindings(): PaymentsBindings {
  return { ...ownBindings(), STRIPE_SANDBOX: sandbox };
}

function rpc(): PaymentsRpc {
  return new PaymentsRpc(createExecutionContext(), bindings());
}

describe("the Worker", () => {
  it("answers an order without payments with an empty list", async () => {
    expect(valueOf(await rpc().listPayments(callAs("admin"), { orderId: newId("ord") }))).toEqual({ items: [] });
  });

  it("refuses an input that does not fit the contract", async () => {
    const outcome = await rpc().refund(callAs("admin"), { paymentId: "pay_1", amount: 1.5 });
    expect(outcome).toMatchObject({ ok: false, error: { code: "validation_failed", errors: [{ path: "amount" }] } });
  });

  it("verifies webhooks with its own secret", async () => {
    const ctx = createExecutionContext();
    // A request made here has no `cf`, which the handler does not read.
    const handle = worker.fetch as (
      request: Request,
      env: PaymentsBindings,
      ctx: ExecutionContext,
    ) => Promise<Response>;
    const payload = JSON.stringify({
      id: newId("evt"),
      type: "customer.created",
      data: { object: { object: "customer" } },
    });
    const good = await handle(await signed(payload), bindings(), ctx);
    const bad = await handle(await signed(payload, "whsec_another"), bindings(), ctx);
    await waitOnExecutionContext(ctx);
    expect([good.status, bad.status]).toEqual([200, 400]);
  });

  it("handles events from its queue and stores anything else as a dead letter", async () => {
    const event = orderCancelled(intentInput());
    const { acknowledged } = await deliver(
      (batch, ctx) => worker.queue(batch, bindings(), ctx),
      "tradepost-payments-inbox",
      [event, { id: "nonsense" }],
    );
    expect(acknowledged.toSorted()).toEqual([event.id, "nonsense"].toSorted());
    const { items } = valueOf(await rpc().listDeadLetters(callAs("admin"), {}));
    expect(items).toMatchObject([{ eventId: "nonsense" }]);
  });

  it("sweeps by cron and on demand", async () => {
    const ctx = createExecutionContext();
    await worker.scheduled(createScheduledController({ cron: "* * * * *" }), bindings(), ctx);
    await waitOnExecutionContext(ctx);
    const counts = valueOf(await rpc().runSweeps(systemCall("cron", newId("req")), { everything: true }));
    expect(counts).toMatchObject({
      webhooks: 0,
      openPayments: 0,
      pendingRefunds: 0,
      missedWebhooks: 0,
      expiringAuthorizations: 0,
      purgedStripeEvents: 0,
      purgedDeclines: 0,
      purgedEvents: 0,
      purgedInbox: 0,
    });
  });
});
