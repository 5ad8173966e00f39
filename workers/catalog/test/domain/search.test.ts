// A search text becomes an FTS5 expression in which none of it is syntax.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_SEARCH_WORDS } from "../../src/constants.ts";
import { parseSearch } from "../../src/domain/search.ts";

describe("parseSearch", () => {
  it("requires all words, the last as a prefix", () => {
    expect(parseSearch("cut  resistant glo")).toEqual({
      kind: "match",
      expression: `"cut" "resistant" "glo"*`,
    });
  });

  it("keeps the parts of a SKU together", () => {
    expect(parseSearch("SAF-GLV-0012")).toEqual({ kind: "match", expression: `"SAF GLV 0012"*` });
  });

  it("treats blank text as no search", () => {
    expect(parseSearch(undefined)).toEqual({ kind: "all" });
    expect(parseSearch("  ")).toEqual({ kind: "all" });
  });

  it("treats text without a word as a search that finds nothing", () => {
    for (const text of ["???", '"', "*", "- + ^", "😀", "\u0000", "\u0301"]) {
      expect(parseSearch(text)).toEqual({ kind: "nothing" });
    }
  });

  it("keeps no operator, quote or control character of any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const search = parseSearch(text);
        if (search.kind !== "match") return;
        expect(search.expression).toMatch(/^(?:"[\p{L}\p{N}\p{Co}\p{M} ]+" ?)+\*$/u);
        expect(search.expression.split('" "').length).toBeLessThanOrEqual(MAX_SEARCH_WORDS);
      }),
    );
  });
});
