// Helpers of inventory's tests: products with stock in D1, dependencies with a stubbed catalog, events, and reads of the object's
// tables and of D1.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as workerEnv } from "cloudflare:workers";
import type { CatalogContract, PricedProduct } from "#shared/contracts/catalog";
import type { Level } from "#shared/contracts/inventory";
import type { SweepCounts } from "#shared/contracts/messaging";
import type { EventEnvelope } from "#shared/events/envelope";
import { makeEvent } from "#shared/events/envelope";
import type { OrderEventData, StockLine } from "#shared/events/catalogue";
import { newId } from "#shared/ids";
import { callAs, deliver, recordedQueues, stubOf } from "#shared/testkit/kit";
import type { Delivery, RecordedQueues } from "#shared/testkit/kit";
import { consume } from "#shared/inbox";
import { ok } from "#shared/result";
import { runSweeps } from "#shared/sweep";
import { RETENTION_MS } from "../src/constants.ts";
import { handlers } from "../src/consumer.ts";
import { plan } from "../src/scheduled.ts";
import type { Stock } from "../src/objects/stock.ts";
import { createDeps } from "../src/service/deps.ts";
import type { InventoryDeps } from "../src/service/deps.ts";

export const env = workerEnv as unknown as InventoryEnv;
const THRESHOLD = 10;

export const TRACE = { correlationId: "test" };

/** Products that the stubbed catalog knows. */
const known = new Map<string, Pick<PricedProduct, "sku" | "name" | "vendorId">>();

const catalog = stubOf<CatalogContract>({
  pricedProducts: async (_call, { ids }) =>
    ok(
      ids.flatMap((id) => {
        const product = known.get(id);
        if (product === undefined) return [];
        const rest = {
          unitPrice: 1,
          currency: "USD",
          imageUrl: "/x.svg",
          weightGrams: 1,
          minOrderQuantity: 1,
        } as const;
        return [{ id, ...product, ...rest, status: "active" as const, availability: "in_stock" as const }];
      }),
    ),
});

export interface Warehouse {
  readonly deps: InventoryDeps;
  readonly sent: RecordedQueues["sent"];
  /** Object calls made so far. */
  readonly calls: () => number;
}

/** `clock` is the time of the use cases; objects have their own. */
export function warehouse(clock: () => number = () => Date.now()): Warehouse {
  const { queues, sent } = recordedQueues();
  const real = createDeps(env, { waitUntil: (work) => void work });
  let calls = 0;
  const stock: InventoryDeps["stock"] = (productId) => {
    calls += 1;
    return real.stock(productId);
  };
  return { deps: { ...real, queues, catalog, stock, now: clock }, sent, calls: () => calls };
}

/** A product that only the catalog knows. */
export function catalogProduct(vendorId: string | null = null): string {
  const id = newId("prd");
  known.set(id, { sku: `SKU-${id.slice(-6)}`, name: "A product", vendorId });
  return id;
}

/** A product with a level in D1, as the seeds write it. */
export async function stocked(
  onHand: number,
  { vendorId = null, threshold = null }: { vendorId?: string | null; threshold?: number | null } = {},
): Promise<string> {
  const id = newId("prd");
  const limit = threshold ?? THRESHOLD;
  const availability = onHand === 0 ? "out_of_stock" : onHand <= limit ? "low_stock" : "in_stock";
  await env.DB.prepare(
    `INSERT INTO stock_levels (product_id, sku, name, vendor_id, opening, on_hand, available, low_stock_threshold, availability,
      updated_at, threshold) VALUES (?1, 'SKU', 'A product', ?2, ?3, ?3, ?3, ?4, ?5, 0, ?6)`,
  )
    .bind(id, vendorId, onHand, threshold, availability, limit)
    .run();
  return id;
}

export function stub(productId: string): DurableObjectStub<Stock> {
  return env.STOCK.getByName(productId);
}

/** Runs the object's alarm now, as if its time had come. */
export async function flush(productId: string): Promise<void> {
  await runDurableObjectAlarm(stub(productId));
}

/** Makes the object's finished rows older than their retention and has it purge them. */
export async function forget(productId: string): Promise<void> {
  await flush(productId);
  await runInDurableObject(stub(productId), async (_instance, state) => {
    const finished = "state IN ('expired', 'consumed', 'released')";
    state.storage.sql.exec(
      `UPDATE reservations SET updated_at = updated_at - ${String(RETENTION_MS)} WHERE ${finished}`,
    );
    state.storage.sql.exec(`UPDATE returns SET created_at = created_at - ${String(RETENTION_MS)}`);
    state.storage.sql.exec("UPDATE level SET purged_at = 0");
    await state.storage.setAlarm(Date.now() + 60_000);
  });
  await flush(productId);
}

export async function levelOf(deps: InventoryDeps, productId: string): Promise<Level> {
  const answer = await deps.stock(productId).level();
  if (!answer.ok) throw new Error(`no level of ${productId}`);
  return answer.value;
}

