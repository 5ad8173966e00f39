// Facets from counts: the largest first, and lower bounds marked as such.
import { describe, expect, it } from "vitest";
import { leading, priceRange, tally, toFacets } from "../../src/domain/facets.ts";

const names = new Map([
  ["a", "Anvil"],
  ["b", "Bolt"],
  ["c", "Chain"],
]);
const nothing = tally([], { atLeast: false });

describe("facets", () => {
  it("add up what several sources count, and sort equal counts by name", () => {
    const brands = tally(
      [
        ["c", 1],
        ["b", 1],
        ["a", 1],
        ["a", 2],
      ],
      { atLeast: false },
    );
    expect(leading(brands)[0]).toBe("a");
    const price = priceRange([5, 3, 9], { atLeast: false });
    expect(toFacets({ brands, categories: nothing, price }, names)).toEqual({
      brands: [
        { id: "a", name: "Anvil", count: 3 },
        { id: "b", name: "Bolt", count: 1 },
        { id: "c", name: "Chain", count: 1 },
      ],
      categories: [],
      price: { min: 3, max: 9 },
    });
  });

  it("say which counts and prices are bounds, and leave out what has no name any more", () => {
    const brands = tally(
      [
        ["a", 1],
        ["gone", 5],
      ],
      { atLeast: true },
    );
    const price = priceRange([3], { atLeast: true });
    expect(toFacets({ brands, categories: nothing, price }, names)).toEqual({
      brands: [{ id: "a", name: "Anvil", count: 1, atLeast: true }],
      categories: [],
      price: { min: 3, max: 3, atLeast: true },
    });
    expect(priceRange([], { atLeast: true })).toEqual({ range: null, atLeast: false });
  });
});
