// A small memory of answers given within the last moments. It holds values, never promises: a promise of one request cannot be
// awaited by another in this runtime.

export class Recent {
  readonly #entries = new Map<string, { readonly value: unknown; readonly until: number }>();
  readonly #ttlMs: number;
  readonly #maxEntries: number;

  constructor(ttlMs: number, maxEntries: number) {
    this.#ttlMs = ttlMs;
    this.#maxEntries = maxEntries;
  }

  /** The value kept under this key, unless it is too old. The caller knows its type by the key. */
  get<T>(key: string, now: number): T | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.until <= now ? undefined : (entry.value as T);
  }

  /** Keeps a value; the oldest one goes when there are too many. */
  set(key: string, value: unknown, now: number): void {
    // Deleted first, so that the map's order is the order of writing.
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: now + this.#ttlMs });
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
