// The cache of the isolate.
import { describe, expect, it } from "vitest";
import { TtlCache } from "../../src/domain/ttl-cache.ts";

describe("TtlCache", () => {
  it("drops a value at the end of its time to live", () => {
    const cache = new TtlCache<number>(2_000, 10);
    cache.set("a", 1, 1_000);
    expect(cache.get("a", 2_999)).toBe(1);
    expect(cache.get("a", 3_000)).toBeUndefined();
  });

  it("drops the oldest value when it is full", () => {
    const cache = new TtlCache<number>(2_000, 2);
    cache.set("a", 1, 0);
    cache.set("b", 2, 0);
    cache.set("a", 3, 0);
    cache.set("c", 4, 0);
    expect([cache.get("a", 0), cache.get("b", 0), cache.get("c", 0)]).toEqual([3, undefined, 4]);
  });
});
