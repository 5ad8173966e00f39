// `npm run check`: the checks of CI before the tests. Every check runs, so that one report shows all failures.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { ROOT } from "./local/workers.ts";

const BIN = path.join(ROOT, "node_modules/.bin");

/** Generated types and the client come first: the compiler and the linter read them. */
const STEPS: readonly { readonly name: string; readonly command: string; readonly args: readonly string[] }[] = [
  { name: "generated types", command: process.execPath, args: ["scripts/types.ts", "--check"] },
  { name: "document", command: process.execPath, args: ["scripts/document.ts"] },
  { name: "client", command: process.execPath, args: ["scripts/client.ts"] },
  { name: "types", command: path.join(BIN, "tsc"), args: ["-p", "."] },
  { name: "lint", command: path.join(BIN, "oxlint"), args: ["--type-aware", "--deny-warnings"] },
  { name: "format", command: path.join(BIN, "oxfmt"), args: ["--check", "."] },
  { name: "structure", command: process.execPath, args: ["scripts/structure.ts"] },
];

const failed = STEPS.filter(({ name, command, args }) => {
  const startedAt = performance.now();
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit", shell: process.platform === "win32" });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  return status !== 0;
});

if (failed.length > 0) {
  console.error(`\nFailed: ${failed.map(({ name }) => name).join(", ")}`);
  process.exitCode = 1;
}
