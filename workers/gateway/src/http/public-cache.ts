// The short caches of public catalog answers: serialized bodies in the isolate for 2 s, then the Cache API for 5 s, then
// the Worker that knows. Nothing is purged; nothing public is older than 5 s. Browsers revalidate by ETag.
import type { Outcome } from "#shared/errors";
import { sha256Hex } from "#shared/hash";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import {
  ISOLATE_CACHE_MS,
  MAX_ISOLATE_CACHE_BYTES,
  MAX_REMEMBERED_KEYS,
  REFRESH_GRACE_MS,
  SHARED_CACHE_SECONDS,
} from "../constants.ts";

export interface PublicAnswer {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  /** When its Worker gave it, in milliseconds since the epoch. */
  readonly madeAt: number;
}

interface Entry {
  readonly answer: PublicAnswer;
  freshUntil: number;
}

/** What this isolate keeps. Bounded by bytes; the oldest goes first. */
export class PublicCache {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new Map<string, string>();
  #bytes = 0;

  /**
   * The key of a URL whose query `check` accepts; its failure otherwise. Taking a URL apart costs more than all the rest of a hit,
   * so the key of an accepted one is remembered.
   */
  keyOf(url: string, check: (url: URL) => Outcome<unknown>): Outcome<string> {
    const known = this.#keys.get(url);
    if (known !== undefined) return ok(known);
    const parsed = new URL(url);
    const checked = check(parsed);
    if (!checked.ok) return checked;
    const key = cacheKey(parsed);
    if (this.#keys.size >= MAX_REMEMBERED_KEYS) this.#keys.clear();
    this.#keys.set(url, key);
    return ok(key);
  }

  get(key: string, now: number): PublicAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.freshUntil > now) return entry.answer;
    const oldestAllowed = entry.answer.madeAt + SHARED_CACHE_SECONDS * 1_000;
    if (entry.freshUntil + REFRESH_GRACE_MS <= now || oldestAllowed < now + REFRESH_GRACE_MS) this.#drop(key, entry);
    // This request refreshes it; the others go on with the old one meanwhile rather than all asking at once.
    else entry.freshUntil = now + REFRESH_GRACE_MS;
    return undefined;
  }

  set(key: string, answer: PublicAnswer, now: number): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#drop(key, before);
    const freshUntil = Math.min(now + ISOLATE_CACHE_MS, answer.madeAt + SHARED_CACHE_SECONDS * 1_000);
    this.#entries.set(key, { answer, freshUntil });
    this.#bytes += answer.body.byteLength;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= MAX_ISOLATE_CACHE_BYTES) break;
      this.#drop(oldest, entry);
    }
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.answer.body.byteLength;
  }
}

/** Path and parameters in a fixed order. The query was accepted: it holds what its route takes, each once, and nothing else. */
export function cacheKey({ pathname, searchParams }: URL): string {
  const sorted = new URLSearchParams(searchParams);
  sorted.sort();
  return sorted.size === 0 ? pathname : `${pathname}?${sorted.toString()}`;
}

/** The Cache API wants absolute URLs; this host is only a name space. */
function sharedUrl(key: string): string {
  return `https://public-cache.tradepost.internal${key}`;
}

const MADE_AT = "x-made-at";

async function fromShared(key: string): Promise<PublicAnswer | undefined> {
  try {
    const found = await caches.default.match(sharedUrl(key));
    if (found === undefined) return undefined;
    const etag = found.headers.get("etag") ?? "";
    return { body: new Uint8Array(await found.arrayBuffer()), etag, madeAt: Number(found.headers.get(MADE_AT)) };
  } catch (error) {
    log("warn", "the Cache API does not answer", { error });
    return undefined;
  }
}

async function toShared(key: string, { body, etag, madeAt }: PublicAnswer): Promise<void> {
  const headers = {
    "cache-control": `public, max-age=${String(SHARED_CACHE_SECONDS)}`,
    "content-type": "application/json",
    etag,
    [MADE_AT]: String(madeAt),
  };
  try {
    await caches.default.put(sharedUrl(key), new Response(body, { headers }));
  } catch (error) {
    log("warn", "the Cache API takes nothing", { error });
  }
}

export interface PublicCacheOptions {
  readonly cache: PublicCache;
  readonly now: () => number;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

async function answerOf(value: unknown, madeAt: number): Promise<PublicAnswer> {
  const text = JSON.stringify(value);
  return {
    body: new Uint8Array(new TextEncoder().encode(text)),
    etag: `"${(await sha256Hex(text)).slice(0, 32)}"`,
    madeAt,
  };
}

/** The answer for `key`, from the nearest place that has it. Failures are not kept. */
export async function publicAnswer(
  key: string,
  { cache, now, waitUntil }: PublicCacheOptions,
  produce: () => Promise<Outcome<unknown>>,
): Promise<Outcome<PublicAnswer>> {
  const kept = cache.get(key, now());
  if (kept !== undefined) return ok(kept);
  const shared = await fromShared(key);
  if (shared !== undefined && shared.madeAt + SHARED_CACHE_SECONDS * 1_000 > now()) {
    cache.set(key, shared, now());
    return ok(shared);
  }
  // Taken before the Worker reads: the answer is at least as new as this.
  const madeAt = now();
  const produced = await produce();
  if (!produced.ok) return produced;
  const answer = await answerOf(produced.value, madeAt);
  cache.set(key, answer, now());
  waitUntil(toShared(key, answer));
  return ok(answer);
}

/** Whether If-None-Match names this tag; the comparison is weak (RFC 9110, 13.1.2). */
export function noneMatches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

/** 200 with the body, or 304 when the client has it. Browsers keep it but ask each time. */
export function publicResponse(request: Request, { body, etag }: PublicAnswer): Response {
  const headers = { etag, "cache-control": "no-cache", "content-type": "application/json" };
  if (noneMatches(request.headers.get("if-none-match"), etag)) return new Response(null, { status: 304, headers });
  return new Response(body, { headers });
}
