// `npm run bench -- --scale 100 [--short]`: what each read and an order cost in a shop of a hundred times the seed, beside one of the
// same kind with 600 products and 1,000 orders. One client, nothing from a cache. Rows are those that D1 says it read: its bill.
import { availableParallelism } from "node:os";
import type { Session } from "#shared/contracts/accounts";
import { connect, percentile } from "./load.ts";
import type { Request } from "./load.ts";
import { readsOf } from "./scale/reads.ts";
import type { Read, Reader } from "./scale/reads.ts";
import { makeShop, startShop } from "./scale/shop.ts";
import type { RunningShop } from "./scale/shop.ts";
import type { Scratch } from "../local/scratch.ts";
import { noSteps, wholeOrder } from "./shop.ts";
import type { Stage } from "./shop.ts";

export interface ScaleOptions {
  /** Times the seed. */
  readonly factor: number;
  /** Fewer samples. */
  readonly isShort: boolean;
}

interface Measured {
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  /** Of one request, on average. */
  readonly rowsRead: number;
}

const WARM_UP = 3;
const SAMPLES = { long: 31, short: 11 } as const;
/** A read that takes longer gets fewer samples. */
const READ_BUDGET_MS = 4_000;
const COUNTED = 5;
const ORDERS = { long: 15, short: 5 } as const;
const ACCOUNTS: Readonly<Record<Exclude<Reader, "guest">, { readonly email: string; readonly password: string }>> = {
  buyer: { email: "customer@example.com", password: "Customer123!" },
  admin: { email: "admin@example.com", password: "Admin123!" },
};

async function signIn(request: Request, reader: keyof typeof ACCOUNTS): Promise<string> {
  const { status, body } = await request("/api/auth/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ACCOUNTS[reader]),
  });
  if (status !== 200) throw new Error(`login: ${String(status)} ${body}`);
  return (JSON.parse(body) as Session).accessToken;
}

/** One client of a shop. */
interface Visitor {
  readonly request: Request;
  readonly tokens: Readonly<Record<Reader, string | undefined>>;
  readonly reads: readonly Read[];
  readonly stage: Stage;
}

async function visit(shop: RunningShop, request: Request): Promise<Visitor> {
  const tokens = { guest: undefined, buyer: await signIn(request, "buyer"), admin: await signIn(request, "admin") };
  const sold = await shop.query<{ id: string }>(
    "product",
    "SELECT id FROM products WHERE status = 'active' AND available > 200 AND min_order_quantity = 1 ORDER BY id DESC LIMIT 60",
  );
  return {
    request,
    tokens,
    reads: await readsOf(shop.query, Date.now()),
    stage: {
      admin: tokens.admin,
      buyers: [tokens.buyer],
      productIds: sold.map(({ id }) => id),
      products: [],
      queries: [],
    },
  };
}

async function answer({ request, tokens }: Visitor, { as, name }: Read, path: string): Promise<string> {
  const token = tokens[as];
  const options = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  const { status, body } = await request(path, options);
  if (status !== 200) throw new Error(`${name}: ${String(status)} for ${path}: ${body}`);
  return body;
}

/** The path that the n-th request measures; the page before it is read first, where it is a second page. */
async function pathOf(visitor: Visitor, read: Read, n: number): Promise<string> {
  const path = read.path(n);
  if (read.nextPage !== true) return path;
  const { nextCursor } = JSON.parse(await answer(visitor, read, path)) as { nextCursor: string };
  return `${path}&cursor=${nextCursor}`;
}

/** One piece of work that is measured, and what has to be done before it. */
interface Task {
  readonly name: string;
  readonly prepare: (n: number) => Promise<string>;
  readonly work: (path: string, n: number) => Promise<unknown>;
  readonly samples: number;
  readonly warmUp: number;
  /** Requests whose rows are counted. */
  readonly counted: number;
}

async function timed({ prepare, work, samples: count, warmUp }: Task): Promise<Omit<Measured, "rowsRead">> {
  const samples: number[] = [];
  const until = performance.now() + READ_BUDGET_MS;
  for (let n = 0; n < count + warmUp; n++) {
    const path = await prepare(n);
    const startedAt = performance.now();
    await work(path, n);
    if (n >= warmUp) samples.push(performance.now() - startedAt);
    if (performance.now() > until && samples.length > 0) break;
  }
  const sorted = samples.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95) };
}

