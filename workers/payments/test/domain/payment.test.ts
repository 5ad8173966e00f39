import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PaymentState } from "#shared/contracts/payments";
import { FIRST_CHECK_MS, MAX_CHECK_MS } from "../../src/constants.ts";
import { backoffMs, planCheck } from "../../src/domain/checks.ts";
import { canFollow, decide, eventOf, isOpen, isPaid } from "../../src/domain/payment.ts";
import type { RecordedState } from "../../src/domain/payment.ts";
import { refundable, refusalOf } from "../../src/domain/refunds.ts";
import { IntentStatus, deriveState } from "../../src/domain/snapshot.ts";
import type { StripeSnapshot, SnapshotDispute, SnapshotRefund } from "../../src/domain/snapshot.ts";

const BASE: StripeSnapshot = {
  intentId: "pi_1",
  clientSecret: "secret",
  status: "requires_payment_method",
  amount: 1_000,
  currency: "USD",
  amountCapturable: 0,
  amountReceived: 0,
  failure: null,
  cancellationReason: null,
  refunds: null,
  disputes: null,
  declines: null,
  captureUntil: null,
};

const KNOWN: RecordedState = {
  amount: 1_000,
  currency: "USD",
  status: "CREATED",
  amountCapturable: 0,
  amountCaptured: 0,
  amountRefunded: 0,
  reason: null,
};

function refundOf(amount: number, status: SnapshotRefund["status"], createdAt = 0): SnapshotRefund {
  return { stripeRefundId: `re_${String(createdAt)}`, refundId: null, amount, status, reason: null, createdAt };
}

const PAID = { status: "succeeded", amountReceived: 600 } as const;

function disputeOf(status: string): SnapshotDispute {
  return {
    id: "du_1",
    amount: 600,
    reason: "fraudulent",
    status,
    amountWithdrawn: 600,
    evidenceDueAt: null,
    createdAt: 1,
  };
}

/** Possible snapshots: captured within the amount, refunded within the captured. */
const snapshots: fc.Arbitrary<StripeSnapshot> = fc
  .record({
    status: fc.constantFrom(...IntentStatus.options),
    amount: fc.integer({ min: 50, max: 99_999_999 }),
    currency: fc.constantFrom("USD", "JPY", "KWD"),
    capturedPart: fc.double({ min: 0, max: 1, noNaN: true }),
    parts: fc.array(
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom("pending", "succeeded", "failed", "canceled"),
      ),
      {
        maxLength: 5,
      },
    ),
    failure: fc.option(fc.constantFrom("insufficient_funds", "generic_decline")),
    disputes: fc.option(fc.array(fc.constantFrom("needs_response", "won", "lost", "warning_closed").map(disputeOf))),
  })
  .map(({ status, amount, currency, capturedPart, parts, failure, disputes }) => {
    const amountReceived = status === "succeeded" ? Math.max(1, Math.floor(amount * capturedPart)) : 0;
    let left = amountReceived;
    const refunds = parts.map(([part, refundStatus], index) => {
      const taken = Math.floor(left * part);
      left -= taken;
      return refundOf(taken, refundStatus, index);
    });
    const amountCapturable = status === "requires_capture" ? amount : 0;
    return { ...BASE, status, amount, currency, amountReceived, amountCapturable, failure, disputes, refunds };
  });

