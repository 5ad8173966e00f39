// Creates an order's PaymentIntent. The row is written first and its id is Stripe's idempotency key. So concurrent calls, and one after
// a crash between the two, end in one row and one intent.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { CreateIntentInput, PaymentIntent } from "#shared/contracts/payments";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { log } from "#shared/logger";
import { save } from "#shared/outbox";
import { ok } from "#shared/result";
import { replayOrRefuse } from "#shared/retry";
import { isOpen } from "../domain/payment.ts";
import type { PaymentRow } from "../schema.ts";
import { provePayer, retryAtExpression, retryAtSelect } from "../store/declines.ts";
import { adoptIntent, byKey, keyInsert, keySelect, paymentInsert, renewCreation } from "../store/intents.ts";
import type { IntentKey } from "../store/intents.ts";
import { byId, byOrder, loadView, onlyView, viewQueries, viewsOf } from "../store/views.ts";
import type { View } from "../store/views.ts";
import { declinedTooOften, tooManyAttempts } from "./decline-caps.ts";
import type { PaymentsDeps } from "./deps.ts";
import { reconcile } from "./reconcile.ts";
import { renderIntent } from "./render.ts";
import { cancelIntent, createStripeIntent } from "./stripe/client.ts";
import { StripeRefused, StripeUnavailable, withCallDeadline } from "./stripe/failures.ts";

type Input = z.output<typeof CreateIntentInput>;
type Created = { readonly intent: PaymentIntent; readonly created: boolean; readonly replayed: boolean };

const NOT_PAYABLE = fail(
  "order_not_payable",
  "The order cannot be paid any more: it is paid, cancelled or past its time.",
);

/** A payment under the caller's Idempotency-Key. */
interface KeyedPayment {
  readonly view: View;
  readonly fingerprint: string | null;
  /** The key made the payment; else it found one. */
  readonly hasMade: boolean;
}

interface Found {
  readonly ofOrder: readonly View[];
  readonly ofKey: KeyedPayment | undefined;
  /** Until when the payer is over a cap on declined cards (ms). */
  readonly retryAt: number | null;
}

/** Writes the row if there is none, and reads all that is there, in one round trip. */
async function insertAndRead(deps: PaymentsDeps, call: Call, input: Input, paymentId: string): Promise<Found> {
  const { orderId, unproven, idempotency } = input;
  const now = deps.now();
  const retryAt = retryAtExpression(unproven, deps.declineCaps, now);
  const ofKey = viewQueries(byKey(idempotency?.key));
  const found = await save(deps, {
    inserted: paymentInsert({ ...input, id: paymentId }, retryAt, call.actor.id, now),
    proven: unproven === undefined ? [provePayer(orderId)] : [],
    retry: retryAtSelect(retryAt),
    ...viewQueries(byOrder(orderId)),
    paymentsOfKey: ofKey.payments,
    refundsOfKey: ofKey.refunds,
    key: keySelect(idempotency?.key),
  });
  const [view] = viewsOf(found.paymentsOfKey.rows, found.refundsOfKey.rows);
  const [key] = found.key.rows;
  return {
    ofOrder: viewsOf(found.payments.rows, found.refunds.rows),
    ofKey: view && key && { view, fingerprint: key.fingerprint, hasMade: key.hasMade === 1 },
    retryAt: found.retry.rows[0]?.retryAt ?? null,
  };
}

/** Undefined when the order was closed in the meantime: the intent is then cancelled, and nobody had its secret to pay it. */
async function storeIntent(
  deps: PaymentsDeps,
  { id }: PaymentRow,
  intentId: string,
  clientSecret: string,
): Promise<PaymentRow | undefined> {
  const { payments, refunds } = await save(deps, {
    adopted: adoptIntent(id, intentId, clientSecret, deps.now()),
    ...viewQueries(byId(id)),
  });
  const view = onlyView(viewsOf(payments.rows, refunds.rows));
  if (view.closed === null && isOpen(view.row.status)) return view.row;
  if (view.row.stripePaymentIntentId !== intentId) await cancelIntent(deps.stripe, intentId);
  else await reconcile(deps, view, { actor: "payments", reason: "intent", voidReason: view.closed ?? undefined });
  return undefined;
}

/** Creates and stores a row's intent. Undefined when the order was closed in the meantime. @throws StripeUnavailable, StripeRefused */
export async function completeIntent(deps: PaymentsDeps, row: PaymentRow): Promise<PaymentRow | undefined> {
  try {
    const created = await createStripeIntent(deps.stripe, row);
    return await storeIntent(deps, row, created.id, created.client_secret ?? "");
  } catch (error) {
    if (error instanceof StripeUnavailable) {
      // A concurrent call that held the key may have finished. Or Stripe failed and would repeat that under this key.
      const { row: present } = await loadView(deps.db, row.id);
      if (present.stripePaymentIntentId !== null && isOpen(present.status)) return present;
      if (error.isServerError) await save(deps, { renewed: renewCreation(row) });
    }
    throw error;
  }
}

