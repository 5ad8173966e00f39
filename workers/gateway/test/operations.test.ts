// The operators' console over model Workers: merged lists that neither skip nor repeat, replays, metrics and who may read them, and
// ETags of reads.
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { DeadLetter, MessagingContract, StoredEvent } from "#shared/contracts/messaging";
import { fail } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { exposition } from "../src/routes/metrics.ts";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";
import { allRoutes } from "../src/routes.ts";
import type { StubbedPeers } from "./support.ts";
import { bearer, emptyCart, gateway, order, problemOf, tokenFor } from "./support.ts";

const quick = { partDeadlineMs: 60, logLevel: "off" } as const;
const admin = bearer(await tokenFor("admin", "usr_admin"));
const isDown = (): Promise<never> => Promise.reject(new Error("down"));

interface EventPage {
  readonly items: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
  readonly partialErrors: readonly { readonly part: string }[];
}

/** Workers with logs of events; one that is down answers nothing. */
class Logs {
  readonly events = new Map<DomainWorker, string[]>(DOMAIN_WORKERS.map((name) => [name, []]));
  readonly down = new Set<DomainWorker>();

  write(worker: DomainWorker, id: string): void {
    this.events.get(worker)?.push(id);
  }

  peers(): StubbedPeers {
    return Object.fromEntries(DOMAIN_WORKERS.map((name) => [name, this.#worker(name)]));
  }

  #worker(name: DomainWorker): Partial<MessagingContract> {
    return {
      listEvents: async (_call, { limit = 20, before }) => {
        if (this.down.has(name)) throw new Error("down");
        const rows = (this.events.get(name) ?? []).filter((id) => before === undefined || id < String(before[0]));
        const items: StoredEvent[] = rows
          .toSorted()
          .toReversed()
          .slice(0, limit)
          .map((id) => ({ id, envelope: JSON.stringify({ id }) }));
        return ok({ items });
      },
    };
  }
}

async function page(logs: Logs, limit: number, cursor: string | null): Promise<EventPage> {
  const query = `limit=${String(limit)}${cursor === null ? "" : `&cursor=${cursor}`}`;
  const answer = await gateway(logs.peers(), quick)(`/api/admin/events?${query}`, { headers: admin });
  expect(answer.status).toBe(200);
  return await answer.json();
}

describe("a list of all Workers", () => {
  it("has every row once, newest first, with any page size and while rows are added", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...DOMAIN_WORKERS), { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        async (workers, limit) => {
          const logs = new Logs();
          for (const worker of workers) logs.write(worker, newId("evt"));
          const present = [...logs.events.values()].flat().toSorted().toReversed();
          const seen: string[] = [];
          let cursor: string | null = null;
          do {
            const { items, nextCursor }: EventPage = await page(logs, limit, cursor);
            seen.push(...items.map(({ id }) => id));
            cursor = nextCursor;
            logs.write("orders", newId("evt"));
          } while (cursor !== null);
          expect(seen).toEqual(present);
        },
      ),
      { numRuns: 15 },
    );
  });

  it("names a Worker that is down, and has its rows on a later page", async () => {
    const logs = new Logs();
    const ids = Array.from({ length: 12 }, () => newId("evt"));
    for (const [index, id] of ids.entries()) logs.write(index % 2 === 0 ? "orders" : "payments", id);
    logs.down.add("payments");
    const first = await page(logs, 3, null);
    expect(first.partialErrors).toMatchObject([{ part: "payments", code: "service_unavailable" }]);
    logs.down.clear();
    const seen = first.items.map(({ id }) => id);
    for (let cursor = first.nextCursor; cursor !== null;) {
      const next = await page(logs, 3, cursor);
      expect(next.partialErrors).toEqual([]);
      seen.push(...next.items.map(({ id }) => id));
      cursor = next.nextCursor;
    }
    expect(seen.toSorted()).toEqual(ids);
  });

  it("stops where a search stopped, so that no older row comes before one that is not read yet", async () => {
    const [oldest, old, mid, young] = ["evt_1", "evt_3", "evt_5", "evt_7"];
    const searching = vi.fn<MessagingContract["listEvents"]>(async (_call, { before }) =>
      before === undefined
        ? ok({ items: [], reached: ["evt_6"] })
        : ok({
            items: [mid, oldest]
              .filter((id) => id < String(before[0]))
              .map((id) => ({ id, envelope: `{"id":"${id}"}` })),
          }),
    );
    const peers = new Logs();
    peers.write("payments", old);
    peers.write("payments", young);
    const send = gateway({ ...peers.peers(), orders: { listEvents: searching } }, quick);
    const pages: string[][] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query = cursor === "" ? "" : `?cursor=${cursor}`;
      const answer: EventPage = await (await send(`/api/admin/events${query}`, { headers: admin })).json();
      pages.push(answer.items.map(({ id }) => id));
      cursor = answer.nextCursor;
    }
    expect(pages).toEqual([[young], [mid, old, oldest]]);
  });

  it("is 503 when no Worker answers", async () => {
    const logs = new Logs();
    for (const name of DOMAIN_WORKERS) logs.down.add(name);
    const answer = await gateway(logs.peers(), quick)("/api/admin/events", { headers: admin });
    expect((await problemOf(answer)).code).toBe("service_unavailable");
  });

  it.each(["x", btoa("[1]"), "%00", "e30"])("refuses the cursor %j", async (cursor) => {
    const answer = await gateway(new Logs().peers(), quick)(`/api/admin/events?cursor=${cursor}`, { headers: admin });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([400, "invalid_cursor"]);
  });

  it("refuses a cursor of other filters", async () => {
    const logs = new Logs();
    for (let n = 0; n < 3; n++) logs.write("orders", newId("evt"));
    const { nextCursor } = await page(logs, 1, null);
    const path = `/api/admin/events?type=ORDER_CREATED&cursor=${nextCursor ?? ""}`;
    expect((await problemOf(await gateway(logs.peers(), quick)(path, { headers: admin }))).code).toBe("invalid_cursor");
  });
});

