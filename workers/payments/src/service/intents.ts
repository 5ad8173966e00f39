// Makes an order's PaymentIntent. The row is written first and its id is Stripe's idempotency key: twenty calls at once, or one
// after a crash between the two, end in one row and one intent.
import type { z } from "zod";
import type { Call } from "#shared/call";
import type { CreateIntentInput, PaymentIntent } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { isOpen, isPaid } from "../domain/payment.ts";
import type { PaymentRow } from "../schema.ts";
import { provePayer, retryAtSelect } from "../store/declines.ts";
import { byKey, keyInsert, keySelect } from "../store/intent-keys.ts";
import type { IntentKey } from "../store/intent-keys.ts";
import { adoptIntent, paymentInsert, renewCreation } from "../store/payments.ts";
import { byId, byOrder, loadView, viewStatements, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import { tooManyAttempts } from "./attempts.ts";
import type { PaymentsDeps } from "./deps.ts";
import { withCallDeadline } from "./stripe/failures.ts";
import { cancelIntent, reconcile } from "./reconcile.ts";
import { renderIntent } from "./render.ts";
import { StripeRefused, StripeUnavailable, createStripeIntent } from "./stripe/client.ts";

type Input = z.output<typeof CreateIntentInput>;
type Made = { readonly intent: PaymentIntent; readonly created: boolean; readonly replayed: boolean };

const NOT_PAYABLE = fail(
  "order_not_payable",
  "The order cannot be paid any more: it is paid, cancelled or past its time.",
);

interface Found {
  readonly ofOrder: readonly View[];
  /** The payment that the Idempotency-Key made, or found before. */
  readonly ofKey?: { readonly view: View; readonly fingerprint: string; readonly made: boolean } | undefined;
  /** Until when the payer is over a cap on declined cards (ms). */
  readonly retryAt: number | null;
}

/** Writes the row where there is none, and reads what there is, in one round trip. */
async function insertAndRead(deps: PaymentsDeps, call: Call, input: Input, paymentId: string): Promise<Found> {
  const key = input.idempotency?.key;
  const now = deps.now();
  const retryAt = retryAtSelect(input.unproven, deps.declineCaps, now);
  const writes = [
    ...paymentInsert({ ...input, id: paymentId }, retryAt, call.actor.id, now),
    ...(input.unproven === undefined ? [provePayer(input.orderId)] : []),
  ];
  const { results } = await save(deps, [
    ...writes,
    retryAt,
    ...viewStatements(byOrder(input.orderId)),
    ...(key === undefined ? [] : [...viewStatements(byKey(key)), keySelect(key)]),
  ]);
  const [retry, payments, refunds, keyPayments, keyRefunds, keys] = results
    .slice(writes.length)
    .map((result) => result.results);
  const [view] = viewsOf(keyPayments ?? [], keyRefunds ?? []);
  const known = keys?.[0];
  const ofKey = view && known && { view, fingerprint: String(known["fingerprint"]), made: known["made"] === 1 };
  const until = retry?.[0]?.["retry_at"];
  return {
    ofOrder: viewsOf(payments ?? [], refunds ?? []),
    ofKey,
    retryAt: typeof until === "number" ? until : null,
  };
}

/**
 * Stores the intent that was made for a row. An order that was closed meanwhile has its intent cancelled at once: the secret
 * was told to nobody, so it cannot have been paid.
 */
async function storeIntent(
  deps: PaymentsDeps,
  row: PaymentRow,
  intentId: string,
  clientSecret: string,
): Promise<PaymentRow | undefined> {
  const { results } = await save(deps, [
    adoptIntent(row.id, intentId, clientSecret, deps.now()),
    ...viewStatements(byId(row.id)),
  ]);
  const [view] = viewsOf(results[1]?.results ?? [], results[2]?.results ?? []);
  if (view === undefined) throw new Error(`payment ${row.id} is gone`);
  if (view.closed === null && isOpen(view.row.status)) return view.row;
  if (view.row.stripePaymentIntentId !== intentId) await cancelIntent(deps, intentId);
  else await reconcile(deps, view, { actor: "payments", reason: "intent", voidReason: view.closed ?? undefined });
  return undefined;
}

/**
 * Completes a row that has no intent: makes it at Stripe, or gets the one that was made, and stores it. Undefined when the order
 * was closed meanwhile.
 * @throws StripeUnavailable, StripeRefused
 */
export async function completeIntent(deps: PaymentsDeps, row: PaymentRow): Promise<PaymentRow | undefined> {
  try {
    const made = await createStripeIntent(deps.stripe, row);
    return await storeIntent(deps, row, made.id, made.client_secret ?? "");
  } catch (error) {
    if (error instanceof StripeUnavailable) {
      // Another call that held the key may have finished; or Stripe failed and would repeat that under this key.
      const { row: present } = await loadView(deps.db, row.id);
      if (present.stripePaymentIntentId !== null && isOpen(present.status)) return present;
      if (error.answered) await save(deps, [renewCreation(row)]);
    }
    throw error;
  }
}

/** The present state of an intent that was made before: it may have been paid or cancelled without our having heard. */
async function refreshed(deps: PaymentsDeps, view: View): Promise<PaymentRow> {
  try {
    return await reconcile(deps, view, { actor: "stripe", reason: "seen when asked for the intent" });
  } catch (error) {
    // What is stored is good enough to pay with, while Stripe does not answer. It may have ended the payment first.
    if (error instanceof StripeUnavailable) return (await loadView(deps.db, view.row.id)).row;
    throw error;
  }
}

/** The row of a payment that can be paid, or that a cap on declined cards has ended just now. */
async function payableRow(deps: PaymentsDeps, view: View, created: boolean): Promise<PaymentRow | undefined> {
  if (view.closed !== null || !isOpen(view.row.status)) return undefined;
  if (view.row.stripePaymentIntentId === null) return await completeIntent(deps, view.row);
  if (created) return view.row;
  const row = await refreshed(deps, view);
  return isOpen(row.status) || row.stoppedBy !== null ? row : undefined;
}

async function payable(deps: PaymentsDeps, view: View, created: boolean, replayed: boolean): Promise<Outcome<Made>> {
  return await withCallDeadline(deps, async () => {
    try {
      const row = await payableRow(deps, view, created);
      if (row !== undefined && row.stoppedBy !== null)
        return tooManyAttempts({ isOver: true, retryAt: null }, deps.now());
      const intent = row && renderIntent(row, deps.publishableKey);
      return intent === undefined ? NOT_PAYABLE : ok({ intent, created, replayed });
    } catch (error) {
      if (!(error instanceof StripeRefused)) throw error;
      log("error", "Stripe refuses to make the intent", { paymentId: view.row.id, code: error.code, error });
      return fail("order_not_payable", "The payment provider does not take this payment.");
    }
  });
}

const KEY_REUSED = fail("idempotency_key_reused", "This Idempotency-Key was used for another request.");

/** The same request again gets the same intent as it is now, also when it has been paid meanwhile, and the first status. */
async function repeat(deps: PaymentsDeps, { view, made }: NonNullable<Found["ofKey"]>): Promise<Outcome<Made>> {
  const intent = isOpen(view.row.status) ? undefined : renderIntent(view.row, deps.publishableKey);
  if (intent !== undefined) return ok({ intent, created: made, replayed: true });
  const again = await payable(deps, view, true, view.row.stripePaymentIntentId !== null);
  return again.ok ? ok({ ...again.value, created: made }) : again;
}

/** Remembers a key that found a payment; of two requests that bring one key at once, the second is refused. */
async function remember(deps: PaymentsDeps, key: IntentKey, paymentId: string): Promise<boolean> {
  const { results } = await save(deps, [keyInsert(key, paymentId, deps.now()), keySelect(key.key)]);
  return results[1]?.results?.[0]?.["fingerprint"] === key.fingerprint;
}

/** Why cards may not be tried for the order now; undefined where declined cards are not the reason. */
function declinedTooOften({ ofOrder, retryAt }: Found, { mayBegin }: Input, now: number): Outcome<never> | undefined {
  if (ofOrder.some(({ row }) => isPaid(row.status))) return undefined;
  if (ofOrder.some(({ row }) => row.stoppedBy !== null)) return tooManyAttempts({ isOver: true, retryAt }, now);
  const isClosed = !mayBegin || ofOrder.some(({ closed }) => closed !== null);
  return isClosed || retryAt === null ? undefined : tooManyAttempts({ isOver: false, retryAt }, now);
}

/** See PaymentsContract.createIntent. */
export async function createIntent(deps: PaymentsDeps, call: Call, input: Input): Promise<Outcome<Made>> {
  const paymentId = newId("pay");
  const found = await insertAndRead(deps, call, input, paymentId);
  const { ofOrder, ofKey } = found;
  if (ofKey !== undefined && ofKey.fingerprint !== input.idempotency?.fingerprint) return KEY_REUSED;
  const refused = declinedTooOften(found, input, deps.now());
  if (refused !== undefined) return refused;
  if (ofKey !== undefined && ofKey.view.row.id !== paymentId) return await repeat(deps, ofKey);
  const live = ofOrder.find(({ row }) => row.status !== "VOIDED");
  if (live === undefined) return NOT_PAYABLE;
  if (live.row.amount !== input.amount || live.row.currency !== input.currency) {
    log("error", "an order's amount differs from its payment's", { orderId: input.orderId, paymentId: live.row.id });
    return NOT_PAYABLE;
  }
  const created = live.row.id === paymentId;
  const paid = await payable(deps, live, created, false);
  // Only successes are remembered; the key that made the payment stands in its row.
  if (!paid.ok || created || input.idempotency === undefined) return paid;
  return (await remember(deps, input.idempotency, live.row.id)) ? paid : KEY_REUSED;
}
