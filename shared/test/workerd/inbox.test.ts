import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { openDatabase, commit } from "#shared/database";
import type { EventEnvelope } from "#shared/events/envelope";
import { makeEvent } from "#shared/events/envelope";
import { MAX_RETRIES, backoffSeconds } from "#shared/failed-events";
import { consume } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { firstIdAt, newId } from "#shared/ids";
import {
  EVENT_RETENTION_MS,
  confirmEvents,
  purgeInbox,
  purgeOutbox,
  resendEvents,
  unconfirmedEvents,
  unseenEvents,
} from "#shared/deliveries";
import { bytesOf, outboxInsert, relay, republishEvent, save } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { deliver, recordedQueues, stubOf } from "../../testkit/kit.ts";
import type { Delivery, RecordedQueues } from "../../testkit/kit.ts";

const db = openDatabase(env.DB);
const QUEUE = "tradepost-notifications-inbox";

function testDeps(recorded: RecordedQueues = recordedQueues(), now: () => number = Date.now): Deps {
  return { worker: "test", db, queues: recorded.queues, now, waitUntil: () => {}, logLevel: "off" };
}

function registered(userId: string = newId("usr")): EventEnvelope<"USER_REGISTERED"> {
  return makeEvent(
    "USER_REGISTERED",
    userId,
    { userId, email: "a@example.com", name: "A", locale: "en" },
    { worker: "accounts", correlationId: newId("req"), now: Date.now() },
  );
}

/** Counts its events in a table, and publishes an event for each. */
const counting: Handlers = {
  USER_REGISTERED: (event) => ({
    statements: [
      sql`INSERT INTO seen VALUES (${event.subject}, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1`,
      outboxInsert(
        makeEvent(
          "NOTIFICATION_SEND",
          event.subject,
          {
            kind: "welcome",
            recipient: { id: null, email: "a@example.com", name: "A", locale: "en", proven: false },
            variables: {},
          },
          {
            worker: "test",
            correlationId: event.correlationid,
            causationId: event.id,
            now: Date.now(),
          },
        ),
      ),
    ],
  }),
};

async function receive(
  deps: Deps,
  handlers: Handlers,
  bodies: readonly unknown[],
  queue = QUEUE,
  attempts = 1,
): Promise<Delivery> {
  return await deliver((batch) => consume(batch, deps, handlers), queue, bodies, attempts);
}

async function refused(): Promise<never> {
  throw new Error("D1_ERROR: the database is not reachable");
}

async function timesSeen(userId: string): Promise<number> {
  return (await db.all(sql<{ times: number }>`SELECT times FROM seen WHERE id = ${userId}`))[0]?.times ?? 0;
}

beforeAll(async () => {
  await commit(db, { statements: [sql`CREATE TABLE seen (id TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT`] });
});

