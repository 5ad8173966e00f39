// From events to the live feeds of the users they are about. Live updates are a courtesy beside the mails and the list: a feed that
// cannot be reached holds back nothing, and an event is told by the one delivery that has committed it.
import { isUser } from "#shared/call";
import type { OrderUpdate } from "#shared/contracts/orders";
import type { EventType } from "#shared/events/catalogue";
import type { EventEnvelope } from "#shared/events/envelope";
import type { Effect, Handler, Handlers } from "#shared/inbox";
import { log, withInvocation } from "#shared/logger";
import { socketPassOf } from "#shared/sockets";
import type { NotificationsDeps } from "./deps.ts";

/** One change, and whose feed it belongs to. */
export interface FeedEntry {
  readonly userId: string;
  readonly correlationId: string;
  readonly update: OrderUpdate;
}

/** What a feed tells of an event; nothing of those that are about no order, or about a guest's. */
function entryOf({ type, time, correlationid, data }: EventEnvelope): FeedEntry | undefined {
  if (!("orderId" in data && "customer" in data)) return undefined;
  const { customer, orderId, status } = data;
  if (customer.id === null) return undefined;
  return { userId: customer.id, correlationId: correlationid, update: { type, orderId, status, at: time } };
}

/** The handlers, each of which also collects what its event means to a feed once this delivery has committed it. */
export function withFeedUpdates(handlers: Handlers, entries: FeedEntry[]): Handlers {
  const fed = Object.entries(handlers).map(([type, handler]) => {
    const collecting: Handler<EventType> = async (event) => {
      const effect: Effect = await (handler as Handler<EventType>)(event);
      const entry = entryOf(event);
      if (entry === undefined) return effect;
      const committed: Effect["committed"] = (results) => {
        effect.committed?.(results);
        entries.push(entry);
      };
      return { ...effect, committed };
    };
    return [type, collecting];
  });
  return Object.fromEntries(fed) as Handlers;
}

async function notify(deps: NotificationsDeps, userId: string, entries: readonly FeedEntry[]): Promise<void> {
  try {
    await deps.feed(userId).notify({ now: deps.now(), updates: entries.map(({ update }) => update) });
  } catch (error) {
    log("warn", "a live feed was not told", { userId, updates: entries.length, error });
  }
}

/** Tells each user's feed what is new, with one call for all of it. Never fails. */
export async function notifyFeeds(deps: NotificationsDeps, entries: readonly FeedEntry[]): Promise<void> {
  const [first] = entries;
  if (first === undefined) return;
  const { worker, logLevel: level } = deps;
  const { correlationId } = first;
  const byUser = Map.groupBy(entries, ({ userId }) => userId);
  await withInvocation({ worker, operation: "live feed", correlationId, level }, async () => {
    await Promise.all([...byUser].map(([userId, own]) => notify(deps, userId, own)));
  });
}

/** Hands an upgrade on to the feed of the user who asks. */
export async function openFeed(deps: NotificationsDeps, request: Request): Promise<Response> {
  const { actor } = socketPassOf(request).call;
  if (!isUser(actor)) throw new Error("only a user has a feed");
  return await deps.feed(actor.id).fetch(request);
}
