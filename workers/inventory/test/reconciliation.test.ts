// Reconciliation finds copies and objects that were tampered with. It repairs a copy and leaves an inconsistent object alone.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test } from "vitest";
import { openDatabase } from "#shared/database";
import { newId } from "#shared/ids";
import { stubOf } from "#shared/testkit/kit";
import { RECONCILE_PAUSE_MS, RETENTION_MS } from "../src/constants.ts";
import { reconcile } from "../src/objects/reconciliation.ts";
import type { Reconciliation } from "../src/objects/reconciliation.ts";
import type { Stock } from "../src/objects/stock.ts";
import { StockTables } from "../src/objects/tables.ts";
import type { InventoryDeps } from "../src/service/deps.ts";
import { reconcileStock } from "../src/service/reconciliation.ts";
import {
  TRACE,
  env,
  findingsOf,
  flush,
  ledgerOf,
  levelOf,
  order,
  projectionOf,
  receive,
  stocked,
  stub,
  sweep,
  warehouse,
} from "./warehouse.ts";

// A test's broken rows must not be found by the next one.
afterEach(async () => {
  for (const table of ["stock_levels", "reservations", "ledger", "findings"]) await env.DB.exec(`DELETE FROM ${table}`);
});

/** A product with a sale, a reservation, a released order and an adjustment, all of them in D1. */
async function busyProduct(deps: InventoryDeps): Promise<string> {
  const id = await stocked(50);
  const orders = [1, 2, 3].map((quantity) => order([{ productId: id, quantity }]));
  await receive(
    deps,
    orders.map((one) => one.event("ORDER_CREATED")),
  );
  const [sold, cancelled] = orders;
  if (sold !== undefined) await receive(deps, [sold.event("ORDER_SHIPPED")]);
  if (cancelled !== undefined) await receive(deps, [cancelled.event("ORDER_CANCELLED")]);
  await deps.stock(id).adjust({ delta: 5, reason: "restock", actor: "usr_1" }, TRACE);
  await flush(id);
  return id;
}

async function tamper(statement: string, ...values: unknown[]): Promise<void> {
  await env.DB.prepare(statement)
    .bind(...values)
    .run();
}

async function inObject(productId: string, ...statements: string[]): Promise<void> {
  await runInDurableObject(stub(productId), (_instance, state) => {
    for (const statement of statements) state.storage.sql.exec(statement);
  });
}

async function copyOf(productId: string): Promise<unknown[]> {
  const queries = [
    "SELECT * FROM stock_levels WHERE product_id = ?",
    "SELECT * FROM reservations WHERE product_id = ? ORDER BY owner",
    "SELECT * FROM ledger WHERE product_id = ? ORDER BY id",
  ];
  const results = await env.DB.batch(queries.map((query) => env.DB.prepare(query).bind(productId)));
  return results.flatMap((result) =>
    (result.results as Record<string, unknown>[]).map((row) => ({ ...row, updated_at: 0, reconciled_at: 0 })),
  );
}

