// What each event says to whom: the kind, the reader, and every variable as the text that is shown, in the language of the
// template.
import type { Customer, EventData, EventLine, OrderEventData, PaymentEventData } from "#shared/events/catalogue";
import { formatMoney } from "#shared/money";
import { oneLine } from "./template.ts";
import type { Variables } from "./template.ts";
import { languageOf, wordsOf } from "./words.ts";

/**
 * Who reads a message. A stranger may read what goes to an unproven address, since anybody may have typed it: what buyers write
 * freely (names, reasons) is not for them.
 */
export const READERS = ["proven", "unproven"] as const;
export type Reader = (typeof READERS)[number];

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
  /** The e-mail address. */
  readonly recipient: string;
  /** The reader's, where they have not chosen another. */
  readonly locale: string;
  /** Whether the event says that the recipient's account has verified the e-mail address. The admins' is the shop's own. */
  readonly isProven: boolean;
  /** The order that it is about, if it is about one. */
  readonly orderId: string | null;
  /** Whether it is about an order whose money has been authorized: then no ceiling holds it back. */
  readonly moneyAuthorized: boolean;
  /** In a template's language. */
  readonly variables: (locale: string, reader: Reader) => Variables;
}

/** For amounts where a locale is not a language tag that the runtime knows. */
const FALLBACK_FORMAT = "en-US";

function supported(locale: string): string | undefined {
  try {
    return Intl.NumberFormat.supportedLocalesOf(locale)[0];
  } catch {
    return undefined;
  }
}

/** How amounts are written: as the reader's region does where the template speaks the reader's language. */
function formatLocale(locale: string, { locale: readers }: Customer): string {
  const isReaders = languageOf(readers) === languageOf(locale);
  return (isReaders ? supported(readers) : undefined) ?? supported(locale) ?? FALLBACK_FORMAT;
}

/** A code of the system's as words; `card_declined` without an entry is still readable as "card declined". */
function codeText(reason: string, locale: string): string | undefined {
  const { reasons } = wordsOf(locale);
  if (Object.hasOwn(reasons, reason)) return reasons[reason];
  return /^[a-z0-9]+(_[a-z0-9]+)+$/.test(reason) ? reason.replaceAll("_", " ") : undefined;
}

/** Staff's words go to everybody, a buyer's to a proven reader only, and of the system's an unproven reader gets codes only. */
function reasonText(
  { reason, reasonBy }: Pick<OrderEventData, "reason" | "reasonBy">,
  locale: string,
  reader: Reader,
): string {
  const { noReason, buyersReason } = wordsOf(locale);
  if (reason === null || reason.trim() === "") return noReason;
  if (reader === "unproven" && reasonBy === "buyer") return buyersReason;
  const text = codeText(reason, locale);
  if (text !== undefined) return text;
  return reader === "unproven" && reasonBy === "system" ? noReason : reason;
}

function lineText(line: EventLine, money: (amountMinor: number) => string): string {
  return `${String(line.quantity)} x ${line.name} (${line.sku}): ${money(line.lineTotal)}`;
}

/** The tracking link is shown as text and never put into an href: its scheme is whatever the sender typed. */
function trackingText(tracking: OrderEventData["tracking"], locale: string): string {
  const { noTracking, trackingNumber } = wordsOf(locale);
  if (tracking === null) return noTracking;
  const url = tracking.url === undefined ? "" : `\n${tracking.url}`;
  return `${tracking.carrier}, ${trackingNumber} ${tracking.number}${url}`;
}

/** The order that a message is about. */
type About = Pick<MessageContent, "orderId" | "moneyAuthorized">;

const NO_ORDER: About = { orderId: null, moneyAuthorized: false };

function addressed({ name }: Customer, locale: string, reader: Reader): Variables {
  const { greeting, customer } = wordsOf(locale);
  const shown = oneLine(name);
  return reader === "proven" ? { name: shown, greeting: greeting(shown) } : { name: customer, greeting: greeting() };
}

function toCustomer(
  kind: string,
  customer: Customer,
  shop: Shop,
  about: About,
  variables: MessageContent["variables"],
): MessageContent {
  return {
    kind,
    audience: "user",
    userId: customer.id,
    recipient: customer.email,
    locale: customer.locale,
    isProven: customer.proven,
    ...about,
    variables: (locale, reader) => ({
      ...addressed(customer, locale, reader),
      shopName: shop.name,
      ...variables(locale, reader),
    }),
  };
}

