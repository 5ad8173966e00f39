// Two hundred orders whose events and webhooks arrive several times and out of order.
import { expect, it } from "vitest";
import { disorder } from "./disorder.ts";

const ORDERS = Number(process.env["CHAOS_ORDERS"] ?? 200);
const SEED = Number(process.env["CHAOS_SEED"] ?? 20_262);

it(`${String(ORDERS)} orders end the same under duplicates and disorder (CHAOS_SEED=${String(SEED)})`, async () => {
  const { orders, copies, wrong } = await disorder(ORDERS, SEED);
  console.log(`${String(orders)} orders; deliveries: ${JSON.stringify(copies)}; ${String(wrong.length)} wrong`);
  expect(wrong).toEqual([]);
});
