import { expect, test } from "vitest";
import { allowedOf, shareOf } from "../../src/domain/share.ts";

const rule = { percent: 25, minimum: 1 };

test.each([
  ["a quarter of what is on hand", { onHand: 100, taken: 0, takenCounted: 0 }, rule, 25],
  ["rounded down", { onHand: 7, taken: 0, takenCounted: 0 }, rule, 1],
  ["less what proven or paid orders take", { onHand: 100, taken: 60, takenCounted: 0 }, rule, 10],
  ["not less what counts itself", { onHand: 100, taken: 60, takenCounted: 20 }, rule, 15],
  ["never less than one", { onHand: 3, taken: 0, takenCounted: 0 }, rule, 1],
  [
    "never less than the minimum order quantity",
    { onHand: 40, taken: 0, takenCounted: 0 },
    { percent: 25, minimum: 12 },
    12,
  ],
  ["one unit at 0 percent", { onHand: 100, taken: 0, takenCounted: 0 }, { percent: 0, minimum: 1 }, 1],
  ["all at 100 percent", { onHand: 100, taken: 10, takenCounted: 10 }, { percent: 100, minimum: 1 }, 100],
] as const)("the share is %s", (_what, stock, given, share) => {
  expect(shareOf(stock, given)).toBe(share);
});

test.each([
  ["what is left of the share", { onHand: 100, taken: 20, takenCounted: 20 }, rule, 5],
  ["nothing when the share has shrunk below what counts", { onHand: 40, taken: 20, takenCounted: 20 }, rule, 0],
  ["no more than is available", { onHand: 10, taken: 10, takenCounted: 0 }, rule, 0],
  [
    "nothing when it is under the minimum",
    { onHand: 100, taken: 20, takenCounted: 20 },
    { percent: 25, minimum: 6 },
    0,
  ],
] as const)("a buyer without proof may have %s", (_what, stock, given, allowed) => {
  expect(allowedOf(stock, given)).toBe(allowed);
});
