// Orders of more lines than a hold takes at a time: held, reserved, sold and released together, or not at all. Making an object costs
// more than all its calls, so the tests share one shelf of two chunks.
import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { StockLine } from "#shared/events/catalogue";
import type { EventEnvelope } from "#shared/events/envelope";
import { newId } from "#shared/ids";
import { MAX_LINES, MAX_SHORTAGES } from "#shared/limits";
import { callAs, deliver } from "#shared/testkit/kit";
import { CONSUMER_LINES, HOLD_CHUNK, HOLD_DEADLINE_MS, HOLD_TTL_MS } from "../src/constants.ts";
import { consumeWith } from "../src/consumer.ts";
import type { InventoryDeps } from "../src/service/deps.ts";
import { hold, releaseHold } from "../src/service/holds.ts";
import { catalogProduct, env, eventsAbout, order, returned, stub, warehouse } from "./warehouse.ts";
import type { Warehouse } from "./warehouse.ts";

const call = callAs("customer");
const INBOX = "tradepost-inventory-inbox";
/** Some thousand calls of objects on a busy machine. */
const SLOW = { timeout: 120_000 };

afterEach(() => {
  vi.useRealTimers();
});

/** Products with this much on hand, written as the seeds write them. In the order of their ids. */
async function shelf(count: number, onHand: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId("prd")).toSorted();
  await env.DB.prepare(
    `INSERT INTO stock_levels (product_id, sku, name, vendor_id, opening, on_hand, available, low_stock_threshold, availability,
      updated_at, threshold) SELECT value, 'SKU', 'A product', NULL, ?2, ?2, ?2, 0, 'in_stock', 0, 0 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(ids), onHand)
    .run();
  return ids;
}

function linesOf(ids: readonly string[], quantity = 1): StockLine[] {
  return ids.map((productId) => ({ productId, quantity }));
}

/** What the objects of these products have, each figure once: `["5 on hand, 2 taken"]` when all are alike. */
async function figuresOf(ids: readonly string[]): Promise<readonly string[]> {
  const figures = await Promise.all(
    ids.map((id) =>
      runInDurableObject(stub(id), (_stock, { storage: { sql } }) => {
        const isOpen = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'level'").toArray().length > 0;
        if (!isOpen) return "closed";
        const [row] = sql.exec<{ on_hand: number; taken: number }>("SELECT on_hand, taken FROM level").toArray();
        return `${String(row?.on_hand)} on hand, ${String(row?.taken)} taken`;
      }),
    ),
  );
  return [...new Set(figures)];
}

async function receive({ deps }: Pick<Warehouse, "deps">, events: readonly EventEnvelope[]): Promise<void> {
  await deliver((batch) => consumeWith(deps, batch), INBOX, events);
}

/** The same, with objects of these products that fail to do this. */
function failing(deps: InventoryDeps, method: "hold" | "undo", ids: readonly string[]): InventoryDeps {
  return {
    ...deps,
    stock: (productId) => {
      const stock = deps.stock(productId);
      if (!ids.includes(productId)) return stock;
      return new Proxy(stock, {
        get: (target, property) =>
          property === method
            ? () => Promise.reject(new Error("the object failed"))
            : (Reflect.get(target, property) as unknown),
      });
    },
  };
}

let ids: readonly string[] = [];
/** With one unit each; the one sorts before the shelf, the other after it. */
let scarce: readonly string[] = [];

beforeAll(async () => {
  const first = await shelf(1, 1);
  ids = await shelf(HOLD_CHUNK + 10, 10);
  scarce = [...first, ...(await shelf(1, 1))];
});

describe("an order of more lines than one chunk", SLOW, () => {
  it("is held, reserved and shipped, another is cancelled, and what comes back is on the shelf again", async () => {
    const shop = warehouse();
    const [sold, cancelled] = [order(linesOf(ids, 3)), order(linesOf(ids, 4))];
    for (const { owner, lines } of [sold, cancelled]) {
      expect(await hold(shop.deps, call, { owner, lines: [...lines] })).toMatchObject({
        ok: true,
        value: { newlyHeld: lines },
      });
    }
    await receive(shop, [sold.event("ORDER_CREATED"), cancelled.event("ORDER_CREATED")]);
    expect(await figuresOf(ids)).toEqual(["10 on hand, 7 taken"]);
    await receive(shop, [sold.event("ORDER_SHIPPED"), cancelled.event("ORDER_CANCELLED")]);
    expect(await figuresOf(ids)).toEqual(["7 on hand, 0 taken"]);
    const [first = ""] = ids;
    await receive(shop, [returned(sold, linesOf([first], 1), { shipped: true })]);
    expect(await figuresOf(ids)).toEqual(["8 on hand, 0 taken", "7 on hand, 0 taken"]);
    const rest = ids.map((productId) => ({ productId, quantity: productId === first ? 2 : 3 }));
    await receive(shop, [returned(sold, rest, { shipped: true })]);
    expect(await figuresOf(ids)).toEqual(["10 on hand, 0 taken"]);
  });

  it("is rejected with the first shortages and their number", async () => {
    const shop = warehouse();
    const unheld = order([...linesOf(scarce, 1), ...linesOf(ids, 11)]);
    await receive(shop, [unheld.event("ORDER_CREATED")]);
    const [rejected, ...more] = await eventsAbout(unheld.orderId);
    expect(more).toEqual([]);
    expect(rejected).toMatchObject({ type: "STOCK_REJECTED", data: { shortageCount: ids.length } });
    expect(rejected?.type === "STOCK_REJECTED" ? rejected.data.shortages : []).toHaveLength(MAX_SHORTAGES);
    expect(await figuresOf(scarce)).toEqual(["1 on hand, 0 taken"]);
  });

  it("names every shortage when it is held, also those of later chunks", async () => {
    const { deps } = warehouse();
    const refused = await hold(deps, call, { owner: newId("req"), lines: linesOf([...ids, ...scarce], 2) });
    const shortages = scarce.map((productId) => ({ productId, requested: 2, available: 1 }));
    expect(refused).toMatchObject({ ok: false, error: { code: "insufficient_stock", shortages } });
    expect(await figuresOf(ids)).toEqual(["10 on hand, 0 taken"]);
  });

  it("of products that only the catalog knows opens their objects with one call of the catalog", async () => {
    const shop = warehouse();
    const pricedProducts = vi.fn<InventoryDeps["catalog"]["pricedProducts"]>((...given) =>
      shop.deps.catalog.pricedProducts(...given),
    );
    const deps: InventoryDeps = { ...shop.deps, catalog: { ...shop.deps.catalog, pricedProducts } };
    const lines = linesOf([catalogProduct(), catalogProduct(), catalogProduct()]);
    expect(await hold(deps, call, { owner: newId("req"), lines })).toMatchObject({
      error: { code: "insufficient_stock", shortages: [{}, {}, {}] },
    });
    expect(pricedProducts).toHaveBeenCalledTimes(1);
  });
});

describe("a hold that ends early", SLOW, () => {
  const request = (): { owner: string; lines: StockLine[] } => ({ owner: newId("req"), lines: linesOf(ids, 10) });

  it("because an object fails has released the others when it throws", async () => {
    const deps = failing(warehouse().deps, "hold", ids.slice(-1));
    await expect(hold(deps, call, request())).rejects.toThrow("the object failed");
    expect(await figuresOf(ids)).toEqual(["10 on hand, 0 taken"]);
  });

  it("at its deadline has released everything and may be tried again", async () => {
    let now = Date.now();
    const { deps } = warehouse(() => now);
    const slow: InventoryDeps = {
      ...deps,
      stock: (productId) => {
        if (productId === ids[0]) now += HOLD_DEADLINE_MS + 1;
        return deps.stock(productId);
      },
    };
    const wanted = request();
    expect(await hold(slow, call, wanted)).toMatchObject({ ok: false, error: { code: "service_unavailable" } });
    expect(await figuresOf(ids)).toEqual(["10 on hand, 0 taken"]);
    expect(await hold(deps, call, wanted)).toMatchObject({ ok: true });
    await releaseHold(deps, call, { owner: wanted.owner, productIds: [...ids] });
    expect(await figuresOf(ids)).toEqual(["10 on hand, 0 taken"]);
  });

  it("in a crash is free again after its time", async () => {
    const { deps } = warehouse();
    // Neither the rest of the hold nor its undoing reaches the objects.
    const crashed = failing(failing(deps, "undo", ids), "hold", ids.slice(HOLD_CHUNK));
    await expect(hold(crashed, call, request())).rejects.toThrow("the object failed");
    expect(await figuresOf(ids.slice(0, HOLD_CHUNK))).toEqual(["10 on hand, 10 taken"]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOLD_TTL_MS + 1 });
    const wanted = request();
    expect(await hold(deps, call, wanted)).toMatchObject({ ok: true });
    await releaseHold(deps, call, { owner: wanted.owner, productIds: [...ids] });
  });
});

it("of two overlapping carts of many lines at once, at most one wins and only its lines are held", SLOW, async () => {
  const { deps } = warehouse();
  const carts = [ids.slice(0, -5), ids.slice(5)];
  const owners = carts.map(() => newId("req"));
  const outcomes = await Promise.all(
    carts.map((cart, index) => hold(deps, call, { owner: owners[index] ?? "", lines: linesOf(cart, 10) })),
  );
  const won = carts.filter((_cart, index) => outcomes[index]?.ok === true);
  expect(won.length).toBeLessThanOrEqual(1);
  const [winner = []] = won;
  expect(await figuresOf(winner)).toEqual(won.map(() => "10 on hand, 10 taken"));
  expect(await figuresOf(ids.filter((id) => !winner.includes(id)))).toEqual(["10 on hand, 0 taken"]);
});

it("a batch of more lines than one invocation may take is finished by others", async () => {
  const shop = warehouse();
  // The lines count, not the objects.
  const lines = Array.from({ length: MAX_LINES }, () => ({ productId: scarce[0] ?? "", quantity: 1 }));
  const events = Array.from({ length: 5 }, () => order(lines).event("ORDER_CANCELLED"));
  const delivery = await deliver((batch) => consumeWith(shop.deps, batch), INBOX, events);
  expect(delivery.acknowledged).toHaveLength(events.length);
  const again = shop.sent.filter(({ consumer }) => consumer === "inventory").map(({ event }) => event);
  expect(again).toEqual(events.slice(CONSUMER_LINES / MAX_LINES));
  const dead = await deliver((batch) => consumeWith(shop.deps, batch), "tradepost-inventory-dead-letters", events);
  expect(dead.acknowledged).toHaveLength(events.length);
  expect(shop.sent.filter(({ consumer }) => consumer === "inventory")).toHaveLength(again.length);
});
