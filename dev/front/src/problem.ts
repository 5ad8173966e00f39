// The failures of the local door itself, in the same form as the gateway's.
import { PROBLEMS } from "#shared/errors";
import type { FieldError } from "#shared/errors";
import { newId } from "#shared/ids";
import { renderProblem } from "#shared/problems";

const KINDS = {
  validation_failed: PROBLEMS.validation_failed,
  forbidden: PROBLEMS.forbidden,
  misdirected_request: { status: 421, title: "Not a host of this server" },
} as const;

export function problem(code: keyof typeof KINDS, detail: string, errors: readonly FieldError[]): Response {
  const requestId = newId("req");
  return renderProblem({ ...KINDS[code], code, detail, errors }, requestId, { "x-request-id": requestId });
}
