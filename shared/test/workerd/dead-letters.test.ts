// Replays of dead letters: nothing is lost or doubled when the process dies between row and message, or the queue loses the message.
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commit, openDatabase } from "#shared/database";
import { listDeadLetters, replayDeadLetter, replayDeadLetters, resendReplays } from "#shared/dead-letters";
import type { EventEnvelope } from "#shared/events/envelope";
import { makeEvent } from "#shared/events/envelope";
import { consume } from "#shared/inbox";
import type { Handlers } from "#shared/inbox";
import { newId } from "#shared/ids";
import { listAudit } from "#shared/operations";
import { SEARCHED_ROWS } from "#shared/search";
import { resendEvents } from "#shared/deliveries";
import type { Deps } from "#shared/deps";
import { CountingDatabase } from "../../testkit/counting.ts";
import { callAs, deliver, recordedQueues, stubOf } from "../../testkit/kit.ts";

const db = openDatabase((env as unknown as { DB: D1Database }).DB);
const QUEUE = "tradepost-notifications-inbox";
const admin = callAs("admin", "usr_admin");
const MINUTE_MS = 60_000;

let now = Date.now();
let recorded = recordedQueues();

function deps(queues = recorded.queues): Deps {
  return { worker: "notifications", db, queues, now: () => now, waitUntil: () => {}, logLevel: "off" };
}

const counting: Handlers = {
  USER_REGISTERED: (event) => ({
    statements: [
      sql`INSERT INTO handled VALUES (${event.subject}, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1`,
    ],
  }),
};
const failing: Handlers = {
  USER_REGISTERED: () => {
    throw new Error("down");
  },
};

async function receive(handlers: Handlers, bodies: readonly unknown[], queue = QUEUE): Promise<void> {
  await deliver((batch) => consume(batch, deps(), handlers), queue, bodies);
}

/** An event that became a dead letter. */
async function deadLetter(): Promise<EventEnvelope> {
  const userId = newId("usr");
  const event = makeEvent(
    "USER_REGISTERED",
    userId,
    { userId, email: "a@example.com", name: "A", locale: "en" },
    { worker: "accounts", correlationId: newId("req"), now },
  );
  await receive(failing, [event]);
  await receive(failing, [event], "tradepost-notifications-dead-letters");
  return event;
}

async function timesHandled({ subject }: EventEnvelope): Promise<number> {
  const rows = await db.all(sql<{ times: number }>`SELECT times FROM handled WHERE id = ${subject}`);
  return rows[0]?.times ?? 0;
}

async function statesOf(event: EventEnvelope): Promise<string[]> {
  const states: string[] = [];
  for (const state of ["open", "replayed", "handled"] as const) {
    const listed = await listDeadLetters(deps(), admin, { limit: 100, state });
    if (listed.ok && listed.value.items.some(({ eventId }) => eventId === event.id)) states.push(state);
  }
  return states;
}

function sentIds(): string[] {
  return recorded.sent.map(({ event }) => event.id);
}

const broken = {
  NOTIFICATIONS_INBOX: stubOf<Queue>({ send: async () => await Promise.reject(new Error("no queue")) }),
};

beforeAll(async () => {
  await db.run(sql`CREATE TABLE handled (id TEXT PRIMARY KEY, times INTEGER NOT NULL)`);
});

beforeEach(async () => {
  now = Date.now();
  recorded = recordedQueues();
  await commit(db, {
    statements: [sql`DELETE FROM dead_letters`, sql`DELETE FROM audit_log`, sql`DELETE FROM inbox_failures`],
  });
});

