// Reads an uploaded file: raw, or as the one file of a form. How long it may be is counted here; what it is, the Worker that keeps
// it decides by its content.
import { fail, invalidInput } from "#shared/errors";
import type { FieldError, Outcome } from "#shared/errors";
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

export interface UploadLimits {
  readonly maxBytes: number;
  /** Names of the texts that a form may hold beside its file. */
  readonly texts: readonly string[];
}

const FORM = "multipart/form-data";

function invalid(message: string): Outcome<never> {
  return invalidInput([{ path: "file", message }]);
}

/** Texts of a form that the call does not know, and those that come twice. Its one file may have any name. */
function wrongTexts(fields: readonly (readonly [string, string])[], known: readonly string[]): FieldError[] {
  const names = fields.map(([name]) => name);
  return [...new Set(names)].flatMap((path) => {
    if (path === "file")
      return [{ path, message: "is a text, and must be a file; curl sends one as file=@picture.png" }];
    if (!known.includes(path)) return [{ path, message: `is not known here; beside the file ${known.join(", ")} is` }];
    const isRepeated = names.indexOf(path) !== names.lastIndexOf(path);
    return isRepeated ? [{ path, message: "is given more than once; give it once" }] : [];
  });
}

async function fromForm(
  bytes: Uint8Array<ArrayBuffer>,
  type: string,
  { maxBytes, texts }: UploadLimits,
): Promise<Outcome<Upload>> {
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
  const wrong = wrongTexts(fields, texts);
  if (wrong.length > 0) return invalidInput(wrong);
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
  limits: UploadLimits,
): Promise<Outcome<Upload>> {
  const { maxBytes } = limits;
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
  if (isForm) return await fromForm(read.value, type, limits);
  return ok({ bytes: read.value, declaredType: essence, fields: {} });
}
