// The outbox sweep over model Workers: an event is confirmed when all its consumers have it, and never before, whatever was lost.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import { MAX_IDS_AT_ONCE } from "#shared/contracts/messaging";
import type { MessagingContract, SweepCounts } from "#shared/contracts/messaging";
import { EVENT_TYPES } from "#shared/events/catalogue";
import type { EventType } from "#shared/events/catalogue";
import { CONSUMERS, consumersOf } from "#shared/events/routing";
import type { Consumer } from "#shared/events/routing";
import { withInvocation } from "#shared/logger";
import { SWEEP_LIMIT } from "#shared/deliveries";
import type { UnconfirmedEvent } from "#shared/deliveries";
import { ok } from "#shared/result";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";
import type { Peers } from "../src/peers.ts";
import { consumerLag, sweepOutboxes } from "../src/sweep.ts";
import { stubPeers } from "./support.ts";

const NOW = 1_000_000_000;
const call = systemCall("test", "req_1");

/** The state of an event at one consumer. `retrying`: it failed and a retry is pending. */
type Stage = "absent" | "retrying" | "handled";

interface ModelEvent {
  readonly event: UnconfirmedEvent;
  readonly producer: DomainWorker;
  confirmed: boolean;
  readonly at: Map<Consumer, Stage>;
}

/** The outboxes and inboxes of all Workers in memory. A resent message is handled immediately unless the queue loses it. */
class Model {
  readonly down = new Set<DomainWorker>();
  readonly sent: string[] = [];
  queueLoses = false;

  constructor(readonly events: readonly ModelEvent[]) {}

