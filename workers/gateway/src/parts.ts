// Answers made of several Workers' parts. Each part has its own deadline. One that fails is null, with an entry in `partialErrors`,
// and the others are still returned.
import * as z from "zod";
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
  "Something went wrong on our side; report the requestId if trying again does not help.",
).error;

/** Collects the parts of one answer and the errors of the missing ones. */
export class Parts {
  readonly errors: PartialError[] = [];
  readonly #deadlineMs: number;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /** The part, or null with an entry under its name. */
  async get<T>(part: string, read: () => Promise<Outcome<T>>): Promise<T | null> {
    try {
      const outcome = await withDeadline(read(), this.#deadlineMs);
      if (outcome.ok) return outcome.value;
      return this.#missing(part, outcome.error);
    } catch (error) {
      // The client learns only that the part is missing; the log has the cause.
      log("warn", "a part does not answer", { part, error });
      return this.#missing(part, isBug(error) ? BROKEN : DOWN);
    }
  }

  /** Adds an entry for a part that did not answer elsewhere. */
  addDown(part: string): void {
    this.#missing(part, DOWN);
  }

  #missing(part: string, { code, detail }: DomainError): null {
    this.errors.push({ part, code, detail });
    return null;
  }
}
