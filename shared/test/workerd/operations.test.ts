// The tables for operators that every database has: audit log, findings, dead letters and the log of events.
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import { commit, openDatabase } from "#shared/database";
import { forgetDeadLetters } from "#shared/dead-letters";
import { findingInsert } from "#shared/findings";
import { makeEvent } from "#shared/events/envelope";
import { firstIdAt, newId } from "#shared/ids";
import { readMetrics } from "#shared/metrics";
import { health, listAudit, listEvents, listFeed, listFindings, purgeOperations } from "#shared/operations";
import { purgeOutbox } from "#shared/deliveries";
import { outboxInsert } from "#shared/outbox";
import type { Deps } from "#shared/deps";
import { SEARCHED_ROWS } from "#shared/search";
import { CountingDatabase } from "../../testkit/counting.ts";

const db = openDatabase((env as unknown as { DB: D1Database }).DB);
const call: Call = {
  actor: { role: "admin", id: "usr_1", email: "admin@example.com", name: "Admin", emailVerified: true },
  requestId: "req_1",
  correlationId: "req_1",
};

describe("the audit log", () => {
  it("has the actor, action, subject, time and request id", async () => {
    await commit(db, {
      statements: [auditInsert(call, 5, { action: "order.cancel", subject: "ord_1", details: { reason: "asked" } })],
    });
    const [row] = await db.all(sql<Record<string, unknown>>`SELECT * FROM audit_log WHERE subject = 'ord_1'`);
    expect(row).toMatchObject({
      at: 5,
      actor_id: "usr_1",
      actor_role: "admin",
      action: "order.cancel",
      request_id: "req_1",
      details: `{"reason":"asked"}`,
    });
  });
});

describe("a finding", () => {
  const finding = { kind: "webhook_missed", subject: "pay_1", details: { status: "succeeded" } };

  it("that recurs is counted in its row", async () => {
    await commit(db, { statements: [findingInsert(5, { ...finding, outcome: "open" })] });
    await commit(db, { statements: [findingInsert(9, { ...finding, outcome: "mended" })] });
    const rows = await db.all(sql<Record<string, unknown>>`SELECT * FROM findings WHERE kind = 'webhook_missed'`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ outcome: "mended", times: 2, first_found_at: 5, last_found_at: 9 });
  });
});

const DAY_MS = 24 * 60 * 60 * 1_000;

function deps(overrides: Partial<Deps> = {}): Deps {
  return { worker: "orders", db, queues: {}, now: Date.now, waitUntil: () => {}, logLevel: "off", ...overrides };
}

function welcomed(correlationId: string, subject: string = newId("usr")): ReturnType<typeof makeEvent> {
  const data = { userId: subject, email: "a@example.com", name: "A", locale: "en" as const, proven: true };
  return makeEvent("USER_REGISTERED", subject, data, { worker: "accounts", correlationId, now: Date.now() });
}

