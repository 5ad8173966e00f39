// Each Worker fails in turn, and one hangs. `npm run test:chaos` makes each Worker hang, and each database fail and hang.
import { afterAll, beforeAll, expect, it } from "vitest";
import { DATABASES } from "../scripts/local/workers.ts";
import type { Store } from "./sql.ts";
import { ShopWithOutages } from "./outages/outages.ts";

let shop: ShopWithOutages;

beforeAll(async () => {
  shop = await ShopWithOutages.open();
});

afterAll(async () => {
  await shop.close();
});

it.each(Object.keys(DATABASES) as Store[])(
  "an outage of %s affects its own responses only, and the shop recovers",
  async (worker) => {
    expect(await shop.run({ worker, part: "worker", fault: "throws" })).toEqual([]);
  },
);

it("a hanging inventory is answered with 503 in time, and the shop recovers", async () => {
  expect(await shop.run({ worker: "inventory", part: "worker", fault: "hangs" })).toEqual([]);
});
