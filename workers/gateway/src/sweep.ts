// Compares all outboxes with all inboxes: an event is delivered when each of its consumers has handled it or keeps it as a dead letter. Only the gateway may
// call every Worker, so only it can find this out.
import * as z from "zod";
import type { Call } from "#shared/call";
import type { MessagingContract, SweepCounts } from "#shared/contracts/messaging";
import type { Outcome } from "#shared/errors";
import { CONSUMERS, ROUTES, consumersOf } from "#shared/events/routing";
import type { Consumer } from "#shared/events/routing";
import { log } from "#shared/logger";
import { RESEND_AFTER_MS } from "#shared/deliveries";
import type { UnconfirmedEvent } from "#shared/deliveries";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";
import { withDeadline } from "./peers.ts";
import type { Peers } from "./peers.ts";

/** A producer resends at most this many events in one sweep, the oldest first: it reads all their envelopes at once. */
const MAX_RESENDS = 1_000;

type Messengers = Readonly<Record<DomainWorker, MessagingContract>>;

/** A producer's unconfirmed events; undefined when it does not answer. */
interface Producer {
  readonly name: DomainWorker;
  readonly events: readonly UnconfirmedEvent[] | undefined;
}

/** What a consumer says about the unconfirmed events that it should have. */
interface Receipts {
  /** Not handled, so not to be confirmed. */
  readonly missing: ReadonlySet<string>;
  /** Missing, and no retry of the consumer's own is pending: to be sent again. */
  readonly lost: ReadonlySet<string>;
}

type ReceiptsByConsumer = ReadonlyMap<Consumer, Receipts | undefined>;

