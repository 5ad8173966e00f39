// The RPC contract of the inventory Worker, with the schemas of its inputs and results.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Availability } from "../events/catalogue.ts";
import type { StockLine } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { MAX_LINES, MAX_QUANTITY } from "../limits.ts";
import { PageQuery } from "../paging.ts";
import type { Page } from "../paging.ts";
import { ProductId } from "./catalog.ts";
import type { MessagingContract, WorkerOverview } from "./messaging.ts";

/** The most products of a manual reservation. */
const MAX_RESERVED_PRODUCTS = 100;

export const Quantity = z
  .int()
  .min(1)
  .max(MAX_QUANTITY)
  .describe(`Units, 1 to ${String(MAX_QUANTITY)}.`);

const Line = z
  .strictObject({
    productId: ProductId.describe("The product's id."),
    quantity: Quantity,
  })
  .meta({ id: "StockLine", description: "A product and a number of units." });
const Lines = z.array(Line).min(1).max(MAX_RESERVED_PRODUCTS);

export const ProductInput = z.object({ productId: ProductId.describe("The product's id.") });
export const AvailabilitiesInput = z.object({ productIds: z.array(ProductId).max(MAX_LINES) });

const HoldLine = Line.extend({
  /** The product's minimum order quantity, the least that the share of buyers without proof may be. Default: 1. */
  minimum: Quantity.optional(),
});
export const HoldInput = z.object({
  owner: z.string().min(1).max(200),
  lines: z.array(HoldLine).min(1).max(MAX_LINES),
  /** Whether it counts toward the share of a product that buyers without proof may hold together. Default: false. */
  counted: z.boolean().optional(),
});
export const ReleaseHoldInput = z.object({
  owner: z.string().min(1).max(200),
  productIds: z.array(ProductId).min(1).max(MAX_LINES),
});
export const ReserveInput = z
  .strictObject({
    orderId: z
      .string()
      .min(1)
      .max(100)
      .describe("A name of your choice for the reservation. It need not be an order's id."),
    items: Lines.describe("The products to hold, all or none."),
    ttlSeconds: z
      .int()
      .min(1)
      .max(604_800)
      .default(900)
      .describe("Seconds until the reservation ends by itself, at most a week."),
  })
  .meta({ id: "ReserveStock", description: "What to hold outside the orders." });
export const ReleaseInput = z
  .strictObject({ orderId: z.string().min(1).max(100).describe("The name given when it was made.") })
  .meta({ id: "ReleaseReservation", description: "The reservation to end." });
export const AdjustmentReason = z
  .enum(["restock", "correction", "damaged", "return"])
  .describe("Why the stock changed: restock, correction, damaged or return.");
export const AdjustBody = z
  .strictObject({
    delta: z
      .int()
      .min(-1_000_000)
      .max(1_000_000)
      .refine((delta) => delta !== 0, "must not be zero")
      .describe("Units to add, or to take when negative. Not 0."),
    reason: AdjustmentReason.describe("Why the stock changed."),
  })
  .meta({ id: "AdjustStock", description: "A change of the stock on hand." });
export const AdjustInput = AdjustBody.extend({
  productId: ProductId,
  idempotencyKey: z.string().min(1).max(255).optional(),
});
export const CountBody = z
  .strictObject({
    counted: z.int().min(0).max(1_000_000_000).describe("Units that a stock take found on hand."),
    reason: z.string().trim().min(1).max(500).optional().describe("Why the stock was counted, for the audit log."),
  })
  .meta({ id: "CountStock", description: "The outcome of a stock take." });
export const CountInput = CountBody.extend({
  productId: ProductId,
  idempotencyKey: z.string().min(1).max(255).optional(),
});
export const ThresholdBody = z
  .strictObject({
    lowStockThreshold: z
      .int()
      .min(0)
      .max(1_000_000)
      .describe("At this many available units the product is low. It replaces the shop's default for this product."),
  })
  .meta({ id: "StockThreshold", description: "The threshold under which a product is low." });
export const SetThresholdInput = ThresholdBody.extend({ productId: ProductId });
/** Why on-hand changed. The opening level is no entry. */
const TransactionType = z
  .enum(["sale", ...AdjustmentReason.options])
  .describe(
    "Why the stock on hand changed: a sale, or the reason that staff gave. `return` also stands for a refunded order.",
  );
export const ListTransactionsInput = PageQuery.extend({
  productId: ProductId.optional().describe("Only entries of this product."),
  type: TransactionType.optional().describe("Only entries of this kind."),
});
export const LowStockInput = PageQuery;
export const ListLevelsInput = PageQuery.extend({
  status: Availability.optional().describe(
    "Only products with this status. The emptiest come first where it is low_stock.",
  ),
  sku: z.string().min(1).max(64).optional().describe("Only the product with exactly this SKU."),
  vendorId: idSchema("usr")
    .optional()
    .describe("Only products of this vendor. A vendor always sees own products only."),
});

export const PublicLevel = z
  .object({
    productId: z.string().describe("The product's id."),
    available: z.int().describe("Units that can be ordered."),
    status: Availability.describe("Whether the product is in stock."),
  })
  .meta({ id: "PublicStockLevel", description: "What everyone may see of a product's stock." });
export type PublicLevel = z.infer<typeof PublicLevel>;

export const Level = PublicLevel.extend({
  onHand: z.int().describe("Units in the shop's hands."),
  reserved: z.int().describe("Units held and reserved together. `onHand` - `reserved` = `available`."),
  lowStockThreshold: z.int().describe("At this many available units the product is low."),
}).meta({ id: "StockLevel", description: "A product's stock as staff see it." });
export type Level = z.infer<typeof Level>;

