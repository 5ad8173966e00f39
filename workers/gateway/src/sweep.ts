// The comparing sweep over all outboxes: an event is done when every consumer has it in its inbox, and only this finds out.
// The gateway runs it because it is the one Worker that may call all others.
import { z } from "zod";
import type { Call } from "#shared/call";
import type { MessagingContract, SweepCounts } from "#shared/contracts/messaging";
import type { Outcome } from "#shared/errors";
import { CONSUMERS, ROUTES, consumersOf } from "#shared/events/routing";
import type { Consumer } from "#shared/events/routing";
import { log } from "#shared/logger";
import { RESEND_AFTER_MS } from "#shared/outbox";
import type { UnconfirmedEvent } from "#shared/outbox";
import { DOMAIN_WORKERS } from "#shared/workers";
import { withDeadline } from "./peers.ts";
import type { DomainWorker } from "#shared/workers";
import type { Peers } from "./peers.ts";

/** A producer sends at most this many again in one round, the oldest first: it reads all their envelopes at once. */
const MAX_RESENDS = 1_000;

type Messengers = Readonly<Record<DomainWorker, MessagingContract>>;

/** What a consumer said about the ids it was asked for; undefined when it did not answer. */
interface ConsumerAnswer {
  /** Not handled, whether or not a retry is on its way: not to be confirmed. */
  readonly missing: ReadonlySet<string>;
  /** Missing, and no retry will bring it: to be sent again. */
  readonly lost: ReadonlySet<string>;
}

type Answers = ReadonlyMap<Consumer, ConsumerAnswer | undefined>;

/** A Worker that is down is left out of this round; the others are not held up by it. */
async function ask<T>(peer: DomainWorker, question: () => Promise<Outcome<T>>): Promise<T | undefined> {
  try {
    const answer = await question();
    if (answer.ok) return answer.value;
    log("warn", "the sweep was refused", { peer, error: answer.error.detail });
  } catch (error) {
    log("warn", "the sweep got no answer", { peer, error });
  }
  return undefined;
}

/** Unknown to this version of the routing, an event cannot be judged and stays as it is. */
function knownConsumersOf(event: UnconfirmedEvent): readonly Consumer[] | undefined {
  return Object.hasOwn(ROUTES, event.type) ? consumersOf(event) : undefined;
}

async function unseen(
  peers: Messengers,
  consumer: Consumer,
  call: Call,
  ids: readonly string[],
  everything: boolean,
): Promise<ReadonlySet<string> | undefined> {
  if (ids.length === 0) return new Set();
  const answer = await ask(consumer, () => peers[consumer].unseenEvents(call, { ids: [...ids], everything }));
  return answer && new Set(answer);
}

async function askConsumer(
  peers: Messengers,
  consumer: Consumer,
  call: Call,
  ids: readonly string[],
  everything: boolean,
): Promise<ConsumerAnswer | undefined> {
  // Confirming needs the strict answer: an event whose retry is pending would be lost with the queue if it were confirmed.
  const missing = await unseen(peers, consumer, call, ids, true);
  if (missing === undefined) return undefined;
  if (everything || missing.size === 0) return { missing, lost: missing };
  const lost = await unseen(peers, consumer, call, [...missing], false);
  return lost === undefined ? undefined : { missing, lost };
}

async function settleProducer(
  peers: Messengers,
  producer: DomainWorker,
  call: Call,
  events: readonly UnconfirmedEvent[],
  answers: Answers,
  resendBefore: number,
): Promise<{ readonly confirmed: number; readonly resent: number }> {
  const done: string[] = [];
  const deliveries: { id: string; consumer: Consumer }[] = [];
  for (const event of events) {
    const consumers = knownConsumersOf(event);
    if (consumers === undefined) continue;
    if (consumers.every((consumer) => answers.get(consumer)?.missing.has(event.id) === false)) done.push(event.id);
    if (event.time > resendBefore) continue;
    for (const consumer of consumers) {
      if (answers.get(consumer)?.lost.has(event.id) === true) deliveries.push({ id: event.id, consumer });
    }
  }
  const resent =
    deliveries.length === 0
      ? 0
      : await ask(producer, () => peers[producer].resendEvents(call, { deliveries: deliveries.slice(0, MAX_RESENDS) }));
  const confirmed =
    done.length === 0 ? null : await ask(producer, () => peers[producer].confirmEvents(call, { ids: done }));
  return { confirmed: confirmed === undefined ? 0 : done.length, resent: resent ?? 0 };
}

