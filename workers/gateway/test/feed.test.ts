// The event feed over model Workers: in each Worker's commit order, without gaps or repeats.
import { describe, expect, it } from "vitest";
import type { MessagingContract, PlacedEvent } from "#shared/contracts/messaging";
import { ok } from "#shared/result";
import { DOMAIN_WORKERS } from "#shared/workers";
import type { DomainWorker } from "#shared/workers";
import type { StubbedPeers } from "./support.ts";
import { bearer, gateway, problemOf, tokenFor } from "./support.ts";

const admin = bearer(await tokenFor("admin", "usr_admin"));

interface FeedPage {
  readonly items: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
  readonly partialErrors: readonly { readonly part: string }[];
}

/** Workers whose events have places in the order in which they are written, whatever their ids. */
class Logs {
  readonly down = new Set<DomainWorker>();
  readonly #events = new Map<DomainWorker, PlacedEvent[]>(DOMAIN_WORKERS.map((name) => [name, []]));

  write(worker: DomainWorker, ...ids: readonly string[]): void {
    const events = this.#events.get(worker) ?? [];
    for (const id of ids) events.push({ id, seq: events.length + 1, envelope: JSON.stringify({ id }) });
  }

  peers(): StubbedPeers {
    return Object.fromEntries(DOMAIN_WORKERS.map((name) => [name, this.#worker(name)]));
  }

  #worker(name: DomainWorker): Partial<MessagingContract> {
    return {
      listFeed: async (_call, { after, limit, type }) => {
        if (this.down.has(name)) throw new Error("down");
        const events = this.#events.get(name) ?? [];
        const found = events.filter(({ seq, id }) => seq > after && (type === undefined || id.startsWith(type)));
        const items = found.slice(0, limit);
        const end = events.at(-1)?.seq;
        const isSearched = items.length < limit && end !== undefined && end > after;
        return ok({ items, ...(isSearched ? { reached: [end] } : {}) });
      },
    };
  }
}

async function page(logs: Logs, after: string, more = ""): Promise<FeedPage> {
  const answer = await gateway(logs.peers(), { partDeadlineMs: 60, logLevel: "off" })(
    `/api/admin/events?limit=3&after=${after}${more}`,
    { headers: admin },
  );
  expect(answer.status).toBe(200);
  return await answer.json();
}

/** Everything from a place on, and the place to go on from. */
async function follow(logs: Logs, start: string, more = ""): Promise<{ ids: string[]; after: string }> {
  const ids: string[] = [];
  for (let after = start; ;) {
    const { items, nextCursor } = await page(logs, after, more);
    ids.push(...items.map(({ id }) => id));
    if (nextCursor === null) return { ids, after };
    after = nextCursor;
  }
}

describe("the feed of events", () => {
  it("has all events from the beginning, in each Worker's commit order, and continues with late ones", async () => {
    const logs = new Logs();
    logs.write("orders", "evt_1", "evt_4", "evt_2", "evt_6");
    logs.write("payments", "evt_3", "evt_5");
    const start = await follow(logs, "0");
    expect(start.ids).toEqual(["evt_1", "evt_3", "evt_4", "evt_2", "evt_5", "evt_6"]);
    expect(await follow(logs, start.after)).toEqual({ ids: [], after: start.after });
    logs.write("inventory", "evt_0");
    logs.write("orders", "evt_0a");
    expect((await follow(logs, start.after)).ids).toEqual(["evt_0", "evt_0a"]);
  });

  it("has the events of a Worker that was down once it answers", async () => {
    const logs = new Logs();
    logs.write("orders", "evt_1");
    logs.write("payments", "evt_2");
    logs.down.add("orders");
    const first = await page(logs, "0");
    expect(first.items).toEqual([{ id: "evt_2" }]);
    expect(first.partialErrors.map(({ part }) => part)).toEqual(["orders"]);
    logs.down.clear();
    expect((await follow(logs, first.nextCursor ?? "0")).ids).toEqual(["evt_1"]);
  });

  it("continues past filtered events, and its cursor fits that filter only", async () => {
    const logs = new Logs();
    logs.write("orders", "a_1", "a_2");
    const { ids, after } = await follow(logs, "0", "&type=b");
    expect(ids).toEqual([]);
    expect(after).not.toBe("0");
    logs.write("orders", "b_3");
    expect((await follow(logs, after, "&type=b")).ids).toEqual(["b_3"]);
    for (const query of [`after=${after}`, "after=x", `after=0&cursor=${after}`]) {
      const answer = await gateway(logs.peers())(`/api/admin/events?${query}`, { headers: admin });
      expect(answer.status, query).toBe(400);
      expect(["invalid_cursor", "validation_failed"]).toContain((await problemOf(answer)).code);
    }
  });
});
