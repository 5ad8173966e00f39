// The plan of the public list and the keys of its cursors.
import { describe, expect, it } from "vitest";
import { ListProductsInput } from "#shared/contracts/catalog";
import { keyAfter, parseAfter, planListing } from "../../src/domain/listing.ts";
import type { Sort } from "../../src/domain/listing.ts";

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
  const row = { id: "prd_1", name: "Ratchet", price: 500, createdAt: 1_700_000_000_000, changeSeq: 7, place: 20 };

  it("parses to the position it was made for, in every order", () => {
    const sorts: readonly Sort[] = ["newest", "price", "-price", "name", "changed"];
    for (const sort of sorts) {
      expect(parseAfter(sort, keyAfter(sort, row))).toEqual({
        kind: "key",
        value: keyAfter(sort, row)[0],
        id: "prd_1",
      });
    }
    expect(parseAfter("relevance", keyAfter("relevance", row))).toEqual({ kind: "place", place: 20 });
  });

  it("is refused when it belongs to another order", () => {
    const cases: readonly (readonly [Sort, readonly (string | number)[]])[] = [
      ["relevance", [0]],
      ["relevance", [1.5]],
      ["relevance", [1_000]],
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