describe("a copy that differs is found, written again, and consistent the next time", () => {
  test.each([
    ["a level", "UPDATE stock_levels SET on_hand = on_hand + 7, available = available + 7 WHERE product_id = ?"],
    ["a level's words", "UPDATE stock_levels SET name = 'Another', vendor_id = 'usr_x' WHERE product_id = ?"],
    ["an opening", "UPDATE stock_levels SET opening = opening + 1 WHERE product_id = ?"],
    ["a threshold", "UPDATE stock_levels SET low_stock_threshold = 3 WHERE product_id = ?"],
    ["a sequence too high, which keeps flushes out", "UPDATE stock_levels SET sequence = 9999 WHERE product_id = ?"],
    ["a sequence too low", "UPDATE stock_levels SET sequence = 0 WHERE product_id = ?"],
    ["a level that is gone", "DELETE FROM stock_levels WHERE product_id = ?"],
    ["reservations that are gone", "DELETE FROM reservations WHERE product_id = ?"],
    ["a reservation's quantity", "UPDATE reservations SET quantity = 9 WHERE state = 'reserved' AND product_id = ?"],
    ["whether a reservation counts", "UPDATE reservations SET counted = 1 WHERE state = 'reserved' AND product_id = ?"],
    ["a reservation's state", "UPDATE reservations SET state = 'reserved' WHERE state = 'consumed' AND product_id = ?"],
    [
      "a reservation that nobody made",
      `INSERT INTO reservations (product_id, owner, quantity, state, updated_at) VALUES (?, 'nobody', 4, 'reserved', 1)`,
    ],
    ["an entry of the ledger that is gone", "DELETE FROM ledger WHERE type = 'sale' AND product_id = ?"],
    ["an entry's delta", "UPDATE ledger SET delta = 500 WHERE type = 'restock' AND product_id = ?"],
    ["an entry's time", "UPDATE ledger SET created_at = created_at + 5 WHERE type = 'restock' AND product_id = ?"],
  ])("%s", async (_what, statement) => {
    const { deps } = warehouse();
    const id = await busyProduct(deps);
    const before = await copyOf(id);
    const level = await levelOf(deps, id);
    await tamper(statement, id);
    expect(await reconcileStock(deps, { everything: true })).toMatchObject({
      correctedProjections: 1,
      openStockFindings: 0,
    });
    expect(await copyOf(id)).toEqual(before);
    expect(await levelOf(deps, id)).toEqual(level);
    expect(await findingsOf(id)).toEqual([{ kind: "stock_projection_differs", outcome: "mended", times: 1 }]);
    expect(await reconcileStock(deps, { everything: true })).toEqual({ correctedProjections: 0, openStockFindings: 0 });
    expect(await findingsOf(id)).toMatchObject([{ times: 1 }]);
  });
});

test("a ledger entry that only D1 has is not deleted; the finding stays open until the sum is right", async () => {
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  await tamper(
    "INSERT INTO ledger (id, product_id, type, delta, on_hand_after, actor, created_at) VALUES ('txn_x', ?, 'restock', 3, 3, 'x', 5)",
    id,
  );
  expect(await reconcileStock(deps, { everything: true })).toEqual({ correctedProjections: 0, openStockFindings: 1 });
  expect(await ledgerOf(id)).toHaveLength(3);
  await reconcileStock(deps, { everything: true });
  expect(await findingsOf(id)).toEqual([{ kind: "stock_ledger_differs", outcome: "open", times: 2 }]);
  await tamper("DELETE FROM ledger WHERE id = 'txn_x' AND product_id = ?", id);
  expect(await reconcileStock(deps, { everything: true })).toEqual({ correctedProjections: 0, openStockFindings: 0 });
  expect(await findingsOf(id)).toMatchObject([{ outcome: "mended" }]);
});

test.each([
  ["on hand", "UPDATE level SET on_hand = on_hand + 4", "UPDATE level SET on_hand = on_hand - 4"],
  ["the opening", "UPDATE level SET opening = opening - 1", "UPDATE level SET opening = opening + 1"],
  ["a ledger entry", "UPDATE ledger SET delta = delta - 1", "UPDATE ledger SET delta = delta + 1"],
])("an object whose %s does not add up is reported until it does; it and its copy stay unchanged", async (...row) => {
  const [, damage, repair] = row;
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  const copy = await copyOf(id);
  await inObject(id, damage);
  const broken = await levelOf(deps, id);
  for (const times of [1, 2]) {
    expect(await reconcileStock(deps, { everything: true })).toEqual({
      correctedProjections: 0,
      openStockFindings: 1,
    });
    expect(await findingsOf(id)).toEqual([{ kind: "stock_ledger_differs", outcome: "open", times }]);
  }
  expect(await copyOf(id)).toEqual(copy);
  expect(await levelOf(deps, id)).toEqual(broken);
  await inObject(id, repair);
  expect(await reconcileStock(deps, { everything: true })).toEqual({ correctedProjections: 0, openStockFindings: 0 });
  expect(await findingsOf(id)).toMatchObject([{ outcome: "mended" }]);
});

