// Shared by the tests of this Worker: dependencies with a clock and a recorded provider, events of one order, and the stored rows.
import { env, exports } from "cloudflare:workers";
import { linesOfEvent } from "#shared/events/catalogue";
import type { EventData, EventType, OrderEventData, PaymentEventData } from "#shared/events/catalogue";
import type { Channel, NotificationsContract } from "#shared/contracts/notifications";
import type { Outcome } from "#shared/errors";
import { makeEvent } from "#shared/events/envelope";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { withInvocation } from "#shared/logger";
import { deliver, stubOf } from "#shared/testkit/kit";
import type { Delivery } from "#shared/testkit/kit";
import { consumeWith } from "../src/consumer.ts";
import type { NotificationRow } from "../src/schema.ts";
import { createDeps } from "../src/service/deps.ts";
import type { NotificationsDeps } from "../src/service/deps.ts";
import { emailSender } from "../src/service/senders.ts";
import type { Sender } from "../src/service/senders.ts";
import { sendLowStockDigest } from "../src/service/digest.ts";
import { sendDue } from "../src/service/dispatch.ts";
import { TemplateCache } from "../src/store/template-cache.ts";

export const notificationsEnv = env as unknown as NotificationsEnv;
export const { NotificationsRpc: rpc } = exports as unknown as { NotificationsRpc: NotificationsContract };
export const INBOX = "tradepost-notifications-inbox";

export interface TestNotifications {
  readonly deps: NotificationsDeps;
  /** Every mail that the provider accepted, in order. */
  readonly mails: EmailMessageBuilder[];
  readonly advance: (ms: number) => void;
  /** Makes reading the templates throw this error; undefined repairs it. */
  readonly breakTemplates: (error: Error | undefined) => void;
  /** Makes the provider throw this error; undefined repairs it. */
  readonly breakMail: (error: Error | undefined) => void;
  readonly deliver: (events: readonly unknown[], attempts?: number, queue?: string) => Promise<Delivery>;
  /** The sweep of due messages. */
  readonly sendDue: (options?: { readonly everything: boolean }) => Promise<void>;
  /** The sweep of the low-stock digest. Returns the number of products in it. */
  readonly digest: (options?: { readonly everything: boolean }) => Promise<number>;
  /** The number of mails about one subject. */
  readonly mailsAbout: (about: string) => Promise<number>;
}

/** @param channels senders of further channels; mail is always on. */
export function testNotifications(channels: Readonly<Partial<Record<Channel, Sender>>> = {}): TestNotifications {
  let now = Date.now();
  let broken: Error | undefined;
  const mails: EmailMessageBuilder[] = [];
  const send = (message: EmailMessageBuilder): Promise<void> => {
    if (broken !== undefined) return Promise.reject(broken);
    mails.push(message);
    return Promise.resolve();
  };
  const senders = new Map<Channel, Sender>([
    ["email", emailSender({ shopName: "Tradepost", from: "shop@tradepost.example" }, send)],
    ...(Object.entries(channels) as [Channel, Sender][]),
  ]);
  let unreadable: Error | undefined;
  class TestTemplates extends TemplateCache {
    override read(...given: Parameters<TemplateCache["read"]>): ReturnType<TemplateCache["read"]> {
      return unreadable === undefined ? super.read(...given) : Promise.reject(unreadable);
    }
  }
  const deps: NotificationsDeps = {
    ...createDeps(notificationsEnv, { waitUntil: () => undefined }),
    // Small orders are described by their events alone.
    orders: stubOf<NotificationsDeps["orders"]>({}),
    templates: new TestTemplates(),
    senders,
    now: () => now,
  };
  const invocation = { worker: deps.worker, operation: "test", correlationId: "req_test", level: deps.logLevel };
  return {
    deps,
    mails,
    advance: (ms) => {
      now += ms;
    },
    breakTemplates: (error) => {
      unreadable = error;
    },
    breakMail: (error) => {
      broken = error;
    },
    deliver: (events, attempts = 1, queue = INBOX) =>
      deliver((batch) => consumeWith(deps, batch), queue, events, attempts),
    sendDue: async (options = { everything: false }) => {
      await withInvocation(invocation, () => sendDue(deps, options));
    },
    digest: (options = { everything: false }) => withInvocation(invocation, () => sendLowStockDigest(deps, options)),
    mailsAbout: async (about) => {
      const ids = new Set((await rowsAbout(about)).map(({ id }) => id));
      return mails.filter(({ headers }) => ids.has(headers?.["X-Notification-Id"] ?? "")).length;
    },
  };
}

