// Two short caches of public catalog answers: 2 s in the isolate, then 5 s in the Cache API. Nothing is purged, and nothing public is
// older than 5 s. Browsers revalidate by ETag.
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import {
  ISOLATE_CACHE_MS,
  MAX_ISOLATE_CACHE_BYTES,
  MAX_REMEMBERED_KEYS,
  REFRESH_GRACE_MS,
  SHARED_CACHE_SECONDS,
} from "../constants.ts";
import { conditionalResponse, tagOf } from "./etag.ts";

export interface PublicAnswer {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  /** When it was read from its Worker, in milliseconds since the epoch. */
  readonly madeAt: number;
}

interface Entry {
  readonly answer: PublicAnswer;
  freshUntil: number;
}

/** The isolate's cache. It is bounded by bytes and drops the oldest entries first. */
export class PublicCache {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new Map<string, string>();
  #bytes = 0;

  /**
   * The cache key of a URL whose query `check` accepts; else the failure of `check`. Keys of accepted URLs are remembered, because
   * parsing a URL costs more than the rest of a cache hit.
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
    // This request refreshes the entry. The others get the old answer, so that they do not all call the Worker.
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

/** The path and the parameters in a fixed order. The query was accepted, so each parameter is known and not repeated. */
export function cacheKey({ pathname, searchParams }: URL): string {
  const sorted = new URLSearchParams(searchParams);
  sorted.sort();
  return sorted.size === 0 ? pathname : `${pathname}?${sorted.toString()}`;
}

/** The Cache API requires absolute URLs; this host is only a name space. */
function sharedUrl(key: string): string {
  return `https://public-cache.tradepost.internal${key}`;
}

const MADE_AT = "x-made-at";

async function readShared(key: string): Promise<PublicAnswer | undefined> {
  try {
    const found = await caches.default.match(sharedUrl(key));
    if (found === undefined) return undefined;
    const etag = found.headers.get("etag") ?? "";
    return { body: new Uint8Array(await found.arrayBuffer()), etag, madeAt: Number(found.headers.get(MADE_AT)) };
  } catch (error) {
    log("warn", "the Cache API cannot be read", { error });
    return undefined;
  }
}

async function writeShared(key: string, { body, etag, madeAt }: PublicAnswer): Promise<void> {
  const headers = {
    "cache-control": `public, max-age=${String(SHARED_CACHE_SECONDS)}`,
    "content-type": "application/json",
    etag,
    [MADE_AT]: String(madeAt),
  };
  try {
    await caches.default.put(sharedUrl(key), new Response(body, { headers }));
  } catch (error) {
    log("warn", "the Cache API cannot be written", { error });
  }
}

export interface PublicCacheOptions {
  readonly cache: PublicCache;
  readonly now: () => number;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** The answer for `key` from the isolate, from the Cache API or from `produce`, in this order. Failures are not cached. */
export async function publicAnswer(
  key: string,
  { cache, now, waitUntil }: PublicCacheOptions,
  produce: () => Promise<Outcome<unknown>>,
): Promise<Outcome<PublicAnswer>> {
  const cached = cache.get(key, now());
  if (cached !== undefined) return ok(cached);
  const shared = await readShared(key);
  if (shared !== undefined && shared.madeAt + SHARED_CACHE_SECONDS * 1_000 > now()) {
    cache.set(key, shared, now());
    return ok(shared);
  }
  // Taken before the Worker reads, so that the answer is at least as new as this.
  const madeAt = now();
  const produced = await produce();
  if (!produced.ok) return produced;
  const text = JSON.stringify(produced.value);
  const answer = { body: new Uint8Array(new TextEncoder().encode(text)), etag: await tagOf(text), madeAt };
  cache.set(key, answer, now());
  waitUntil(writeShared(key, answer));
  return ok(answer);
}

/** 200 with the body, or 304. Browsers may store it, and revalidate it each time. */
export function publicResponse(request: Request, { body, etag }: PublicAnswer): Response {
  return conditionalResponse(request, body, {
    etag,
    "cache-control": "no-cache",
    "content-type": "application/json",
  });
}
