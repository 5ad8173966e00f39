// Two hundred orders whose every event and webhook comes doubled and shuffled.
import { expect, it } from "vitest";
import { disorder } from "./disorder.ts";

const ORDERS = Number(process.env["CHAOS_ORDERS"] ?? 200);
const SEED = Number(process.env["CHAOS_SEED"] ?? 20_262);

it(`${String(ORDERS)} orders under duplicates and disorder end as clean ones do (CHAOS_SEED=${String(SEED)})`, async () => {
  const { orders, copies, wrong } = await disorder(ORDERS, SEED);
  console.log(`${String(orders)} orders; deliveries: ${JSON.stringify(copies)}; ${String(wrong.length)} wrong`);
  expect(wrong).toEqual([]);
});
