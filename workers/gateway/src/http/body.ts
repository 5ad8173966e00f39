// Reads a body. Its content type, its length (counted, whatever Content-Length says) and its encoding are checked here; the route's
// schema checks the rest.
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { MAX_BODY_BYTES } from "../constants.ts";
import { describeJsonError } from "./json-position.ts";

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;
/** An escaped NUL or half a surrogate pair: neither can be stored as text. */
const SUSPECT_ESCAPE = /\\u(?:d[89a-f]|0000)/i;

/**
 * How much of a body that is too long is still read: a client that gets its answer while it is sending may see a broken connection
 * instead.
 */
const GRACE_BYTES = 512 * 1024;

const BROKEN_OFF = fail("malformed_json", "The connection ended before the whole body had arrived.");
const EMPTY = fail("malformed_json", "The body is empty; this call takes a JSON object.");
const NOT_UTF8 = fail("malformed_json", "The body is not UTF-8, the encoding of JSON.");
const BROKEN_TEXT = fail(
  "malformed_json",
  "A text in the body has a NUL or half a surrogate pair, which cannot be stored.",
);
const WRONG_TYPE = fail("unsupported_media_type", "The body must have Content-Type: application/json.");

function tooLarge(maxBytes: number): ReturnType<typeof fail> {
  return fail("payload_too_large", `A body may be at most ${String(maxBytes)} bytes.`);
}

/** Reads to the end, or this many bytes, and keeps nothing. */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number): Promise<void> {
  let length = 0;
  while (length < maxBytes) {
    const part = await reader.read().catch(() => undefined);
    if (part === undefined || part.done) return;
    length += part.value.byteLength;
  }
  await reader.cancel();
}

/** The bytes of a body. Fails with payload_too_large, and with `broken` when it does not arrive whole. */
export async function readBytes(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  broken: Outcome<never>,
): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    // A malformed chunk or a client that hangs up rejects. That is no fault of ours.
    const part = await reader.read().catch(() => undefined);
    if (part === undefined) return broken;
    const { done, value } = part;
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      await discard(reader, GRACE_BYTES);
      return tooLarge(maxBytes);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return ok(bytes);
}

class BrokenText extends Error {}

function refuseBrokenText(key: string, value: unknown): unknown {
  for (const text of [key, value]) {
    if (typeof text === "string" && (!text.isWellFormed() || text.includes("\u0000"))) throw new BrokenText();
  }
  return value;
}

function decode(bytes: Uint8Array): Outcome<string> {
  try {
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return NOT_UTF8;
  }
}

function parse(text: string): Outcome<unknown> {
  try {
    return ok(SUSPECT_ESCAPE.test(text) ? JSON.parse(text, refuseBrokenText) : JSON.parse(text));
  } catch (error) {
    if (error instanceof BrokenText) return BROKEN_TEXT;
    return fail("malformed_json", `The body is not well-formed JSON at ${describeJsonError(text)}.`);
  }
}

/** Fails with payload_too_large when Content-Length is too long, also where nothing reads the body. */
export async function checkDeclaredLength(request: Request, maxBytes = MAX_BODY_BYTES): Promise<Outcome<null>> {
  if (Number(request.headers.get("content-length") ?? 0) <= maxBytes) return ok(null);
  if (request.body !== null) await discard(request.body.getReader(), maxBytes + GRACE_BYTES);
  return tooLarge(maxBytes);
}

/** Fails with payload_too_large, unsupported_media_type or malformed_json. `optional`: no body means `{}`. */
export async function readJson(
  request: Request,
  { optional }: { readonly optional: boolean },
): Promise<Outcome<unknown>> {
  const empty = ok(new Uint8Array());
  const bytes = request.body === null ? empty : await readBytes(request.body, MAX_BODY_BYTES, BROKEN_OFF);
  if (!bytes.ok) return bytes;
  // An empty body has no type, whatever the header says: `curl -d ""` declares a form.
  if (bytes.value.byteLength === 0) return optional ? ok({}) : EMPTY;
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) return WRONG_TYPE;
  const text = decode(bytes.value);
  return text.ok ? parse(text.value) : text;
}