test("`taken` is summed again from the reservations", async () => {
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  const level = await levelOf(deps, id);
  await inObject(id, "UPDATE level SET taken = 0");
  expect(await levelOf(deps, id)).toMatchObject({ reserved: 0 });
  expect(await reconcileStock(deps, { everything: true })).toMatchObject({ correctedProjections: 1 });
  expect(await levelOf(deps, id)).toEqual(level);
  expect(await projectionOf(id)).toMatchObject({ reserved: level.reserved, available: level.available });
  expect(await reconcileStock(deps, { everything: true })).toMatchObject({ correctedProjections: 0 });
  await inObject(id, "UPDATE level SET taken_counted = 1");
  expect(await reconcileStock(deps, { everything: true })).toMatchObject({ correctedProjections: 1 });
  expect(await reconcileStock(deps, { everything: true })).toMatchObject({ correctedProjections: 0 });
  await inObject(
    id,
    "DROP TRIGGER reservation_changed",
    "UPDATE reservations SET quantity = 900 WHERE state = 'reserved'",
  );
  expect(await reconcileStock(deps, { everything: true })).toMatchObject({ openStockFindings: 1 });
  expect(await findingsOf(id)).toMatchObject([{ kind: "stock_taken_differs", outcome: "open" }]);
});

test("a hold in D1 long past its time is a lost flush", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  const hold = { owner: "manual:x", quantity: 4, expiresAt: Date.now() + 60_000, attempt: "a", projected: true };
  await deps.stock(id).hold(hold, TRACE);
  await flush(id);
  await runInDurableObject(stub(id), async (_instance, state) => {
    state.storage.sql.exec("UPDATE reservations SET expires_at = 5");
    await state.storage.deleteAlarm();
  });
  await tamper("UPDATE reservations SET expires_at = 5 WHERE product_id = ?", id);
  expect(await projectionOf(id)).toMatchObject({ reserved: 4 });
  expect(await reconcileStock(deps, { everything: false })).toMatchObject({ correctedProjections: 1 });
  expect(await projectionOf(id)).toMatchObject({ reserved: 0, available: 20 });
  expect(await findingsOf(id)).toEqual([{ kind: "stock_hold_stale", outcome: "mended", times: 1 }]);
  expect(await reconcileStock(deps, { everything: true })).toMatchObject({ correctedProjections: 0 });
});

test("a change that waits for its flush is no finding; one whose alarm is long overdue is", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  await deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  expect(await stub(id).reconcile({ isStale: false })).toMatchObject({ mended: [], open: [] });
  expect(await projectionOf(id)).toMatchObject({ on_hand: 21 });
  await deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  await runInDurableObject(stub(id), (_instance, state) => state.storage.deleteAlarm());
  expect(await stub(id).reconcile({ isStale: false })).toMatchObject({ mended: ["stock_alarm_lost"], open: [] });
  expect(await projectionOf(id)).toMatchObject({ on_hand: 22 });
});

test("under load nothing is reported falsely", async () => {
  const { deps } = warehouse();
  const id = await stocked(1_000);
  const buyers = Array.from({ length: 60 }, async (_, index) => {
    const one = order([{ productId: id, quantity: 1 + (index % 3) }]);
    await receive(deps, [one.event("ORDER_CREATED")]);
    if (index % 2 === 0) await receive(deps, [one.event("ORDER_SHIPPED")]);
    else await receive(deps, [one.event("ORDER_CANCELLED")]);
  });
  const looks = Array.from({ length: 15 }, async () => {
    await flush(id);
    return await stub(id).reconcile({ isStale: false });
  });
  await Promise.all([...buyers, ...looks]);
  await stub(id).reconcile({ isStale: false });
  expect(await findingsOf(id)).toEqual([]);
  const level = await levelOf(deps, id);
  expect(await projectionOf(id)).toMatchObject({ on_hand: level.onHand, reserved: level.reserved });
});

