// `npm run bench -- [--scale 100 [--short]]`: with --scale measures a grown shop (scripts/bench/scale.ts). Otherwise it starts `npm start`
// on data of its own without rate limits and caps, measures it from this process, and prints a table. Two floors are measured in the same
// run by the same client: a Worker that only returns "ok", and one that does an order's calls (scripts/bench/bare-order.ts).
import { setTimeout as pause } from "node:timers/promises";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { startServer } from "./shop/process.ts";
import type { Server } from "./shop/process.ts";
import { cpuMsOf, residentMb } from "./local/processes.ts";
import { connect, measure, toMeasure } from "./bench/load.ts";
import { STEPS } from "./bench/bare-order.ts";
import type { Measure, Request, RequestOptions } from "./bench/load.ts";
import { runScale } from "./bench/scale.ts";
import * as shop from "./bench/shop.ts";
import { ROOT } from "./local/workers.ts";

const DURATION_MS = Number(process.env["BENCH_SECONDS"] ?? 5) * 1_000;
const WARM_UP_MS = 1_000;
const CLIENTS = [1, 16];
const BUYERS = 200;
const UNITS = 50;
const HOLDERS = 1_000;
const HOLDABLE = 317;
/** Time for the events and projections of the previous measurement. */
const SETTLE_MS = 2_000;
const BARE_ORDER = "floor: the calls of an order";
const ORDER = "whole order";
const SANDBOX = "of it, the Stripe sandbox";
/** How often a starting server is asked for its first answer. */
const POLL_MS = 20;

interface Line extends Measure {
  readonly name: string;
  readonly clients: number;
}

async function settle(): Promise<void> {
  await pause(SETTLE_MS);
}

