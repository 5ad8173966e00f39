// Puts a priced basket together as the order that is stored and shown, and as the data of its events.
import type { Address, Order } from "#shared/contracts/orders";
import type { Customer } from "#shared/events/catalogue";
import { newId } from "#shared/ids";
import { orderNumber } from "../domain/number.ts";
import type { NewOrder } from "../store/write.ts";
import type { Priced } from "./quote.ts";

/** What the request has settled. */
export interface Draft {
  readonly id: string;
  readonly priced: Priced;
  readonly customer: Customer;
  readonly shippingAddress: Address;
  readonly reservationOwner: string;
  readonly requestKey: string;
  readonly fingerprint: string;
  readonly accessTokenHash: string | null;
  readonly correlationId: string;
  readonly actor: string;
  readonly paymentWindowMs: number;
  /** Digest of the client network that the order counts for, if it does. */
  readonly network: string | null;
  /** Whether its stock counts toward the share of buyers without proof. */
  readonly counted: boolean;
}

export function draftOrder(draft: Draft, now: number): NewOrder {
  const { id, priced, customer, reservationOwner } = draft;
  const { items: lines, shippingMethods: _methods, ...totals } = priced.quote;
  const items = lines.map((line, index) => ({
    ...line,
    id: newId("itm"),
    vendorId: priced.lines[index]?.product.vendorId ?? null,
    refundedQuantity: 0,
  }));
  const number = orderNumber(now, crypto.getRandomValues(new Uint8Array(8)));
  const at = new Date(now).toISOString();
  const paymentDueAt = now + draft.paymentWindowMs;
  const order: Order = {
    id,
    number,
    customerId: customer.id,
    status: "PENDING",
    ...totals,
    items: items.map(({ vendorId: _vendorId, ...item }) => item),
    shippingAddress: draft.shippingAddress,
    shippingMethod: priced.method,
    paymentStatus: "NONE",
    stockStatus: "PENDING",
    paymentDueAt: new Date(paymentDueAt).toISOString(),
    history: [{ from: null, to: "PENDING", at, actor: draft.actor, reason: null }],
    refunds: [],
    createdAt: at,
    updatedAt: at,
  };
  const eventData = {
    orderId: id,
    number,
    reservationOwner,
    customer,
    lines: [...lines],
    ...totals,
    status: "PENDING",
    reason: null,
    reasonBy: "system" as const,
    tracking: null,
    moneyAuthorized: false,
    counted: draft.counted,
  };
  const { requestKey, fingerprint, correlationId, accessTokenHash, actor, network } = draft;
  return {
    order,
    items,
    customer,
    eventData,
    requestKey,
    fingerprint,
    correlationId,
    accessTokenHash,
    actor,
    network,
    now,
    paymentDueAt,
  };
}