describe("dead letters", () => {
  const letter: DeadLetter = {
    eventId: "evt_1",
    type: "ORDER_CREATED",
    subject: "ord_1",
    envelope: `{"id":"evt_1"}`,
    attempts: 11,
    error: "Error: down",
    deadAt: 1_000,
    replayedAt: null,
    handledAt: null,
  };
  const none = {
    listDeadLetters: async () => ok({ items: [] }),
    replayDeadLetter: async () => fail("not_found", "No."),
  };
  const empty = Object.fromEntries(DOMAIN_WORKERS.map((name) => [name, none])) as StubbedPeers;

  it("of one event in two Workers are two, with different ids", async () => {
    const has = { listDeadLetters: async () => ok({ items: [letter] }) };
    const send = gateway({ ...empty, orders: has, inventory: has }, quick);
    const shown: { id: string }[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const path: string = `/api/admin/dead-letters?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
      const answer: { items: { id: string }[]; nextCursor: string | null } = await (
        await send(path, { headers: admin })
      ).json();
      shown.push(...answer.items);
      cursor = answer.nextCursor;
    }
    expect(shown).toMatchObject([
      {
        id: "orders:evt_1",
        worker: "orders",
        state: "open",
        deadAt: "1970-01-01T00:00:01.000Z",
        event: { id: "evt_1" },
      },
      { id: "inventory:evt_1", worker: "inventory" },
    ]);
  });

  it("are replayed at the Worker of their id, or at every Worker by the event's id", async () => {
    const replayDeadLetter = vi.fn<MessagingContract["replayDeadLetter"]>(async () => ok(null));
    const peers = { ...empty, orders: { replayDeadLetter }, inventory: { replayDeadLetter } };
    const one = await gateway(peers, quick)("/api/admin/dead-letters/orders:evt_1/replay", {
      method: "POST",
      headers: admin,
    });
    expect([one.status, await one.json()]).toEqual([202, { replayed: ["orders:evt_1"], partialErrors: [] }]);
    expect(replayDeadLetter.mock.calls.map(([, input]) => input)).toEqual([{ eventId: "evt_1" }]);
    const both = await gateway(peers, quick)("/api/admin/dead-letters/evt_1/replay", {
      method: "POST",
      headers: admin,
    });
    expect(await both.json()).toMatchObject({ replayed: ["orders:evt_1", "inventory:evt_1"] });
  });

  it("that no Worker has are not found, unless a Worker does not answer", async () => {
    const replay = async (peers: StubbedPeers): Promise<Response> =>
      await gateway(peers, quick)("/api/admin/dead-letters/evt_9/replay", { method: "POST", headers: admin });
    expect((await replay(empty)).status).toBe(404);
    expect((await replay({ ...empty, orders: { replayDeadLetter: isDown } })).status).toBe(503);
  });

  it("are replayed and counted, of all Workers or of one", async () => {
    const some = { replayDeadLetters: async () => ok({ replayed: 2, remaining: 1 }) };
    const peers = {
      ...Object.fromEntries(DOMAIN_WORKERS.map((name) => [name, some])),
      catalog: { replayDeadLetters: isDown },
    };
    const post = async (path: string): Promise<Response> =>
      await gateway(peers, quick)(path, { method: "POST", headers: admin });
    const all = await post("/api/admin/dead-letters/replay");
    expect(all.status).toBe(202);
    expect(await all.json()).toMatchObject({
      replayed: 10,
      remaining: 5,
      workers: { orders: { replayed: 2 }, catalog: null },
      partialErrors: [{ part: "catalog" }],
    });
    expect(await (await post("/api/admin/dead-letters/replay?worker=orders")).json()).toMatchObject({ replayed: 2 });
    expect((await post("/api/admin/dead-letters/replay?worker=nobody")).status).toBe(400);
  });
});

describe("GET /api/metrics", () => {
  const figures = {
    metrics: async () => ok([{ name: "tradepost_x", help: "X.", samples: [{ labels: {}, value: 1 }] }]),
  };
  const answering = { ...figures, unconfirmedEvents: async () => ok([]), unseenEvents: async () => ok([]) };
  const peers: StubbedPeers = Object.fromEntries(DOMAIN_WORKERS.map((name) => [name, answering]));
  const token = "metrics.token with-any/characters";

  it("is for the token or an admin only", async () => {
    const send = gateway(peers, { ...quick, metricsToken: "s3cret" });
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await send("/api/metrics", { headers })).status;
    expect(await status(bearer("s3cret"))).toBe(200);
    expect(await status(admin)).toBe(200);
    expect(await status({})).toBe(401);
    expect(await status(bearer("s3cre"))).toBe(401);
    expect(await status(bearer("s3cret "))).toBe(200);
    expect(await status(bearer("t".repeat(43)))).toBe(401);
    expect(await status(bearer(await tokenFor("vendor")))).toBe(403);
    const elsewhere = await send("/api/admin/lag", { headers: bearer("s3cret") });
    expect(elsewhere.status).toBe(401);
  });

  it("accepts no token while none is set", async () => {
    for (const given of ["", "undefined", token]) {
      expect((await gateway(peers, quick)("/api/metrics", { headers: bearer(given) })).status).toBe(401);
    }
  });

  it("has the metrics of the Workers that answer, and names the others", async () => {
    const down = { metrics: () => new Promise<never>(() => {}), unconfirmedEvents: isDown, unseenEvents: isDown };
    const answer = await gateway({ ...peers, orders: down }, quick)("/api/metrics", { headers: admin });
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const text = await answer.text();
    expect(text).toContain('tradepost_up{worker="orders"} 0\n');
    expect(text).toContain('tradepost_up{worker="catalog"} 1\n');
    expect(text).toContain('tradepost_x{worker="catalog"} 1\n');
    expect(text).not.toContain('tradepost_x{worker="orders"}');
    expect(text).toContain('tradepost_consumer_lag_events{consumer="payments"} 0\n');
    expect(text).not.toContain('tradepost_consumer_lag_events{consumer="orders"}');
    expect(text.match(/# TYPE tradepost_x gauge/g)).toHaveLength(1);
  });

  it("escapes labels and help", () => {
    const samples = [{ labels: { kind: 'a"b\\c\nd' }, value: 1.5 }];
    expect(exposition([{ name: "n", help: "a\\b\nc", samples }])).toBe(
      '# HELP n a\\\\b\\nc\n# TYPE n gauge\nn{kind="a\\"b\\\\c\\nd"} 1.5\n',
    );
  });
});

describe("a read", () => {
  const getOrder = async (): Promise<{ ok: true; value: typeof order }> => ok(order);
  const path = `/api/orders/${newId("ord")}`;

  it("has a tag of its text, and is 304 with that tag", async () => {
    const send = gateway({ orders: { getOrder } });
    const first = await send(path, { headers: admin });
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    const again = await send(path, { headers: { ...admin, "if-none-match": `"x", W/${etag}` } });
    expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
    const other = gateway({ orders: { getOrder: async () => ok({ ...order, status: "CONFIRMED" as const }) } });
    expect((await other(path, { headers: { ...admin, "if-none-match": etag } })).status).toBe(200);
  });

  it("of a cart has its version as tag and is not stored, because prices change without it", async () => {
    const send = gateway({ orders: { getCart: async () => ok(emptyCart) } });
    const answer = await send("/api/cart", { headers: { ...admin, "if-none-match": '"7"' } });
    expect([answer.status, answer.headers.get("etag")]).toEqual([200, '"7"']);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("that fails has no tag, nor has a write", async () => {
    const failed = await gateway({ orders: { getOrder: async () => fail("not_found", "No.") } })(path, {
      headers: admin,
    });
    expect([failed.headers.get("etag"), failed.headers.get("cache-control")]).toEqual([null, "no-store"]);
    const cancelled = await gateway({ orders: { cancelOrder: getOrder } })(`${path}/cancel`, {
      method: "POST",
      headers: admin,
    });
    expect([cancelled.status, cancelled.headers.get("etag")]).toEqual([200, null]);
  });
});

describe("Idempotency-Key", () => {
  it("is honoured by every operation that documents it", () => {
    const taking = allRoutes.filter(({ idempotent }) => idempotent).map(({ method, path }) => `${method} ${path}`);
    expect(taking).toEqual(
      expect.arrayContaining([
        "post /api/orders",
        "post /api/payments/intent",
        "post /api/payments/{paymentId}/capture",
        "post /api/payments/{paymentId}/refund",
        "post /api/inventory/{productId}/adjust",
        "post /api/inventory/{productId}/count",
        "post /api/products",
      ]),
    );
  });

  it("can be refused where it is honoured", () => {
    const silent = allRoutes.filter(
      ({ idempotent, errors }) => idempotent && !errors.includes("idempotency_key_reused"),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });
});
