// Turns an event into a message: its kind, its recipient, and the text of each template variable in the template's language.
import type { Customer, EventData, OrderEventData, PaymentEventData } from "#shared/events/catalogue";
import { formatMoney } from "#shared/money";
import { MESSAGE_LINES } from "../constants.ts";
import { oneLine } from "./template.ts";
import type { Variables } from "./template.ts";
import { languageOf, wordsOf } from "./words.ts";

/**
 * Anybody may have typed an unproven address, so a stranger may read the message. It contains no free text of a buyer's, such as
 * names and reasons.
 */
export const READERS = ["proven", "unproven"] as const;
export type Reader = (typeof READERS)[number];

/** Settings of the shop that messages mention. */
export interface Shop {
  readonly name: string;
  /** The address of messages to the admins. */
  readonly adminEmail: string;
}

export interface MessageContent {
  readonly kind: string;
  readonly audience: "user" | "admins";
  /** Null for a guest and for the admins. */
  readonly userId: string | null;
  /** The e-mail address. */
  readonly recipient: string;
  /** The language if the reader's preferences name none. */
  readonly locale: string;
  /** Whether the event says that the account has verified the e-mail address. The admins' address counts as verified. */
  readonly isProven: boolean;
  /** Null for a message about no order. */
  readonly orderId: string | null;
  /** Whether the event says that the order's payment is authorized. Then no ceiling holds the message back. */
  readonly moneyAuthorized: boolean;
  /** The variables' texts in a template's language. */
  readonly variables: (locale: string, reader: Reader) => Variables;
}

/** Formats amounts when the runtime does not know the locale. */
const FALLBACK_FORMAT = "en-US";

function supported(locale: string): string | undefined {
  try {
    return Intl.NumberFormat.supportedLocalesOf(locale)[0];
  } catch {
    return undefined;
  }
}

/** The locale for amounts: the reader's own (`de-CH`) if the template is in the same language. */
function formatLocale(locale: string, { locale: readers }: Customer): string {
  const isReaders = languageOf(readers) === languageOf(locale);
  return (isReaders ? supported(readers) : undefined) ?? supported(locale) ?? FALLBACK_FORMAT;
}

/** A reason code as words: its entry in words.ts, else `card_declined` becomes "card declined". Undefined for free text. */
function codeText(reason: string, locale: string): string | undefined {
  const { reasons } = wordsOf(locale);
  if (Object.hasOwn(reasons, reason)) return reasons[reason];
  return /^[a-z0-9]+(_[a-z0-9]+)+$/.test(reason) ? reason.replaceAll("_", " ") : undefined;
}

/** An unproven reader gets the reasons of staff and the system's codes, but no text of a buyer's. */
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

/** The lines that a message shows, and how many it leaves out. */
function linesText(
  { lines, excerpt }: Pick<OrderEventData, "lines" | "excerpt">,
  locale: string,
  money: (amountMinor: number) => string,
): string {
  const shown = excerpt.slice(0, MESSAGE_LINES);
  const texts = shown.map(
    ({ quantity, name, sku, lineTotal }) => `${String(quantity)} x ${name} (${sku}): ${money(lineTotal)}`,
  );
  const left = lines.length - shown.length;
  return [...texts, ...(left > 0 ? [wordsOf(locale).moreLines(left)] : [])].join("\n");
}

/** Whether a message that shows the lines needs more of them than the event describes. */
export function lacksLines({ lines, excerpt }: Pick<OrderEventData, "lines" | "excerpt">): boolean {
  return excerpt.length < Math.min(lines.length, MESSAGE_LINES);
}

/** The tracking link stays text and never becomes an href: staff typed it, and its scheme may be anything. */
function trackingText(tracking: OrderEventData["tracking"], locale: string): string {
  const { noTracking, trackingNumber } = wordsOf(locale);
  if (tracking === null) return noTracking;
  const url = tracking.url === undefined ? "" : `\n${tracking.url}`;
  return `${tracking.carrier}, ${trackingNumber} ${tracking.number}${url}`;
}

/** The order of a message. */
type About = Pick<MessageContent, "orderId" | "moneyAuthorized">;

const NO_ORDER: About = { orderId: null, moneyAuthorized: false };

function addressed({ name }: Customer, locale: string, reader: Reader): Variables {
  const { greeting, customer } = wordsOf(locale);
  const safe = oneLine(name);
  return reader === "proven" ? { name: safe, greeting: greeting(safe) } : { name: customer, greeting: greeting() };
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

/** Serves every kind about an order. */
export function orderMessage(kind: string, data: OrderEventData, shop: Shop): MessageContent {
  const { orderId, moneyAuthorized } = data;
  return toCustomer(kind, data.customer, shop, { orderId, moneyAuthorized }, (locale, reader) => {
    const money = moneyIn(data.currency, data.customer, locale);
    return {
      orderNumber: data.number,
      lines: linesText(data, locale, money),
      subtotal: money(data.subtotal),
      shipping: money(data.shipping),
      total: money(data.total),
      tracking: trackingText(data.tracking, locale),
      reason: reasonText(data, locale, reader),
    };
  });
}

/** Payment statuses that follow an authorization. */
const MONEY_AUTHORIZED: readonly string[] = ["AUTHORIZED", "CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED", "DISPUTED"];

/** A decline's reason is a code of the bank's. A refund's may be what the buyer wrote when cancelling, so it counts as theirs. */
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

/** `productName` and the variables after it serve older templates about one product. Each now lists all products, in one order. */
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

/** Undefined for a guest's cart and for an empty one. The lines are gone by now, so the event's excerpt is all there is of them. */
export function cartMessage(data: EventData<"CART_EXPIRED">, shop: Shop): MessageContent | undefined {
  const { customer, lines, subtotal, currency } = data;
  if (customer?.id === undefined || customer.id === null || lines.length === 0) return undefined;
  return toCustomer("cart_reminder", customer, shop, NO_ORDER, (locale) => {
    const money = moneyIn(currency, customer, locale);
    return { lines: linesText(data, locale, money), subtotal: money(subtotal) };
  });
}

/** A message that another Worker requests by NOTIFICATION_SEND. */
export function requestedMessage(data: EventData<"NOTIFICATION_SEND">, shop: Shop): MessageContent {
  const { kind, recipient, variables } = data;
  return recipient === null
    ? toAdmins(kind, shop, variables)
    : toCustomer(kind, recipient, shop, NO_ORDER, () => variables);
}
