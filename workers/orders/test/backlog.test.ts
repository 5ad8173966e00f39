// More unpaid orders than one sweep takes. In a file of its own, for the orders that it leaves behind.
import { describe, expect, it } from "vitest";
import { systemCall } from "#shared/call";
import { fail } from "#shared/errors";
import { ok } from "#shared/result";
import { SWEEP_BATCH } from "../src/constants.ts";
import { sweep } from "../src/scheduled.ts";
import { openShop, ordered, reread } from "./shop.ts";

const cron = systemCall("cron", "cron");

describe("unpaid orders that cannot be ended yet", () => {
  it("do not keep later ones out of the sweep, however many they are", async () => {
    const shop = openShop();
    const stuck = await Promise.all(Array.from({ length: SWEEP_BATCH }, async () => (await ordered(shop)).id));
    shop.advance(1);
    const { id } = await ordered(shop);
    const { deps } = openShop({
      close: async (_call, { orderId }) =>
        orderId === id ? ok("closed") : fail("payment_provider_unavailable", "It is being processed."),
    });
    const later = { ...deps, now: () => Date.now() + 2 * deps.paymentWindowMs };
    // Each sweep takes 100 of some more; that ten of them all miss the same one does not happen.
    for (let run = 0; run < 10; run += 1) await sweep(later, cron, false);
    expect((await reread(shop, id)).status).toBe("CANCELLED");
    expect((await reread(shop, stuck[0] ?? "")).status).toBe("PENDING");
  });
});
