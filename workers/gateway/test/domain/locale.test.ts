import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LOCALES } from "#shared/call";
import { preferredLocale } from "../../src/http/headers.ts";

describe("the language of Accept-Language", () => {
  it.each([
    ["de", "de"],
    ["de-AT,de;q=0.9,en;q=0.8", "de"],
    ["fr-FR, fr;q=0.9, DE-ch;q=0.4, en;q=0.3", "de"],
    ["en;q=0.2, de;q=0.9", "de"],
    ["de;q=0, en;q=0.1", "en"],
    ["en, de", "en"],
    ["*", undefined],
    ["fr", undefined],
    ["", undefined],
    ["deutsch", undefined],
    ["de;q=2", undefined],
    ["de;q=x, en", "en"],
    [null, undefined],
  ])("of %j is %j", (header, locale) => {
    expect(preferredLocale(header)).toBe(locale);
  });

  it("is undefined for a header that no browser sends", () => {
    expect(preferredLocale(`${"fr,".repeat(1_000)}de`)).toBeUndefined();
  });

  it("is always one of the shop's", () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const locale = preferredLocale(header);
        expect(locale === undefined || LOCALES.includes(locale)).toBe(true);
      }),
    );
  });
});
