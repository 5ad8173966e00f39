// The signing key in the isolate's memory. It holds the finished key and never a promise: a promise of one request must not be
// awaited by another.
import type { CryptoKey } from "jose";
import { KEY_CACHE_MS } from "../constants.ts";

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

export class KeyCache {
  #held: { readonly key: SigningKey; readonly until: number } | undefined;

  get(now: number): SigningKey | undefined {
    return this.#held !== undefined && now < this.#held.until ? this.#held.key : undefined;
  }

  put(key: SigningKey, now: number): void {
    this.#held = { key, until: now + KEY_CACHE_MS };
  }
}
