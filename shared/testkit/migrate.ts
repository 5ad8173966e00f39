// Setup file of every Worker's test project. Its test files share a runtime (vitest.config.ts), so before each file the data of the
// file before it is deleted, from D1 and from all Durable Objects, and the real migrations are applied.
import { applyD1Migrations, reset } from "cloudflare:test";
import type { D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

const { DB, TEST_MIGRATIONS } = env as unknown as { DB: D1Database; TEST_MIGRATIONS: D1Migration[] };
const MAX_RESETS = 50;

async function tableCount(): Promise<number> {
  return (await DB.prepare("SELECT count(*) AS count FROM sqlite_schema").first<number>("count")) ?? 0;
}

// A write that the file before left in flight can end the reset too early; then it is repeated.
let resets = 0;
while ((await tableCount()) > 0) {
  if (resets === MAX_RESETS) throw new Error("the database of the test file before this one cannot be deleted");
  await reset();
  resets += 1;
}
await applyD1Migrations(DB, TEST_MIGRATIONS);
