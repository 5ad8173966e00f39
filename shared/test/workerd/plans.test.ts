// What the check of plans finds, on statements over the tables that every database has.
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { violationsOf } from "#shared/testkit/plan-rules";
import type { PlanStep } from "#shared/testkit/plan-rules";

const { DB } = env as unknown as { DB: D1Database };

async function violations(statement: string): Promise<readonly string[]> {
  const { results } = await DB.prepare(`EXPLAIN QUERY PLAN ${statement}`).all<PlanStep>();
  return violationsOf(statement, results);
}

describe("the check of plans", () => {
  it.each([
    "SELECT id FROM outbox WHERE type = 'ORDER_CREATED'",
    "SELECT count(*) FROM audit_log",
    "SELECT id FROM outbox ORDER BY type LIMIT 10",
    "SELECT event.id FROM outbox AS event JOIN inbox ON inbox.event_id = event.id",
    "UPDATE outbox SET confirmed_at = 1 WHERE correlation_id || '' = 'req_1'",
  ])("finds the scan of %s", async (statement) => {
    expect(await violations(statement)).toEqual([expect.stringMatching(/^SCAN /)]);
  });

  it.each([
    "SELECT id FROM outbox WHERE subject = 'ord_1'",
    "SELECT id FROM outbox ORDER BY id DESC LIMIT 10",
    "SELECT seq, id FROM unconfirmed_events ORDER BY seq LIMIT 10",
    "SELECT count(*) FROM dead_letters",
    "SELECT value FROM json_each('[1]')",
  ])("accepts %s", async (statement) => {
    expect(await violations(statement)).toEqual([]);
  });
});
