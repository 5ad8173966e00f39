// What each event says to whom: the template's kind, the reader, and every variable as the text that is shown.
import type { Customer, EventData, EventLine, OrderEventData, PaymentEventData } from "#shared/events/catalogue";
import { formatMoney } from "#shared/money";
import type { Variables } from "./template.ts";

/** Settings of the shop that messages mention. */
export interface Shop {
  readonly name: string;
  /** Where messages to the admins go. */
  readonly adminEmail: string;
}

export interface MessageContent {
  readonly kind: string;
  readonly audience: "user" | "admins";
  /** Null for a guest and for the admins. */
  readonly userId: string | null;
  readonly recipient: string;
  readonly locale: string;
  readonly variables: Variables;
}

/** For amounts where a locale is not a language tag that the runtime knows. */
const FALLBACK_FORMAT = "en-US";

/** Codes that orders and payments give as reasons, in words. Anything else is a person's own text. */
const REASONS: Readonly<Record<string, string>> = {
  payment_timeout: "it was not paid in time",
  payment_voided: "the payment was cancelled",
  insufficient_stock: "the goods are no longer in stock",
};

function formatLocale(locale: string): string {
  try {
    return Intl.NumberFormat.supportedLocalesOf(locale)[0] ?? FALLBACK_FORMAT;
  } catch {
    return FALLBACK_FORMAT;
  }
}

function money(amountMinor: number, currency: string, { locale }: Customer): string {
  return formatMoney(amountMinor, currency, formatLocale(locale));
}

/** A code becomes words; `card_declined` without an entry is still readable as "card declined". */
function reasonText(reason: string | null): string {
  if (reason === null || reason.trim() === "") return "none given";
  if (Object.hasOwn(REASONS, reason)) return REASONS[reason] ?? reason;
  return /^[a-z0-9]+(_[a-z0-9]+)+$/.test(reason) ? reason.replaceAll("_", " ") : reason;
}

function lineText(line: EventLine, currency: string, customer: Customer): string {
  return `${String(line.quantity)} x ${line.name} (${line.sku}): ${money(line.lineTotal, currency, customer)}`;
}

/** The tracking link is shown as text and never put into an href: its scheme is whatever the sender typed. */
function trackingText(tracking: OrderEventData["tracking"]): string {
  if (tracking === null) return "This shipment has no tracking number.";
  const url = tracking.url === undefined ? "" : `\n${tracking.url}`;
  return `${tracking.carrier}, tracking number ${tracking.number}${url}`;
}

function toCustomer(kind: string, customer: Customer, shop: Shop, variables: Variables): MessageContent {
  return {
    kind,
    audience: "user",
    userId: customer.id,
    recipient: customer.email,
    locale: customer.locale,
    variables: { name: customer.name, shopName: shop.name, ...variables },
  };
}

/** For every kind about an order; each template takes of the variables what it needs. */
export function orderMessage(kind: string, data: OrderEventData, shop: Shop): MessageContent {
  const { customer, currency } = data;
  return toCustomer(kind, customer, shop, {
    orderNumber: data.number,
    lines: data.lines.map((line) => lineText(line, currency, customer)).join("\n"),
    subtotal: money(data.subtotal, currency, customer),
    shipping: money(data.shipping, currency, customer),
    total: money(data.total, currency, customer),
    tracking: trackingText(data.tracking),
    reason: reasonText(data.reason),
  });
}

export function paymentMessage(kind: string, data: PaymentEventData, shop: Shop): MessageContent {
  const { customer, currency } = data;
  return toCustomer(kind, customer, shop, {
    orderNumber: data.orderNumber,
    amount: money(data.amount, currency, customer),
    refunded: money(data.amountRefunded, currency, customer),
    reason: reasonText(data.reason),
  });
}

export function lowStockMessage(data: EventData<"STOCK_LOW">, shop: Shop): MessageContent {
  return {
    kind: "low_stock",
    audience: "admins",
    userId: null,
    recipient: shop.adminEmail,
    locale: "en",
    variables: {
      shopName: shop.name,
      productId: data.productId,
      productName: data.name,
      sku: data.sku,
      available: String(data.available),
      threshold: String(data.threshold),
    },
  };
}

export function welcomeMessage(data: EventData<"USER_REGISTERED">, shop: Shop): MessageContent {
  const customer: Customer = { id: data.userId, email: data.email, name: data.name, locale: data.locale };
  return toCustomer("welcome", customer, shop, { email: data.email });
}

/** What any Worker wants said: it names the template and brings the variables. */
export function requestedMessage(data: EventData<"NOTIFICATION_SEND">, shop: Shop): MessageContent {
  const { kind, recipient, variables } = data;
  if (recipient !== null) return toCustomer(kind, recipient, shop, variables);
  return {
    kind,
    audience: "admins",
    userId: null,
    recipient: shop.adminEmail,
    locale: "en",
    variables: { shopName: shop.name, ...variables },
  };
}
