// `npm test -- [Workers or paths] [options of vitest]`: runs the tests. The name of a Worker stands for its folder.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { PRODUCTION_WORKERS, ROOT } from "./local/workers.ts";

const args = process.argv
  .slice(2)
  .map((arg) => (PRODUCTION_WORKERS.some((worker) => worker === arg) ? `workers/${arg}/` : arg));
const { status } = spawnSync(process.execPath, [path.join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...args], {
  cwd: ROOT,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
