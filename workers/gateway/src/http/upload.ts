// Reads an uploaded file: a raw body, or the one file of a form. Its length is limited here. What kind of file it is, the Worker that
// stores it decides by its content.
import { fail, invalidInput } from "#shared/errors";
import type { FieldError, Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { MAX_FORM_OVERHEAD_BYTES } from "../constants.ts";
import { checkDeclaredLength, readBytes } from "./body.ts";

export interface Upload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The media type that the client declares; empty when it declares none. */
  readonly declaredType: string;
  /** The form's text members. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface UploadLimits {
  readonly maxBytes: number;
  /** The text members that a form may have in addition to its file. */
  readonly texts: readonly string[];
}

const FORM = "multipart/form-data";

function invalid(message: string): Outcome<never> {
  return invalidInput([{ path: "file", message }]);
}

/** Unknown and repeated text members of a form. The one file may have any name. */
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
 * The file of a request. `types` are the media types of a raw body; a form is accepted too. Fails with unsupported_media_type,
 * payload_too_large and validation_failed.
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
  const read = request.body === null ? empty : await readBytes(request.body, limit, invalid("did not arrive whole"));
  if (!read.ok) return read;
  if (isForm) return await fromForm(read.value, type, limits);
  return ok({ bytes: read.value, declaredType: essence, fields: {} });
}
