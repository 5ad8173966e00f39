// Measures on a scratch shop what the budget test cannot count: CPU time for one order and one view, and the bytes that an order leaves
// behind. The CPU time is that of all local processes, with SQLite and the Stripe sandbox in it, so Cloudflare bills less.
import { setTimeout as pause } from "node:timers/promises";
import {
  Client,
  addToCart,
  eventually,
  levelOf,
  newBuyer,
  openShelf,
  orderReaches,
  pay,
  placeOrder,
  signIn,
} from "../shop/client.ts";
import { pick } from "../bench/load.ts";
import { cpuMsOf } from "../local/processes.ts";
import type { DatabaseName } from "../local/state.ts";
import { startServer } from "../shop/process.ts";
import type { Server } from "../shop/process.ts";
import { readSizes } from "./sizes.ts";
import type { Sizes } from "./sizes.ts";

/** Those of the shop; the sandbox and the mailbox have others. */
const OBJECTS = ["tradepost-inventory-Stock", "tradepost-notifications-LiveFeed", "tradepost-orders-Cart"];
const BUYERS = 5;
const ORDERS_OF_BUYER = 40;
const PRODUCTS = 20;
const VIEWED = 100;
const UNCACHED_ROUNDS = 4;
const CACHED_VIEWS = 4_000;
/** Longer than the Cache API keeps a public answer. */
const UNCACHED_AFTER_MS = 5_500;
const SETTLE_MS = 3_000;

export interface Measured {
  /** Of the day, YYYY-MM-DD. */
  readonly date: string;
  readonly orders: number;
  readonly cpuMs: { readonly order: number; readonly cachedView: number; readonly uncachedView: number };
  /** Database -> table -> bytes of an order from the cart to DELIVERED. */
  readonly bytesPerOrder: Readonly<Partial<Record<DatabaseName, Readonly<Record<string, number>>>>>;
  /** Class -> bytes of an order in objects that existed, and the objects that it added. */
  readonly objectBytes: Readonly<Record<string, { readonly perOrder: number; readonly added: number }>>;
}

async function cpuOf(server: Server, work: () => Promise<void>): Promise<number> {
  const before = cpuMsOf(server.pid());
  await work();
  return cpuMsOf(server.pid()) - before;
}

/** One line, from the cart to CONFIRMED. */
async function buy(server: Server, buyer: Client, productId: string): Promise<string> {
  await addToCart(buyer, productId, 1);
  const { id } = await placeOrder(buyer);
  await pay(server.send, buyer, id);
  await orderReaches(buyer, id, ({ status }) => status === "CONFIRMED", "is CONFIRMED");
  return id;
}

/** From CONFIRMED to DELIVERED, as staff does it. */
async function fulfil(admin: Client, orderId: string): Promise<void> {
  const path = `/api/orders/${orderId}/status`;
  await admin.expect(200, "PATCH", path, { status: "PROCESSING" });
  await admin.expect(200, "PATCH", path, { status: "SHIPPED", tracking: { carrier: "DHL", number: "JD0001" } });
  await orderReaches(admin, orderId, ({ paymentStatus }) => paymentStatus === "CAPTURED", "is CAPTURED");
  await admin.expect(200, "PATCH", path, { status: "DELIVERED" });
}

function difference(before: Sizes, after: Sizes, orders: number): Pick<Measured, "bytesPerOrder" | "objectBytes"> {
  const bytesPerOrder = [...after.databases].map(([database, tables]) => {
    const grown = [...tables]
      .map(([table, bytes]) => [table, bytes - (before.databases.get(database)?.get(table) ?? 0)] as const)
      .filter(([, bytes]) => bytes > 0)
      .map(([table, bytes]) => [table, Math.round(bytes / orders)] as const);
    return [database, Object.fromEntries(grown)] as const;
  });
  const objectBytes = [...after.objects]
    .filter(([name]) => OBJECTS.includes(name))
    .map(([name, { count, bytes }]) => {
      const old = before.objects.get(name) ?? { count: 0, bytes: 0 };
      return [name, { perOrder: Math.round((bytes - old.bytes) / orders), added: count - old.count }] as const;
    });
  return { bytesPerOrder: Object.fromEntries(bytesPerOrder), objectBytes: Object.fromEntries(objectBytes) };
}

/** Takes some minutes. */
export async function measure(): Promise<Measured> {
  const server = await startServer();
  try {
    const guest = new Client(server.send);
    const admin = await signIn(guest, "admin@example.com", "Admin123!");
    const shelf = await openShelf(admin);
    const products: string[] = [];
    while (products.length < PRODUCTS) products.push(await shelf.take(1_000));
    const buyers: Client[] = [];
    while (buyers.length < BUYERS) buyers.push((await newBuyer(guest)).buyer);
    const { items } = await guest.api.call("GET /api/products", { query: { limit: 100 } });
    const viewed = items.map(({ id }) => id).slice(0, VIEWED);
    // Orders before the sizes are read make the objects of these products and buyers.
    for (const [index, productId] of products.entries()) {
      await fulfil(admin, await buy(server, pick(buyers, index), productId));
    }
    await pause(SETTLE_MS);
    await server.end();
    const before = readSizes(server.stateDir);
    await server.start();

    const orders: string[] = [];
    const orderCpuMs = await cpuOf(server, async () => {
      for (let round = 0; round < ORDERS_OF_BUYER; round += 1) {
        for (const [index, buyer] of buyers.entries()) {
          orders.push(await buy(server, buyer, pick(products, round * BUYERS + index)));
        }
      }
      await pause(SETTLE_MS);
    });
    for (const id of orders) await fulfil(admin, id);
    await eventually("the stock is consumed", async () => {
      const levels = await Promise.all(products.map((id) => levelOf(admin, id)));
      return levels.every(({ reserved }) => reserved === 0) ? true : undefined;
    });

    const view = async (id: string): Promise<void> => await guest.expect(200, "GET", `/api/products/${id}`);
    const first = pick(viewed, 0);
    const viewCached = async (): Promise<void> => {
      for (let round = 0; round < CACHED_VIEWS; round += 1) await view(first);
    };
    // The first run of each compiles its code, and does not count.
    await viewCached();
    const cachedCpuMs = await cpuOf(server, viewCached);
    let uncachedCpuMs = 0;
    for (let round = 0; round <= UNCACHED_ROUNDS; round += 1) {
      await pause(UNCACHED_AFTER_MS);
      const spent = await cpuOf(server, async () => {
        for (const id of viewed) await view(id);
      });
      if (round > 0) uncachedCpuMs += spent;
    }
    await server.end();
    const count = orders.length;
    return {
      date: new Date().toISOString().slice(0, 10),
      orders: count,
      cpuMs: {
        order: orderCpuMs / count,
        cachedView: cachedCpuMs / CACHED_VIEWS,
        uncachedView: uncachedCpuMs / (viewed.length * UNCACHED_ROUNDS),
      },
      ...difference(before, readSizes(server.stateDir), count),
    };
  } finally {
    await server.stop();
  }
}
