// Every event there is, with the shape of its data. An event carries what its consumers need, as long as that is small: of the lines
// their products and quantities, and the names and prices of the first few (docs/adr/031-large-orders.md). A consumer must accept any
// order of arrival, any number of copies, and the shapes that earlier versions have stored.
import * as z from "zod";
import { EXCERPT_LINES } from "../limits.ts";
import { Amount, Currency } from "../money.ts";

export const Availability = z.enum(["in_stock", "low_stock", "out_of_stock"]).meta({
  id: "Availability",
  description:
    "in_stock: more than the low-stock threshold can be ordered. low_stock: some, but no more than the threshold. out_of_stock: none.",
});
export type Availability = z.infer<typeof Availability>;

/** Who a message goes to. `id` is null for a guest. */
export const Customer = z.object({
  id: z.string().nullable(),
  email: z.string(),
  name: z.string(),
  /** BCP 47, for example `en`. */
  locale: z.string(),
  /**
   * Whether the account had verified the e-mail address when this was written; never for a guest. Events that
   * older versions stored do not have it.
   */
  proven: z.boolean().default(false),
});
export type Customer = z.infer<typeof Customer>;

/** A line as an order, a cart or a reservation has it. */
export const StockLine = z.object({ productId: z.string(), quantity: z.int().positive() });
export type StockLine = z.infer<typeof StockLine>;

/** A line as a message shows it. */
export const EventLine = StockLine.extend({
  sku: z.string(),
  name: z.string(),
  unitPrice: Amount,
  // A cart may hold more than one payment can carry; only an order may not.
  lineTotal: z.int().min(0),
});
export type EventLine = z.infer<typeof EventLine>;

/** `lines` are all lines. `excerpt` describes the first EXCERPT_LINES of them. */
const Lines = { lines: z.array(StockLine).min(1), excerpt: z.array(EventLine) };

/** Events of the version before described every line in `lines`, and had no excerpt. */
function withExcerpt(data: unknown): unknown {
  if (typeof data !== "object" || data === null || !("lines" in data) || "excerpt" in data) return data;
  return { ...data, excerpt: data.lines };
}

/** The lines of an event as it carries them. */
export function linesOfEvent(lines: readonly EventLine[]): {
  readonly lines: StockLine[];
  readonly excerpt: EventLine[];
} {
  return {
    lines: lines.map(({ productId, quantity }) => ({ productId, quantity })),
    excerpt: lines.slice(0, EXCERPT_LINES),
  };
}

const Tracking = z.object({ carrier: z.string(), number: z.string(), url: z.string().optional() });

const OrderData = z.object({
  orderId: z.string(),
  number: z.string(),
  /** The owner of the order's holds and reservations in inventory: the key of the request that made the order. */
  reservationOwner: z.string(),
  customer: Customer,
  ...Lines,
  currency: Currency,
  subtotal: Amount,
  discount: Amount,
  shipping: Amount,
  tax: Amount,
  total: Amount,
  status: z.string(),
  reason: z.string().nullable(),
  /** Who gave the reason. A buyer's own words may go to a proven recipient only; the system's are codes. */
  reasonBy: z.enum(["buyer", "staff", "system"]).default("system"),
  tracking: Tracking.nullable(),
  /** Whether the order's money was authorized, captured or in dispute at this change. */
  moneyAuthorized: z.boolean().default(false),
  /**
   * Whether the stock of the order counts, until its money is authorized, toward the share that buyers without proof may hold of a
   * product together. Events that older versions stored do not have it.
   */
  counted: z.boolean().default(false),
});
/** The order as it is after the change. */
export const OrderEventData = z.preprocess(withExcerpt, OrderData);
export type OrderEventData = z.infer<typeof OrderEventData>;

/** The payment as it is after the change. `version` grows with every change, so an older event is known as old. */
export const PaymentEventData = z.object({
  paymentId: z.string(),
  orderId: z.string(),
  orderNumber: z.string(),
  customer: Customer,
  currency: Currency,
  amount: Amount,
  amountCapturable: Amount,
  amountCaptured: Amount,
  amountRefunded: Amount,
  /** The payment's status as order.paymentStatus names it. */
  status: z.string(),
  version: z.int().positive(),
  /** A decline code, a refund's reason, a dispute's reason. */
  reason: z.string().nullable(),
});
export type PaymentEventData = z.infer<typeof PaymentEventData>;

