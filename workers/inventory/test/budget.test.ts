// The rows that one order writes in a Stock object, which Cloudflare bills like D1's: shared/budget.json has them for `npm run cost`.
import { runInDurableObject } from "cloudflare:test";
import { expect, test, vi } from "vitest";
import { callAs } from "#shared/testkit/kit";
import counts from "../../../shared/budget.json" with { type: "json" };
import { hold } from "../src/service/holds.ts";
import { flush, order, receive, stocked, stub, warehouse } from "./warehouse.ts";

test("a one-line order writes few rows in the object of its product", async () => {
  const { deps } = warehouse();
  const productId = await stocked(20);
  await deps.stock(productId).level();
  let rows = 0;
  let alarms = 0;
  await runInDurableObject(stub(productId), (_instance, state) => {
    const { sql } = state.storage;
    const exec = sql.exec.bind(sql);
    vi.spyOn(sql, "exec").mockImplementation((query, ...bindings) => {
      const cursor = exec(query, ...bindings);
      rows += cursor.rowsWritten;
      return cursor;
    });
    const setAlarm = state.storage.setAlarm.bind(state.storage);
    vi.spyOn(state.storage, "setAlarm").mockImplementation(async (time) => {
      alarms += 1;
      await setAlarm(time);
    });
  });
  const lines = [{ productId, quantity: 1 }];
  const one = order(lines);
  const held = await hold(deps, callAs("customer"), { owner: one.owner, counted: true, lines });
  expect(held.ok).toBe(true);
  await receive(deps, [one.event("ORDER_CREATED")]);
  await flush(productId);
  expect(rows).toBeGreaterThan(0);
  expect(alarms).toBeGreaterThan(0);
  expect(rows + alarms).toBe(counts.orderInObjects.stockRowsWritten);
});
