// What the Stock object takes and returns. The calls cross from a Worker to the object, so everything here is plain data.
import type { AuditRow } from "#shared/audit";
import type { Level } from "#shared/contracts/inventory";
import type { Cause } from "#shared/events/envelope";
import type { Refused } from "../domain/stock.ts";
import type { LedgerRow } from "./schema.ts";

/** The ids that a change hands on to its events. */
export type Trace = Pick<Cause, "correlationId" | "causationId" | "traceparent">;

export interface HoldRequest {
  readonly owner: string;
  readonly quantity: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Id of the attempt. Only the last attempt that made or found a hold may undo it. */
  readonly attempt: string;
  /** Whether D1 shows the hold. An order's hold ends too soon for that. */
  readonly projected: boolean;
  /** Whether it counts toward the share of buyers without proof. Default: false. */
  readonly counted?: boolean | undefined;
  /** The product's minimum order quantity, the least that the share may be. Default: 1. */
  readonly minimum?: number | undefined;
  /** Whether only to say if it would be held. Default: false. */
  readonly isCheck?: boolean | undefined;
}

export interface Held {
  /** False when the owner held it already. */
  readonly newlyHeld: boolean;
  readonly expiresAt: number;
}

export interface OrderLine {
  readonly owner: string;
  readonly orderId: string;
  readonly quantity: number;
}

export interface ReservedLine extends OrderLine {
  /** As in HoldRequest. Ignored once the owner's hold no longer counts. */
  readonly counted?: boolean;
}

export interface ReturnedLine extends OrderLine {
  /** Id of one return of the order. */
  readonly returnId: string;
  /** Whether the order had been shipped, as reported by orders. */
  readonly shipped: boolean;
}

/** A change of on-hand and its reason, or the units that a stock take found. */
export type StockChange =
  | { readonly delta: number; readonly reason: Exclude<LedgerRow["type"], "sale"> }
  | { readonly counted: number };

export type Adjustment = StockChange & {
  readonly actor: string;
  /** Set for a vendor, who may only adjust own products. */
  readonly vendorId?: string | undefined;
  /** The Idempotency-Key and a digest of its request. */
  readonly key?: { readonly key: string; readonly fingerprint: string } | undefined;
  /** Written to D1 with the change; absent where no person acts. */
  readonly audit?: AuditRow | undefined;
};

export interface ThresholdChange {
  readonly threshold: number;
  /** Set for a vendor, who may only change own products. */
  readonly vendorId?: string | undefined;
  readonly audit: AuditRow;
}

/** The product's words and owner, as catalog has them. */
export interface ProductDetails {
  readonly productId: string;
  readonly sku: string;
  readonly name: string;
  readonly vendorId: string | null;
  readonly version: number;
}

export type OwnedLevel = Level & { readonly vendorId: string | null };

/** `heldByOthers`: part of what is missing is only held, so a retry may find it. */
export interface Refusal extends Refused {
  readonly heldByOthers: boolean;
}
export type UnknownProduct = { readonly reason: "unknown_product" };
export type StockFailure = Refusal | UnknownProduct;
export type ForeignProduct = { readonly reason: "foreign_product" };
/** `held`: on-hand would fall below the `taken` units that are held and reserved. */
export type AdjustRefusal =
  | { readonly reason: "held"; readonly available: number; readonly taken: number }
  | { readonly reason: "key_reused" }
  | ForeignProduct;