describe("a replay", () => {
  it("moves a dead letter from open to replayed to handled, with one effect and its audit row", async () => {
    const event = await deadLetter();
    expect(await statesOf(event)).toEqual(["open"]);
    expect(await replayDeadLetter(deps(), admin, { eventId: event.id })).toEqual({ ok: true, value: null });
    expect(recorded.sent).toEqual([{ consumer: "notifications", event }]);
    expect(await statesOf(event)).toEqual(["replayed"]);
    await receive(counting, [event]);
    expect(await replayDeadLetter(deps(), admin, { eventId: event.id })).toEqual({ ok: true, value: null });
    expect(sentIds()).toEqual([event.id]);
    await receive(counting, [event]);
    expect([await timesHandled(event), await statesOf(event)]).toEqual([1, ["handled"]]);
    const audit = await listAudit(deps(), admin, { limit: 10, action: "dead_letter.replay" });
    expect(audit).toMatchObject({
      value: { items: [{ actorId: "usr_admin", subject: event.id }, { subject: event.id }] },
    });
  });

  it("of an unknown id is not found and writes nothing", async () => {
    expect(await replayDeadLetter(deps(), admin, { eventId: "evt_none" })).toMatchObject({
      error: { code: "not_found" },
    });
    expect(await db.all(sql`SELECT 1 FROM audit_log`)).toEqual([]);
  });

  it("that the queue refuses or loses is resent by the sweep a minute later", async () => {
    const event = await deadLetter();
    expect(await replayDeadLetter(deps(broken), admin, { eventId: event.id })).toMatchObject({ ok: true });
    expect(await resendReplays(deps(), { everything: false })).toBe(0);
    now += MINUTE_MS + 1;
    expect(await resendReplays(deps(), { everything: false })).toBe(1);
    expect(await resendReplays(deps(), { everything: false })).toBe(0);
    now += MINUTE_MS + 1;
    expect(await resendReplays(deps(), { everything: false })).toBe(1);
    expect(sentIds()).toEqual([event.id, event.id]);
    await receive(counting, [event]);
    now += MINUTE_MS + 1;
    expect([await resendReplays(deps(), { everything: true }), await timesHandled(event)]).toEqual([0, 1]);
  });

  it("with a pending retry is left to the queue", async () => {
    const event = await deadLetter();
    await replayDeadLetter(deps(), admin, { eventId: event.id });
    now += MINUTE_MS + 1;
    await receive(failing, [event]);
    expect(await resendReplays(deps(), { everything: false })).toBe(0);
    expect(await resendReplays(deps(), { everything: true })).toBe(1);
  });

  it("that fails permanently again is open again", async () => {
    const event = await deadLetter();
    await replayDeadLetter(deps(), admin, { eventId: event.id });
    await receive(failing, [event]);
    await receive(failing, [event], "tradepost-notifications-dead-letters");
    expect(await statesOf(event)).toEqual(["open"]);
    expect(await resendReplays(deps(), { everything: true })).toBe(0);
  });

  it("sends a message that is not an event unchanged", async () => {
    const body = { id: "odd", type: "NOT_OURS", subject: "x" };
    await receive(counting, [body]);
    await replayDeadLetter(deps(), admin, { eventId: "odd" });
    expect(recorded.sent.map(({ event }) => event)).toEqual([body]);
  });
});

describe("a replay of all", () => {
  it("replays each open one once under concurrent requests, with one audit row each", async () => {
    const open = [await deadLetter(), await deadLetter(), await deadLetter()];
    const underWay = await deadLetter();
    await replayDeadLetter(deps(), admin, { eventId: underWay.id });
    recorded.sent.length = 0;
    const answers = await Promise.all([replayDeadLetters(deps(), admin), replayDeadLetters(deps(), admin)]);
    const counts = answers.flatMap((answer) => (answer.ok ? [answer.value.replayed] : []));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(sentIds().toSorted()).toEqual(open.map(({ id }) => id).toSorted());
    expect(await db.all(sql`SELECT 1 FROM audit_log`)).toHaveLength(4);
  });

  it("replays nothing when none is open", async () => {
    expect(await replayDeadLetters(deps(), admin)).toEqual({ ok: true, value: { replayed: 0, remaining: 0 } });
    expect(await resendEvents(deps(), [])).toBe(0);
  });
});

describe("the list of dead letters in a state", () => {
  it("goes through a bounded number of them, and continues from there", async () => {
    const old = await deadLetter();
    await commit(db, {
      handled: sql`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        INSERT INTO inbox (event_id, handled_at) SELECT 'evt_h' || i, 1 FROM n`,
      letters: sql`INSERT INTO dead_letters (event_id, type, subject, envelope, attempts, error, dead_at)
        SELECT event_id, 'USER_REGISTERED', 's', '{}', 1, 'e', ${now + MINUTE_MS} FROM inbox WHERE event_id GLOB 'evt_h*'`,
    });
    const counted = new CountingDatabase(db.client);
    const first = await listDeadLetters({ ...deps(), db: counted }, admin, { limit: 1, state: "open" });
    expect(counted.rowsRead).toBeLessThan(4 * SEARCHED_ROWS);
    const before = first.ok ? first.value.reached : undefined;
    expect(first).toMatchObject({ ok: true, value: { items: [], reached: [now + MINUTE_MS, expect.anything()] } });
    const next = await listDeadLetters(deps(), admin, { limit: 1, state: "open", before: [...(before ?? [])] });
    expect(next.ok && next.value.items.map(({ eventId }) => eventId)).toEqual([old.id]);
  });
});