describe("the log of events", () => {
  it("is read newest first, by type, subject and correlation, from a cursor", async () => {
    const correlation = newId("req");
    const events = [welcomed(correlation), welcomed(correlation), welcomed(correlation)];
    await commit(db, { statements: [...events.map(outboxInsert), outboxInsert(welcomed(newId("req")))] });
    const ids = events.map(({ id }) => id).toReversed();
    const all = await listEvents(deps(), call, { limit: 10, correlationId: correlation, type: "USER_REGISTERED" });
    expect(all.ok && all.value.items.map(({ id }) => id)).toEqual(ids);
    expect(all.ok && JSON.parse(all.value.items[0]?.envelope ?? "")).toEqual(events[2]);
    const rest = await listEvents(deps(), call, { limit: 10, correlationId: correlation, before: [ids[0] ?? ""] });
    expect(rest.ok && rest.value.items.map(({ id }) => id)).toEqual(ids.slice(1));
    const one = await listEvents(deps(), call, { limit: 10, subject: events[1]?.subject });
    expect(one.ok && one.value.items).toHaveLength(1);
    expect(await listEvents(deps(), call, { limit: 10, type: "' OR 1=1 --" })).toEqual({
      ok: true,
      value: { items: [] },
    });
  });

  it.each(["type", "correlationId"])(
    "is searched by %s over a bounded number of rows, and continues from there",
    async (filter) => {
      const old = newId("evt");
      const event = { ...welcomed(newId("req")), id: old };
      const wanted = filter === "type" ? { type: "USER_REGISTERED" } : { correlationId: event.correlationid };
      await commit(db, {
        statements: [
          outboxInsert(event),
          // Rows of another type, with ids that sort after all others.
          sql`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        INSERT INTO outbox (id, type, subject, correlation_id, time, envelope, confirmed_at)
        SELECT 'evt_z' || printf('%05d', i), 'CART_EXPIRED', 's', 'c', 1, '{}', 1 FROM n`,
        ],
      });
      const counted = new CountingDatabase(db.client);
      const first = await listEvents({ ...deps(), db: counted }, call, { limit: 1, ...wanted });
      expect(first).toEqual({ ok: true, value: { items: [], reached: ["evt_z00201"] } });
      expect(counted.rowsRead).toBeLessThanOrEqual(2 * SEARCHED_ROWS);
      const before = first.ok ? [...(first.value.reached ?? [])] : [];
      const next = await listEvents(deps(), call, { limit: 1, ...wanted, before });
      expect(next.ok && next.value.items.map(({ id }) => id)).toEqual([old]);
      expect(next.ok && next.value.reached).toBeUndefined();
      await commit(db, { statements: [sql`DELETE FROM outbox WHERE id > 'evt_z'`] });
    },
  );

  it("misses no event when it is followed by commit position while others write older ids", async () => {
    const subject = newId("usr");
    const written: string[] = [];
    const write = async (index: number): Promise<void> => {
      // An inventory object creates its events long before it writes them.
      const lateness = index % 3 === 0 ? 3_600_000 : 0;
      const made = { worker: "inventory", correlationId: newId("req"), now: Date.now() - lateness };
      const data = { userId: subject, email: "a@example.com", name: "A", locale: "en" };
      const event = {
        ...makeEvent("USER_REGISTERED", subject, data, made),
        id: `${firstIdAt("evt", Date.now() - lateness)}${newId("evt").slice(-20)}`,
      };
      await commit(db, { statements: [outboxInsert(event)] });
      written.push(event.id);
    };
    let isWriting = true;
    const writers = Promise.all(
      Array.from({ length: 4 }, async (_none, writer) => {
        for (let round = 0; round < 25; round += 1) await write(writer + round);
      }),
    ).finally(() => {
      isWriting = false;
    });
    const seen: string[] = [];
    let after = 0;
    for (let isOver = false; !isOver;) {
      const wasWriting = isWriting;
      const page = await listFeed(deps(), call, { limit: 7, after, subject });
      if (!page.ok) throw new Error("refused");
      const { items, reached } = page.value;
      seen.push(...items.map(({ id }) => id));
      after = Number(reached?.[0] ?? items.at(-1)?.seq ?? after);
      isOver = items.length === 0 && !wasWriting;
    }
    await writers;
    expect(seen.toSorted()).toEqual(written.toSorted());
    expect(seen).not.toEqual(seen.toSorted());
  });

  it("gives a position to rows written by the previous version, and keeps the last position through a purge", async () => {
    const ids = [newId("evt"), newId("evt")];
    const old = (
      id: string,
    ): SQL => sql`INSERT INTO outbox (id, type, subject, correlation_id, time, envelope, confirmed_at)
      VALUES (${id}, 'CART_EXPIRED', 'old', 'c', 1, '{}', 1)`;
    await commit(db, { events: ids.map(old) });
    const page = await listFeed(deps(), call, { limit: 10, after: 0, subject: "old" });
    const places = page.ok ? page.value.items.map(({ seq }) => seq) : [];
    expect(places[1]).toBe((places[0] ?? 0) + 1);
    await purgeOutbox({ ...deps(), now: () => Date.now() + 400 * 24 * 3_600_000 });
    const [last] = await db.all(sql<{ seq: number }>`SELECT max(seq) AS seq FROM outbox`);
    expect(last?.seq).toBe(places[1]);
  });

  it("is followed by an index", async () => {
    const plan = await db.all(
      sql<{ detail: string }>`EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE seq > ${1} ORDER BY seq LIMIT ${10}`,
    );
    expect(plan.map(({ detail }) => detail)).toEqual([expect.stringContaining("outbox_by_seq (seq>?)")]);
  });

  it("hides the content of a confidential message", async () => {
    const correlationId = newId("req");
    const recipient = { id: "usr_1", email: "a@example.com", name: "A", locale: "en" as const, proven: true };
    const data = { kind: "password_reset", recipient, variables: { link: "https://x/?t=s3cret", token: "s3cret" } };
    const event = makeEvent("NOTIFICATION_SEND", "usr_1", data, { worker: "accounts", correlationId, now: Date.now() });
    await commit(db, { statements: [outboxInsert(event)] });
    const listed = await listEvents(deps(), call, { limit: 1, correlationId });
    expect(JSON.stringify(listed)).toContain("password_reset");
    expect(JSON.stringify(listed)).not.toContain("s3cret");
  });
});

