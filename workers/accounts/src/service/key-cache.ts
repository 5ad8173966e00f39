// The signing key in the isolate's memory. It caches the imported key and never a promise: the runtime lets no request await a promise
// that another request created.
import type { CryptoKey } from "jose";
import { KEY_CACHE_MS } from "../constants.ts";

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

export class KeyCache {
  #cached: { readonly key: SigningKey; readonly until: number } | undefined;

  get(now: number): SigningKey | undefined {
    return this.#cached !== undefined && now < this.#cached.until ? this.#cached.key : undefined;
  }

  put(key: SigningKey, now: number): void {
    this.#cached = { key, until: now + KEY_CACHE_MS };
  }
}
