import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { currencyExponent, formatMoney, lineTotalMinor, sumMinor } from "#shared/money";

describe("money", () => {
  it.each([
    ["JPY", 0],
    ["USD", 2],
    ["KWD", 3],
  ])("%s has %i digits after the point", (currency, exponent) => {
    expect(currencyExponent(currency)).toBe(exponent);
  });

  it.each([
    [123_456, "USD", "$1,234.56"],
    [123_456, "JPY", "¥123,456"],
    [123_456, "KWD", "KWD 123.456"],
    [5, "USD", "$0.05"],
    [0, "KWD", "KWD 0.000"],
  ])("writes %i %s as %s", (amount, currency, text) => {
    expect(formatMoney(amount, currency).replaceAll("\u00a0", " ")).toBe(text);
  });

  it("writes every minor unit of an amount, in every currency", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 99_999_999 }),
        fc.constantFrom("JPY", "USD", "KWD", "EUR"),
        (amount, currency) => {
          const digits = formatMoney(amount, currency).replaceAll(/\D/g, "");
          expect(Number(digits)).toBe(amount);
        },
      ),
    );
  });

  it("adds lines exactly: the sum of line totals is the total of the sums", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1_000_000 }), fc.integer({ min: 1, max: 9_999 })), {
          maxLength: 100,
        }),
        (lines) => {
          const total = sumMinor(lines.map(([price, quantity]) => lineTotalMinor(price, quantity)));
          expect(BigInt(total)).toBe(
            lines.reduce((sum, [price, quantity]) => sum + BigInt(price) * BigInt(quantity), 0n),
          );
        },
      ),
    );
  });

  it("refuses an amount that a number cannot hold exactly", () => {
    expect(() => lineTotalMinor(Number.MAX_SAFE_INTEGER, 2)).toThrow(RangeError);
    expect(() => sumMinor([Number.MAX_SAFE_INTEGER, 1])).toThrow(RangeError);
  });
});
