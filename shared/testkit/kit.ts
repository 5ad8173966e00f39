// Helpers for the tests of every Worker: callers, stubs of contracts, queues that record messages, and deliveries of queue batches.
import { createExecutionContext, createMessageBatch, getQueueResult, waitOnExecutionContext } from "cloudflare:test";
import type { Role, Call } from "../call.ts";
import type { EventEnvelope } from "../events/envelope.ts";
import { newId } from "../ids.ts";
import type { InboxQueues } from "../deps.ts";

/** A call by a user of this role with a verified e-mail address. Default: a new user. */
export function callAs(role: Role, id: string = newId("usr")): Call {
  const requestId = newId("req");
  const actor = { role, id, email: `${id}@example.com`, name: "Test Person", emailVerified: true };
  return { actor, requestId, correlationId: requestId };
}

export function guestCall(): Call {
  const requestId = newId("req");
  return { actor: { role: "guest", id: "guest" }, requestId, correlationId: requestId };
}

/** A peer with these methods only. Any other method throws an error with its name. */
export function stubOf<Contract extends object>(methods: Partial<Contract>): Contract {
  return new Proxy(methods as Contract, {
    get(target, property, receiver) {
      if (Reflect.has(target, property)) return Reflect.get(target, property, receiver) as unknown;
      return () => {
        throw new Error(`the test did not expect a call of ${String(property)}`);
      };
    },
  });
}

export interface RecordedQueues {
  readonly queues: InboxQueues;
  /** Every message in the order of sending, with its consumer. */
  readonly sent: { readonly consumer: string; readonly event: EventEnvelope }[];
}

/** Producer bindings for all consumers that record what is sent. */
export function recordedQueues(): RecordedQueues {
  const sent: RecordedQueues["sent"] = [];
  const queueFor = (consumer: string): Queue =>
    stubOf<Queue>({
      send: async (event: unknown) => {
        sent.push({ consumer, event: event as EventEnvelope });
        return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
      },
      sendBatch: async (messages: Iterable<MessageSendRequest>) => {
        for (const { body } of messages) sent.push({ consumer, event: body as EventEnvelope });
        return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
      },
    });
  return {
    sent,
    queues: {
      CATALOG_INBOX: queueFor("catalog"),
      ORDERS_INBOX: queueFor("orders"),
      PAYMENTS_INBOX: queueFor("payments"),
      INVENTORY_INBOX: queueFor("inventory"),
      NOTIFICATIONS_INBOX: queueFor("notifications"),
    },
  };
}

export interface Delivery {
  /** Ids of the events that were acknowledged, and of those to be retried. */
  readonly acknowledged: readonly string[];
  readonly retried: readonly string[];
}

/** Delivers bodies to a queue handler as one batch, and waits for the work that it started. */
export async function deliver(
  handler: (batch: MessageBatch, ctx: ExecutionContext) => Promise<void>,
  queue: string,
  bodies: readonly unknown[],
  attempts = 1,
): Promise<Delivery> {
  const idOf = (body: unknown): string => (body as { id?: string }).id ?? "unknown";
  const batch = createMessageBatch(
    queue,
    bodies.map((body, index) => ({ id: `${String(index)}:${idOf(body)}`, timestamp: new Date(), attempts, body })),
  );
  const ctx = createExecutionContext();
  await handler(batch, ctx);
  await waitOnExecutionContext(ctx);
  const result = await getQueueResult(batch, ctx);
  const eventId = (messageId: string): string => messageId.slice(messageId.indexOf(":") + 1);
  return {
    acknowledged: result.explicitAcks.map(eventId),
    retried: result.retryMessages.map(({ msgId }) => eventId(msgId)),
  };
}
