import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, fingerprint, randomToken, requestKey } from "#shared/hash";
import { firstIdAt, idSchema, newId } from "#shared/ids";

describe("request keys", () => {
  it("are equal exactly when all their parts are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string()), fc.array(fc.string()), async (a, b) => {
        expect((await requestKey(...a)) === (await requestKey(...b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  it("do not collide when text moves from one part to the next", async () => {
    expect(await requestKey("ab", "c")).not.toBe(await requestKey("a", "bc"));
  });
});

describe("fingerprints", () => {
  it("ignore the order of members and depend on every value", async () => {
    expect(await fingerprint("POST /x", { a: 1, b: { c: 2, d: 3 } })).toBe(
      await fingerprint("POST /x", { b: { d: 3, c: 2 }, a: 1 }),
    );
    expect(await fingerprint("POST /x", { a: 1 })).not.toBe(await fingerprint("POST /x", { a: 2 }));
    expect(await fingerprint("POST /x", { a: 1 })).not.toBe(await fingerprint("POST /y", { a: 1 }));
  });

  it("canonical JSON parses to the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("ids", () => {
  it("of one kind sort by the time of their creation", () => {
    const ids = Array.from({ length: 1_000 }, () => newId("ord"));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("can be compared with a time", () => {
    const now = Date.now();
    expect(newId("evt") >= firstIdAt("evt", now)).toBe(true);
    expect(newId("evt") < firstIdAt("evt", now + 60_000)).toBe(true);
  });

  it("are recognized by their kind", () => {
    for (const good of [newId("ord"), "ord_seed0001", "ord_does_not_exist", `ord_${crypto.randomUUID()}`]) {
      expect(idSchema("ord").safeParse(good).success, good).toBe(true);
    }
    for (const bad of [newId("pay"), "ord_", "ord_../x", "ord_a b", `ord_${"a".repeat(41)}`, "", "ORD_1"]) {
      expect(idSchema("ord").safeParse(bad).success, bad).toBe(false);
    }
  });

  it("tokens have 43 characters that are safe in URLs", () => {
    expect(randomToken()).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});