describe("the state derived from Stripe", () => {
  it.each([
    [{}, "CREATED", null],
    [{ failure: "expired_card" }, "FAILED", "expired_card"],
    [{ status: "requires_action" }, "REQUIRES_ACTION", null],
    [{ status: "processing" }, "CREATED", null],
    [{ status: "requires_capture", amountCapturable: 1_000 }, "AUTHORIZED", null],
    [{ status: "canceled", cancellationReason: "abandoned" }, "VOIDED", "abandoned"],
    [{ status: "canceled", cancellationReason: "automatic" }, "VOIDED", "authorization_expired"],
    [{ status: "canceled", cancellationReason: "expired" }, "VOIDED", "authorization_expired"],
    [{ status: "succeeded", amountReceived: 1_000 }, "CAPTURED", null],
    [{ status: "succeeded", amountReceived: 1_000, refunds: [refundOf(400, "succeeded")] }, "PARTIALLY_REFUNDED", null],
    [{ status: "succeeded", amountReceived: 1_000, refunds: [refundOf(1_000, "pending")] }, "CAPTURED", null],
    [{ status: "succeeded", amountReceived: 600, refunds: [refundOf(600, "succeeded")] }, "REFUNDED", null],
    [{ ...PAID, disputes: [disputeOf("needs_response")] }, "DISPUTED", "fraudulent"],
    [{ ...PAID, disputes: [disputeOf("warning_under_review")] }, "DISPUTED", "fraudulent"],
    [{ ...PAID, disputes: [disputeOf("won"), disputeOf("warning_closed"), disputeOf("prevented")] }, "CAPTURED", null],
    [{ ...PAID, disputes: [disputeOf("lost")] }, "DISPUTED", "dispute_lost"],
    [{ ...PAID, disputes: [disputeOf("lost"), disputeOf("under_review")] }, "DISPUTED", "fraudulent"],
  ] as const satisfies readonly (readonly [Partial<StripeSnapshot>, PaymentState, string | null])[])(
    "of %o is %s",
    (snapshot, status, reason) => {
      expect(deriveState({ ...BASE, ...snapshot })).toMatchObject({ status, reason });
    },
  );

  it("keeps refunded within captured within the amount, and counts only succeeded refunds", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const { amountCaptured, amountRefunded, amountCapturable } = deriveState(snapshot);
        expect(amountCaptured).toBeLessThanOrEqual(snapshot.amount);
        expect(amountRefunded).toBeLessThanOrEqual(amountCaptured);
        expect(amountCapturable + amountCaptured).toBeLessThanOrEqual(snapshot.amount);
        const done = (snapshot.refunds ?? []).filter(
          ({ status }) => snapshot.status === "succeeded" && status === "succeeded",
        );
        expect(amountRefunded).toBe(done.reduce((sum, { amount }) => sum + amount, 0));
      }),
    );
  });

  it("does not depend on the order in which Stripe lists refunds", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        expect(deriveState({ ...snapshot, refunds: (snapshot.refunds ?? []).toReversed() })).toEqual(
          deriveState(snapshot),
        );
      }),
    );
  });
});

describe("a decision", () => {
  it("is made once: the same snapshot again changes nothing", () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        const known = { ...KNOWN, amount: snapshot.amount, currency: snapshot.currency };
        const first = decide(known, snapshot);
        const next = first.kind === "change" ? { ...known, ...first.next } : known;
        expect(decide(next, snapshot)).toEqual({ kind: "unchanged" });
      }),
    );
  });

  it("never lowers a payment's rank, whatever snapshots are taken in whatever order", () => {
    const rank = (status: PaymentState): number => (isOpen(status) ? 0 : status === "AUTHORIZED" ? 1 : 2);
    fc.assert(
      fc.property(fc.array(snapshots, { maxLength: 8 }), (sequence) => {
        let known = KNOWN;
        for (const snapshot of sequence) {
          const decision = decide(known, {
            ...snapshot,
            amount: 1_000,
            currency: "USD",
            amountReceived: 0,
            refunds: null,
          });
          if (decision.kind !== "change") continue;
          expect(rank(decision.next.status)).toBeGreaterThanOrEqual(rank(known.status));
          known = { ...known, ...decision.next };
        }
      }),
    );
  });

  it("never confirms another amount or currency", () => {
    const authorized = { ...BASE, status: "requires_capture" as const, amountCapturable: 1_000 };
    expect(decide(KNOWN, { ...authorized, amount: 999 })).toEqual({ kind: "mismatch" });
    expect(decide(KNOWN, { ...authorized, currency: "EUR" })).toEqual({ kind: "mismatch" });
    expect(decide(KNOWN, authorized)).toMatchObject({ kind: "change", next: { status: "AUTHORIZED" } });
  });

  it("voids for our own reason if there is one, and keeps it", () => {
    const canceled = { ...BASE, status: "canceled" as const, cancellationReason: "requested_by_customer" };
    expect(decide(KNOWN, canceled, "payment_timeout")).toMatchObject({ next: { reason: "payment_timeout" } });
    expect(decide({ ...KNOWN, status: "VOIDED", reason: "payment_timeout" }, canceled)).toEqual({ kind: "unchanged" });
  });

  it("leaves a void payment void, and voids nothing that was captured", () => {
    for (const status of PaymentState.options) {
      expect(canFollow("VOIDED", status)).toBe(status === "VOIDED");
      expect(canFollow(status, "VOIDED")).toBe(isOpen(status) || status === "AUTHORIZED" || status === "VOIDED");
    }
  });

  it("has an event for every state but CREATED", () => {
    const silent = PaymentState.options.filter((status) => eventOf(status) === undefined);
    expect(silent).toEqual(["CREATED"]);
    expect(PaymentState.options.filter(isPaid)).toEqual(["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "DISPUTED"]);
  });
});

