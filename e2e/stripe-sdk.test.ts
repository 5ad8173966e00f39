// Runs the code of docs/stripe-sandbox.md, which sets up Stripe's SDK against the sandbox, and compares its output with the page.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../scripts/local/workers.ts";
import { startShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({}, { seed: false });
});

afterAll(async () => {
  await shop.close();
});

const PAGE = readFileSync(path.join(ROOT, "docs/stripe-sandbox.md"), "utf8");

/** The blocks of one language, in order. */
function blocks(language: string): string {
  return [...PAGE.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(([, text = ""]) => text).join("\n");
}

it("runs unchanged and prints what the page shows", async () => {
  const { port } = new URL(shop.origin);
  const program = ["--input-type=module", "--eval", blocks("js")];
  const { stdout } = await promisify(execFile)(process.execPath, program, {
    cwd: ROOT,
    env: { ...process.env, PORT: port },
  });
  expect(stdout).toBe(blocks("text"));
});
