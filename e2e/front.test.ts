// The front of a local run: its own routes, what it forwards, and the crons that it fires.
import http from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failures } from "../scripts/deploy/smoke.ts";
import { PRODUCTION_WORKERS } from "../scripts/local/workers.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";
import { SANDBOX_SECRET_KEY } from "../scripts/local/settings.ts";

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ LOG_LEVEL: "info" });
});

afterAll(async () => {
  await shop.close();
});

describe("POST /dev/cron/:worker", () => {
  it.each(PRODUCTION_WORKERS)("runs all sweeps of %s and returns counts", async (worker) => {
    const response = await shop.send(`/dev/cron/${worker}`, { method: "POST" });
    expect(response.status).toBe(200);
    const counts = await response.json<Record<string, number>>();
    expect(Object.values(counts).length).toBeGreaterThan(0);
    expect(Object.values(counts).every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
  });

  it("is 404 for an unknown Worker and 405 for other methods", async () => {
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
  it("shows the lag of every Worker that has events", async () => {
    const { lag } = await (await shop.send("/dev/status")).json<{ lag: Record<string, { unconfirmed: number }> }>();
    expect(Object.keys(lag)).toHaveLength(6);
    expect(Object.values(lag).every(({ unconfirmed }) => unconfirmed >= 0)).toBe(true);
  });
});

/** A request with headers that fetch does not allow. */
async function requestRaw(
  path: string,
  headers: Readonly<Record<string, string>>,
  method = "GET",
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { hostname, port } = new URL(shop.origin);
  return await new Promise((resolve, reject) => {
    const sent = http.request({ hostname, port, path, method, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: answer.statusCode ?? 0, body: text.startsWith("{") ? JSON.parse(text) : text });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("the routes of a local run", () => {
  const paths = ["/dev/status", "/dev/mailbox", "/_stripe/faults", "/v1/charges"];

  it.each(["localhost", "127.0.0.1", "[::1]", "localhost:8787", "127.0.0.1:1", "[::1]:3000"])(
    "respond at the host %s",
    async (host) => {
      for (const path of paths) expect([401, 200]).toContain((await requestRaw(path, { host })).status);
    },
  );

  it.each([
    "shop.example",
    "localhost.evil.example",
    "evil.example:8787",
    "127.0.0.2",
    "192.168.1.7:8787",
    "[::2]",
    "0.0.0.0:8787",
  ])("do not respond at the host %s, whatever headers a proxy sets", async (host) => {
    const forwarded = { host, "x-forwarded-host": "localhost", forwarded: "host=localhost", "x-host": "localhost" };
    for (const path of paths) {
      const { status, body } = await requestRaw(path, forwarded);
      expect([path, status, body]).toEqual([path, 421, expect.objectContaining({ code: "misdirected_request" })]);
    }
    // The routes of the shop respond at any host.
    expect((await requestRaw("/api/brands", { host })).status).toBe(200);
  });

  it("ignore forwarding headers", async () => {
    const headers = { host: "localhost", "x-forwarded-host": "evil.example", forwarded: "host=evil.example" };
    expect((await requestRaw("/dev/status", headers)).status).toBe(200);
  });

  it.each(["https://evil.example", "null", "http://localhost:1", "http://localhost.evil.example:8787"])(
    "refuse reads and writes by a page of the origin %j",
    async (origin) => {
      const host = "localhost:8787";
      for (const [method, path] of [
        ["POST", "/dev/cron/orders"],
        ["POST", "/dev/tick"],
        ["POST", "/_stripe/faults"],
        ["POST", "/_stripe/dashboard/payment_intents/pi_1/expire"],
        ["OPTIONS", "/_stripe/v1/payment_intents"],
        ["GET", "/dev/mailbox"],
      ] as const) {
        const { status, body } = await requestRaw(path, { host, origin }, method);
        expect([path, status, body]).toEqual([path, 403, expect.objectContaining({ code: "forbidden" })]);
      }
    },
  );

  it("accept pages of their own origin and of the allowed ones", async () => {
    const { port } = new URL(shop.origin);
    const allowed = ["http://localhost:5173", "http://127.0.0.1:3000", `http://localhost:${port}`];
    for (const origin of allowed) {
      expect((await requestRaw("/dev/status", { host: `127.0.0.1:${port}`, origin })).status).toBe(200);
    }
    expect((await requestRaw("/dev/status", { host: "[::1]:4", origin: "http://[::1]:4" })).status).toBe(200);
  });
});

describe("other paths", () => {
  it("under /_stripe go to the sandbox, all others to the gateway", async () => {
    const sandbox = await shop.send("/_stripe/v1/nothing", {
      headers: { authorization: `Bearer ${SANDBOX_SECRET_KEY}` },
    });
    expect(sandbox.status).toBe(404);
    expect(await sandbox.json()).toMatchObject({ error: { type: "invalid_request_error" } });
    const sdk = await shop.send("/v1/payment_intents", { headers: { authorization: `Bearer ${SANDBOX_SECRET_KEY}` } });
    expect(await sdk.json()).toMatchObject({ object: "list", url: "/v1/payment_intents" });
    for (const path of ["/_stripes", "/v10", "/development", "/api/nothing"]) {
      const response = await shop.send(path);
      expect([path, response.status]).toEqual([path, 404]);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
    }
  });

  it("serve the docs page from the static files of the gateway", async () => {
    const page = await shop.send("/api/docs");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
  });
});

describe("the pictures of the seeded products", () => {
  it("are served under their URLs, also under those that an earlier version gave out", async () => {
    for (const path of ["/images/products/prd_seed0001/1.svg", "/images/products/prd_seed0600/3.svg?v=0a1b2c3d"]) {
      const picture = await shop.send(path);
      expect([path, picture.status, picture.headers.get("content-type")]).toEqual([path, 200, "image/svg+xml"]);
      expect(await picture.text()).toContain("</svg>");
    }
  });

  it("are all there is: another number is the gateway's 404", async () => {
    const response = await shop.send("/images/products/prd_seed0601/1.svg");
    expect([response.status, response.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
  });
});

describe("the smoke test of a deployment", () => {
  it("passes here too, except for the local routes", async () => {
    expect(await failures(shop.send, new Map([["tradepost-gateway", "a-version"]]))).toEqual([
      "nothing of the local runtime is there: /dev/mailbox: expected 404, got 200",
    ]);
  });
});
