// Each Worker fails in turn, and one of them hangs; `npm run test:chaos` has each hang, and each database fail and hang.
import { afterAll, beforeAll, expect, it } from "vitest";
import { DATABASES } from "../scripts/local/workers.ts";
import type { Store } from "./harness.ts";
import { ShopWithOutages } from "./outages/outages.ts";

let shop: ShopWithOutages;

beforeAll(async () => {
  shop = await ShopWithOutages.open();
});

afterAll(async () => {
  await shop.close();
});

it.each(Object.keys(DATABASES) as Store[])(
  "%s that fails degrades its own answers only, and all is well after it",
  async (worker) => {
    expect(await shop.run({ worker, part: "worker", fault: "throws" })).toEqual([]);
  },
);

it("inventory that hangs is given up on in time, and all is well after it", async () => {
  expect(await shop.run({ worker: "inventory", part: "worker", fault: "hangs" })).toEqual([]);
});
