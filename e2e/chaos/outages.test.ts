// Each Worker and each database hangs in turn.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DATABASES } from "../../scripts/local/workers.ts";
import type { Store } from "../harness.ts";
import { ShopWithOutages } from "../outages/outages.ts";

let shop: ShopWithOutages;

beforeAll(async () => {
  shop = await ShopWithOutages.open();
});

afterAll(async () => {
  await shop.close();
});

describe.each(Object.keys(DATABASES) as Store[])("%s", (worker) => {
  it.each(["worker", "database"] as const)("whose %s hangs is given up on, and all is well after it", async (part) => {
    expect(await shop.run({ worker, part, fault: "hangs" })).toEqual([]);
  });
});
