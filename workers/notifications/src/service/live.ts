// Sends order changes to the live feeds of their users. A feed that cannot be reached delays nothing: the mail and the list have the
// change too. Only the delivery that commits an event sends it.
import { isUser } from "#shared/call";
import type { OrderUpdate } from "#shared/contracts/orders";
import type { EventType } from "#shared/events/catalogue";
import type { EventEnvelope } from "#shared/events/envelope";
import type { Handler, Handlers } from "#shared/inbox";
import { log, withInvocation } from "#shared/logger";
import { socketPassOf } from "#shared/sockets";
import type { NotificationsDeps } from "./deps.ts";

/** One change of an order and the user whose feed gets it. */
export interface FeedEntry {
  readonly userId: string;
  readonly correlationId: string;
  readonly update: OrderUpdate;
}

/** Undefined for events about no order or about a guest's. */
function entryOf({ type, time, correlationid, data }: EventEnvelope): FeedEntry | undefined {
  if (!("orderId" in data && "customer" in data)) return undefined;
  const { customer, orderId, status } = data;
  if (customer.id === null) return undefined;
  return { userId: customer.id, correlationId: correlationid, update: { type, orderId, status, at: time } };
}

/** Wraps the handlers so that each committed event adds its feed update to `entries`. */
export function withFeedUpdates(handlers: Handlers, entries: FeedEntry[]): Handlers {
  const collecting =
    (handler: Handler<EventType>): Handler<EventType> =>
    async (event) => {
      const effect = await handler(event);
      const entry = entryOf(event);
      if (entry === undefined) return effect;
      return {
        ...effect,
        committed: (rowsOf) => {
          effect.committed?.(rowsOf);
          entries.push(entry);
        },
      };
    };
  // Object.entries loses that each handler takes the event of its own type.
  const wrapped = Object.entries(handlers).map(([type, handler]) => [type, collecting(handler as Handler<EventType>)]);
  return Object.fromEntries(wrapped) as Handlers;
}

async function notifyFeed(deps: NotificationsDeps, userId: string, entries: readonly FeedEntry[]): Promise<void> {
  try {
    await deps.feed(userId).notify({ now: deps.now(), updates: entries.map(({ update }) => update) });
  } catch (error) {
    log("warn", "live feed not reached", { userId, updates: entries.length, error });
  }
}

/** Sends the updates with one call for each user. Never fails. */
export async function notifyFeeds(deps: NotificationsDeps, entries: readonly FeedEntry[]): Promise<void> {
  const [first] = entries;
  if (first === undefined) return;
  const { worker, logLevel: level } = deps;
  const { correlationId } = first;
  const byUser = Map.groupBy(entries, ({ userId }) => userId);
  await withInvocation({ worker, operation: "live feed", correlationId, level }, async () => {
    await Promise.all([...byUser].map(([userId, own]) => notifyFeed(deps, userId, own)));
  });
}

/** Passes a socket upgrade to the feed of the calling user. */
export async function openFeed(deps: NotificationsDeps, request: Request): Promise<Response> {
  const { actor } = socketPassOf(request).call;
  if (!isUser(actor)) throw new Error("only a user has a feed");
  return await deps.feed(actor.id).fetch(request);
}
