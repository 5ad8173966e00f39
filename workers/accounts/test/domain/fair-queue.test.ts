// The queue of hashes: fair to networks, and not blocked by requests that have ended.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HASH_REST_MS } from "../../src/constants.ts";
import { FairQueue } from "../../src/domain/fair-queue.ts";
import type { Ticket } from "../../src/domain/fair-queue.ts";

const RULES = { capacity: 8, maxWaitMs: 20_000, restMs: 50 };
const HASH_MS = 200;

/** Polls all tickets every 10 ms and hashes at each turn, until none waits. Returns the served networks in order, with the time of each. */
function serve(
  queue: FairQueue,
  waiting: readonly Ticket[],
  from = 0,
): { readonly network: string; readonly at: number }[] {
  const served: { network: string; at: number }[] = [];
  let left = [...waiting];
  for (let now = from; left.length > 0; now += 10) {
    for (const ticket of left) {
      const state = queue.poll(ticket, now);
      if (state.kind === "wait") continue;
      left = left.filter((other) => other !== ticket);
      if (state.kind === "refused") continue;
      served.push({ network: ticket.network, at: now });
      now += HASH_MS;
      queue.startRest(now);
    }
  }
  return served;
}

function joinAll(queue: FairQueue, networks: readonly string[], now = 0): Ticket[] {
  return networks.flatMap((network) => queue.join(network, now) ?? []);
}

describe("turns", () => {
  it("alternate between networks, and are first come, first served within one", () => {
    const queue = new FairQueue(RULES);
    const waiting = joinAll(queue, ["a", "a", "a", "b", "b", "c"]);
    expect(serve(queue, waiting).map(({ network }) => network)).toEqual(["a", "b", "c", "a", "b", "a"]);
  });

  it("have a rest between them, but none before the first", () => {
    const queue = new FairQueue(RULES);
    const times = serve(queue, joinAll(queue, ["a", "b", "c"])).map(({ at }) => at);
    expect(times[0]).toBe(0);
    for (const [index, at] of times.slice(1).entries()) {
      expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(HASH_MS + RULES.restMs);
    }
  });

  it("begin the rest at the first poll after a hash when the hash's own request has ended", () => {
    const queue = new FairQueue(RULES);
    const [first, second] = joinAll(queue, ["a", "b"]) as [Ticket, Ticket];
    expect(queue.poll(first, 0).kind).toBe("now");
    expect(queue.poll(second, HASH_MS).kind).toBe("wait");
    expect(queue.poll(second, HASH_MS + RULES.restMs).kind).toBe("now");
  });
});

it("serves nobody before an earlier request, however long the rest is", () => {
  const queue = new FairQueue({ ...RULES, restMs: HASH_REST_MS });
  const [first, second] = joinAll(queue, ["first", "second"]) as [Ticket, Ticket];
  expect(queue.poll(first, 0).kind).toBe("now");
  queue.startRest(HASH_MS);
  const sleep = queue.poll(second, HASH_MS);
  const [late] = joinAll(queue, ["late"], HASH_MS + HASH_REST_MS + 5) as [Ticket];
  expect(queue.poll(late, HASH_MS + HASH_REST_MS + 5).kind).toBe("wait");
  const awake = HASH_MS + (sleep.kind === "wait" ? sleep.pollAgainInMs : 0);
  expect(queue.poll(second, awake).kind).toBe("now");
});

describe("places", () => {
  it("are taken from the end of the longest line for a network that has fewer", () => {
    const queue = new FairQueue(RULES);
    const greedy = joinAll(
      queue,
      Array.from({ length: RULES.capacity + 3 }, () => "greedy"),
    );
    expect(greedy).toHaveLength(RULES.capacity);
    const [other] = joinAll(queue, ["other"]) as [Ticket];
    expect(queue.waiting).toBe(RULES.capacity);
    expect(greedy.map((ticket) => queue.poll(ticket, 0).kind).filter((kind) => kind === "refused")).toHaveLength(1);
    expect(queue.poll(greedy.at(-1) ?? other, 0).kind).toBe("refused");
    expect(queue.poll(other, 1).kind).toBe("wait");
  });

  it("are refused when no network has more than another", () => {
    const queue = new FairQueue(RULES);
    joinAll(queue, ["a", "b", "c", "d", "e", "f", "g", "h"]);
    expect(queue.join("i", 0)).toBeUndefined();
  });

  it("are taken from a site with many networks, which gets one turn a round", () => {
    const queue = new FairQueue(RULES);
    const many = joinAll(
      queue,
      Array.from({ length: RULES.capacity }, (_, index) => `2001:db8:1:${String(index)}::/64`),
    );
    const others = joinAll(queue, ["192.0.2.1", "2001:db8:2:0::/64"]);
    expect(others).toHaveLength(2);
    expect(queue.waiting).toBe(RULES.capacity);
    expect(queue.join("2001:db8:1:ff::/64", 0)).toBeUndefined();
    const served = serve(queue, [...many, ...others]).map(({ network }) => network);
    expect(served).toHaveLength(RULES.capacity);
    expect(served.slice(0, 3)).toEqual(["2001:db8:1:0::/64", "192.0.2.1", "2001:db8:2:0::/64"]);
  });

  it("are shared with the other networks of a site", () => {
    const queue = new FairQueue(RULES);
    joinAll(
      queue,
      Array.from({ length: RULES.capacity }, () => "2001:db8:1:1::/64"),
    );
    expect(queue.join("2001:db8:1:2::/64", 0)).toBeDefined();
    expect(queue.waiting).toBe(RULES.capacity);
  });

  it("are lost after too long a wait", () => {
    const queue = new FairQueue(RULES);
    const [first, second] = joinAll(queue, ["a", "b"]) as [Ticket, Ticket];
    queue.poll(first, 0);
    expect(queue.poll(second, RULES.maxWaitMs).kind).toBe("refused");
    expect(queue.waiting).toBe(0);
  });
});

describe("a request that has ended", () => {
  it("is skipped, and loses its place after a while", () => {
    const queue = new FairQueue(RULES);
    const tickets = joinAll(queue, ["gone", "a", "b"]);
    const served = serve(queue, tickets.slice(1), 300);
    expect(served.map(({ network }) => network)).toEqual(["a", "b"]);
    expect(served[0]?.at).toBeLessThan(500);
    expect(queue.waiting).toBe(1);
    queue.join("late", 10_000);
    expect(queue.waiting).toBe(1);
  });
});

it("serves all requests, and no network more than one turn ahead of another that waits", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 8 }), (networks) => {
      const queue = new FairQueue(RULES);
      const served = serve(queue, joinAll(queue, networks)).map(({ network }) => network);
      expect(served.toSorted()).toEqual(networks.toSorted());
      const left = new Map<string, number>();
      for (const network of networks) left.set(network, (left.get(network) ?? 0) + 1);
      const had = new Map<string, number>();
      for (const network of served) {
        const waiting = [...left].filter(([other, rest]) => other !== network && rest > 0);
        const fewest = Math.min(...waiting.map(([other]) => had.get(other) ?? 0));
        expect(had.get(network) ?? 0).toBeLessThanOrEqual(fewest);
        had.set(network, (had.get(network) ?? 0) + 1);
        left.set(network, (left.get(network) ?? 0) - 1);
      }
    }),
  );
});
