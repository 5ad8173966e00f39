// Events in, messages out. A handler renders and returns the rows to write; these and the inbox row are one commit, and what this
// delivery committed it sends right after.
import type { EventType } from "#shared/events/catalogue";
import type { EventEnvelope } from "#shared/events/envelope";
import { NonRetryableError, NOTHING, consume } from "#shared/inbox";
import type { Effect, Handler, Handlers } from "#shared/inbox";
import { log, withInvocation } from "#shared/logger";
import { commandFault } from "./domain/kinds.ts";
import { cartMessage, orderMessage, paymentMessage, requestedMessage, welcomeMessage } from "./domain/messages.ts";
import type { MessageContent, Shop } from "./domain/messages.ts";
import type { Template } from "./domain/template.ts";
import { compose } from "./service/compose.ts";
import { createDeps } from "./service/deps.ts";
import type { NotificationsDeps } from "./service/deps.ts";
import { dispatch } from "./service/dispatch.ts";
import { notifyFeeds, withFeedUpdates } from "./service/live.ts";
import type { FeedEntry } from "./service/live.ts";
import { recordProvenEmail, recordProvenOrder } from "./store/ceilings.ts";
import { insertDraft, insertedOf } from "./store/draft.ts";
import { recordLowStock } from "./store/low-stock.ts";
import { outgoingOf, releaseConfirmation } from "./store/outgoing.ts";
import type { Outgoing } from "./store/outgoing.ts";
import { removeContactPoints } from "./store/phones.ts";

/** A row that this delivery has committed, and that is therefore its to send. */
interface Committed {
  readonly row: Outgoing;
  readonly correlationId: string;
}

/** `committed` collects what there is to send when the batch is through. */
export function handlers(deps: NotificationsDeps, committed: Committed[]): Handlers {
  // One read for the whole batch, begun by the first handler that needs it.
  let templates: Promise<readonly Template[]> | undefined;

  function message<T extends EventType>(
    contentOf: (data: EventEnvelope<T>["data"], shop: Shop) => MessageContent | undefined,
  ): Handler<T> {
    return async (event): Promise<Effect> => {
      const content = contentOf(event.data, deps.shop);
      if (content === undefined) return NOTHING;
      templates ??= deps.templates.read(deps.db, deps.now());
      const draft = compose(event, content, await templates, [...deps.senders.keys()]);
      return {
        statements: [insertDraft(deps, draft)],
        committed: ([result]) => {
          const { rows, templatesAsOf } = insertedOf(result);
          deps.templates.noteChange(templatesAsOf);
          committed.push(...rows.map((row) => ({ row, correlationId: event.correlationid })));
        },
      };
    };
  }

  /** The money is authorized and the goods are reserved: only now can a buyer count on both. */
  const paymentReceived = message<"ORDER_CONFIRMED">((data, shop) => orderMessage("payment_received", data, shop));

  async function confirmed(event: EventEnvelope<"ORDER_CONFIRMED">): Promise<Effect> {
    const { orderId } = event.data;
    const said = await paymentReceived(event);
    return {
      statements: [recordProvenOrder(deps, orderId), releaseConfirmation(deps, orderId), ...said.statements],
      committed: ([, released, ...results]) => {
        committed.push(...outgoingOf(released).map((row) => ({ row, correlationId: event.correlationid })));
        said.committed?.(results);
      },
    };
  }

  return {
    ORDER_CREATED: message((data, shop) => orderMessage("order_received", data, shop)),
    ORDER_CONFIRMED: confirmed,
    ORDER_SHIPPED: message((data, shop) => orderMessage("order_shipped", data, shop)),
    ORDER_TRACKING_CHANGED: message((data, shop) => orderMessage("order_tracking_changed", data, shop)),
    ORDER_DELIVERED: message((data, shop) => orderMessage("order_delivered", data, shop)),
    ORDER_CANCELLED: message((data, shop) => orderMessage("order_cancelled", data, shop)),
    PAYMENT_FAILED: message((data, shop) => paymentMessage("payment_failed", data, shop)),
    PAYMENT_REFUNDED: message((data, shop) => paymentMessage("payment_refunded", data, shop)),
    // The sweep tells the admins of all products at once.
    STOCK_LOW: (event) => ({ statements: [recordLowStock(event)] }),
    USER_REGISTERED: message(welcomeMessage),
    EMAIL_VERIFIED: (event) => ({ statements: [recordProvenEmail(event)] }),
    PASSWORD_CHANGED: (event) => ({ statements: removeContactPoints(event) }),
    NOTIFICATION_SEND: message((data, shop) => {
      const fault = commandFault(data.kind, data.recipient === null, data.variables);
      if (fault !== undefined) throw new NonRetryableError(fault);
      return requestedMessage(data, shop);
    }),
    // One for each expiry, if its owner is known and has not turned reminders off.
    CART_EXPIRED: message(cartMessage),
    // These make no message; their inbox rows tell the outbox sweep that they arrived. PROCESSING is the shop's own step, the buyer
    // hears of SHIPPED; what CAPTURED and VOIDED mean to a buyer is in the messages on shipment and cancellation; a dispute is
    // between the bank and the operators, who are told by NOTIFICATION_SEND.
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
  // Beside the mails, which do not wait for it.
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
      // Not rethrown: the events are handled and acknowledged, and what was not marked is the sweep's when the lease is over.
      log("error", "messages left to the sweep", { notifications: rows.length, error });
    }
  });
}

export async function consumeBatch(batch: MessageBatch, env: NotificationsEnv, ctx: ExecutionContext): Promise<void> {
  await consumeWith(createDeps(env, ctx), batch);
}