export interface Projection {
  readonly on_hand: number;
  readonly reserved: number;
  readonly available: number;
  readonly availability: string;
  readonly sequence: number;
  readonly opening: number;
  readonly name: string;
}

export async function projectionOf(productId: string): Promise<Projection | null> {
  return await env.DB.prepare("SELECT * FROM stock_levels WHERE product_id = ?").bind(productId).first<Projection>();
}

export interface LedgerLine {
  readonly type: string;
  readonly delta: number;
  readonly on_hand_after: number;
  readonly reference: string | null;
}

export async function ledgerOf(productId: string): Promise<LedgerLine[]> {
  const { results } = await env.DB.prepare(
    "SELECT type, delta, on_hand_after, reference FROM ledger WHERE product_id = ? ORDER BY id",
  )
    .bind(productId)
    .all<LedgerLine>();
  return results;
}

/** Events about a subject that are in the outbox, oldest first. */
export async function eventsAbout(subject: string): Promise<EventEnvelope[]> {
  const { results } = await env.DB.prepare("SELECT envelope FROM outbox WHERE subject = ? ORDER BY time, id")
    .bind(subject)
    .all<{ envelope: string }>();
  return results.map(({ envelope }) => JSON.parse(envelope) as EventEnvelope);
}

/** The states of an owner's reservation inside the objects of these products. */
export async function statesOf(owner: string, productIds: readonly string[]): Promise<(string | undefined)[]> {
  return await Promise.all(
    productIds.map((productId) =>
      runInDurableObject(stub(productId), (_instance, state) => {
        const [row] = state.storage.sql
          .exec<{ state: string }>("SELECT state FROM reservations WHERE owner = ?", owner)
          .toArray();
        return row?.state;
      }),
    ),
  );
}

/** The findings about a product, by kind. */
export async function findingsOf(productId: string): Promise<{ kind: string; outcome: string; times: number }[]> {
  const { results } = await env.DB.prepare("SELECT kind, outcome, times FROM findings WHERE subject = ? ORDER BY kind")
    .bind(productId)
    .all<{ kind: string; outcome: string; times: number }>();
  return results;
}

/** The audit rows about a subject, oldest first. */
export async function auditOf(subject: string): Promise<{ action: string; actor_id: string; details: string }[]> {
  const { results } = await env.DB.prepare(
    "SELECT action, actor_id, details FROM audit_log WHERE subject = ? ORDER BY id",
  )
    .bind(subject)
    .all<{ action: string; actor_id: string; details: string }>();
  return results;
}

/** ORDER_RETURNED of some of an order's goods. */
export function returned(
  { orderId, owner }: Pick<TestOrder, "orderId" | "owner">,
  lines: readonly StockLine[],
  { returnId = newId("rfd"), shipped = false }: { returnId?: string; shipped?: boolean } = {},
): EventEnvelope {
  const cause = { worker: "orders", correlationId: newId("req"), now: Date.now() };
  const data = { orderId, reservationOwner: owner, returnId, shipped, lines: [...lines] };
  return makeEvent("ORDER_RETURNED", orderId, data, cause);
}

type OrderEventType = "ORDER_CREATED" | "ORDER_CONFIRMED" | "ORDER_CANCELLED" | "ORDER_SHIPPED";

export interface TestOrder {
  readonly orderId: string;
  readonly owner: string;
  readonly lines: readonly StockLine[];
  readonly event: (type: OrderEventType) => EventEnvelope;
}

/** An order with its events. */
export function order(
  lines: readonly StockLine[],
  { owner = newId("req"), counted = false }: { readonly owner?: string; readonly counted?: boolean } = {},
): TestOrder {
  const orderId = newId("ord");
  const data: OrderEventData = {
    orderId,
    number: "1001",
    reservationOwner: owner,
    customer: { id: null, email: "a@example.com", name: "A", locale: "en", proven: false },
    lines: [...lines],
    excerpt: [],
    currency: "USD",
    subtotal: 1,
    discount: 0,
    shipping: 0,
    tax: 0,
    total: 1,
    status: "PENDING",
    reason: null,
    reasonBy: "system",
    tracking: null,
    moneyAuthorized: false,
    counted,
  };
  const cause = { worker: "orders", correlationId: newId("req"), now: Date.now() };
  return { orderId, owner, lines, event: (type) => makeEvent(type, orderId, data, cause) };
}

/** Runs all sweeps of inventory. */
export async function sweep(deps: InventoryDeps, options: { readonly everything: boolean }): Promise<SweepCounts> {
  return await runSweeps(deps, plan, { call: callAs("admin"), ...options });
}

/** Delivers events to the inbox's consumer as one queue batch. */
export async function receive(deps: InventoryDeps, events: readonly EventEnvelope[]): Promise<Delivery> {
  return await deliver((batch) => consume(batch, deps, handlers(deps)), "tradepost-inventory-inbox", events);
}
