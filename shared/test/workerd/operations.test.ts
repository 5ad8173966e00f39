// What operators read: the audit log and the findings of sweeps, in the tables that every database has.
import { env } from "cloudflare:workers";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import { commit, openDatabase } from "#shared/database";
import { findingInsert } from "#shared/findings";

const db = openDatabase((env as unknown as { DB: D1Database }).DB);
const call: Call = {
  actor: { role: "admin", id: "usr_1", email: "admin@example.com", name: "Admin" },
  requestId: "req_1",
  correlationId: "req_1",
};

describe("the audit log", () => {
  it("says who did what to which, when and in which request", async () => {
    await commit(db, [
      auditInsert(call, 5, { action: "order.cancel", subject: "ord_1", details: { reason: "asked" } }),
    ]);
    const [row] = await db.all<Record<string, unknown>>(sql`SELECT * FROM audit_log WHERE subject = 'ord_1'`);
    expect(row).toMatchObject({
      at: 5,
      actor_id: "usr_1",
      actor_role: "admin",
      action: "order.cancel",
      request_id: "req_1",
      details: `{"reason":"asked"}`,
    });
  });
});

describe("a finding", () => {
  const finding = { kind: "webhook_missed", subject: "pay_1", details: { status: "succeeded" } };

  it("counts what is found again instead of filling the table", async () => {
    await commit(db, [findingInsert(5, { ...finding, outcome: "open" })]);
    await commit(db, [findingInsert(9, { ...finding, outcome: "mended" })]);
    const rows = await db.all<Record<string, unknown>>(sql`SELECT * FROM findings WHERE kind = 'webhook_missed'`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ outcome: "mended", times: 2, first_found_at: 5, last_found_at: 9 });
  });
});
