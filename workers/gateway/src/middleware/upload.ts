// Reads an uploaded file: raw, or as the one file of a form. How long it may be is counted here; what it is, the Worker that keeps
// it decides by its content.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { MAX_FORM_OVERHEAD_BYTES } from "../constants.ts";
import { checkDeclaredLength, readBytes } from "./body.ts";

export interface Upload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As the client calls it; empty when it does not say. */
  readonly declaredType: string;
  /** The form's text members. */
  readonly fields: Readonly<Record<string, string>>;
}

const FORM = "multipart/form-data";

function invalid(message: string): Outcome<never> {
  return fail("validation_failed", "The request is not valid.", { errors: [{ path: "file", message }] });
}

async function fromForm(bytes: Uint8Array<ArrayBuffer>, type: string, maxBytes: number): Promise<Outcome<Upload>> {
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch {
    return invalid("the form cannot be read");
  }
  const files: File[] = [];
  const fields: [string, string][] = [];
  for (const [name, value] of form) {
    if (typeof value === "string") fields.push([name, value]);
    else files.push(value);
  }
  const [file] = files;
  if (file === undefined || files.length > 1) return invalid("the form must have one file");
  if (file.size > maxBytes) return fail("payload_too_large", `A file may be at most ${String(maxBytes)} bytes.`);
  return ok({
    bytes: new Uint8Array(await file.arrayBuffer()),
    declaredType: file.type,
    fields: Object.fromEntries(fields),
  });
}

/**
 * The file of a request. `types` are what a raw body may be called, beside a form.
 * Fails with unsupported_media_type, payload_too_large and validation_failed.
 */
export async function readUpload(
  request: Request,
  types: readonly string[],
  maxBytes: number,
): Promise<Outcome<Upload>> {
  const type = request.headers.get("content-type") ?? "";
  const essence = type.split(";")[0]?.trim().toLowerCase() ?? "";
  const isForm = essence === FORM;
  if (!isForm && !types.includes(essence)) {
    return fail("unsupported_media_type", `The body must be ${[FORM, ...types].join(", ")}.`);
  }
  const limit = isForm ? maxBytes + MAX_FORM_OVERHEAD_BYTES : maxBytes;
  const length = await checkDeclaredLength(request, limit);
  if (!length.ok) return length;
  const empty = ok(new Uint8Array());
  const read = request.body === null ? empty : await readBytes(request.body, limit, invalid("does not come whole"));
  if (!read.ok) return read;
  if (isForm) return await fromForm(read.value, type, maxBytes);
  return ok({ bytes: read.value, declaredType: essence, fields: {} });
}