describe("what may still be refunded", () => {
  it("plus what is pending, succeeded or lost equals what was captured, unless that exceeds it", () => {
    const statuses = fc.constantFrom<SnapshotRefund["status"][]>("pending", "succeeded", "failed", "canceled");
    const refunds = fc.array(fc.record({ amount: fc.integer({ min: 1, max: 1_000 }), status: statuses }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), refunds, fc.nat(1_000), (captured, rows, lost) => {
        const disputes = [
          { status: "lost", amount: lost },
          { status: "won", amount: 500 },
          { status: "needs_response", amount: 500 },
        ];
        const taken = rows.filter(({ status }) => status === "pending" || status === "succeeded");
        const sum = taken.reduce((total, { amount }) => total + amount, 0);
        expect(refundable(captured, rows, disputes)).toBe(Math.max(0, captured - sum - lost));
      }),
    );
  });
});

describe("a refused refund", () => {
  it.each([
    ["AUTHORIZED", null, 0, "not_refundable"],
    ["CAPTURED", null, 600, "exceeds"],
    ["REFUNDED", null, 600, "exceeds"],
    ["DISPUTED", "fraudulent", 600, "not_refundable"],
    ["DISPUTED", "dispute_lost", 600, "not_refundable"],
    ["DISPUTED", "dispute_lost", 700, "exceeds"],
  ] as const)(
    "of a payment that is %s (%s) with %d captured and 600 disputed is %s",
    (status, reason, amount, refusal) => {
      const disputes = status === "DISPUTED" ? [disputeOf("lost")] : [];
      expect(refusalOf({ status, reason, amountCaptured: amount }, [], disputes)).toBe(refusal);
    },
  );
});

describe("the next check", () => {
  it.each([
    ["FAILED", null, false, 0, FIRST_CHECK_MS],
    ["AUTHORIZED", null, false, 0, MAX_CHECK_MS],
    ["AUTHORIZED", null, true, 0, FIRST_CHECK_MS],
    ["DISPUTED", "fraudulent", true, 600, MAX_CHECK_MS],
    ["DISPUTED", "dispute_lost", false, 0, null],
    ["CAPTURED", null, false, 600, null],
    ["CAPTURED", null, true, 600, FIRST_CHECK_MS],
    ["VOIDED", null, true, 0, null],
  ] as const)("of a payment that is %s (%s), closed: %s, with %d left, is after %s ms", (...row) => {
    const [status, reason, isClosed, amountLeft, pauseMs] = row;
    const { nextCheckAt } = planCheck({ ...KNOWN, status, reason }, { isClosed, amountLeft, now: 1 });
    expect(nextCheckAt).toBe(pauseMs === null ? null : pauseMs + 1);
  });
});

describe("the back-off", () => {
  const PAUSES = { first: 60_000, max: 400_000 };

  it("doubles from the first pause up to the longest", () => {
    expect([0, 1, 2, 3].map((attempts) => backoffMs(attempts, PAUSES))).toEqual([60_000, 120_000, 240_000, 400_000]);
    expect(backoffMs(10_000, PAUSES)).toBe(400_000);
  });
});