async function rowsReadBy(shop: RunningShop, { prepare, work, counted }: Task): Promise<number> {
  const paths: string[] = [];
  for (let n = 0; n < counted; n++) paths.push(await prepare(n));
  await shop.spent();
  shop.clear();
  for (const [n, path] of paths.entries()) await work(path, n);
  return (await shop.spent()).rowsRead / counted;
}

function tasksOf(visitor: Visitor, { isShort }: { readonly isShort: boolean }): readonly Task[] {
  const size = isShort ? "short" : "long";
  const reads = visitor.reads.map((read) => ({
    name: read.name,
    prepare: (n: number) => pathOf(visitor, read, n),
    work: (path: string) => answer(visitor, read, path),
    ...(read.once === true
      ? { samples: 1, warmUp: 0, counted: 1 }
      : { samples: SAMPLES[size], warmUp: WARM_UP, counted: COUNTED }),
  }));
  const order: Task = {
    name: "a whole order, paid",
    prepare: async () => "",
    work: (_path, n) => wholeOrder(visitor.request, visitor.stage, 0, n, noSteps()),
    samples: ORDERS[size],
    warmUp: WARM_UP,
    counted: COUNTED,
  };
  return [...reads, order];
}

/** Starts the shop, does `each` task, and ends it. */
async function inShop(
  scratch: Scratch,
  level: "warn" | "debug",
  options: { readonly isShort: boolean },
  each: (shop: RunningShop, task: Task) => Promise<void>,
): Promise<void> {
  const shop = await startShop(scratch, level);
  const { request, close } = connect(shop.origin, 1);
  try {
    for (const task of tasksOf(await visit(shop, request), options)) await each(shop, task);
  } finally {
    await close();
    await shop.close();
  }
}

/** The reads and an order on a shop of this size, by name. */
async function measureShop(
  factor: number,
  options: { readonly isShort: boolean },
): Promise<ReadonlyMap<string, Measured>> {
  const scratch = await makeShop(factor);
  try {
    const times = new Map<string, Omit<Measured, "rowsRead">>();
    await inShop(scratch, "warn", options, async (_shop, task) => void times.set(task.name, await timed(task)));
    const measured = new Map<string, Measured>();
    await inShop(scratch, "debug", options, async (shop, task) => {
      const time = times.get(task.name);
      if (time !== undefined) measured.set(task.name, { ...time, rowsRead: await rowsReadBy(shop, task) });
    });
    return measured;
  } finally {
    scratch.remove();
  }
}

const WIDTHS = [34, 10, 10, 10, 10, 10, 10, 10, 10];

function printRow(cells: readonly string[]): void {
  console.log(
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(WIDTHS[0] ?? 0) : cell.padStart(WIDTHS[index] ?? 0)))
      .join(""),
  );
}

function shown(value: number): string {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

/** Prints a table of both shops, with how many times more the larger one costs. */
export async function runScale({ factor, isShort }: ScaleOptions): Promise<void> {
  const startedAt = performance.now();
  console.log(
    `${String(availableParallelism())} cores; 600 products and 1,000 orders beside ${(600 * factor).toLocaleString("en")} and ` +
      `${(1_000 * factor).toLocaleString("en")}; one client, uncached; ms, and rows read of D1 for one request\n`,
  );
  const small = await measureShop(1, { isShort });
  const large = await measureShop(factor, { isShort });
  const names = ["p50", "p95", "rows"];
  printRow(["", ...names, ...names.map((name) => `${name} x${String(factor)}`), "ms ratio", "rows ratio"]);
  for (const [name, one] of small) {
    const many = large.get(name);
    if (many === undefined) continue;
    const cells = [one, many].flatMap(({ p50, p95, rowsRead }) => [shown(p50), shown(p95), rowsRead.toFixed(0)]);
    printRow([name, ...cells, (many.p50 / one.p50).toFixed(1), (many.rowsRead / Math.max(1, one.rowsRead)).toFixed(1)]);
  }
  console.log(`\n${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
}
