// The plan of the public list and the keys of its cursors.
import { describe, expect, it } from "vitest";
import { ListProductsInput } from "#shared/contracts/catalog";
import { MAX_CANDIDATES } from "../../src/constants.ts";
import { keyAfter, parseAfter, planListing } from "../../src/domain/listing.ts";
import type { Sort } from "../../src/domain/listing.ts";
import type { Entry, MergedPage } from "../../src/domain/streams.ts";

const plan = (input: Record<string, unknown>): ReturnType<typeof planListing> =>
  planListing(ListProductsInput.parse(input));

describe("planListing", () => {
  it("sorts by relevance with words and by newest without, by default", () => {
    expect(plan({}).sort).toBe("newest");
    expect(plan({ q: "glove" }).sort).toBe("relevance");
    expect(plan({ q: "glove", sort: "-price" }).sort).toBe("-price");
    expect(plan({ sort: "relevance" }).sort).toBe("newest");
    expect(plan({ q: "!!", sort: "relevance" }).sort).toBe("newest");
  });

  it("treats inStock=false as no filter", () => {
    expect(plan({ inStock: "true" }).inStockOnly).toBe(true);
    expect(plan({ inStock: "false" })).toEqual(plan({}));
  });
});

describe("a cursor's key", () => {
  const entry = (value: string | number): Entry => ({ searchId: 1, id: "prd_1", value, matches: true });
  const pageTo = (last: Entry): MergedPage => ({ entries: [last], last });

  it("parses to the position it was made for, in every order", () => {
    const sorts: readonly (readonly [Sort, string | number])[] = [
      ["newest", 1_700_000_000_000],
      ["price", 500],
      ["-price", 500],
      ["name", "Ratchet"],
      ["changed", 7],
    ];
    for (const [sort, value] of sorts) {
      const key = keyAfter(sort, { kind: "start" }, pageTo(entry(value)));
      expect(parseAfter(sort, key ?? [])).toEqual({ kind: "key", value, id: "prd_1" });
    }
    expect(keyAfter("price", { kind: "start" }, { entries: [entry(1)], last: undefined })).toBeUndefined();
  });

  it("by relevance is a position over all pages, up to the last candidate", () => {
    const next = keyAfter("relevance", { kind: "place", place: 19 }, pageTo(entry(0)));
    expect(parseAfter("relevance", next ?? [])).toEqual({ kind: "place", place: 20 });
    expect(keyAfter("relevance", { kind: "place", place: MAX_CANDIDATES - 1 }, pageTo(entry(0)))).toBeUndefined();
  });

  it("is refused when it belongs to another order", () => {
    const cases: readonly (readonly [Sort, readonly (string | number)[]])[] = [
      ["relevance", [0]],
      ["relevance", [1.5]],
      ["relevance", [MAX_CANDIDATES]],
      ["relevance", ["20"]],
      ["relevance", [20, "prd_1"]],
      ["newest", [1]],
      ["newest", ["1", "prd_1"]],
      ["price", [1, 2]],
      ["name", [1, "prd_1"]],
      ["name", ["a", "b", "c"]],
    ];
    for (const [sort, key] of cases) expect(parseAfter(sort, key)).toBeUndefined();
  });
});
