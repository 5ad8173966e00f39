import { expect, it } from "vitest";
import { mapConcurrent } from "../concurrency.ts";
import { StaleWrite } from "../database.ts";
import { replayOrRefuse, retryOnStale } from "../retry.ts";

it("a decision that another request overtook is made again, and given up after some attempts", async () => {
  let runs = 0;
  const staleUntil = (last: number) => async (): Promise<number> => {
    runs += 1;
    if (runs < last) throw new StaleWrite("changed");
    return await Promise.resolve(runs);
  };
  expect(await retryOnStale(staleUntil(3))).toBe(3);
  runs = 0;
  await expect(retryOnStale(staleUntil(9), { attempts: 4 })).rejects.toBeInstanceOf(StaleWrite);
  expect(runs).toBe(4);
});

it("an error that is no StaleWrite is not retried", async () => {
  let runs = 0;
  const failing = (): Promise<never> => {
    runs += 1;
    return Promise.reject(new Error("down"));
  };
  await expect(retryOnStale(failing)).rejects.toThrow("down");
  expect(runs).toBe(1);
});

it("a repeated request gets the stored result, and another body under its key is refused", () => {
  expect(replayOrRefuse({ fingerprint: "f" }, "f", () => 1)).toEqual({ ok: true, value: 1 });
  expect(replayOrRefuse({ fingerprint: "f" }, "g", () => 1)).toMatchObject({
    ok: false,
    error: { code: "idempotency_key_reused" },
  });
});

it("mapConcurrent answers in the order of the items and begins nothing after a failure", async () => {
  const doubled = await mapConcurrent([3, 1, 2], { concurrency: 2 }, async (item) => {
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    return item * 2;
  });
  expect(doubled).toEqual([6, 2, 4]);
  const begun: number[] = [];
  const failing = mapConcurrent([1, 2, 3], { concurrency: 1 }, async (item) => {
    begun.push(item);
    return await Promise.reject(new Error("down"));
  });
  await expect(failing).rejects.toThrow("down");
  expect(begun).toEqual([1]);
});