function toAdmins(kind: string, shop: Shop, variables: Variables): MessageContent {
  return {
    kind,
    audience: "admins",
    userId: null,
    recipient: shop.adminEmail,
    locale: "en",
    isProven: true,
    ...NO_ORDER,
    variables: () => ({ shopName: shop.name, ...variables }),
  };
}

function moneyIn(currency: string, customer: Customer, locale: string): (amountMinor: number) => string {
  const format = formatLocale(locale, customer);
  return (amountMinor) => formatMoney(amountMinor, currency, format);
}

/** For every kind about an order; each template takes of the variables what it needs. */
export function orderMessage(kind: string, data: OrderEventData, shop: Shop): MessageContent {
  const { orderId, moneyAuthorized } = data;
  return toCustomer(kind, data.customer, shop, { orderId, moneyAuthorized }, (locale, reader) => {
    const money = moneyIn(data.currency, data.customer, locale);
    return {
      orderNumber: data.number,
      lines: data.lines.map((line) => lineText(line, money)).join("\n"),
      subtotal: money(data.subtotal),
      shipping: money(data.shipping),
      total: money(data.total),
      tracking: trackingText(data.tracking, locale),
      reason: reasonText(data, locale, reader),
    };
  });
}

/** Payment statuses of an order whose money has been authorized: it was there, whatever became of it. */
const MONEY_AUTHORIZED: readonly string[] = ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED", "DISPUTED"];

/**
 * A declined payment's reason is a code of the bank's. Of a refund it may be what the buyer wrote when cancelling, so it counts as
 * the buyer's.
 */
export function paymentMessage(
  kind: "payment_failed" | "payment_refunded",
  data: PaymentEventData,
  shop: Shop,
): MessageContent {
  const { orderId, reason } = data;
  const moneyAuthorized = MONEY_AUTHORIZED.includes(data.status);
  const reasonBy = kind === "payment_failed" ? "system" : "buyer";
  return toCustomer(kind, data.customer, shop, { orderId, moneyAuthorized }, (locale, reader) => {
    const money = moneyIn(data.currency, data.customer, locale);
    return {
      orderNumber: data.orderNumber,
      amount: money(data.amount),
      refunded: money(data.amountRefunded),
      reason: reasonText({ reason, reasonBy }, locale, reader),
    };
  });
}

/**
 * About all products at once. `productName` and the like are for templates that staff wrote when a mail was about one: each lists
 * all products, in one order.
 */
export function lowStockMessage(products: readonly EventData<"STOCK_LOW">[], shop: Shop): MessageContent {
  const all = (of: (product: EventData<"STOCK_LOW">) => string | number): string => products.map(of).join(", ");
  const [only] = products;
  return toAdmins("low_stock", shop, {
    summary:
      only !== undefined && products.length === 1
        ? `${only.name} (${only.sku})`
        : `${String(products.length)} products`,
    lines: products
      .map(({ productId, sku, name, available, threshold }) => {
        const levels = `${String(available)} available, threshold ${String(threshold)}`;
        return `${name} (${sku}): ${levels} (${productId})`;
      })
      .join("\n"),
    productId: all(({ productId }) => productId),
    productName: all(({ name }) => name),
    sku: all(({ sku }) => sku),
    available: all(({ available }) => available),
    threshold: all(({ threshold }) => threshold),
  });
}

export function welcomeMessage(data: EventData<"USER_REGISTERED">, shop: Shop): MessageContent {
  const customer: Customer = {
    id: data.userId,
    email: data.email,
    name: data.name,
    locale: data.locale,
    proven: false,
  };
  return toCustomer("welcome", customer, shop, NO_ORDER, () => ({ email: data.email }));
}

/** Undefined for a guest's cart and an empty one: there is nobody to remind, or of nothing. */
export function cartMessage(data: EventData<"CART_EXPIRED">, shop: Shop): MessageContent | undefined {
  const { customer, lines, subtotal, currency } = data;
  if (customer?.id === undefined || customer.id === null || lines.length === 0) return undefined;
  return toCustomer("cart_reminder", customer, shop, NO_ORDER, (locale) => {
    const money = moneyIn(currency, customer, locale);
    return { lines: lines.map((line) => lineText(line, money)).join("\n"), subtotal: money(subtotal) };
  });
}

/** What any Worker wants said: it names the kind and brings the variables. */
export function requestedMessage(data: EventData<"NOTIFICATION_SEND">, shop: Shop): MessageContent {
  const { kind, recipient, variables } = data;
  return recipient === null
    ? toAdmins(kind, shop, variables)
    : toCustomer(kind, recipient, shop, NO_ORDER, () => variables);
}