/** The present state of an intent that was created earlier, which may have been paid or cancelled without a webhook yet. */
async function refreshed(deps: PaymentsDeps, view: View): Promise<PaymentRow> {
  try {
    return await reconcile(deps, view, { actor: "stripe", reason: "seen when asked for the intent" });
  } catch (error) {
    // While Stripe does not answer, the stored intent is good enough to pay with. The call may have ended the payment before it failed.
    if (error instanceof StripeUnavailable) return (await loadView(deps.db, view.row.id)).row;
    throw error;
  }
}

/** `isRefreshed`: Stripe is read first, because the row may be outdated. */
type Freshness = { readonly isRefreshed: boolean };

/** The row of a payment that can be paid, or that a cap on declined cards has just ended. */
async function payableRow(deps: PaymentsDeps, view: View, { isRefreshed }: Freshness): Promise<PaymentRow | undefined> {
  if (view.closed !== null || !isOpen(view.row.status)) return undefined;
  if (view.row.stripePaymentIntentId === null) return await completeIntent(deps, view.row);
  if (!isRefreshed) return view.row;
  const row = await refreshed(deps, view);
  return isOpen(row.status) || row.stoppedBy !== null ? row : undefined;
}

async function payableIntent(deps: PaymentsDeps, view: View, freshness: Freshness): Promise<Outcome<PaymentIntent>> {
  return await withCallDeadline(deps, async () => {
    try {
      const row = await payableRow(deps, view, freshness);
      if (row === undefined) return NOT_PAYABLE;
      if (row.stoppedBy !== null) return tooManyAttempts({ isOver: true, retryAt: null }, deps.now());
      const intent = renderIntent(row, deps.publishableKey);
      return intent === undefined ? NOT_PAYABLE : ok(intent);
    } catch (error) {
      if (!(error instanceof StripeRefused)) throw error;
      log("error", "Stripe refuses to create the intent", { paymentId: view.row.id, code: error.code, error });
      return fail("order_not_payable", "The payment provider does not accept this payment.");
    }
  });
}

/** A repeated request gets the intent as it is now, even if it was paid since, and `created` as in the first answer. */
async function replay(deps: PaymentsDeps, { view, hasMade: created }: KeyedPayment): Promise<Outcome<Created>> {
  const intent = isOpen(view.row.status) ? undefined : renderIntent(view.row, deps.publishableKey);
  if (intent !== undefined) return ok({ intent, created, replayed: true });
  const payable = await payableIntent(deps, view, { isRefreshed: false });
  const replayed = view.row.stripePaymentIntentId !== null;
  return payable.ok ? ok({ intent: payable.value, created, replayed }) : payable;
}

/** Stores that the key found a payment. A concurrent request with the same key may have stored another fingerprint first. */
async function storeKey(deps: PaymentsDeps, key: IntentKey, paymentId: string): Promise<Outcome<null>> {
  const { stored } = await save(deps, {
    inserted: keyInsert(key, paymentId, deps.now()),
    stored: keySelect(key.key),
  });
  return replayOrRefuse(stored.rows[0] ?? { fingerprint: null }, key.fingerprint, () => null);
}

/** See PaymentsContract.createIntent. */
export async function createIntent(deps: PaymentsDeps, call: Call, input: Input): Promise<Outcome<Created>> {
  const { orderId, idempotency, mayBegin } = input;
  const paymentId = newId("pay");
  const { ofOrder, ofKey, retryAt } = await insertAndRead(deps, call, input, paymentId);
  const used = ofKey && replayOrRefuse(ofKey, idempotency?.fingerprint ?? "", () => ofKey);
  if (used?.ok === false) return used;
  const refused = declinedTooOften(ofOrder, { retryAt, mayBegin }, deps.now());
  if (refused !== undefined) return refused;
  if (ofKey !== undefined && ofKey.view.row.id !== paymentId) return await replay(deps, ofKey);
  const live = ofOrder.find(({ row }) => row.status !== "VOIDED");
  if (live === undefined) return NOT_PAYABLE;
  if (live.row.amount !== input.amount || live.row.currency !== input.currency) {
    log("error", "an order's amount differs from its payment's", { orderId, paymentId: live.row.id });
    return NOT_PAYABLE;
  }
  const created = live.row.id === paymentId;
  const payable = await payableIntent(deps, live, { isRefreshed: !created });
  if (!payable.ok) return payable;
  // The key that made the payment is in its row; a key that found one is stored only now, because failures are not replayed.
  const stored = created || idempotency === undefined ? ok(null) : await storeKey(deps, idempotency, live.row.id);
  return stored.ok ? ok({ intent: payable.value, created, replayed: false }) : stored;
}
