// The calls of one order without a shop: as many requests, D1 batches, rows, calls of objects and messages as shared/budget.json says of a
// one-line order, and nothing else. What an order costs above this is the shop's own code; what it costs below that is the platform's.
import counts from "../../shared/budget.json" with { type: "json" };

/** Some bytes of what an order writes in a row. */
const ROW_BYTES = 300;
const DATABASES = ["ORDERS", "PAYMENTS", "INVENTORY", "NOTIFICATIONS"] as const;

/** One of an order's requests. */
interface Step {
  /** Rows of each D1 batch, one statement each. */
  readonly batches: readonly number[];
  /** Rows that each call of an object writes. */
  readonly calls: readonly number[];
  /** Rows of the batch with which each message is consumed. */
  readonly messages: readonly number[];
}

/** `total` in `parts` whole numbers that differ by one at most. */
function shares(total: number, parts: number): number[] {
  const upTo = (index: number): number => Math.floor((total * index) / parts);
  return Array.from({ length: parts }, (_, index) => upTo(index + 1) - upTo(index));
}

function slices<T>(items: readonly T[], parts: number): T[][] {
  let from = 0;
  return shares(items.length, parts).map((count) => items.slice(from, (from += count)));
}

function stepsOf({ order, orderInObjects }: typeof counts): Step[] {
  const rows = shares(order.rowsWritten, order.d1RoundTrips);
  // Of several messages that arrive together, one batch has the rows.
  const consumed = rows.splice(0, order.queueBatches);
  const messages = [...consumed, ...Array.from({ length: order.messagesSent - consumed.length }, () => 0)];
  const objectRows = orderInObjects.stockRowsWritten + orderInObjects.cartRowsWritten;
  const batches = slices(rows, order.requests);
  const calls = slices(shares(objectRows, order.objectCalls), order.requests);
  const sent = slices(messages, order.requests);
  return batches.map((each, index) => ({ batches: each, calls: calls[index] ?? [], messages: sent[index] ?? [] }));
}

/** The bodies of the order's requests, one after the other. */
export const STEPS: readonly string[] = stepsOf(counts).map((step) => JSON.stringify(step));

const SCRIPT = `import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
const TEXT = "x".repeat(${String(ROW_BYTES)});
const databases = (env) => [${DATABASES.map((name) => `env.${name}`).join(", ")}];
let turn = 0;
async function write(env, rows) {
  const all = databases(env);
  const db = all[turn++ % all.length];
  await db.batch(Array.from({ length: Math.max(rows, 1) }, () => rows === 0 ? db.prepare("SELECT 1")
    : db.prepare("INSERT INTO rows (id, text) VALUES (?, ?)").bind(crypto.randomUUID(), TEXT)));
}
export class Thing extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID");
  }
  write(rows) {
    for (let n = 0; n < rows; n += 1) this.ctx.storage.sql.exec("INSERT INTO rows VALUES (?, ?)", crypto.randomUUID(), TEXT);
  }
}
export class Service extends WorkerEntrypoint {
  async step({ batches, calls, messages }) {
    for (const rows of batches) await write(this.env, rows);
    for (const rows of calls) await this.env.THING.getByName(String(turn++ % 60)).write(rows);
    for (const rows of messages) this.ctx.waitUntil(this.env.QUEUE.send({ rows, text: TEXT }));
  }
}
export default {
  async fetch(request, env) {
    if (request.method === "PUT") {
      for (const db of databases(env)) await db.exec("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID");
    } else await env.SERVICE.step(await request.json());
    return new Response("ok");
  },
  async queue(batch, env) {
    await write(env, batch.messages.reduce((sum, { body }) => sum + body.rows, 0));
  },
};`;

/** The Worker in Miniflare's form. A PUT makes its tables; each POST of one of STEPS does that step. */
export function bareOrderWorker(compatibilityDate: string, port: number): object {
  return {
    name: "bare-order",
    modules: true,
    compatibilityDate,
    script: SCRIPT,
    d1Databases: Object.fromEntries(DATABASES.map((name) => [name, name.toLowerCase()])),
    durableObjects: { THING: { className: "Thing", useSQLite: true } },
    serviceBindings: { SERVICE: { name: "bare-order", entrypoint: "Service" } },
    queueProducers: { QUEUE: "messages" },
    queueConsumers: { messages: { maxBatchSize: 50, maxBatchTimeout: 0 } },
    unsafeDirectSockets: [{ host: "127.0.0.1", port }],
  };
}
