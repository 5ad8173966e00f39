// Strong tags on what was read: a digest of the very text, so that a client that has it gets 304 and no body. The Worker is
// asked all the same; what is saved is the way to the client.
import { sha256Hex } from "#shared/hash";
import { noneMatches } from "./public-cache.ts";

/** The digits of a SHA-256 that a tag carries: 128 bits. */
const TAG_DIGITS = 32;

/** The JSON text as 200 with its tag, or 304 for a client that has it. Only the client may keep it, and asks each time. */
export async function taggedResponse(
  request: Request,
  text: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const etag = `"${(await sha256Hex(text)).slice(0, TAG_DIGITS)}"`;
  const all = { "cache-control": "private, no-cache", ...headers, etag };
  if (noneMatches(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers: all });
  return new Response(text, { headers: { ...all, "content-type": "application/json" } });
}
