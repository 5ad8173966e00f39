// The last line of CI: `node scripts/ci-summary.ts <vitest's JSON report> <exit code of check> <exit code of the tests>`. A failed
// check counts as one failure. So does a test run that failed without a failed test: a file that did not load, or an error
// outside of any test.
import { readFileSync } from "node:fs";

export interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
}

/** The line to print, and whether everything passed. */
export function summarize(
  report: Report | undefined,
  checkCode: number,
  testCode: number,
): { readonly line: string; readonly ok: boolean } {
  const passed = report?.numPassedTests ?? 0;
  const failedTests = report?.numFailedTests ?? 0;
  const brokenRun = testCode !== 0 && failedTests === 0 ? 1 : 0;
  const nothingRan = testCode === 0 && passed === 0 ? 1 : 0;
  const failed = failedTests + brokenRun + nothingRan + (checkCode === 0 ? 0 : 1);
  return { line: `${passed} passed, ${failed} failed`, ok: failed === 0 };
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const [file = "", checkCode = "1", testCode = "1"] = process.argv.slice(2);
  const { line, ok } = summarize(readReport(file), Number(checkCode), Number(testCode));
  if (checkCode !== "0") console.log("npm run check failed; see above.");
  console.log(line);
  process.exitCode = ok ? 0 : 1;
}
