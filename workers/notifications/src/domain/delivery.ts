// What follows from a failed attempt to send a notification: a later attempt, or failure. Pure.
import { backoffSeconds } from "#shared/failed-events";
import { FINAL_SEND_ERRORS, MAX_SEND_ATTEMPTS } from "../constants.ts";

export interface FailedAttempt {
  readonly id: string;
  readonly status: "pending" | "failed";
  readonly error: string;
  /** Milliseconds since the epoch. */
  readonly nextAttemptAt: number;
}

/** The provider answered and refused the message. */
export class SendRefused extends Error {
  override readonly name = "SendRefused";

  constructor(
    message: string,
    /** `later`: try again. `final`: this message will always be refused. `gone`: the recipient no longer exists. */
    readonly outlook: "later" | "final" | "gone",
  ) {
    super(message);
  }
}

/** The provider did not answer, or was not called because it had not answered before. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

function isFinal(error: unknown): boolean {
  if (error instanceof SendRefused) return error.outlook !== "later";
  const code = codeOf(error);
  return code !== undefined && FINAL_SEND_ERRORS.includes(code);
}

/** @param row.attempts includes the attempt that has just failed. */
export function afterFailure(
  { id, attempts }: { readonly id: string; readonly attempts: number },
  error: unknown,
  now: number,
  random: () => number = Math.random,
): FailedAttempt {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return {
    id,
    status: attempts >= MAX_SEND_ATTEMPTS || isFinal(error) ? "failed" : "pending",
    error: code === undefined ? message : `${code}: ${message}`,
    nextAttemptAt: now + backoffSeconds(attempts, random) * 1_000,
  };
}
