// Runs wrangler for a deployment. Its output goes to the terminal; the uploaded version is read from its output file for scripts.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT } from "../local/workers.ts";

/** One line of WRANGLER_OUTPUT_FILE_PATH. Only the version of an upload is used. */
interface OutputEntry {
  readonly type: string;
  readonly version_id?: string | null;
}

/** Runs one wrangler command. Returns the version that it uploaded, if any. @throws Error when wrangler fails. */
export type Wrangler = (args: readonly string[]) => Promise<string | undefined>;

function uploadedVersion(file: string): string | undefined {
  const entries = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as OutputEntry);
  return entries.find(({ type }) => type === "version-upload")?.version_id ?? undefined;
}

export const wrangler: Wrangler = async (args) => {
  console.log(`\n$ wrangler ${args.join(" ")}`);
  const folder = mkdtempSync(path.join(tmpdir(), "tradepost-deploy-"));
  const outputFile = path.join(folder, "output.ndjson");
  try {
    const child = spawn(path.join(ROOT, "node_modules/.bin/wrangler"), args, {
      cwd: ROOT,
      stdio: ["ignore", "inherit", "inherit"],
      shell: process.platform === "win32",
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_OUTPUT_FILE_PATH: outputFile },
    });
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("exit", resolve);
    });
    if (status !== 0) throw new Error(`wrangler ${args.join(" ")} failed`);
    return args[0] === "versions" && args[1] === "upload" ? uploadedVersion(outputFile) : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
