// Names as parts of URLs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distinctSlug, slugOf } from "../../src/domain/slug.ts";

describe("a slug", () => {
  it.each([
    ["Nitrile Gloves, Größe M", "nitrile-gloves-grosse-m"],
    ["  Œuvre—d'Été 3/4\" ", "oeuvre-d-ete-3-4"],
    ["ﬁne ½ µm", "fine-1-2-m"],
    ["managed", undefined],
    ["手套", undefined],
    ["---", undefined],
  ])("of %j is %j", (name, slug) => {
    expect(slugOf(name)).toBe(slug);
  });

  it("is valid for the database, for any name", () => {
    const property = fc.property(fc.string({ unit: "binary", maxLength: 200 }), (name) => {
      return [slugOf(name) ?? "none", distinctSlug(name, "prd_0123456789abcdef", "product")].every((slug) =>
        /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(slug),
      );
    });
    expect(fc.check(property).failed).toBe(false);
  });

  it("is never a reserved word with a random end", () => {
    expect(distinctSlug("managed", "prd_0000000012345678", "product")).toBe("product-12345678");
  });
});
