// Sign-ins under load, over all Workers with rate limits: everyone who waits for a password hash gets in, and reads stay fast.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

const CREDENTIALS = { email: "customer@example.com", password: "Customer123!" };
/** The longest read during sign-ins on a machine that needs USUAL_TURN_MS for one hash and the pause after it. */
const MAX_READ_MS = 500;
/** A busy machine needs longer for both. Without the queue of hashes, a read waits for all of them on any machine. */
const USUAL_TURN_MS = 350;
/** How long the crowd's hashes should take together: far more than MAX_READ_MS, and far less than the queue lets a request wait. */
const CROWD_MS = 6_000;
const MIN_CROWD = 6;
const MAX_CROWD = 50;
const QUEUE_WAIT_SECONDS = 30;
const READERS = 2;
const MAX_ROUNDS = 3;
let shop: Shop;

beforeAll(async () => {
  shop = await startShop({
    RATE_LIMITS: "on",
    LOG_LEVEL: "error",
    SCRYPT_LOG2N: "14",
    HASH_QUEUE_WAIT_SECONDS: String(QUEUE_WAIT_SECONDS),
  });
});

afterAll(async () => {
  await shop.close();
});

interface SignIn {
  readonly status: number;
  readonly ms: number;
}

async function logIn(network: string): Promise<SignIn> {
  const startedAt = performance.now();
  const { status } = await shop.send("/api/auth/login", {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": network },
    body: JSON.stringify(CREDENTIALS),
  });
  return { status, ms: performance.now() - startedAt };
}

/** So many sign-ins at once, each from a network of its own. */
async function crowd(size: number): Promise<SignIn[]> {
  return await Promise.all(Array.from({ length: size }, (_, n) => logIn(`198.51.100.${String(n)}`)));
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

function percentile(times: readonly number[], part: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}

interface Round {
  readonly signIns: readonly SignIn[];
  /** 95th percentile of the reads, in milliseconds. */
  readonly p95: number;
  /** The longest allowed read on this machine, in milliseconds. */
  readonly allowed: number;
}

async function signInTogether(): Promise<Round> {
  const least = await timed(() => crowd(MIN_CROWD));
  const size = Math.min(MAX_CROWD, Math.max(MIN_CROWD, Math.floor((CROWD_MS * MIN_CROWD) / least)));
  const startedAt = performance.now();
  const logins = crowd(size);
  const readers = Array.from({ length: READERS }, (_, reader) => readUntil(logins, reader));
  const times = (await Promise.all(readers)).flat();
  const turn = (performance.now() - startedAt) / size;
  return {
    signIns: await logins,
    p95: percentile(times, 0.95),
    allowed: MAX_READ_MS * Math.max(1, turn / USUAL_TURN_MS),
  };
}

describe("while a crowd signs in from as many networks", () => {
  it("reads stay fast, and every sign-in succeeds", async () => {
    const rounds: Round[] = [];
    const isGood = ({ signIns, p95, allowed }: Round): boolean =>
      signIns.every(({ status }) => status === 200) && p95 < allowed;
    // Other work on the machine can spoil a round. Without the queue no round passes.
    while (rounds.length < MAX_ROUNDS && !rounds.some(isGood)) {
      const round = await signInTogether();
      // Nobody is refused before the wait is over, however slow the machine has become.
      const refused = round.signIns.filter(({ status }) => status !== 200);
      expect(refused.filter(({ status, ms }) => status !== 503 || ms < QUEUE_WAIT_SECONDS * 1_000)).toEqual([]);
      rounds.push(round);
    }
    const figures = rounds.map(({ signIns, p95, allowed }) => ({ crowd: signIns.length, p95, allowed }));
    expect(rounds.some(isGood), JSON.stringify(figures)).toBe(true);
  }, 180_000);
});
