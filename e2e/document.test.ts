// The documentation against a running shop: docs/first-order.md as written, and the examples of the OpenAPI document that read seeded
// data.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../scripts/local/workers.ts";
import { EXAMPLES } from "../workers/gateway/src/openapi/examples.ts";
import { allRoutes } from "../workers/gateway/src/routes.ts";
import type { Client } from "../scripts/shop/client.ts";
import { openSharedShop } from "./harness.ts";
import type { Shop } from "./harness.ts";

let shop: Shop;
let admin: Client;

beforeAll(async () => {
  ({ shop, admin } = await openSharedShop());
});

afterAll(async () => {
  await shop.close();
});

const run = promisify(execFile);

describe("docs/first-order.md", () => {
  const page = readFileSync(path.join(ROOT, "docs/first-order.md"), "utf8");
  const script = [...page.matchAll(/^```sh\n(?<code>.*?)^```$/gms)]
    .map(({ groups }) => groups?.["code"] ?? "")
    .join("\n");

  it("makes ten calls", () => {
    expect([...page.matchAll(/^\*\*(?<number>\d+)\. /gm)].map(({ groups }) => Number(groups?.["number"]))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
  });

  it("ships an order when it is run unchanged", async () => {
    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], {
      timeout: 50_000,
      env: {
        ...process.env,
        BASE_URL: shop.origin,
        PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env["PATH"] ?? ""}`,
      },
    });
    expect(stdout.trim().split("\n")).toEqual(["requires_capture", "PROCESSING", "SHIPPED"]);
  });
});

/** Whether all parameters are ids of the seed, or no ids. Other ids exist only in the run that made them. */
function isOfTheSeed(params: Readonly<Record<string, unknown>> = {}): boolean {
  return Object.values(params).every((value) => !/_[0-9a-f]{32}/.test(String(value)));
}

describe("an example of the document that reads", () => {
  const reads = allRoutes
    .filter(({ method, socket }) => method === "get" && socket === undefined)
    .map(({ operationId, path: pattern }) => ({ operationId, pattern, example: EXAMPLES[operationId] ?? {} }))
    .filter(({ example }) => example.answer !== undefined && isOfTheSeed(example.params));

  it("exists for most routes that read", () => {
    expect(reads.length).toBeGreaterThan(25);
  });

  it.each(reads)("$operationId has the documented status and members", async ({ pattern, example }) => {
    const filled = pattern.replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(example.params?.[name]));
    const query = new URLSearchParams(
      Object.entries(example.query ?? {}).map(([name, value]) => [name, String(value)]),
    ).toString();
    const answer = await admin.call<Record<string, unknown>>("GET", query === "" ? filled : `${filled}?${query}`);
    expect(answer.status, JSON.stringify(answer.body)).toBe(example.status);
    expect(Object.keys(answer.body)).toEqual(
      expect.arrayContaining(Object.keys(example.answer as Record<string, unknown>)),
    );
  });
});