const OrderStockData = z.object({
  orderId: z.string(),
  reservationOwner: z.string(),
  lines: z.array(StockLine),
});

export const EVENT_DATA = {
  ORDER_CREATED: OrderEventData,
  ORDER_CONFIRMED: OrderEventData,
  ORDER_PROCESSING: OrderEventData,
  ORDER_SHIPPED: OrderEventData,
  /** The tracking was set or changed after ORDER_SHIPPED. */
  ORDER_TRACKING_CHANGED: OrderEventData,
  ORDER_DELIVERED: OrderEventData,
  ORDER_CANCELLED: OrderEventData,
  /** Lines were refunded and their goods go back on the shelf; `returnId` names this one return of the order. */
  ORDER_RETURNED: z.object({
    orderId: z.string(),
    reservationOwner: z.string(),
    returnId: z.string(),
    /** Whether the order had been shipped by then. Events that older versions stored do not have it. */
    shipped: z.boolean().default(false),
    lines: z.array(StockLine).min(1),
  }),
  PAYMENT_REQUIRES_ACTION: PaymentEventData,
  PAYMENT_AUTHORIZED: PaymentEventData,
  PAYMENT_CAPTURED: PaymentEventData,
  PAYMENT_FAILED: PaymentEventData,
  PAYMENT_VOIDED: PaymentEventData,
  PAYMENT_REFUNDED: PaymentEventData,
  PAYMENT_DISPUTED: PaymentEventData,
  STOCK_RESERVED: OrderStockData,
  STOCK_REJECTED: OrderStockData.extend({
    /** The first MAX_SHORTAGES lines that are short. */
    shortages: z.array(z.object({ productId: z.string(), requested: z.int(), available: z.int() })),
    /** How many lines are short. Events that older versions stored do not have it, and name all. */
    shortageCount: z.int().optional(),
  }),
  STOCK_RELEASED: OrderStockData,
  STOCK_CONSUMED: OrderStockData,
  STOCK_LOW: z.object({
    productId: z.string(),
    sku: z.string(),
    name: z.string(),
    available: z.int(),
    threshold: z.int(),
  }),
  /** `sequence` is the stock object's own and only grows: a consumer ignores one that is not above what it has. */
  STOCK_AVAILABILITY_CHANGED: z.object({
    productId: z.string(),
    availability: Availability,
    available: z.int(),
    sequence: z.int(),
  }),
  /** The lines that can still be ordered. */
  CART_EXPIRED: z.preprocess(
    withExcerpt,
    z.object({
      cartId: z.string(),
      customer: Customer.nullable(),
      ...Lines,
      lines: z.array(StockLine),
      subtotal: z.int().min(0),
      currency: Currency,
    }),
  ),
  USER_REGISTERED: z.object({ userId: z.string(), email: z.string(), name: z.string(), locale: z.string() }),
  /** The account has shown that this e-mail address is its own: by a mail's link, be it for verification or for a new password. */
  EMAIL_VERIFIED: z.object({ userId: z.string(), email: z.string() }),
  /** The account has a new password, by a change or a reset. What reaches its owner beside the e-mail address must be set anew. */
  PASSWORD_CHANGED: z.object({ userId: z.string() }),
  /** A message that a Worker wants sent. `kind` and its variables: see COMMANDS in commands.ts. */
  NOTIFICATION_SEND: z.object({
    kind: z.string(),
    /** Null is the admins as a group; the notifications Worker knows how to reach them. */
    recipient: Customer.nullable(),
    /** As the text that is shown. */
    variables: z.record(z.string(), z.string()),
  }),
  /** `version` grows with every change of the product. */
  PRODUCT_UPSERTED: z.object({
    productId: z.string(),
    version: z.int().positive(),
    sku: z.string(),
    name: z.string(),
    vendorId: z.string().nullable(),
    status: z.enum(["active", "draft", "archived"]),
    price: Amount,
    currency: Currency,
    weightGrams: z.int().min(0),
    minOrderQuantity: z.int().positive(),
  }),
} as const;

export type EventType = keyof typeof EVENT_DATA;
export type EventData<T extends EventType> = z.infer<(typeof EVENT_DATA)[T]>;
export const EVENT_TYPES = Object.keys(EVENT_DATA) as EventType[];