/**
 * One round over every Worker: asks each producer for what is unconfirmed, each consumer for what of it is missing, sends again
 * what was lost for RESEND_AFTER_MS (`everything`: whatever its age or back-off) and confirms what all consumers have.
 * The counts include each consumer's lag: the events it has not handled yet. At most 28 calls of other Workers, of the 32 that one
 * run may make.
 */
export async function sweepOutboxes(peers: Peers, call: Call, everything: boolean, now: number): Promise<SweepCounts> {
  const producers = await Promise.all(
    DOMAIN_WORKERS.map(async (name) => ({ name, events: await ask(name, () => peers[name].unconfirmedEvents(call)) })),
  );
  const open = producers.flatMap(({ events }) => events ?? []);
  const answers: Answers = new Map(
    await Promise.all(
      CONSUMERS.map(async (consumer) => {
        const ids = open.filter((event) => knownConsumersOf(event)?.includes(consumer) === true).map(({ id }) => id);
        return [consumer, await askConsumer(peers, consumer, call, ids, everything)] as const;
      }),
    ),
  );
  const resendBefore = everything ? Number.POSITIVE_INFINITY : now - RESEND_AFTER_MS;
  const settled = await Promise.all(
    producers.map(({ name, events }) => settleProducer(peers, name, call, events ?? [], answers, resendBefore)),
  );
  const lag = CONSUMERS.map((consumer) => [`lag_${consumer}`, answers.get(consumer)?.missing.size ?? 0] as const);
  return {
    unconfirmed: open.length,
    confirmed: settled.reduce((sum, { confirmed }) => sum + confirmed, 0),
    resent: settled.reduce((sum, { resent }) => sum + resent, 0),
    unreachable:
      producers.filter(({ events }) => events === undefined).length +
      [...answers.values()].filter((answer) => answer === undefined).length,
    ...Object.fromEntries(lag),
  };
}

/** What a consumer has not handled, of what the producers that answer do not know to have arrived. */
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

/** Null: it does not answer. */
export interface Lag {
  readonly consumers: Record<string, ConsumerLag | null>;
  readonly producers: Record<string, ProducerLag | null>;
}

function oldestSeconds(events: readonly UnconfirmedEvent[], now: number): number {
  const oldest = events.reduce((time, event) => Math.min(time, event.time), now);
  return Math.round((now - oldest) / 1_000);
}

/**
 * The comparison that the sweep makes, for operators: changes nothing and sends nothing. Ends within `deadlineMs`, half of it
 * for the producers and half for the consumers; who does not answer by then is null.
 */
export async function consumerLag(peers: Peers, call: Call, now: number, deadlineMs: number): Promise<Lag> {
  const inTime = <T>(work: Promise<T>): Promise<T> => withDeadline(work, deadlineMs / 2);
  const producers = await Promise.all(
    DOMAIN_WORKERS.map(async (name) => {
      const events = await ask(name, () => inTime(peers[name].unconfirmedEvents(call)));
      return { name, events };
    }),
  );
  const open = producers.flatMap(({ events }) => events ?? []);
  const consumers = await Promise.all(
    CONSUMERS.map(async (name): Promise<readonly [Consumer, ConsumerLag | null]> => {
      const theirs = open.filter((event) => knownConsumersOf(event)?.includes(name) === true);
      const ids = theirs.map(({ id }) => id);
      // Asked also without ids: only then is it known to answer.
      const missing = await ask(name, () => inTime(peers[name].unseenEvents(call, { ids, everything: true })));
      if (missing === undefined) return [name, null];
      const unseenIds = new Set(missing);
      const late = theirs.filter(({ id }) => unseenIds.has(id));
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