/** Reconciles a product whose on-hand changes during the first `reads` queries of D1 whose text has `part`. */
async function reconcileUnderChange(
  deps: InventoryDeps,
  productId: string,
  { part, reads }: { part: string; reads: number },
): Promise<Reconciliation> {
  return await runInDurableObject(stub(productId), async (instance: Stock, state) => {
    const tables = new StockTables(state.storage);
    let left = reads;
    const prepare = (query: string): D1PreparedStatement => {
      if (query.includes(part) && left > 0) {
        left -= 1;
        void instance.adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
      }
      return env.DB.prepare(query);
    };
    const batch = (statements: D1PreparedStatement[]): Promise<D1Result[]> => env.DB.batch(statements);
    return await reconcile(
      {
        tables,
        deps: { ...deps, db: openDatabase(stubOf<D1Database>({ prepare, batch: batch as D1Database["batch"] })) },
        flusher: {
          flush: async () => {
            await instance.alarm();
            return false;
          },
          exclusively: (write) => write(),
          dueAt: () => state.storage.getAlarm(),
          change: () => Promise.resolve(),
          noteProjected: async (taken) => {
            tables.setProjected(taken);
          },
        },
      },
      { isStale: false },
    );
  });
}

test("a change while the ledgers are compared is not reported as a missing entry", async () => {
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  await tamper("DELETE FROM ledger WHERE type = 'sale' AND product_id = ?", id);
  const entries = { part: 'AS "onHandAfter"', reads: 1 };
  expect(await reconcileUnderChange(deps, id, entries)).toEqual({
    mended: ["stock_projection_differs"],
    open: [],
    isCompared: true,
  });
  expect(await findingsOf(id)).toMatchObject([{ kind: "stock_projection_differs" }]);
  expect(await stub(id).reconcile({ isStale: false })).toMatchObject({ mended: [], open: [] });
});

test("an open finding stays open while the object changes during every comparison", async () => {
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  await tamper(
    "INSERT INTO ledger (id, product_id, type, delta, on_hand_after, actor, created_at) VALUES ('txn_y', ?, 'restock', 3, 3, 'x', 5)",
    id,
  );
  expect(await reconcileStock(deps, { everything: true })).toMatchObject({ openStockFindings: 1 });
  const reconcileBusy = (): Promise<Reconciliation> =>
    reconcileUnderChange(deps, id, { part: "FROM stock_levels", reads: Number.MAX_SAFE_INTEGER });
  const busy: InventoryDeps = {
    ...deps,
    stock: (productId) => ({ ...deps.stock(productId), reconcile: reconcileBusy }),
  };
  expect(await reconcileStock(busy, { everything: true })).toMatchObject({ openStockFindings: 0 });
  expect(await findingsOf(id)).toMatchObject([{ kind: "stock_ledger_differs", outcome: "open" }]);
});

test("each run takes the products compared longest ago, and goes on past one whose object fails", async () => {
  const { deps } = warehouse();
  const [down, fine] = [await busyProduct(deps), await busyProduct(deps)];
  await tamper("UPDATE stock_levels SET reconciled_at = ? ", Date.now());
  await tamper("UPDATE stock_levels SET reconciled_at = -1, name = 'Another' WHERE product_id IN (?, ?)", down, fine);
  const half: InventoryDeps = {
    ...deps,
    stock: (productId) => {
      if (productId === down) throw new Error("the object is down");
      return deps.stock(productId);
    },
  };
  expect(await reconcileStock(half, { everything: false })).toMatchObject({ correctedProjections: 1 });
  const { results } = await env.DB.prepare(
    "SELECT name, reconciled_at > 0 AS marked FROM stock_levels WHERE product_id IN (?, ?) ORDER BY product_id",
  )
    .bind(down, fine)
    .all();
  expect(results).toEqual([
    { name: "Another", marked: 1 },
    { name: "A product", marked: 1 },
  ]);
});

test("a product is left alone for an hour after its comparison", async () => {
  const comparedAt = Date.now();
  let now = comparedAt;
  const { deps } = warehouse(() => now);
  const id = await busyProduct(deps);
  await reconcileStock(deps, { everything: true });
  await tamper("UPDATE stock_levels SET name = 'Another' WHERE product_id = ?", id);
  now = comparedAt + RECONCILE_PAUSE_MS;
  expect(await reconcileStock(deps, { everything: false })).toMatchObject({ correctedProjections: 0 });
  now += 1;
  expect(await reconcileStock(deps, { everything: false })).toMatchObject({ correctedProjections: 1 });
});

