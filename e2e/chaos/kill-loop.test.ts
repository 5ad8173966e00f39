// Thirty kills of the server under load.
import { expect, it } from "vitest";
import { figuresOf, killLoop } from "./kill-loop.ts";

const ROUNDS = 30;
const SEED = Number(process.env["CHAOS_SEED"] ?? 20_261);

it(`loses and doubles nothing in ${String(ROUNDS)} kills under load (CHAOS_SEED=${String(SEED)})`, async () => {
  const result = await killLoop(ROUNDS, SEED);
  console.log(figuresOf(result));
  expect(result.audit.wrong).toEqual([]);
});
