// Each Worker hangs in turn, and each database fails and hangs. e2e/outages.test.ts covers each Worker that fails.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DATABASES } from "../../scripts/local/workers.ts";
import type { Store } from "../sql.ts";
import { ShopWithOutages } from "../outages/outages.ts";

let shop: ShopWithOutages;

beforeAll(async () => {
  shop = await ShopWithOutages.open();
});

afterAll(async () => {
  await shop.close();
});

describe.each(Object.keys(DATABASES) as Store[])("%s", (worker) => {
  it.each([
    ["worker", "hangs"],
    ["database", "throws"],
    ["database", "hangs"],
  ] as const)("whose %s %s affects its own responses only, and recovers", async (part, fault) => {
    expect(await shop.run({ worker, part, fault })).toEqual([]);
  });
});
