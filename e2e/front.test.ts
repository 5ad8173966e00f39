// The local door: what it owns, what it passes on, and the cron that it fires.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failures } from "../scripts/deploy/smoke.ts";
import { PRODUCTION_WORKERS } from "../scripts/local/workers.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { SANDBOX_KEY } from "./stripe.ts";

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ LOG_LEVEL: "info" });
});

afterAll(async () => {
  await shop.close();
});

describe("POST /dev/cron/:worker", () => {
  it.each(PRODUCTION_WORKERS)("runs all sweeps of %s and answers counts", async (worker) => {
    const response = await shop.send(`/dev/cron/${worker}`, { method: "POST" });
    expect(response.status).toBe(200);
    const counts = await response.json<Record<string, number>>();
    expect(Object.values(counts).length).toBeGreaterThan(0);
    expect(Object.values(counts).every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
  });

  it("is 404 for a name that is no Worker's, and only POST runs it", async () => {
    expect((await shop.send("/dev/cron/nobody", { method: "POST" })).status).toBe(404);
    expect((await shop.send("/dev/cron/front", { method: "POST" })).status).toBe(404);
    expect((await shop.send("/dev/cron/orders/more", { method: "POST" })).status).toBe(404);
    expect((await shop.send("/dev/cron/orders")).status).toBe(405);
  });
});

describe("POST /dev/tick", () => {
  it("fires the scheduled handler of each Worker that is due", async () => {
    const response = await shop.send("/dev/tick", { method: "POST" });
    const { fired } = await response.json<{ fired: { worker: string; outcome: string }[] }>();
    expect(fired.map(({ worker }) => worker)).toEqual(expect.arrayContaining(["gateway", "orders", "payments"]));
    expect(fired.every(({ outcome }) => outcome === "ok")).toBe(true);
  });
});

describe("GET /dev/status", () => {
  it("tells the lag of every Worker that has events", async () => {
    const { lag } = await (await shop.send("/dev/status")).json<{ lag: Record<string, { unconfirmed: number }> }>();
    expect(Object.keys(lag)).toHaveLength(6);
    expect(Object.values(lag).every(({ unconfirmed }) => unconfirmed >= 0)).toBe(true);
  });
});

describe("other paths", () => {
  it("under /_stripe are the sandbox's, the rest the gateway's", async () => {
    const sandbox = await shop.send("/_stripe/v1/nothing", { headers: { authorization: `Bearer ${SANDBOX_KEY}` } });
    expect(sandbox.status).toBe(404);
    expect(await sandbox.json()).toMatchObject({ error: { type: "invalid_request_error" } });
    const sdk = await shop.send("/v1/payment_intents", { headers: { authorization: `Bearer ${SANDBOX_KEY}` } });
    expect(await sdk.json()).toMatchObject({ object: "list", url: "/v1/payment_intents" });
    for (const path of ["/_stripes", "/v10", "/development", "/api/nothing"]) {
      const response = await shop.send(path);
      expect([path, response.status]).toEqual([path, 404]);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
    }
  });

  it("serve the docs page and its scripts, which the gateway's assets hold", async () => {
    const page = await shop.send("/api/docs");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
  });
});

describe("what a deployment asks of the shop", () => {
  it("is answered rightly here too, but for what is only there locally", async () => {
    expect(await failures(shop.send, new Map([["tradepost-gateway", "a-version"]]))).toEqual([
      "nothing of the local runtime is there: /dev/mailbox: expected 404, got 200",
    ]);
  });
});
