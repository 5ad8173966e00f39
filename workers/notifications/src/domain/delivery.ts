// What becomes of a notification after a try to send it. Pure: the time and the chance come in as arguments.
import { backoffSeconds } from "#shared/inbox";
import { FINAL_SEND_ERRORS, MAX_SEND_ATTEMPTS } from "../constants.ts";

export interface FailedAttempt {
  readonly id: string;
  readonly status: "pending" | "failed";
  readonly error: string;
  /** Milliseconds since the epoch. */
  readonly nextAttemptAt: number;
}

/** A provider that has answered, and not with yes. */
export class SendRefused extends Error {
  override readonly name = "SendRefused";

  constructor(
    message: string,
    /** `final`: no later try can mend it. `gone`: nor any other message to this recipient. */
    readonly outlook: "later" | "final" | "gone",
  ) {
    super(message);
  }
}

/** A provider that has not answered, or was not asked because it did not answer another. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

function isFinal(error: unknown): boolean {
  const code = codeOf(error);
  if (error instanceof SendRefused) return error.outlook !== "later";
  return code !== undefined && FINAL_SEND_ERRORS.includes(code);
}

/** `attempts` counts the try that has just failed. */
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