export const ListedLevel = Level.extend({
  sku: z.string().describe("The product's SKU."),
  name: z.string().describe("The product's name."),
  vendorId: z.string().nullable().describe("The product's vendor. Null for the shop's own."),
}).meta({ id: "ListedStockLevel", description: "A product's stock in a list of products." });
export type ListedLevel = z.infer<typeof ListedLevel>;

export const Transaction = z
  .object({
    id: z.string().describe("The entry's id."),
    productId: z.string().describe("The product's id."),
    type: TransactionType.describe("Why the stock changed."),
    delta: z.int().describe("Units added, or taken when negative."),
    onHandAfter: z.int().describe("Units on hand after it."),
    reference: z
      .string()
      .nullable()
      .describe("The order that was shipped or came back, for a sale or its return. Null otherwise."),
    actor: z.string().describe("Who did it: a user's id, or the name of the part of the shop that acted."),
    createdAt: z.iso.datetime().describe("When it happened."),
  })
  .meta({ id: "StockTransaction", description: "One entry of the stock ledger." });
export type Transaction = z.infer<typeof Transaction>;

export const ManualReservation = z
  .object({
    orderId: z.string().describe("The name given when it was made."),
    items: z
      .array(
        z.object({ productId: z.string().describe("The product's id."), quantity: z.int().describe("Units held.") }),
      )
      .describe("What is held."),
    expiresAt: z.iso.datetime().describe("When the reservation ends by itself."),
  })
  .meta({ id: "Reservation", description: "Stock held outside the orders." });
export type ManualReservation = z.infer<typeof ManualReservation>;

export const Released = z
  .object({
    released: z
      .array(
        z.object({
          productId: z.string().describe("The product's id."),
          quantity: z.int().describe("Units given back."),
        }),
      )
      .describe("What can be ordered again. Empty when nothing was held."),
  })
  .meta({ id: "Released", description: "What a release gave back." });
export type Released = z.infer<typeof Released>;

export interface InventoryOverview extends WorkerOverview {
  /** Products with some units, but no more than their threshold. */
  readonly lowStock: number;
  /** Products without any unit. */
  readonly outOfStock: number;
}

export interface InventoryContract extends MessagingContract {
  overview(call: Call): Promise<Outcome<InventoryOverview>>;
  /**
   * Holds all lines for `owner` for 120 s, or none. Idempotent: an owner that already holds these quantities succeeds again.
   * Fails with insufficient_stock and `shortages` (nothing stays held); with quantity_limited, `allowed` and `limits` when
   * `counted` and only the share of buyers without proof is used up; with product_not_found; or with reservation_conflict when
   * the owner was released before or holds other quantities.
   */
  hold(
    call: Call,
    input: z.input<typeof HoldInput>,
  ): Promise<Outcome<{ readonly expiresAt: string; readonly newlyHeld: readonly StockLine[] }>>;
  /** Releases what `owner` holds or has reserved of these products. Idempotent. The owner cannot hold them again for 30 days. */
  releaseHold(call: Call, input: z.input<typeof ReleaseHoldInput>): Promise<Outcome<Released>>;
  /** The level from the product's object. Fails with product_not_found. The gateway decides who may see which fields. */
  level(
    call: Call,
    input: z.input<typeof ProductInput>,
  ): Promise<Outcome<Level & { readonly vendorId: string | null }>>;
  /** Availability of many products from D1, at most a second old. Unknown products are left out. */
  availabilities(call: Call, input: z.input<typeof AvailabilitiesInput>): Promise<Outcome<readonly PublicLevel[]>>;
  /**
   * Reserves outside orders, under the owner `manual:<orderId>`. Idempotent by orderId; other items are reservation_conflict.
   */
  reserve(call: Call, input: z.input<typeof ReserveInput>): Promise<Outcome<ManualReservation>>;
  /** Releases a manual reservation. Idempotent. */
  release(call: Call, input: z.input<typeof ReleaseInput>): Promise<Outcome<Released>>;
  /**
   * Changes on-hand and writes the ledger. Idempotent by `idempotencyKey`. Fails with stock_held when on-hand would fall below what is
   * held, product_not_found (also for another vendor's product), idempotency_key_reused or idempotency_in_progress.
   */
  adjust(
    call: Call,
    input: z.input<typeof AdjustInput>,
  ): Promise<Outcome<{ readonly level: Level; readonly replayed: boolean }>>;
  /**
   * Sets on-hand to what a stock take found. A difference is a `correction` in the ledger. Idempotent and failing as `adjust`.
   */
  count(
    call: Call,
    input: z.input<typeof CountInput>,
  ): Promise<Outcome<{ readonly level: Level; readonly replayed: boolean }>>;
  /**
   * Gives a product its own low-stock threshold; publishes no STOCK_LOW. Fails with product_not_found, also for another vendor's product.
   */
  setThreshold(call: Call, input: z.input<typeof SetThresholdInput>): Promise<Outcome<Level>>;
  /** The ledger, newest first; a vendor sees own products. Fails with invalid_cursor. */
  listTransactions(call: Call, input: z.input<typeof ListTransactionsInput>): Promise<Outcome<Page<Transaction>>>;
  /**
   * Levels from D1, at most a second old, by product id; with status low_stock the emptiest first. A vendor sees own products.
   * Fails with invalid_cursor.
   */
  listLevels(call: Call, input: z.input<typeof ListLevelsInput>): Promise<Outcome<Page<ListedLevel>>>;
  /** Products at or under their threshold, the emptiest first; a vendor sees own products. */
  listLowStock(call: Call, input: z.input<typeof LowStockInput>): Promise<Outcome<Page<ListedLevel>>>;
}
