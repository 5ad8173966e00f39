// Kills the server at random moments under load and starts it again on the same data, many times. At the end an audit checks that
// everything reached a legal state.
import { setTimeout as pause } from "node:timers/promises";
import { Client, openShelf, signIn } from "../../scripts/shop/client.ts";
import { startServer } from "../../scripts/shop/process.ts";
import type { Server } from "../../scripts/shop/process.ts";
import { audit } from "./audit.ts";
import type { Audit } from "./audit.ts";
import { ADMIN, BUYER, EXPIRED_AFTER_MS, UNLIMITED } from "./constants.ts";
import { newBooks, repeatUnanswered, work } from "./load.ts";
import type { Books, Floor } from "./load.ts";
import { mulberry32 } from "../../scripts/seed/random.ts";
import { ChaosShop } from "./shop.ts";

const CLIENTS = 4;
const PRODUCTS = 5;
const ON_HAND = 100_000;
/**
 * How many requests a round starts before the kill. Counted rather than timed, so that a slow machine has as much in progress.
 */
const MIN_REQUESTS = 6;
const MAX_REQUESTS = 50;
/** The kill comes at a random moment within this, so that it meets requests in any phase. */
const MAX_LAST_MS = 60;
const POLL_MS = 5;
/** A server that responds to nothing for so long is broken. */
const ROUND_TIMEOUT_MS = 30_000;

export interface KillLoopResult {
  readonly rounds: number;
  readonly books: Books;
  readonly audit: Audit;
}

async function floorOf(
  server: Pick<Server, "send">,
  productIds: readonly string[],
  random: () => number,
): Promise<Floor> {
  const guest = new Client(server.send);
  const [admin, buyer] = await Promise.all([
    signIn(guest, ADMIN.email, ADMIN.password),
    signIn(guest, BUYER.email, BUYER.password),
  ]);
  return { send: server.send, admin, buyer, productIds, random };
}

async function round(server: Server, floor: Floor, books: Books): Promise<void> {
  let isOver = false;
  const enough = books.requests + MIN_REQUESTS + Math.floor(floor.random() * (MAX_REQUESTS - MIN_REQUESTS));
  const lastMs = floor.random() * MAX_LAST_MS;
  const deadline = Date.now() + ROUND_TIMEOUT_MS;
  const clients = Array.from({ length: CLIENTS }, () => work(floor, books, () => isOver));
  while (books.requests < enough && Date.now() < deadline) await pause(POLL_MS);
  await pause(lastMs);
  isOver = true;
  await server.kill();
  await Promise.all(clients);
}

/** The requests follow from `seed`; how far each has come at a kill does not. */
export async function killLoop(rounds: number, seed: number): Promise<KillLoopResult> {
  const random = mulberry32(seed);
  const books = newBooks();
  const server = await startServer(UNLIMITED);
  let chaos: ChaosShop | undefined;
  try {
    const shelf = await openShelf(await signIn(new Client(server.send), ADMIN.email, ADMIN.password));
    const productIds: string[] = [];
    while (productIds.length < PRODUCTS) productIds.push(await shelf.take(ON_HAND));
    for (let done = 0; done < rounds; done += 1) {
      if (done > 0) await server.start();
      await round(server, await floorOf(server, productIds, random), books);
    }
    chaos = await ChaosShop.open({ scratch: server.scratch, clockAheadMs: EXPIRED_AFTER_MS });
    const floor = await floorOf(chaos.shop, productIds, random);
    await repeatUnanswered(floor, books);
    await chaos.rest();
    const found = await audit(chaos.shop, floor.admin, productIds);
    const gone = books.orders.filter((id) => !found.ids.has(id)).map((id) => `order ${id} was created and is gone`);
    return { rounds, books, audit: { ...found, wrong: [...found.wrong, ...gone] } };
  } finally {
    if (chaos === undefined) await server.stop();
    else await chaos.close();
  }
}

export function figuresOf({ rounds, books, audit: found }: KillLoopResult): string {
  return [
    `${String(rounds)} kills under load: ${String(books.requests)} requests, ${String(books.lost)} lost with the server`,
    `${String(found.orders)} orders (${JSON.stringify(found.byStatus)}), ${String(found.events)} events, ${String(found.wrong.length)} wrong`,
    ...(books.failures.length === 0 ? [] : [`errors before a kill: ${books.failures.join(", ")}`]),
  ].join("\n");
}
