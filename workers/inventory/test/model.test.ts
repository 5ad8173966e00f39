// Random sequences of steps on one product, compared with a simple model: holds, orders' events in any order and number, staff,
// time, evictions, failed flushes, purges and reconciliation. The invariants are checked inside the object after each step.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, assert, test, vi } from "vitest";
import { newId } from "#shared/ids";
import { callAs } from "#shared/testkit/kit";
import { auditRow } from "#shared/audit";
import { purgeReservations } from "../src/store/sweeps.ts";
import { Model, OPENING } from "./model.ts";
import { TRACE, env, eventsAbout, ledgerOf, projectionOf, stocked, stub, warehouse } from "./warehouse.ts";
import type { Warehouse } from "./warehouse.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

afterEach(() => {
  vi.useRealTimers();
});

const Owner = fc.integer({ min: 0, max: 3 });
const Quantity = fc.integer({ min: 1, max: 6 });
const Change = fc.oneof(
  fc.record({
    kind: fc.constant("hold"),
    owner: Owner,
    quantity: Quantity,
    projected: fc.boolean(),
    counted: fc.boolean(),
    minimum: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ kind: fc.constant("undo"), owner: Owner }),
  fc.record({ kind: fc.constant("stopCounting"), owner: Owner }),
  fc.record({ kind: fc.constant("reserve"), owner: Owner, quantity: Quantity, counted: fc.boolean() }),
  fc.record({ kind: fc.constant("consume"), owner: Owner, quantity: Quantity }),
  fc.record({ kind: fc.constant("release"), owner: Owner }),
  fc.record({
    kind: fc.constant("return"),
    owner: Owner,
    quantity: Quantity,
    id: fc.integer({ min: 0, max: 5 }),
    shipped: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("adjust"), delta: fc.integer({ min: -8, max: 12 }).filter((delta) => delta !== 0) }),
  fc.record({ kind: fc.constant("count"), counted: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ kind: fc.constant("threshold"), threshold: fc.integer({ min: 0, max: 14 }) }),
);
const Upkeep = fc.record({
  kind: fc.constantFrom("flush", "failing flush", "evict", "reconcile", "minute", "month", "all at once"),
});
type Change = typeof Change extends fc.Arbitrary<infer T> ? T : never;
type Upkeep = typeof Upkeep extends fc.Arbitrary<infer T> ? T : never;

interface Inside {
  readonly onHand: number;
  readonly taken: number;
  readonly ledgerSum: number;
  readonly takenSum: number;
  readonly takenCounted: number;
  readonly countedSum: number;
  readonly expired: number;
  readonly expiredCounted: number;
  readonly armed: number;
  readonly threshold: number;
  readonly sequence: number;
}

const INSIDE = `SELECT on_hand AS onHand, taken,
  opening + (SELECT delta FROM folded) + (SELECT coalesce(sum(delta), 0) FROM ledger) AS ledgerSum,
  (SELECT coalesce(sum(quantity), 0) FROM reservations WHERE state IN ('held', 'reserved')) AS takenSum,
  taken_counted AS takenCounted,
  (SELECT coalesce(sum(counted * quantity), 0) FROM reservations WHERE state IN ('held', 'reserved')) AS countedSum,
  (SELECT coalesce(sum(quantity), 0) FROM reservations WHERE state = 'held' AND expires_at <= ?1) AS expired,
  (SELECT coalesce(sum(counted * quantity), 0) FROM reservations WHERE state = 'held' AND expires_at <= ?1) AS expiredCounted,
  armed, threshold, level.sequence AS sequence FROM level`;

async function same(answer: Promise<{ readonly ok: boolean }>, { ok }: { readonly ok: boolean }): Promise<void> {
  assert.equal((await answer).ok, ok);
}

class Story {
  readonly #shop: Warehouse;
  readonly #model = new Model();
  readonly #id: string;
  readonly #owners = Array.from({ length: 4 }, () => newId("req"));
  readonly #attempts = new Map<number, string>();
  /** Whether STOCK_LOW was armed at the last check, how often it was published, and how often it may have been within one step. */
  #before: Pick<Inside, "armed" | "sequence"> = { armed: 1, sequence: 1 };
  #published = 0;
  #mayHavePublished = 0;

