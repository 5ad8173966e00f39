// Setup file of every Worker's test project: after each file, SQLite explains every statement that the Worker's code ran in it. The file
// fails when one scans or sorts a table that grows. D1 keeps no statistics, so the plan is the same on an empty table and on a full one.
import { afterAll } from "vitest";
import { env } from "cloudflare:workers";
import { onStatement } from "../database.ts";
import { violationsOf } from "./plan-rules.ts";
import type { PlanStep } from "./plan-rules.ts";

const { DB } = env as unknown as { DB: D1Database };
/** Each statement's text with the parameters of its first run. A runtime explains each text once. */
const heard = new Map<string, readonly unknown[] | "explained">();

onStatement((text, params) => {
  // A test may look at plans itself.
  if (!heard.has(text) && !text.startsWith("EXPLAIN")) heard.set(text, params);
});

async function explain(text: string, params: readonly unknown[]): Promise<readonly string[]> {
  const { results } = await DB.prepare(`EXPLAIN QUERY PLAN ${text}`)
    .bind(...params)
    .all<PlanStep>();
  return violationsOf(text, results).map((violation) => `${violation}\n  in ${text.replaceAll(/\s+/g, " ")}`);
}

afterAll(async () => {
  const violations: string[] = [];
  for (const [text, params] of heard) {
    if (params === "explained") continue;
    heard.set(text, "explained");
    violations.push(...(await explain(text, params)));
  }
  if (violations.length > 0) {
    throw new Error(
      `Statements scan a table that grows. Give each an index, or an entry with its reason in KNOWN of shared/testkit/plan-rules.ts:\n${violations.join("\n")}`,
    );
  }
});