export function event<T extends EventType>(type: T, subject: string, data: EventData<T>): EventEnvelope<T> {
  return makeEvent(type, subject, data, { worker: "test", correlationId: newId("req"), now: Date.now() });
}

export function orderData(over: Partial<OrderEventData> = {}): OrderEventData {
  const userId = newId("usr");
  return {
    orderId: newId("ord"),
    number: "TP-1001",
    reservationOwner: "key",
    customer: { id: userId, email: `${userId}@example.com`, name: "Ada Lovelace", locale: "en", proven: true },
    ...linesOfEvent([
      { productId: "prd_1", sku: "BOLT-8", name: "Bolt M8", quantity: 3, unitPrice: 1_250, lineTotal: 3_750 },
      { productId: "prd_2", sku: "NUT-8", name: "Nut M8", quantity: 1, unitPrice: 250, lineTotal: 250 },
    ]),
    currency: "USD",
    subtotal: 4_000,
    discount: 0,
    shipping: 995,
    tax: 0,
    total: 4_995,
    status: "PENDING",
    reason: null,
    reasonBy: "system",
    tracking: null,
    moneyAuthorized: false,
    counted: false,
    ...over,
  };
}

export function paymentData(order: OrderEventData, over: Partial<PaymentEventData> = {}): PaymentEventData {
  return {
    paymentId: newId("pay"),
    orderId: order.orderId,
    orderNumber: order.number,
    customer: order.customer,
    currency: order.currency,
    amount: order.total,
    amountCapturable: 0,
    amountCaptured: order.total,
    amountRefunded: 0,
    status: "CAPTURED",
    version: 1,
    reason: null,
    ...over,
  };
}

/** The dependencies with another sender of mails. */
export function withMailer(deps: NotificationsDeps, email: Sender): NotificationsDeps {
  return { ...deps, senders: new Map([...deps.senders, ["email", email]]) };
}

/** A NOTIFICATION_SEND of any kind with any variables. */
export function requested(
  kind: string,
  variables: Record<string, string>,
  name = "Ada",
): EventEnvelope<"NOTIFICATION_SEND"> {
  const id = newId("usr");
  return event("NOTIFICATION_SEND", id, {
    kind,
    recipient: { id, email: `${id}@example.com`, name, locale: "en", proven: true },
    variables,
  });
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.error.code} ${JSON.stringify(outcome.error.errors ?? [])}`);
  return outcome.value;
}

/** The keys of a browser, from RFC 8291. */
export const BROWSER_KEYS = {
  p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
  auth: "BTBZMqHH6r4Tts7J_aSIgg",
};

/** Gives a user a proven number. */
export async function giveNumber(userId: string, phone: string, at = Date.now()): Promise<void> {
  await notificationsEnv.DB.prepare("INSERT INTO phones (user_id, phone, proven_at, set_at) VALUES (?, ?, ?, ?)")
    .bind(userId, phone, at, at)
    .run();
}

/** The rows about one subject, by template. */
export async function rowsAbout(about: string): Promise<NotificationRow[]> {
  const { results } = await notificationsEnv.DB.prepare(
    `SELECT id, event_id AS eventId, about, audience, user_id AS userId, recipient, channel, template, locale, subject,
      text_body AS textBody, html_body AS htmlBody, status, attempts, next_attempt_at AS nextAttemptAt,
      leased_until AS leasedUntil, last_error AS lastError, created_at AS createdAt, sent_at AS sentAt, read_at AS readAt,
      counted_for AS countedFor
      FROM notifications WHERE about = ? ORDER BY template, event_id`,
  )
    .bind(about)
    .all<NotificationRow>();
  return results;
}
