// The pure rules of accounts: stored hashes and the rotation of signing keys.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACCESS_TOKEN_LIFE_SECONDS, KEY_CACHE_MS, KEY_LEAD_MS, KEY_SIGNS_FOR_MS } from "../../src/constants.ts";
import { nextKey, publishedKeys, signingKeyOf } from "../../src/domain/key-rotation.ts";
import type { KeyTimes } from "../../src/domain/key-rotation.ts";
import { formatHash, isOutdated, parseHash } from "../../src/domain/password-hash.ts";
import { familyTimes } from "../../src/domain/session.ts";

describe("stored hashes", () => {
  it("survive formatting and parsing", () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 64 });
    const number = fc.integer({ min: 1, max: 20 });
    fc.assert(
      fc.property(number, number, number, bytes, bytes, (log2N, r, p, salt, key) => {
        const parsed = parseHash(formatHash({ log2N, r, p, salt, key }));
        expect({ ...parsed, salt: [...parsed.salt], key: [...parsed.key] }).toEqual({
          log2N,
          r,
          p,
          salt: [...salt],
          key: [...key],
        });
      }),
    );
  });

  it("are refused when damaged", () => {
    for (const text of ["", "scrypt$14$8$5$salt", "bcrypt$14$8$5$c2FsdA$a2V5", "scrypt$14$8$5$$"]) {
      expect(() => parseHash(text)).toThrow("damaged");
    }
  });

  it("are outdated when any parameter differs", () => {
    const present = { log2N: 14, r: 8, p: 5 };
    expect(isOutdated(present, present)).toBe(false);
    for (const other of [{ log2N: 13 }, { r: 4 }, { p: 1 }]) {
      expect(isOutdated({ ...present, ...other }, present)).toBe(true);
    }
  });
});

describe("key rotation", () => {
  it("never signs with a key that was just published, nor drops one whose tokens are valid", () => {
    const hours = fc.array(fc.integer({ min: 1, max: 24 * 40 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(hours, (pauses) => {
        const keys: (KeyTimes & { readonly madeAt: number })[] = [{ generation: 1, activeFrom: 0, madeAt: 0 }];
        let now = 0;
        for (const pause of pauses) {
          now += pause * 3_600_000;
          const next = nextKey(keys, now, { early: false });
          if (next !== undefined) keys.push({ ...next, madeAt: now });
          const signing = signingKeyOf(keys, now);
          const published = publishedKeys(keys, now);
          expect(published).toContain(signing);
          expect(published.length).toBeLessThanOrEqual(3);
          expect(signing?.generation === 1 || now - (signing?.madeAt ?? now) >= KEY_LEAD_MS).toBe(true);
          // The oldest key that a valid token may carry: an isolate cached it, and signed at the end of that.
          const stale = signingKeyOf(keys, now - KEY_CACHE_MS - ACCESS_TOKEN_LIFE_SECONDS * 1_000);
          expect(published).toContain(stale);
        }
      }),
    );
  });

  it("makes the next key only when it is due, and never a second one that is not yet active", () => {
    const first = { generation: 1, activeFrom: 0 };
    const dueAt = KEY_SIGNS_FOR_MS - KEY_LEAD_MS;
    expect(nextKey([first], dueAt - 1, { early: false })).toBeUndefined();
    expect(nextKey([first], dueAt, { early: false })).toEqual({ generation: 2, activeFrom: KEY_SIGNS_FOR_MS });
    expect(nextKey([first, { generation: 2, activeFrom: dueAt + 1 }], dueAt, { early: true })).toBeUndefined();
    expect(nextKey([], dueAt, { early: true })).toBeUndefined();
  });
});

describe("a token family", () => {
  it("ends no earlier than its first token", () => {
    const { expiresAt, endsAt } = familyTimes(1_000);
    expect(expiresAt).toBeGreaterThan(1_000);
    expect(expiresAt).toBeLessThanOrEqual(endsAt);
  });
});