interface Run {
  readonly call: Call;
  /** Ignores age and back-off. */
  readonly everything: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Resends each event that a consumer has lost for RESEND_AFTER_MS, and confirms those that all their consumers have. The counts
 * include each consumer's lag: the events that it has not handled. It makes at most 28 of the 32 calls of other Workers that one run
 * may make.
 */
export async function sweepOutboxes(peers: Peers, run: Run): Promise<SweepCounts> {
  const producers = await readProducers(peers, run.call);
  const open = producers.flatMap(({ events }) => events ?? []);
  const receipts: ReceiptsByConsumer = new Map(
    await Promise.all(
      CONSUMERS.map(async (consumer) => {
        const ids = eventsFor(consumer, open).map(({ id }) => id);
        return [consumer, await readReceipts(peers[consumer], consumer, ids, run)] as const;
      }),
    ),
  );
  const results = await Promise.all(
    producers.map(({ name, events }) => updateProducer(peers, name, events ?? [], receipts, run)),
  );
  const lag = CONSUMERS.map((consumer) => [`lag_${consumer}`, receipts.get(consumer)?.missing.size ?? 0] as const);
  return {
    unconfirmed: open.length,
    confirmed: results.reduce((sum, { confirmed }) => sum + confirmed, 0),
    resent: results.reduce((sum, { resent }) => sum + resent, 0),
    unreachable:
      producers.filter(({ events }) => events === undefined).length +
      [...receipts.values()].filter((answer) => answer === undefined).length,
    ...Object.fromEntries(lag),
  };
}

async function readProducers(peers: Messengers, call: Call, deadlineMs?: number): Promise<readonly Producer[]> {
  return await Promise.all(
    DOMAIN_WORKERS.map(async (name) => ({
      name,
      events: await tryCall(name, () => peers[name].unconfirmedEvents(call), deadlineMs),
    })),
  );
}

/** The value of a peer's answer; undefined when the peer refuses or fails, so that one that is down does not stop the sweep. */
async function tryCall<T>(
  peer: DomainWorker,
  send: () => Promise<Outcome<T>>,
  deadlineMs?: number,
): Promise<T | undefined> {
  try {
    const answer = await (deadlineMs === undefined ? send() : withDeadline(send(), deadlineMs));
    if (answer.ok) return answer.value;
    log("warn", "a peer refused the sweep", { peer, error: answer.error.detail });
  } catch (error) {
    log("warn", "a peer does not answer the sweep", { peer, error });
  }
  return undefined;
}

function eventsFor(consumer: Consumer, events: readonly UnconfirmedEvent[]): UnconfirmedEvent[] {
  return events.filter((event) => knownConsumersOf(event)?.includes(consumer) === true);
}

/** Undefined for an event type that this version does not route: such an event is neither resent nor confirmed. */
function knownConsumersOf(event: UnconfirmedEvent): readonly Consumer[] | undefined {
  return Object.hasOwn(ROUTES, event.type) ? consumersOf(event) : undefined;
}

async function readReceipts(
  peer: MessagingContract,
  consumer: Consumer,
  ids: readonly string[],
  { call, everything }: Run,
): Promise<Receipts | undefined> {
  const unseen = async (input: { ids: string[]; everything: boolean }): Promise<ReadonlySet<string> | undefined> => {
    const answer = input.ids.length === 0 ? [] : await tryCall(consumer, () => peer.unseenEvents(call, input));
    return answer && new Set(answer);
  };
  // Strict for confirming: an event whose retry is pending would be lost with the queue if it were confirmed.
  const missing = await unseen({ ids: [...ids], everything: true });
  if (missing === undefined) return undefined;
  if (everything || missing.size === 0) return { missing, lost: missing };
  const lost = await unseen({ ids: [...missing], everything: false });
  return lost && { missing, lost };
}

/** Has a producer resend what its consumers lost, and confirm what they all have. */
async function updateProducer(
  peers: Messengers,
  producer: DomainWorker,
  events: readonly UnconfirmedEvent[],
  receipts: ReceiptsByConsumer,
  { call, everything, now }: Run,
): Promise<{ readonly confirmed: number; readonly resent: number }> {
  const delivered: string[] = [];
  const deliveries: { id: string; consumer: Consumer }[] = [];
  for (const event of events) {
    const consumers = knownConsumersOf(event);
    if (consumers === undefined) continue;
    if (consumers.every((consumer) => receipts.get(consumer)?.missing.has(event.id) === false))
      delivered.push(event.id);
    if (!everything && event.time > now - RESEND_AFTER_MS) continue;
    for (const consumer of consumers) {
      if (receipts.get(consumer)?.lost.has(event.id) === true) deliveries.push({ id: event.id, consumer });
    }
  }
  const peer = peers[producer];
  const resent =
    deliveries.length === 0
      ? 0
      : await tryCall(producer, () => peer.resendEvents(call, { deliveries: deliveries.slice(0, MAX_RESENDS) }));
  const confirmed =
    delivered.length === 0 ? null : await tryCall(producer, () => peer.confirmEvents(call, { ids: delivered }));
  return { confirmed: confirmed === undefined ? 0 : delivered.length, resent: resent ?? 0 };
}

export const ConsumerLag = z
  .object({
    unseen: z.int().describe("Events sent to it that it has not handled."),
    oldestSeconds: z.int().describe("Age of the oldest of them in seconds. 0 without one."),
  })
  .meta({ id: "ConsumerLag", description: "How far a consumer is behind." });
export type ConsumerLag = z.infer<typeof ConsumerLag>;
export const ProducerLag = z
  .object({
    unconfirmed: z.int().describe("Its events that are not known to have reached all their consumers."),
    oldestSeconds: z.int().describe("Age of the oldest of them in seconds. 0 without one."),
  })
  .meta({ id: "ProducerLag", description: "What a producer does not know to have arrived everywhere." });
export type ProducerLag = z.infer<typeof ProducerLag>;

/** Null for a Worker that does not answer. */
export interface Lag {
  readonly consumers: Record<string, ConsumerLag | null>;
  readonly producers: Record<string, ProducerLag | null>;
}

/**
 * The same comparison for operators; it changes and sends nothing. It ends within `deadlineMs`, half of it for the producers and half
 * for the consumers.
 */
export async function consumerLag(peers: Peers, call: Call, now: number, deadlineMs: number): Promise<Lag> {
  const producers = await readProducers(peers, call, deadlineMs / 2);
  const open = producers.flatMap(({ events }) => events ?? []);
  const consumers = await Promise.all(
    CONSUMERS.map(async (name): Promise<readonly [Consumer, ConsumerLag | null]> => {
      const own = eventsFor(name, open);
      // Sent even without ids, to learn whether the consumer answers.
      const input = { ids: own.map(({ id }) => id), everything: true };
      const missing = await tryCall(name, () => peers[name].unseenEvents(call, input), deadlineMs / 2);
      if (missing === undefined) return [name, null];
      const unseenIds = new Set(missing);
      const late = own.filter(({ id }) => unseenIds.has(id));
      return [name, { unseen: late.length, oldestSeconds: oldestSeconds(late, now) }];
    }),
  );
  return {
    consumers: Object.fromEntries(consumers),
    producers: Object.fromEntries(
      producers.map(({ name, events }) => [
        name,
        events === undefined ? null : { unconfirmed: events.length, oldestSeconds: oldestSeconds(events, now) },
      ]),
    ),
  };
}

function oldestSeconds(events: readonly UnconfirmedEvent[], now: number): number {
  const oldest = events.reduce((time, event) => Math.min(time, event.time), now);
  return Math.round((now - oldest) / 1_000);
}
