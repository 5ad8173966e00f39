// The envelope of every event: CloudEvents 1.0 (https://github.com/cloudevents/spec) with two extensions, and W3C traceparent.
import * as z from "zod";
import { newId } from "../ids.ts";
import { EVENT_DATA } from "./catalogue.ts";
import type { EventData, EventType } from "./catalogue.ts";

export const EventEnvelopeBase = z.object({
  specversion: z.literal("1.0").describe("The version of CloudEvents."),
  id: z.string().min(1).describe("The event's id."),
  source: z.string().min(1).describe("The part of the shop that it comes from."),
  type: z.string().min(1).describe("What happened, for example ORDER_CREATED."),
  subject: z.string().min(1).describe("What it is about: the id of its order, product, user or cart."),
  time: z.iso.datetime().describe("When it happened."),
  correlationid: z
    .string()
    .min(1)
    .describe("The request, webhook or sweep that began it all. For a request it is the `X-Request-Id`."),
  causationid: z
    .string()
    .optional()
    .describe("The event that caused this one. Absent when a request, a webhook or a sweep did."),
  traceparent: z.string().optional().describe("W3C trace context."),
});

export type EventEnvelope<T extends EventType = EventType> = {
  [K in T]: z.infer<typeof EventEnvelopeBase> & { type: K; data: EventData<K> };
}[T];

/** Where an event comes from and what it continues. */
export interface Cause {
  readonly worker: string;
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function makeEvent<T extends EventType>(
  type: T,
  subject: string,
  data: EventData<T>,
  cause: Cause,
): EventEnvelope<T> {
  const envelope = {
    specversion: "1.0" as const,
    id: newId("evt"),
    source: `tradepost/${cause.worker}`,
    type,
    subject,
    time: new Date(cause.now).toISOString(),
    correlationid: cause.correlationId,
    ...(cause.causationId === undefined ? {} : { causationid: cause.causationId }),
    ...(cause.traceparent === undefined ? {} : { traceparent: cause.traceparent }),
    data,
  };
  return envelope;
}

/** Made once: building a zod schema takes several times as long as parsing with it. */
const UntypedEnvelope = EventEnvelopeBase.extend({ data: z.unknown() });

/** Parses what a queue or a stored row holds. Returns undefined when it is no event of the catalogue. */
export function parseEvent(value: unknown): EventEnvelope | undefined {
  const base = UntypedEnvelope.safeParse(value);
  if (!base.success || !Object.hasOwn(EVENT_DATA, base.data.type)) return undefined;
  const type = base.data.type as EventType;
  const data = EVENT_DATA[type].safeParse(base.data.data);
  return data.success ? ({ ...base.data, data: data.data } as EventEnvelope) : undefined;
}
