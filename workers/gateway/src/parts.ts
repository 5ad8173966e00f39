// Answers made of several Workers' parts. Each part has its own deadline; one that is down or late is null with an entry that says
// so, and the others are there all the same.
import { z } from "zod";
import { ERROR_CODES, fail } from "#shared/errors";
import type { DomainError, Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { isBug, withDeadline } from "./peers.ts";

export const PartialError = z
  .object({ part: z.string(), code: z.enum(ERROR_CODES), detail: z.string() })
  .meta({ id: "PartialError" });
export type PartialError = z.infer<typeof PartialError>;

/** What a throw means to the client: a Worker that is down, or a bug. Neither tells what happened; the log does. */
function told(error: unknown): DomainError {
  return isBug(error)
    ? fail("internal_error", "Something went wrong on our side.").error
    : fail("service_unavailable", "This part does not answer; try again in a moment.").error;
}

/** Collects the parts of one answer, and what kept any of them away. */
export class Parts {
  readonly errors: PartialError[] = [];
  readonly #deadlineMs: number;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /** The part, or null with an entry under its name. */
  async get<T>(part: string, work: () => Promise<Outcome<T>>): Promise<T | null> {
    try {
      const outcome = await withDeadline(work(), this.#deadlineMs);
      if (outcome.ok) return outcome.value;
      const { code, detail } = outcome.error;
      this.errors.push({ part, code, detail });
    } catch (error) {
      log("warn", "a part does not answer", { part, error });
      const { code, detail } = told(error);
      this.errors.push({ part, code, detail });
    }
    return null;
  }
}
