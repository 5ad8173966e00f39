import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCursor, encodeCursor, toPage } from "#shared/paging";

const keys = fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 4 });

describe("cursors", () => {
  it("decode to the key that they encode", async () => {
    await fc.assert(
      fc.asyncProperty(keys, fc.jsonValue(), async (key, scope) => {
        expect(await decodeCursor(scope, await encodeCursor(scope, key))).toEqual({ ok: true, value: key });
      }),
    );
  });

  it("are refused under another sort or filter", async () => {
    const cursor = await encodeCursor({ sort: "price", category: "cat_1" }, [100, "prd_1"]);
    expect(await decodeCursor({ sort: "-price", category: "cat_1" }, cursor)).toMatchObject({
      ok: false,
      error: { code: "invalid_cursor" },
    });
  });

  it("do not depend on the order of the filters", async () => {
    const cursor = await encodeCursor({ a: 1, b: 2 }, ["x"]);
    expect(await decodeCursor({ b: 2, a: 1 }, cursor)).toEqual({ ok: true, value: ["x"] });
  });

  it("are refused with another key, and with any changed character", async () => {
    const cursor = await encodeCursor("list", [1_700_000_000_000, "ord_1"]);
    const parts = JSON.parse(atob(cursor)) as [string, unknown[]];
    const otherKeys = [["a", "b"], [1], [1, 2, 3], [1_700_000_000_001, "ord_1"]].map((key) =>
      btoa(JSON.stringify([parts[0], key])),
    );
    const changed = Array.from(cursor, (character, index) => {
      return `${cursor.slice(0, index)}${character === "x" ? "y" : "x"}${cursor.slice(index + 1)}`;
    });
    for (const text of [...otherKeys, ...changed]) {
      expect(await decodeCursor("list", text), text).toMatchObject({ ok: false, error: { code: "invalid_cursor" } });
    }
  });

  it("refuse any other text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
        expect(await decodeCursor("list", text)).toMatchObject({ ok: false, error: { code: "invalid_cursor" } });
      }),
    );
  });
});

describe("pages", () => {
  it("have at most `limit` items, and a next cursor only when there are more", async () => {
    const rows = [1, 2, 3];
    const full = await toPage(rows, 2, "list", (row) => [row], String);
    expect(full.items).toEqual(["1", "2"]);
    expect(await decodeCursor("list", full.nextCursor ?? "")).toEqual({ ok: true, value: [2] });
    expect(await toPage(rows, 3, "list", (row) => [row], String)).toEqual({ items: ["1", "2", "3"], nextCursor: null });
  });
});
