import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NumberThenId, decodeCursor, encodeCursor, readFeed, readPage } from "#shared/paging";
import type { Paged } from "#shared/paging";

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

/** The numbers from 1 to 5, each with an id of the same order. */
const numbers: Paged<NumberThenId, number, string> = {
  scope: "numbers",
  key: NumberThenId,
  read: (after, limit) => Promise.resolve([1, 2, 3, 4, 5].filter((n) => n > (after?.[0] ?? 0)).slice(0, limit)),
  keyOf: (n) => [n, `id_${String(n)}`],
  render: String,
};

/** The items of each page up to the one without a next cursor. */
async function walk(read: typeof readPage | typeof readFeed): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: 2, cursor }, numbers);
    if (!page.ok) throw new Error(page.error.detail);
    pages.push(page.value.items);
    cursor = page.value.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return pages;
}

describe("pages", () => {
  it("have at most `limit` items, and a next cursor only when there are more", async () => {
    expect(await walk(readPage)).toEqual([["1", "2"], ["3", "4"], ["5"]]);
    expect(await readPage({ limit: 5 }, numbers)).toMatchObject({ value: { nextCursor: null } });
  });

  it("of a feed have a next cursor while there are rows", async () => {
    expect(await walk(readFeed)).toEqual([["1", "2"], ["3", "4"], ["5"], []]);
  });

  it("are refused to a cursor whose key is not one of the list", async () => {
    for (const key of [["1", "id_1"], [1], [1, 2], [1, "id_1", 1]]) {
      const cursor = await encodeCursor("numbers", key);
      expect(await readPage({ limit: 2, cursor }, numbers)).toMatchObject({ error: { code: "invalid_cursor" } });
      expect(await readFeed({ limit: 2, cursor }, numbers)).toMatchObject({ error: { code: "invalid_cursor" } });
    }
  });
});
