// Entity tags and the 304 answers that they save a body by (RFC 9110, 8.8.3 and 13.1.2).
import { sha256Hex } from "#shared/hash";

/** The hexadecimal digits of the SHA-256 that a tag carries: 128 bits. */
const TAG_DIGITS = 32;

/** A strong tag: a digest of the text itself. */
export async function tagOf(text: string): Promise<string> {
  return `"${(await sha256Hex(text)).slice(0, TAG_DIGITS)}"`;
}

/** Whether If-None-Match names this tag. The comparison is weak. */
function isKnown(request: Request, etag: string): boolean {
  const header = request.headers.get("if-none-match");
  if (header === null) return false;
  return header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

/** 200 with the body, or 304 without it when the client already has this tag. */
export function conditionalResponse(
  request: Request,
  body: BodyInit | null,
  headers: Readonly<Record<string, string>> & { readonly etag: string },
): Response {
  if (!isKnown(request, headers.etag)) return new Response(body, { headers });
  if (body instanceof ReadableStream) void body.cancel();
  return new Response(null, { status: 304, headers });
}

/** JSON text under the tag of that text. Only the client may store it, and must revalidate it each time. */
export async function taggedResponse(
  request: Request,
  text: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return conditionalResponse(request, text, {
    "cache-control": "private, no-cache",
    "content-type": "application/json",
    ...headers,
    etag: await tagOf(text),
  });
}
