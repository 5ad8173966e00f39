// Answers made of several Workers' parts. Each part has its own deadline; one that is down or late is null with an entry that says
// so, and the others are there all the same.
import { z } from "zod";
import { ERROR_CODES, fail } from "#shared/errors";
import type { DomainError, Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { isBug, withDeadline } from "./peers.ts";

export const PartialError = z
  .object({
    part: z.string().describe("The member of the answer that is missing."),
    code: z.enum(ERROR_CODES).describe("Why, as in a problem."),
    detail: z.string().describe("Why, in a sentence."),
  })
  .meta({ id: "PartialError", description: "A part of the answer that is missing, and why." });
export type PartialError = z.infer<typeof PartialError>;

const DOWN = fail("service_unavailable", "This part does not answer; try again in a moment.").error;
const BROKEN = fail(
  "internal_error",
  "Something went wrong on our side; tell us the requestId if trying again does not help.",
).error;

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
      return this.#without(part, outcome.error);
    } catch (error) {
      // Neither a Worker that is down nor a bug tells the client what happened; the log does.
      log("warn", "a part does not answer", { part, error });
      return this.#without(part, isBug(error) ? BROKEN : DOWN);
    }
  }

  /** Notes a part that is known not to have answered. */
  lacks(part: string): void {
    this.#without(part, DOWN);
  }

  #without(part: string, { code, detail }: DomainError): null {
    this.errors.push({ part, code, detail });
    return null;
  }
}