test("the object of a product that was never opened is not called", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  await reconcileStock(deps, { everything: true });
  const tables = await runInDurableObject(stub(id), (_instance, state) =>
    state.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'level'").toArray(),
  );
  expect(tables).toEqual([]);
});

test("the object drops old ledger entries and keeps their sum", async () => {
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  const old = Date.now() - RETENTION_MS - 1_000;
  await inObject(id, `UPDATE ledger SET created_at = ${String(old)}`, "UPDATE level SET purged_at = 1");
  await tamper("UPDATE ledger SET created_at = ? WHERE product_id = ?", old, id);
  await deps.stock(id).adjust({ delta: 9, reason: "restock", actor: "usr_1" }, TRACE);
  await flush(id);
  const kept = await runInDurableObject(stub(id), (_instance, state) => ({
    entries: state.storage.sql.exec("SELECT delta FROM ledger").toArray(),
    folded: state.storage.sql.exec("SELECT delta FROM folded").toArray(),
  }));
  expect(kept).toEqual({ entries: [{ delta: 9 }], folded: [{ delta: 4 }] });
  expect(await ledgerOf(id)).toHaveLength(3);
  expect(await reconcileStock(deps, { everything: true })).toEqual({ correctedProjections: 0, openStockFindings: 0 });
});

test("a level that opens from a ledger in D1 is consistent", async () => {
  const { deps } = warehouse();
  const id = await stocked(20);
  await tamper("UPDATE stock_levels SET opening = 12 WHERE product_id = ?", id);
  await tamper(
    "INSERT INTO ledger (id, product_id, type, delta, on_hand_after, actor, created_at) VALUES (?, ?, 'restock', 8, 20, 'x', 5)",
    newId("txn"),
    id,
  );
  await levelOf(deps, id);
  expect(await stub(id).reconcile({ isStale: false })).toMatchObject({ mended: [], open: [] });
});

test("an object opened by an earlier version counts a change of a reservation once, as a new one does", async () => {
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  await inObject(
    id,
    "DROP TRIGGER reservation_added",
    `CREATE TRIGGER reservation_added AFTER INSERT ON reservations WHEN NEW.state IN ('held', 'reserved')
      BEGIN UPDATE level SET taken = taken + NEW.quantity, taken_counted = taken_counted + NEW.counted * NEW.quantity; END`,
  );
  await levelOf(deps, id);
  await evictDurableObject(stub(id));
  const sequence = async (): Promise<number> =>
    await runInDurableObject(stub(id), (_instance, { storage }) =>
      Number(storage.sql.exec("SELECT sequence FROM level").one()["sequence"]),
    );
  const before = await sequence();
  await receive(deps, [order([{ productId: id, quantity: 1 }]).event("ORDER_CREATED")]);
  expect(await sequence()).toBe(before + 1);
  await flush(id);
  expect(await reconcileStock(deps, { everything: true })).toEqual({ correctedProjections: 0, openStockFindings: 0 });
  const triggers = await runInDurableObject(stub(id), (_instance, { storage }) =>
    storage.sql.exec("SELECT sql FROM sqlite_master WHERE name = 'reservation_added'").one(),
  );
  expect(triggers["sql"]).toContain("sequence");
});

test("an object opened by an earlier version gets the tables that it lacks", async () => {
  const { deps } = warehouse();
  const id = await busyProduct(deps);
  await inObject(id, "DROP TABLE folded", "DROP TABLE returns", "DROP TABLE audit");
  await levelOf(deps, id);
  await evictDurableObject(stub(id));
  expect(await sweep(deps, { everything: true })).toMatchObject({ correctedProjections: 0, openStockFindings: 0 });
  await deps.stock(id).adjust({ delta: 1, reason: "restock", actor: "usr_1" }, TRACE);
  expect(await reconcileStock(deps, { everything: true })).toEqual({ correctedProjections: 0, openStockFindings: 0 });
});
