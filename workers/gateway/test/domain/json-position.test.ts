// Where a text stops being JSON.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeJsonError, findJsonError } from "../../src/http/json-position.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

it.each([
  ["{", "line 1, column 2: expected a name in double quotes before the end"],
  ['{"a"', "line 1, column 5: expected `:` before the end"],
  ['{"a":1,}', "line 1, column 8: expected a name in double quotes"],
  ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: expected `,` or `}`"],
  ["[1,,2]", "line 1, column 4: expected a value"],
  ["{'a':1}", "line 1, column 2: expected a name in double quotes"],
  ['{"a":undefined}', "line 1, column 6: expected a value"],
  ["{}{}", "line 1, column 3: expected nothing more"],
  ["[1 2]", "line 1, column 4: expected `,` or `]`"],
  ['{"a":01}', "line 1, column 6: expected a value"],
  ['"a\nb"', "line 1, column 1: expected a value"],
  ["", "line 1, column 1: expected a value before the end"],
])("of %j is %s", (text, place) => {
  expect(describeJsonError(text)).toBe(place);
});

it("is found in a text of open brackets only, without a stack overflow", () => {
  expect(findJsonError("[".repeat(200_000))?.offset).toBe(200_000);
});

describe("every text", () => {
  it("of JSON.stringify has no error", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        expect(findJsonError(JSON.stringify(value, null, indent))).toBeUndefined();
      }),
    );
  });

  it("has an error exactly when JSON.parse refuses it, and none before that position", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      "1",
      "-1.5e3",
      "01",
      "true",
      "nul",
      " ",
      '"\\x"',
      "\t",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        const found = findJsonError(text);
        expect(found === undefined).toBe(parses(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