  peers(): Peers {
    return stubPeers(Object.fromEntries(DOMAIN_WORKERS.map((name) => [name, this.#worker(name)])));
  }

  #worker(name: DomainWorker): Partial<MessagingContract> {
    const own = (): readonly ModelEvent[] => this.events.filter(({ producer }) => producer === name);
    const answer = async <T>(value: () => T): Promise<{ ok: true; value: T }> => {
      if (this.down.has(name)) throw new Error("down");
      return ok(value());
    };
    return {
      unconfirmedEvents: () =>
        answer(() =>
          own()
            .filter(({ confirmed }) => !confirmed)
            .map(({ event }) => event),
        ),
      unseenEvents: (_call, { ids, everything }) =>
        answer(() =>
          ids.filter((id) => {
            const stage = this.events.find(({ event }) => event.id === id)?.at.get(name as Consumer);
            return stage === "absent" || (everything && stage === "retrying");
          }),
        ),
      resendEvents: (_call, { deliveries }) =>
        answer(() => {
          for (const { id, consumer } of deliveries) {
            this.sent.push(`${id}>${consumer}`);
            if (!this.queueLoses)
              own()
                .find(({ event }) => event.id === id)
                ?.at.set(consumer, "handled");
          }
          return deliveries.length;
        }),
      confirmEvents: (_call, { ids }) =>
        answer(() => {
          for (const entry of own()) if (ids.includes(entry.event.id)) entry.confirmed = true;
          return null;
        }),
    };
  }

  /** Logs nothing, because the outages are intended. */
  sweep({ everything }: { readonly everything: boolean } = { everything: false }): Promise<SweepCounts> {
    return withInvocation({ worker: "gateway", operation: "test", correlationId: "req_1", level: "off" }, () =>
      sweepOutboxes(this.peers(), { call, everything, now: NOW }),
    );
  }

  confirmedTooEarly(): readonly ModelEvent[] {
    return this.events.filter(
      ({ confirmed, at }) => confirmed && [...at.values()].some((stage) => stage !== "handled"),
    );
  }
}

function modelEvent(
  id: string,
  type: EventType,
  producer: DomainWorker,
  stageOf: (consumer: Consumer) => Stage,
  { ageMs = 60_000, counted = false }: { readonly ageMs?: number; readonly counted?: boolean } = {},
): ModelEvent {
  return {
    event: { id, type, time: NOW - ageMs, counted },
    producer,
    confirmed: false,
    at: new Map(consumersOf({ type, counted }).map((consumer) => [consumer, stageOf(consumer)])),
  };
}

const stage = fc.constantFrom<Stage>("absent", "retrying", "handled");
const entries = fc.array(
  fc.record({
    type: fc.constantFrom(...EVENT_TYPES),
    producer: fc.constantFrom(...DOMAIN_WORKERS),
    stages: fc.tuple(stage, stage, stage, stage, stage),
    ageMs: fc.integer({ min: 0, max: 100_000 }),
    counted: fc.boolean(),
  }),
  { maxLength: 40 },
);
const models = entries.map(
  (list) =>
    new Model(
      list.map(({ type, producer, stages, ageMs, counted }, index) =>
        modelEvent(
          `evt_${String(index)}`,
          type,
          producer,
          (consumer) => stages[CONSUMERS.indexOf(consumer)] ?? "absent",
          { ageMs, counted },
        ),
      ),
    ),
);
const outages = fc.subarray([...DOMAIN_WORKERS]);

describe("properties", () => {
  it("never confirms before every consumer has handled it, whoever is down", async () => {
    await fc.assert(
      fc.asyncProperty(models, outages, fc.boolean(), fc.boolean(), async (model, down, everything, queueLoses) => {
        for (const name of down) model.down.add(name);
        model.queueLoses = queueLoses;
        await model.sweep({ everything });
        expect(model.confirmedTooEarly()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("handles and confirms everything once all Workers are up", async () => {
    await fc.assert(
      fc.asyncProperty(models, outages, async (model, down) => {
        for (const name of down) model.down.add(name);
        await model.sweep();
        model.down.clear();
        await model.sweep({ everything: true });
        const last = await model.sweep({ everything: true });
        expect(model.events.filter(({ confirmed }) => !confirmed)).toEqual([]);
        expect(last).toMatchObject({ resent: 0, unreachable: 0 });
      }),
      { numRuns: 200 },
    );
  });

  it("resends only lost events that are old enough, and only to the consumers that lack them", async () => {
    await fc.assert(
      fc.asyncProperty(models, async (model) => {
        const expected = model.events.flatMap(({ event, at }) =>
          event.time > NOW - 30_000
            ? []
            : [...at].filter(([, where]) => where === "absent").map(([consumer]) => `${event.id}>${consumer}`),
        );
        await model.sweep();
        expect(model.sent.toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: 200 },
    );
  });
});

it("counts each consumer's lag and what was done", async () => {
  const model = new Model([
    modelEvent("evt_1", "ORDER_CREATED", "orders", (consumer) => (consumer === "inventory" ? "handled" : "absent")),
    modelEvent("evt_2", "ORDER_CONFIRMED", "orders", () => "handled"),
    modelEvent("evt_3", "STOCK_RESERVED", "inventory", () => "retrying"),
    modelEvent("evt_4", "ORDER_CONFIRMED", "orders", () => "absent", { ageMs: 1_000 }),
  ]);
  expect(await model.sweep()).toEqual({
    unconfirmed: 4,
    confirmed: 1,
    resent: 1,
    unreachable: 0,
    lag_catalog: 0,
    lag_orders: 1,
    lag_payments: 0,
    lag_inventory: 0,
    lag_notifications: 2,
  });
  expect(model.sent).toEqual(["evt_1>notifications"]);
});

it("asks inventory for ORDER_CONFIRMED only of orders whose stock counts", async () => {
  const model = new Model([
    modelEvent("evt_1", "ORDER_CONFIRMED", "orders", () => "absent"),
    modelEvent("evt_2", "ORDER_CONFIRMED", "orders", () => "absent", { counted: true }),
  ]);
  expect(await model.sweep()).toMatchObject({ lag_inventory: 1, lag_notifications: 2 });
  expect(model.sent.toSorted()).toEqual(["evt_2>inventory", "evt_1>notifications", "evt_2>notifications"].toSorted());
});

it("continues without a Worker that is down", async () => {
  const model = new Model([
    modelEvent("evt_1", "ORDER_CREATED", "orders", () => "absent"),
    modelEvent("evt_2", "STOCK_RESERVED", "inventory", () => "handled"),
  ]);
  model.down.add("notifications");
  const counts = await model.sweep();
  expect(model.sent).toEqual(["evt_1>inventory"]);
  expect(counts).toMatchObject({ confirmed: 1, resent: 1, unreachable: 2 });
});

it("asks each consumer only about its own events, and none without events", async () => {
  const asked: (readonly string[])[] = [];
  const model = new Model([modelEvent("evt_1", "STOCK_RESERVED", "inventory", () => "handled")]);
  const peers = model.peers();
  const watched: Peers = {
    ...peers,
    orders: new Proxy(peers.orders, {
      get: (target, property) =>
        property === "unseenEvents"
          ? async (_call: unknown, input: { ids: readonly string[] }) => {
              asked.push(input.ids);
              return ok([]);
            }
          : (Reflect.get(target, property) as unknown),
    }),
    payments: stubPeers({ payments: { unconfirmedEvents: async () => ok([]) } }).payments,
  };
  await sweepOutboxes(watched, { call, everything: false, now: NOW });
  expect(asked).toEqual([["evt_1"]]);
});

it("fits the events of all producers into one call", () => {
  expect(DOMAIN_WORKERS.length * SWEEP_LIMIT).toBeLessThanOrEqual(MAX_IDS_AT_ONCE);
});

it("leaves an event of an unknown type alone", async () => {
  const unknown = { ...modelEvent("evt_1", "ORDER_CREATED", "orders", () => "handled") };
  const model = new Model([{ ...unknown, event: { ...unknown.event, type: "FROM_THE_FUTURE" as EventType } }]);
  expect(await model.sweep({ everything: true })).toMatchObject({ unconfirmed: 1, confirmed: 0, resent: 0 });
});

describe("the lag", () => {
  const lagOf = (model: Model): ReturnType<typeof consumerLag> =>
    withInvocation({ worker: "gateway", operation: "test", correlationId: "req_1", level: "off" }, () =>
      consumerLag(model.peers(), call, NOW, 200),
    );

  it("counts what each consumer has not handled and its age, and changes nothing", async () => {
    const events = [
      modelEvent("evt_1", "ORDER_CREATED", "orders", (consumer) => (consumer === "inventory" ? "absent" : "handled"), {
        ageMs: 9_000,
      }),
      modelEvent("evt_2", "ORDER_CREATED", "orders", () => "retrying", { ageMs: 4_000 }),
      modelEvent("evt_3", "STOCK_RESERVED", "inventory", () => "handled", { ageMs: 2_000 }),
    ];
    const model = new Model(events);
    expect(await lagOf(model)).toMatchObject({
      consumers: {
        inventory: { unseen: 2, oldestSeconds: 9 },
        notifications: { unseen: 1, oldestSeconds: 4 },
        orders: { unseen: 0, oldestSeconds: 0 },
      },
      producers: {
        orders: { unconfirmed: 2, oldestSeconds: 9 },
        inventory: { unconfirmed: 1, oldestSeconds: 2 },
        catalog: { unconfirmed: 0, oldestSeconds: 0 },
      },
    });
    expect([model.sent, events.map(({ confirmed }) => confirmed)]).toEqual([[], [false, false, false]]);
  });

  it("is null for a Worker that does not answer", async () => {
    const model = new Model([modelEvent("evt_1", "ORDER_CREATED", "orders", () => "absent")]);
    model.down.add("inventory");
    const { consumers, producers } = await lagOf(model);
    expect([consumers["inventory"], producers["inventory"]]).toEqual([null, null]);
    expect(consumers["notifications"]).toEqual({ unseen: 1, oldestSeconds: 60 });
  });
});
