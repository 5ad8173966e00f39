// Turns events into messages. A handler returns the rows to write, which are committed together with the inbox row. The delivery that
// commits them sends them right afterwards.
import type { EventType } from "#shared/events/catalogue";
import type { EventEnvelope } from "#shared/events/envelope";
import { NonRetryableError } from "#shared/failed-events";
import { NOTHING, consume } from "#shared/inbox";
import type { Effect, Handler, Handlers } from "#shared/inbox";
import { log, withInvocation } from "#shared/logger";
import { commandFault } from "./domain/kinds.ts";
import { cartMessage, orderMessage, paymentMessage, requestedMessage, welcomeMessage } from "./domain/messages.ts";
import type { MessageContent, Shop } from "./domain/messages.ts";
import type { Template } from "./domain/template.ts";
import { claimedRows, compose, showsLines } from "./service/compose.ts";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { dispatch } from "./service/dispatch.ts";
import { notifyFeeds, withFeedUpdates } from "./service/live.ts";
import type { FeedEntry } from "./service/live.ts";
import { OrderLines } from "./service/order-lines.ts";
import { recordProvenEmail, recordProvenOrder } from "./store/ceilings.ts";
import { insertDraft } from "./store/draft.ts";
import { recordLowStock } from "./store/low-stock.ts";
import { releaseOrderReceived } from "./store/outgoing.ts";
import type { Outgoing } from "./store/outgoing.ts";
import { removeContactPoints } from "./store/phones.ts";

type OrderMessage =
  | "ORDER_CREATED"
  | "ORDER_CONFIRMED"
  | "ORDER_SHIPPED"
  | "ORDER_TRACKING_CHANGED"
  | "ORDER_DELIVERED"
  | "ORDER_CANCELLED";

/** A row that this delivery has committed and has to send. */
interface Committed {
  readonly row: Outgoing;
  readonly correlationId: string;
}

/** @param committed collects the rows to send after the batch. */
export function handlers(deps: NotificationsDeps, committed: Committed[]): Handlers {
  // One read for the whole batch, started by the first handler that needs it.
  let templates: Promise<readonly Template[]> | undefined;
  const readTemplates = (): Promise<readonly Template[]> => (templates ??= deps.templates.read(deps.db, deps.now()));
  const lines = new OrderLines(deps);

  const collect = (correlationId: string, rows: readonly Outgoing[]): void => {
    committed.push(...rows.map((row) => ({ row, correlationId })));
  };

  function message<T extends EventType>(
    contentOf: (
      data: EventEnvelope<T>["data"],
      shop: Shop,
    ) => MessageContent | undefined | Promise<MessageContent | undefined>,
  ): Handler<T> {
    return async (event): Promise<Effect> => {
      const content = await contentOf(event.data, deps.shop);
      if (content === undefined) return NOTHING;
      const insert = insertDraft(deps, compose(event, content, await readTemplates(), [...deps.senders.keys()]));
      return {
        statements: [insert],
        committed: (rowsOf) => {
          collect(event.correlationid, claimedRows(deps, rowsOf(insert)));
        },
      };
    };
  }

  function aboutOrder<T extends OrderMessage>(kind: string): Handler<T> {
    return message<T>(async (data, shop) => {
      const isShown = showsLines(kind, await readTemplates());
      return orderMessage(kind, isShown ? await lines.complete(data) : data, shop);
    });
  }

  /** Confirmed means that the payment is authorized and the stock reserved. */
  const paymentReceived = aboutOrder<"ORDER_CONFIRMED">("payment_received");

  async function confirmed(event: EventEnvelope<"ORDER_CONFIRMED">): Promise<Effect> {
    const { orderId } = event.data;
    const received = await paymentReceived(event);
    const release = releaseOrderReceived(deps, orderId);
    return {
      statements: [recordProvenOrder(deps, orderId), release, ...received.statements],
      committed: (rowsOf) => {
        collect(event.correlationid, rowsOf(release));
        received.committed?.(rowsOf);
      },
    };
  }

  return {
    ORDER_CREATED: aboutOrder("order_received"),
    ORDER_CONFIRMED: confirmed,
    ORDER_SHIPPED: aboutOrder("order_shipped"),
    ORDER_TRACKING_CHANGED: aboutOrder("order_tracking_changed"),
    ORDER_DELIVERED: aboutOrder("order_delivered"),
    ORDER_CANCELLED: aboutOrder("order_cancelled"),
    PAYMENT_FAILED: message((data, shop) => paymentMessage("payment_failed", data, shop)),
    PAYMENT_REFUNDED: message((data, shop) => paymentMessage("payment_refunded", data, shop)),
    // The sweep sends the admins one digest of all products.
    STOCK_LOW: (event) => ({ statements: [recordLowStock(event)] }),
    USER_REGISTERED: message(welcomeMessage),
    EMAIL_VERIFIED: (event) => ({ statements: [recordProvenEmail(event)] }),
    PASSWORD_CHANGED: (event) => ({ statements: removeContactPoints(event) }),
    NOTIFICATION_SEND: message((data, shop) => {
      const fault = commandFault(data.kind, { isToAdmins: data.recipient === null, variables: data.variables });
      if (fault !== undefined) throw new NonRetryableError(fault);
      return requestedMessage(data, shop);
    }),
    CART_EXPIRED: message(cartMessage),
    // These send no message. PROCESSING is internal. The messages on shipment and cancellation cover CAPTURED and VOIDED. Operators hear
    // of a dispute by NOTIFICATION_SEND. Each still needs a handler: its inbox row shows the outbox sweep that the event arrived.
    ORDER_PROCESSING: () => NOTHING,
    PAYMENT_CAPTURED: ({ data: { orderId } }) => ({ statements: [recordProvenOrder(deps, orderId)] }),
    PAYMENT_VOIDED: () => NOTHING,
    PAYMENT_DISPUTED: () => NOTHING,
  };
}

export async function consumeWith(deps: NotificationsDeps, batch: MessageBatch): Promise<void> {
  const committed: Committed[] = [];
  const entries: FeedEntry[] = [];
  await consume(batch, deps, withFeedUpdates(handlers(deps, committed), entries));
  // Mails do not wait for the live feeds.
  deps.waitUntil(notifyFeeds(deps, entries));
  const [first] = committed;
  if (first === undefined) return;
  const { worker, logLevel: level } = deps;
  const { correlationId } = first;
  await withInvocation({ worker, operation: "dispatch", correlationId, level }, async () => {
    const rows = committed.map(({ row }) => row);
    try {
      await dispatch(deps, rows);
    } catch (error) {
      // Not rethrown: the events are committed. The sweep sends the rows when their lease expires.
      log("error", "sending failed; the sweep tries again", { notifications: rows.length, error });
    }
  });
}

export async function consumeBatch(batch: MessageBatch, env: NotificationsEnv, ctx: ExecutionContext): Promise<void> {
  await consumeWith(createDeps(env, ctx), batch);
}