describe("the lists of operators", () => {
  it("filter the audit log and continue from a cursor", async () => {
    const subject = newId("ord");
    for (const action of ["order.cancel", "order.refund", "order.cancel"]) {
      await commit(db, { statements: [auditInsert(call, Date.now(), { action, subject })] });
    }
    const cancels = await listAudit(deps(), call, { limit: 1, subject, action: "order.cancel", actor: "usr_1" });
    const newest = cancels.ok ? cancels.value.items[0] : undefined;
    expect(newest).toMatchObject({ action: "order.cancel", subject, actorId: "usr_1", actorRole: "admin" });
    const rest = await listAudit(deps(), call, { limit: 10, subject, before: [newest?.id ?? ""] });
    expect(rest.ok && rest.value.items.map(({ action }) => action)).toEqual(["order.refund", "order.cancel"]);
  });

  it("skip no findings of the same moment", async () => {
    const at = Date.now();
    const kinds = ["a", "b", "c"];
    await commit(db, {
      findings: kinds.map((kind) =>
        findingInsert(at, { kind: `tie_${kind}`, subject: "s", outcome: "open", details: {} }),
      ),
    });
    const seen: string[] = [];
    let before: (string | number)[] | undefined = [at, "tie_z", "s"];
    while (before !== undefined) {
      const listed = await listFindings(deps(), call, { limit: 1, before, outcome: "open" });
      const row = listed.ok ? listed.value.items[0] : undefined;
      if (row?.kind.startsWith("tie_")) seen.push(row.kind);
      before = row && [row.lastFoundAt, row.kind, row.subject];
    }
    expect(seen).toEqual(["tie_c", "tie_b", "tie_a"]);
  });
});

describe("the purge", () => {
  it("deletes audit rows after more than a year, findings after 90 days, and dead letters only when handled", async () => {
    const now = Date.now();
    const old = now - 500 * DAY_MS;
    const audit = (id: string): ReturnType<typeof sql> =>
      sql`INSERT INTO audit_log VALUES (${id}, 1, 'a', 'admin', 'x.y', 'purged', 'r', '{}')`;
    const letter = (id: string): ReturnType<typeof sql> =>
      sql`INSERT INTO dead_letters VALUES (${id}, 't', 's', '{}', 1, 'e', ${old}, NULL)`;
    await commit(db, {
      statements: [
        audit(`${firstIdAt("aud", old)}1`),
        audit(`${firstIdAt("aud", now - 370 * DAY_MS)}1`),
        findingInsert(now - 91 * DAY_MS, { kind: "purged", subject: "1", outcome: "open", details: {} }),
        findingInsert(now - 89 * DAY_MS, { kind: "purged", subject: "2", outcome: "open", details: {} }),
        letter("evt_handled"),
        letter("evt_waits"),
        sql`INSERT INTO inbox VALUES ('evt_handled', ${old})`,
      ],
    });
    expect(await purgeOperations(deps())).toMatchObject({ purgedAudit: 1, purgedDeadLetters: 1 });
    expect(await db.all(sql`SELECT subject FROM findings WHERE kind = 'purged'`)).toEqual([{ subject: "2" }]);
    expect(await db.all(sql`SELECT event_id AS id FROM dead_letters`)).toEqual([{ id: "evt_waits" }]);
    expect(await db.all(sql`SELECT 1 FROM audit_log WHERE subject = 'purged'`)).toHaveLength(1);
  });
});

