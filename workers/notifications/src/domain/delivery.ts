// What becomes of a notification after a try to send it. Pure: the time and the chance come in as arguments.
import { backoffSeconds } from "#shared/inbox";
import { FINAL_SEND_ERRORS, MAX_SEND_ATTEMPTS } from "../constants.ts";

export interface FailedTry {
  readonly id: string;
  readonly status: "pending" | "failed";
  readonly error: string;
  /** Milliseconds since the epoch. */
  readonly nextAttemptAt: number;
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** `attempts` counts the try that has just failed. */
export function afterFailure(
  { id, attempts }: { readonly id: string; readonly attempts: number },
  error: unknown,
  now: number,
  random: () => number = Math.random,
): FailedTry {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const final = attempts >= MAX_SEND_ATTEMPTS || (code !== undefined && FINAL_SEND_ERRORS.includes(code));
  return {
    id,
    status: final ? "failed" : "pending",
    error: code === undefined ? message : `${code}: ${message}`,
    nextAttemptAt: now + backoffSeconds(attempts, random) * 1_000,
  };
}