  constructor(shop: Warehouse, id: string) {
    this.#shop = shop;
    this.#id = id;
  }

  /** Sends the object and the model the same command and compares the answers. The model does not wait for the object. */
  change(step: Change): Promise<void> {
    const { deps } = this.#shop;
    const stock = deps.stock(this.#id);
    const model = this.#model;
    if (step.kind === "threshold") {
      const entry = { action: "stock.set_threshold", subject: this.#id };
      const audit = auditRow(callAs("admin"), Date.now(), entry);
      return stock.setThreshold({ threshold: step.threshold, audit }, TRACE).then(() => undefined);
    }
    if (step.kind === "count") {
      const { counted } = step;
      return same(stock.adjust({ counted, actor: "usr_1" }, TRACE), { ok: model.count(counted) });
    }
    if (step.kind === "adjust") {
      const expected = model.adjust(step.delta);
      const answer = stock.adjust({ delta: step.delta, reason: "correction", actor: "usr_1" }, TRACE);
      return same(answer, { ok: expected });
    }
    return this.#order(step);
  }

  #order(step: Exclude<Change, { kind: "adjust" | "count" | "threshold" }>): Promise<void> {
    const stock = this.#shop.deps.stock(this.#id);
    const model = this.#model;
    const owner = this.#owners[step.owner] ?? "";
    if (step.kind === "hold") {
      const attempt = newId("req");
      const expiresAt = Date.now() + 30_000;
      const { projected, quantity, counted, minimum } = step;
      const expected = model.hold(step.owner, quantity, expiresAt, { counted, minimum });
      if (expected) this.#attempts.set(step.owner, attempt);
      const request = { owner, quantity, expiresAt, attempt, projected, counted, minimum };
      return same(stock.hold(request, TRACE), { ok: expected });
    }
    if (step.kind === "undo") {
      model.undo(step.owner);
      return stock.undo(owner, this.#attempts.get(step.owner) ?? "none", TRACE);
    }
    if (step.kind === "stopCounting") {
      model.stopCounting(step.owner);
      return same(stock.stopCounting(owner, TRACE), { ok: true });
    }
    if (step.kind === "release") {
      const expected = model.release(step.owner);
      return stock.release(owner, TRACE).then((released) => assert.equal(released, expected));
    }
    const line = { owner, orderId: `ord_${owner}`, quantity: step.quantity };
    if (step.kind === "return") {
      const returnId = `${owner}:${String(step.id)}`;
      model.takeBack(step.owner, step.quantity, returnId, { shipped: step.shipped });
      return same(stock.takeBack({ ...line, returnId, shipped: step.shipped }, TRACE), { ok: true });
    }
    if (step.kind === "reserve") {
      const { counted } = step;
      return same(stock.reserve({ ...line, counted }, TRACE), {
        ok: model.reserve(step.owner, step.quantity, { counted }),
      });
    }
    return same(stock.consume(line, TRACE), { ok: model.consume(step.owner, step.quantity) });
  }

  async upkeep(kind: Upkeep["kind"]): Promise<void> {
    if (kind === "minute") vi.setSystemTime(Date.now() + 60_000);
    else if (kind === "evict") await evictDurableObject(stub(this.#id));
    else if (kind === "flush") await this.alarm();
    else if (kind === "reconcile") await this.expectConsistent();
    else if (kind === "failing flush") {
      await env.DB.exec("ALTER TABLE ledger RENAME TO hidden");
      await this.alarm();
      await env.DB.exec("ALTER TABLE hidden RENAME TO ledger");
    } else if (kind === "month") {
      await this.alarm();
      const leapedFrom = Date.now();
      vi.setSystemTime(leapedFrom + 31 * DAY_MS);
      await this.alarm();
      this.#model.forget(leapedFrom);
      await purgeReservations(this.#shop.deps);
    } else {
      await Promise.all([
        this.expectConsistent(),
        this.change({ kind: "adjust", delta: 1 }),
        this.alarm(),
        this.change({ kind: "reserve", owner: 0, quantity: 1, counted: true }),
        this.expectConsistent(),
        this.change({ kind: "consume", owner: 0, quantity: 1 }),
      ]);
    }
  }

  async alarm(): Promise<void> {
    await runInDurableObject(stub(this.#id), (instance) => instance.alarm());
  }

  /** Reconciliation finds nothing, except an alarm that is late because the clock was moved. */
  async expectConsistent(): Promise<void> {
    const { mended, open } = await stub(this.#id).reconcile({ isStale: false });
    assert.deepEqual([...mended.filter((kind) => kind !== "stock_alarm_lost"), ...open], []);
  }

  /** Only a step that may add goods or moves the threshold arms STOCK_LOW; moving the threshold never publishes it. */
  async check(kind: Change["kind"] | Upkeep["kind"]): Promise<void> {
    const brings = ["adjust", "count", "return", "threshold", "all at once"].includes(kind);
    const mayRing = kind !== "threshold";
    const inside = await runInDurableObject(stub(this.#id), (_instance, state) =>
      state.storage.sql.exec<Inside & Record<string, SqlStorageValue>>(INSIDE, Date.now()).one(),
    );
    const { onHand, taken, takenCounted } = this.#model;
    const { armed, threshold, sequence } = inside;
    if (sequence > this.#before.sequence && onHand - taken <= threshold) assert.equal(armed, 0);
    if (armed > this.#before.armed) assert.isTrue(brings);
    if (mayRing && armed < this.#before.armed) this.#published += 1;
    else if (mayRing && brings && this.#before.armed === 1) this.#mayHavePublished += 1;
    this.#before = { armed, sequence };
    const { expired, expiredCounted } = inside;
    assert.deepInclude(inside, { onHand, ledgerSum: onHand, taken: taken + expired, takenSum: taken + expired });
    const counted = takenCounted + expiredCounted;
    assert.deepInclude(inside, { takenCounted: counted, countedSum: counted });
    assert.isAtMost(inside.taken, onHand);
  }

  async end(): Promise<void> {
    await this.alarm();
    await this.expectConsistent();
    const { onHand, taken } = this.#model;
    const projection = await projectionOf(this.#id);
    assert.deepEqual([projection?.opening, projection?.on_hand], [OPENING, onHand]);
    const sum = (await ledgerOf(this.#id)).reduce((total, { delta }) => total + delta, 0);
    assert.equal(OPENING + sum, onHand);
    await this.#checkEvents(onHand - taken);
  }

  /** STOCK_LOW was published as often as it was disarmed, and STOCK_AVAILABILITY_CHANGED at each crossing. */
  async #checkEvents(available: number): Promise<void> {
    const events = await eventsAbout(this.#id);
    for (const event of events) {
      if (event.type === "STOCK_LOW") assert.isAtMost(event.data.available, event.data.threshold);
    }
    const lows = events.filter(({ type }) => type === "STOCK_LOW").length;
    assert.isAtLeast(lows, this.#published);
    assert.isAtMost(lows, this.#published + this.#mayHavePublished);
    const changes = events.flatMap((event) => (event.type === "STOCK_AVAILABILITY_CHANGED" ? [event.data] : []));
    const inOrder = changes.toSorted((a, b) => a.sequence - b.sequence);
    for (const [index, { availability }] of inOrder.entries()) {
      assert.notEqual(availability, inOrder[index - 1]?.availability ?? "in_stock");
    }
    const last = inOrder.at(-1)?.availability ?? "in_stock";
    const answer = await this.#shop.deps.stock(this.#id).level();
    if (!answer.ok) throw new Error("the product is gone");
    assert.equal(answer.value.available, available);
    if (this.#model.taken === 0) assert.equal(last, answer.value.status);
  }
}

// oxlint-disable-next-line vitest/expect-expect -- the steps assert
test("any sequence of steps agrees with the model at every step, and with D1 at the end", async () => {
  const steps = fc.array(fc.oneof({ weight: 4, arbitrary: Change }, { weight: 1, arbitrary: Upkeep }), {
    minLength: 10,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
      try {
        const story = new Story(warehouse(), await stocked(OPENING));
        await story.change({ kind: "adjust", delta: 1 });
        await story.check("adjust");
        for (const step of sequence) {
          if ("owner" in step || "delta" in step || "counted" in step || "threshold" in step) await story.change(step);
          else await story.upkeep(step.kind);
          await story.check(step.kind);
        }
        await story.end();
      } finally {
        vi.useRealTimers();
      }
    }),
    { numRuns: 12 },
  );
}, 60_000);