describe("consume", () => {
  it("has one effect for an event that arrives many times, in one batch, in several, and concurrently", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (copies, concurrent) => {
          const recorded = recordedQueues();
          const deps = testDeps(recorded);
          const event = registered();
          const batches = copies.map((count) => Array.from({ length: count }, () => event));
          if (concurrent) await Promise.all(batches.map((batch) => receive(deps, counting, batch)));
          else for (const batch of batches) await receive(deps, counting, batch);
          expect(await timesSeen(event.subject)).toBe(1);
          expect(recorded.sent).toHaveLength(1);
          expect(recorded.sent[0]?.event).toMatchObject({ causationid: event.id, correlationid: event.correlationid });
        },
      ),
      { numRuns: 20 },
    );
  });

  it("acknowledges the other events of a batch in which one fails, and stores the error of that one", async () => {
    const deps = testDeps();
    const [good, bad] = [registered(), registered()];
    const handlers: Handlers = {
      USER_REGISTERED: (event) => {
        if (event.id === bad.id) throw new Error("no luck");
        return { statements: [sql`INSERT INTO seen VALUES (${event.subject}, 1)`] };
      },
    };
    expect(await receive(deps, handlers, [good, bad])).toEqual({ acknowledged: [good.id], retried: [bad.id] });
    expect(await timesSeen(good.subject)).toBe(1);
    expect(await db.all(sql`SELECT attempts, error FROM inbox_failures WHERE event_id = ${bad.id}`)).toEqual([
      { attempts: 1, error: "Error: no luck" },
    ]);
  });

  it("handles messages one by one when the database refuses the batch", async () => {
    const deps = testDeps();
    const [first, second] = [registered(), registered()];
    await receive(deps, counting, [first]);
    expect(await receive(deps, counting, [first, second])).toEqual({
      acknowledged: [first.id, second.id],
      retried: [],
    });
    expect([await timesSeen(first.subject), await timesSeen(second.subject)]).toEqual([1, 1]);
  });

  it("retries an event about an unknown subject until it is known", async () => {
    const deps = testDeps();
    const event = registered();
    const handlers: Handlers = {
      USER_REGISTERED: ({ subject }) => ({
        known: sql`(SELECT 1 FROM seen WHERE id = ${subject})`,
        statements: [sql`UPDATE seen SET times = times + 1 WHERE id = ${subject}`],
      }),
    };
    expect((await receive(deps, handlers, [event])).retried).toEqual([event.id]);
    await commit(db, { statements: [sql`INSERT INTO seen VALUES (${event.subject}, 0)`] });
    expect((await receive(deps, handlers, [event])).acknowledged).toEqual([event.id]);
    expect(await timesSeen(event.subject)).toBe(1);
  });

  it("makes a message that is not an event a dead letter at once, with its body", async () => {
    const deps = testDeps();
    const id = newId("evt");
    expect((await receive(deps, counting, [{ id, type: "NONSENSE" }])).acknowledged).toEqual([id]);
    expect(await db.all(sql`SELECT type, envelope, error FROM dead_letters WHERE event_id = ${id}`)).toEqual([
      { type: "NONSENSE", envelope: JSON.stringify({ id, type: "NONSENSE" }), error: "not an event of the catalogue" },
    ]);
  });

  it("makes an event a dead letter after the last retry, and counts the attempts of resent messages too", async () => {
    const deps = testDeps();
    const event = registered();
    const failing: Handlers = {
      USER_REGISTERED: () => {
        throw new Error("never");
      },
    };
    for (let attempt = 1; attempt <= MAX_RETRIES; attempt++) {
      expect((await receive(deps, failing, [event])).retried, `try ${String(attempt)}`).toEqual([event.id]);
    }
    expect((await receive(deps, failing, [event])).acknowledged).toEqual([event.id]);
    expect(await db.all(sql`SELECT attempts, error, type FROM dead_letters WHERE event_id = ${event.id}`)).toEqual([
      { attempts: MAX_RETRIES + 1, error: "Error: never", type: "USER_REGISTERED" },
    ]);
    expect(await unseenEvents(deps, [event.id], { everything: true })).toEqual([]);
  });

  it("retries with its back-off while the database cannot store the failure", async () => {
    const down = openDatabase({
      prepare: (query: string) => env.DB.prepare(query),
      batch: refused,
    } as unknown as D1Database);
    const deps = { ...testDeps(), db: down };
    const [first, junk, second] = [registered(), { id: newId("evt"), type: "NONSENSE" }, registered()];
    const retried = [first.id, junk.id, second.id];
    expect(await receive(deps, counting, [first, junk, second])).toEqual({ acknowledged: [], retried });
    const given = [first, junk];
    expect(await receive(deps, counting, given, "tradepost-notifications-dead-letters")).toEqual({
      acknowledged: [],
      retried: given.map(({ id }) => id),
    });
  });

  it("stores a message from the dead-letter queue, with the last error", async () => {
    const recorded = recordedQueues();
    const deps = testDeps(recorded);
    const event = registered();
    const failing: Handlers = {
      USER_REGISTERED: () => {
        throw new Error("down");
      },
    };
    await receive(deps, failing, [event]);
    await receive(deps, failing, [event], "tradepost-notifications-dead-letters");
    expect(await db.all(sql`SELECT error FROM dead_letters WHERE event_id = ${event.id}`)).toEqual([
      { error: "Error: down" },
    ]);
  });
});

describe("purging", () => {
  it("deletes entries handled long ago, and keeps an old event that was handled late", async () => {
    const now = Date.now();
    const longAgo = now - 3 * EVENT_RETENTION_MS;
    const [old, late, fresh] = [firstIdAt("evt", longAgo), firstIdAt("evt", longAgo + 1), newId("evt")];
    const rows = [[old, longAgo] as const, [late, now] as const, [fresh, now] as const];
    await commit(db, {
      rows: rows.map(([id, handledAt]) => sql`INSERT INTO inbox (event_id, handled_at) VALUES (${id}, ${handledAt})`),
    });
    expect(await purgeInbox(testDeps())).toBe(1);
    expect(await unseenEvents(testDeps(), [old, late, fresh], { everything: true })).toEqual([old]);
  });
});