/** The rows of both floors: a Worker that returns "ok", and one that does the calls of an order. */
async function measureFloors(): Promise<{ readonly ok: readonly Line[]; readonly order: readonly Line[] }> {
  const child = spawn(process.execPath, [path.join(ROOT, "scripts/bench/floor.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  const ports = JSON.parse(chunk.toString()) as Readonly<Record<"ok" | "order", number>>;
  const measureOne = async (name: string, port: number, work: (request: Request) => Promise<void>): Promise<Line[]> => {
    const lines: Line[] = [];
    for (const clients of CLIENTS) {
      const { request, close } = connect(`http://127.0.0.1:${String(port)}`, clients);
      const options = { clients, durationMs: DURATION_MS, warmUpMs: WARM_UP_MS, pid: child.pid ?? 0 };
      lines.push({ name, clients, ...(await measure({ ...options, work: async () => await work(request) })) });
      await close();
    }
    return lines;
  };
  const send = async (request: Request, options: RequestOptions): Promise<void> => {
    if ((await request("/", options)).status !== 200) throw new Error("a floor does not respond");
  };
  const ok = await measureOne('floor: "ok"', ports.ok, async (request) => await send(request, {}));
  const setup = connect(`http://127.0.0.1:${String(ports.order)}`, 1);
  await send(setup.request, { method: "PUT" });
  await setup.close();
  const order = await measureOne(BARE_ORDER, ports.order, async (request) => {
    for (const body of STEPS) await send(request, { method: "POST", body });
  });
  const ended = once(child, "exit");
  child.stdin.end();
  await ended;
  return { ok, order };
}

const COLUMNS = ["", "clients", "per s", "p50 ms", "p95 ms", "p99 ms", "CPU-ms", "of floor"];
const WIDTHS = [30, 9, 10, 10, 10, 10, 10, 10];

function printRow(cells: readonly string[]): void {
  console.log(
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(WIDTHS[0] ?? 0) : cell.padStart(WIDTHS[index] ?? 0)))
      .join(""),
  );
}

function print(line: Line, floor: readonly Line[]): void {
  const base = floor.find(({ clients }) => clients === line.clients)?.perSecond;
  const ratio = base === undefined ? "" : `1/${(base / line.perSecond).toFixed(1)}`;
  const numbers = [line.p50, line.p95, line.p99, line.cpuMs].map((value) => value.toFixed(2));
  printRow([line.name, String(line.clients), line.perSecond.toFixed(0), ...numbers, ratio]);
}

async function measureRush(server: Server, stage: shop.Stage): Promise<Line> {
  const productId = stage.productIds.at(-1) ?? "";
  const { request, close } = connect(server.origin, BUYERS);
  await shop.setStock(request, stage.admin, productId, UNITS);
  await settle();
  const cpuBefore = cpuMsOf(server.pid());
  const rush = await shop.rush(request, productId, BUYERS);
  const cpuMs = cpuMsOf(server.pid()) - cpuBefore;
  const left = await shop.availableOf(request, stage.admin, productId);
  await close();
  if (rush.sold !== UNITS || rush.refused !== BUYERS - UNITS || left !== 0) {
    throw new Error(`${BUYERS} buyers for ${UNITS}: ${rush.sold} sold, ${rush.refused} refused, ${left} left`);
  }
  console.log(
    `\n${BUYERS} buyers at once for ${UNITS} units: exactly ${rush.sold} sold, ${rush.refused} refused, ${left} left; ` +
      `all answered after ${rush.answeredMs.toFixed(0)} ms, all ${rush.sold} paid and CONFIRMED after ${rush.confirmedMs.toFixed(0)} ms`,
  );
  return {
    name: `${BUYERS} buyers for ${UNITS}`,
    clients: BUYERS,
    ...toMeasure(rush.latencies, rush.answeredMs, cpuMs),
  };
}

async function measureHolds(server: Server, stage: shop.Stage): Promise<void> {
  const productId = stage.productIds.at(-2) ?? "";
  const { request, close } = connect(server.origin, HOLDERS);
  await shop.setStock(request, stage.admin, productId, HOLDABLE);
  await settle();
  const { held, refused, elapsedMs } = await shop.holdRush(request, stage.admin, productId, HOLDERS);
  const left = await shop.availableOf(request, stage.admin, productId);
  await close();
  if (held !== HOLDABLE || refused !== HOLDERS - HOLDABLE || left !== 0) {
    throw new Error(`${HOLDERS} holds of ${HOLDABLE}: ${held} held, ${refused} refused, ${left} left`);
  }
  console.log(
    `\n${HOLDERS} holds at once of one product with ${HOLDABLE}: exactly ${held} held, ${refused} refused, ${left} left; ` +
      `${((HOLDERS / elapsedMs) * 1_000).toFixed(0)} holds/s by the public API (POST /api/inventory/reserve)`,
  );
}

function readFactor(text: string): number {
  const factor = Number(text);
  if (!Number.isInteger(factor) || factor < 2 || factor > 100)
    throw new Error("--scale takes a whole number from 2 to 100");
  return factor;
}

/** Milliseconds from the spawn of `npm start` on data that are there to its first answer. */
async function coldStart(server: Server): Promise<number> {
  await server.end();
  const startedAt = performance.now();
  const ready = server.start();
  while ((await server.send("/api/products?limit=1").catch(() => undefined))?.status !== 200) {
    await pause(POLL_MS);
  }
  const elapsed = performance.now() - startedAt;
  await ready;
  return elapsed;
}

async function runBench(): Promise<void> {
  console.log(
    `${availableParallelism()} cores, ${DURATION_MS / 1_000} s a row; CPU-ms is the server's own, for one request or order\n`,
  );
  const { ok: floor, order: bareOrders } = await measureFloors();
  const server = await startServer();
  try {
    const setup = connect(server.origin, 4);
    const stage = await shop.setStage(setup.request, Math.max(...CLIENTS));
    await settle();
    printRow(COLUMNS);
    for (const line of [...floor, ...bareOrders]) print(line, floor);
    const steps = new Map<number, shop.Steps & { count: number }>();
    const lines: Line[] = [...bareOrders];
    for (const clients of CLIENTS) {
      const { request, close } = connect(server.origin, clients);
      const orderSteps = { ...shop.noSteps(), count: 0 };
      steps.set(clients, orderSteps);
      // Each path once. The caches have dropped it since the row of fewer clients.
      const uncached = (kind: shop.Uncached): (() => Promise<void | false>) => {
        const paths = shop.uncachedPaths(stage, kind).values();
        return async () => {
          const { value } = paths.next();
          return value === undefined ? false : await shop.read(request, value);
        };
      };
      const rows: readonly (readonly [string, (client: number, round: number) => Promise<void | false>])[] = [
        ["one product, uncached", uncached("product")],
        ["product list, uncached", uncached("list")],
        ["search, uncached", uncached("search")],
        ["product list", async () => await shop.listProducts(request)],
        // Each client has its own sequence. Otherwise all would fill the same cold cache at once.
        ["one product", async (client, round) => await shop.oneProduct(request, stage, round + client * 13)],
        ["search, 200 queries", async (client, round) => await shop.search(request, stage, round + client * 13)],
        ["add to cart", async (client, round) => await shop.addToCart(request, stage, client, round)],
        [
          ORDER,
          async (client, round) => {
            await shop.wholeOrder(request, stage, client, round, orderSteps);
            orderSteps.count += 1;
          },
        ],
        [SANDBOX, async () => await shop.sandboxOnly(request)],
      ];
      for (const [name, work] of rows) {
        if (name === ORDER) await shop.clearCarts(request, stage);
        if (name === SANDBOX) await shop.setWebhooks(request, "drop");
        const pid = server.pid();
        const warmUpMs = name.endsWith("uncached") ? WARM_UP_MS / 4 : WARM_UP_MS;
        const line = { name, clients, ...(await measure({ clients, durationMs: DURATION_MS, warmUpMs, pid, work })) };
        lines.push(line);
        print(line, floor);
        await settle();
      }
      await shop.setWebhooks(request, "deliver");
      await close();
    }
    print(await measureRush(server, stage), floor);
    await measureHolds(server, stage);
    for (const [clients, { count, ...each }] of steps) {
      const parts = Object.entries(each).map(([name, ms]) => `${name} ${(ms / count).toFixed(1)}`);
      const cpuOf = (name: string): number =>
        lines.find((line) => line.name === name && line.clients === clients)?.cpuMs ?? Number.NaN;
      const ofShop = cpuOf(ORDER) - cpuOf(SANDBOX);
      console.log(
        `An order with ${clients} client${clients === 1 ? "" : "s"} is made of (ms): ${parts.join(", ")}. Without the sandbox ` +
          `it takes ${ofShop.toFixed(1)} CPU-ms, ${(ofShop / cpuOf(BARE_ORDER)).toFixed(2)} times its calls alone`,
      );
    }
    await setup.close();
    const memory = residentMb(server.pid());
    console.log(
      `Resident after the load: ${memory.toFixed(0)} MiB; cold start to the first answer: ${(await coldStart(server)).toFixed(0)} ms`,
    );
  } finally {
    await server.stop();
  }
}

const { values } = parseArgs({ options: { scale: { type: "string" }, short: { type: "boolean", default: false } } });
if (values.scale === undefined) await runBench();
else await runScale({ factor: readFactor(values.scale), isShort: values.short });
process.exit();
