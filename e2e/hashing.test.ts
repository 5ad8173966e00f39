// Sign-ins under load, over all Workers with rate limits: everyone who waits for a password hash gets in, and reads go through between
// the hashes. Times are compared with each other, so the speed of the machine does not matter.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

const CREDENTIALS = { email: "customer@example.com", password: "Customer123!" };
const CROWD = 12;
const READERS = 2;
/** A read waits for a hash or two of the crowd's. Without the queue it waits for all of them. */
const LONGEST_SHARE = 1 / 3;
let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ RATE_LIMITS: "on", LOG_LEVEL: "error", SCRYPT_LOG2N: "14" });
});

afterAll(async () => {
  await shop.close();
});

async function logIn(network: string): Promise<number> {
  const { status } = await shop.send("/api/auth/login", {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": network },
    body: JSON.stringify(CREDENTIALS),
  });
  return status;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Times of sequential, uncached reads until `done`, in milliseconds. */
async function readUntil(done: Promise<unknown>, reader: number): Promise<number[]> {
  const state = { isDone: false };
  void done.finally(() => {
    state.isDone = true;
  });
  const times: number[] = [];
  while (!state.isDone) {
    const path = `/api/products?limit=5&maxPrice=${String(1_000_000 + reader * 10_000 + times.length)}`;
    const headers = { "cf-connecting-ip": `203.0.113.${String(times.length % 250)}` };
    times.push(await timed(async () => expect((await shop.send(path, { headers })).status).toBe(200)));
  }
  return times;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

describe("while a crowd signs in from as many networks", () => {
  it("reads go through between the hashes, and every sign-in succeeds", async () => {
    const startedAt = performance.now();
    const logins = Promise.all(Array.from({ length: CROWD }, (_, n) => logIn(`198.51.100.${String(n)}`)));
    const times = await Promise.all(Array.from({ length: READERS }, (_, reader) => readUntil(logins, reader)));
    const crowdMs = performance.now() - startedAt;
    expect(await logins).toEqual(Array.from({ length: CROWD }, () => 200));
    expect(median(times.flat())).toBeLessThan(crowdMs * LONGEST_SHARE);
  }, 120_000);
});
