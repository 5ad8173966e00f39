import { expect, it, vi } from "vitest";
import { sweepEach } from "../sweep.ts";

it("a sweep works on a few at once, counts what was done, and leaves what fails to the next one", async () => {
  vi.spyOn(console, "log").mockReturnValue();
  vi.spyOn(console, "warn").mockReturnValue();
  let underWay = 0;
  let most = 0;
  const seen: string[] = [];
  const items = Array.from({ length: 9 }, (_, index) => `item ${String(index)}`);
  const done = await sweepEach(items, { concurrency: 3, idOf: (item) => item }, async (item) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await Promise.resolve();
    underWay -= 1;
    seen.push(item);
    if (item === "item 1") throw new Error("its peer is down");
    return item !== "item 2";
  });
  expect(seen.toSorted()).toEqual(items);
  expect([done, most]).toEqual([7, 3]);
});