describe("back-off", () => {
  it("doubles up to ten minutes, with at most half of it random", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, random) => {
        const ceiling = Math.min(2 ** attempts, 600);
        const seconds = backoffSeconds(attempts, () => random);
        expect(seconds).toBeGreaterThanOrEqual(ceiling / 2);
        expect(seconds).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});

describe("outbox", () => {
  it("sends what was committed to every consumer of its type, and to no other", async () => {
    const recorded = recordedQueues();
    let sending: Promise<unknown> = Promise.resolve();
    const deps: Deps = {
      ...testDeps(recorded),
      waitUntil: (work) => {
        sending = work;
      },
    };
    const event = registered();
    await save(deps, { statements: [outboxInsert(event)] });
    await sending;
    expect(recorded.sent).toEqual([{ consumer: "notifications", event }]);
  });

  it("is not confirmed by sending: the sweep resends what an inbox lacks and confirms the rest", async () => {
    const recorded = recordedQueues();
    const deps = testDeps(recorded);
    const [lost, arrived] = [registered(), registered()];
    await commit(db, { statements: [outboxInsert(lost), outboxInsert(arrived)] });
    await receive(deps, counting, [arrived]);

    const ids = (await unconfirmedEvents(deps)).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([lost.id, arrived.id]));
    const unseen = await unseenEvents(deps, [lost.id, arrived.id], { everything: false });
    expect(unseen).toEqual([lost.id]);

    recorded.sent.length = 0;
    expect(await resendEvents(deps, [{ id: lost.id, consumer: "notifications" }])).toBe(1);
    expect(recorded.sent).toEqual([{ consumer: "notifications", event: lost }]);
    await confirmEvents(deps, [arrived.id]);
    const still = (await unconfirmedEvents(deps)).map(({ id }) => id);
    expect(still).toContain(lost.id);
    expect(still).not.toContain(arrived.id);
  });

  it("passes over an event that a consumer lacks and finds it again, however many are confirmed after it", async () => {
    const deps = testDeps();
    const [late, copy] = [registered(), registered()];
    const others = Array.from({ length: 6 }, () => registered());
    const open = async (): Promise<string[]> => (await unconfirmedEvents(deps)).map(({ id }) => id);
    await commit(db, { first: outboxInsert(others[0] ?? late), late: outboxInsert(late) });
    await republishEvent(deps, copy, []);
    await commit(db, { others: others.slice(1).map(outboxInsert) });
    const before = await open();
    expect(before.filter((id) => id === late.id || others.some((other) => other.id === id))).toEqual([
      others[0]?.id,
      late.id,
      ...others.slice(1).map(({ id }) => id),
    ]);
    // Two sweeps that read the same list, and one that came with an older one.
    const confirmed = before.filter((id) => id !== late.id && id !== others[5]?.id);
    await Promise.all([confirmEvents(deps, confirmed), confirmEvents(deps, confirmed)]);
    await confirmEvents(deps, confirmed.slice(0, 2));
    expect(await open()).toEqual([late.id, others[5]?.id]);

    await purgeOutbox({ ...deps, now: () => Date.now() + 2 * EVENT_RETENTION_MS });
    expect(await open()).toEqual([late.id, others[5]?.id]);
    await confirmEvents(deps, [late.id]);
    expect(await open()).toEqual([others[5]?.id]);
    await confirmEvents(deps, [others[5]?.id ?? ""]);
    expect(await open()).toEqual([]);
    await purgeOutbox({ ...deps, now: () => Date.now() + 2 * EVENT_RETENTION_MS });
    expect(await db.all(sql`SELECT id FROM outbox`)).toEqual([{ id: others[5]?.id }]);
  });

  it("writes no row for each event that it confirms", async () => {
    const deps = testDeps();
    const events = Array.from({ length: 50 }, () => registered());
    await commit(db, { events: events.map(outboxInsert) });
    const run = vi.spyOn(db, "batch");
    await confirmEvents(
      deps,
      events.map(({ id }) => id),
    );
    const results = await run.mock.results[0]?.value;
    run.mockRestore();
    expect(results.reduce((sum: number, { meta }: D1Result) => sum + meta.rows_written, 0)).toBe(1);
  });

  it("forgets a late event that a Worker of the version before has confirmed", async () => {
    const deps = testDeps();
    const [late, other] = [registered(), registered()];
    await commit(db, { events: [late, other].map(outboxInsert) });
    await confirmEvents(deps, [other.id]);
    await commit(db, { confirmed: sql`UPDATE outbox SET confirmed_at = 1 WHERE id = ${late.id}` });
    expect((await unconfirmedEvents(deps)).map(({ id }) => id)).not.toContain(late.id);
    await purgeOutbox(deps);
    expect(
      await db.all(sql`SELECT seq FROM outbox_late WHERE seq IN (SELECT seq FROM outbox WHERE id = ${late.id})`),
    ).toEqual([]);
  });

  it("deletes the content of a confidential command after its consumer has handled it, and no other content", async () => {
    const deps = testDeps();
    const recipient = { id: null, email: "a@example.com", name: "A", locale: "en", proven: false };
    const [secret, plain] = ["password_reset", "password_changed"].map((kind) =>
      makeEvent(
        "NOTIFICATION_SEND",
        newId("usr"),
        { kind, recipient, variables: { token: "SECRET" } },
        { worker: "accounts", correlationId: newId("req"), now: Date.now() },
      ),
    );
    if (secret === undefined || plain === undefined) throw new Error("no events");
    await commit(db, { statements: [outboxInsert(secret), outboxInsert(plain)] });
    const stored = async ({ id }: EventEnvelope): Promise<unknown> => {
      const [row] = await db.all(sql<{ envelope: string }>`SELECT envelope FROM outbox WHERE id = ${id}`);
      return JSON.parse(row?.envelope ?? "null");
    };
    expect(await stored(secret)).toEqual(secret);
    await confirmEvents(deps, [secret.id, plain.id]);
    expect(await stored(secret)).toEqual({ ...secret, data: { ...secret.data, variables: {} } });
    expect(await stored(plain)).toEqual(plain);
  });

  it("is resent to every other consumer when one queue refuses", async () => {
    const recorded = recordedQueues();
    const broken = stubOf<Queue>({ send: refused });
    const deps = { ...testDeps(recorded), queues: { ...recorded.queues, CATALOG_INBOX: broken } };
    const event = registered();
    await commit(db, { statements: [outboxInsert(event)] });
    const deliveries = (["catalog", "notifications"] as const).map((consumer) => ({ id: event.id, consumer }));
    expect(await resendEvents(deps, deliveries)).toBe(1);
    expect(recorded.sent).toEqual([{ consumer: "notifications", event }]);
  });

  it("does not resend before a pending retry, and treats an overdue one as lost", async () => {
    let now = Date.now();
    const deps = testDeps(recordedQueues(), () => now);
    const event = registered();
    await receive(
      deps,
      {
        USER_REGISTERED: () => {
          throw new Error("later");
        },
      },
      [event],
    );
    expect(await unseenEvents(deps, [event.id], { everything: false })).toEqual([]);
    expect(await unseenEvents(deps, [event.id], { everything: true })).toEqual([event.id]);
    now += 10 * 60_000;
    expect(await unseenEvents(deps, [event.id], { everything: false })).toEqual([event.id]);
  });

  it("sends any number of events, in batches that the queue accepts", async () => {
    const recorded = recordedQueues();
    await relay(
      recorded.queues,
      Array.from({ length: 250 }, () => registered()),
    );
    expect(recorded.sent).toHaveLength(250);
  });

  it("splits batches by the bytes of their events, which are up to three for each character", async () => {
    const sizes: number[] = [];
    const queue = stubOf<Queue>({
      send: async (event: unknown) => {
        sizes.push(bytesOf(event as EventEnvelope));
        return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
      },
      sendBatch: async (messages: Iterable<MessageSendRequest>) => {
        sizes.push([...messages].reduce((sum, { body }) => sum + bytesOf(body as EventEnvelope) + 100, 0));
        return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
      },
    });
    const long = Array.from({ length: 7 }, () => {
      const event = registered();
      return { ...event, data: { ...event.data, name: "漢".repeat(30_000) } };
    });
    await relay({ NOTIFICATIONS_INBOX: queue }, [...long, registered()]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256_000);
    // Two of 90 KB fit a batch.
    expect(sizes).toHaveLength(4);
  });

  it("keeps its rows for the sweep when a queue refuses", async () => {
    const deps = testDeps();
    const event = registered();
    await commit(db, { statements: [outboxInsert(event)] });
    await relay({}, [event]);
    expect((await unconfirmedEvents(deps)).map(({ id }) => id)).toContain(event.id);
  });
});