describe("the metrics", () => {
  it("have a sample for each row, and its other columns as labels", async () => {
    const own = { name: "tradepost_x", help: "X.", rows: sql`SELECT 'a' AS kind, 2 AS value UNION ALL SELECT 'b', 3` };
    const metrics = await readMetrics(deps(), [own]);
    expect(metrics.at(-1)).toEqual({
      name: "tradepost_x",
      help: "X.",
      samples: [
        { labels: { kind: "a" }, value: 2 },
        { labels: { kind: "b" }, value: 3 },
      ],
    });
  });

  it("tell the size of the database, which grows with its rows", async () => {
    const size = async (): Promise<number> => {
      const found = (await readMetrics(deps(), [])).find(({ name }) => name === "tradepost_database_bytes");
      expect(found?.samples).toHaveLength(1);
      return found?.samples[0]?.value ?? 0;
    };
    const before = await size();
    const details = { text: "x".repeat(100_000) };
    await commit(db, { large: findingInsert(5, { kind: "large", subject: "s", outcome: "mended", details }) });
    expect((await size()) - before).toBeGreaterThanOrEqual(100_000);
  });

  it("count what every Worker keeps: its outbox, its dead letters, its findings", async () => {
    await commit(db, {
      statements: [sql`UPDATE outbox SET confirmed_at = 1`, sql`DELETE FROM dead_letters`, sql`DELETE FROM findings`],
    });
    const event = welcomed(newId("req"));
    await commit(db, {
      statements: [
        outboxInsert(event),
        sql`INSERT INTO dead_letters VALUES ('evt_a', 't', 's', '{}', 1, 'e', 1, NULL), ('evt_b', 't', 's', '{}', 1, 'e', 1, 2)`,
        findingInsert(5, { kind: "k", subject: "s", outcome: "open", details: {} }),
        findingInsert(5, { kind: "k", subject: "t", outcome: "mended", details: {} }),
      ],
    });
    const metrics = await readMetrics(deps({ now: () => Date.parse(event.time) + 4_000 }), []);
    const valuesOf = (name: string): unknown =>
      metrics
        .find((metric) => metric.name === name)
        ?.samples.map(({ labels, value }) => [...Object.values(labels), value]);
    expect(valuesOf("tradepost_outbox_unconfirmed_events")).toEqual([[1]]);
    expect(valuesOf("tradepost_outbox_oldest_unconfirmed_seconds")).toEqual([[4]]);
    expect(valuesOf("tradepost_dead_letters")).toEqual([
      ["open", 1],
      ["replayed", 1],
    ]);
    expect(valuesOf("tradepost_findings_open")).toEqual([["k", 1]]);
  });
});

describe("health", () => {
  const database = (prepare: (query: string) => D1PreparedStatement): Deps =>
    deps({ db: openDatabase({ prepare } as unknown as D1Database) });

  it("reports whether the database responds", async () => {
    expect(await health(deps())).toEqual({ ok: true, value: { database: "up" } });
    const broken = database(() => {
      throw new Error("D1_ERROR");
    });
    expect(await health(broken)).toEqual({ ok: true, value: { database: "down" } });
  });

  it("does not wait for a database that hangs", async () => {
    const never = { bind: () => never, raw: () => new Promise(() => {}), all: () => new Promise(() => {}) };
    const startedAt = Date.now();
    const answer = await health(database(() => never as unknown as D1PreparedStatement));
    expect(answer).toEqual({ ok: true, value: { database: "down" } });
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });

  it("deletes the confidential content of a dead letter once it is handled or a day old", async () => {
    const recipient = { id: null, email: "a@example.com", name: "A", locale: "en" as const, proven: false };
    const letters = [
      { kind: "password_reset", deadAt: Date.now() - DAY_MS - 1_000, handled: false, kept: false },
      { kind: "password_reset", deadAt: Date.now(), handled: true, kept: false },
      { kind: "password_reset", deadAt: Date.now(), handled: false, kept: true },
      { kind: "dispute_opened", deadAt: Date.now() - DAY_MS - 1_000, handled: true, kept: true },
    ].map((letter) => {
      const data = { kind: letter.kind, recipient, variables: { token: "s3cret" } };
      const cause = { worker: "accounts", correlationId: newId("req"), now: Date.now() };
      return { ...letter, event: makeEvent("NOTIFICATION_SEND", newId("usr"), data, cause) };
    });
    await commit(db, {
      letters: letters.flatMap(({ event, deadAt, handled }) => [
        sql`INSERT INTO dead_letters VALUES (${event.id}, ${event.type}, ${event.subject}, ${JSON.stringify(event)}, 1, 'e', ${deadAt}, NULL)`,
        ...(handled ? [sql`INSERT INTO inbox VALUES (${event.id}, ${deadAt})`] : []),
      ]),
    });
    expect(await forgetDeadLetters(deps())).toBe(2);
    for (const { event, kept } of letters) {
      const [row] = await db.all(
        sql<{ envelope: string }>`SELECT envelope FROM dead_letters WHERE event_id = ${event.id}`,
      );
      const variables = kept ? event.data.variables : {};
      expect(JSON.parse(row?.envelope ?? "")).toEqual({ ...event, data: { ...event.data, variables } });
    }
    expect(await forgetDeadLetters(deps())).toBe(0);
  });
});
