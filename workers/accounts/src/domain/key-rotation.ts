// When a signing key signs, when it is published, and when the next one is made. The stored times alone decide, so all isolates agree.
// Times in milliseconds since the epoch.
import { KEY_KEEP_MS, KEY_LEAD_MS, KEY_SIGNS_FOR_MS } from "../constants.ts";

export interface KeyTimes {
  readonly generation: number;
  /** When this key begins to sign in place of the generation before it. */
  readonly activeFrom: number;
}

/** The key to sign with: the newest active one. `keys` are sorted by generation. */
export function signingKeyOf<K extends KeyTimes>(keys: readonly K[], now: number): K | undefined {
  // The first key signs at once, also in an isolate whose clock is behind that of the isolate that made it.
  return keys.findLast(({ activeFrom }) => activeFrom <= now) ?? keys[0];
}

/** When the last token signed with this key has expired; undefined while the key has no successor. */
function endOf(key: KeyTimes, keys: readonly KeyTimes[]): number | undefined {
  const successor = keys.find(({ generation }) => generation === key.generation + 1);
  return successor === undefined ? undefined : successor.activeFrom + KEY_KEEP_MS;
}

/** The previous, current and next key: those that sign, have signed a valid token, or are about to sign. */
export function publishedKeys<K extends KeyTimes>(keys: readonly K[], now: number): K[] {
  return keys.filter((key) => (endOf(key, keys) ?? Number.POSITIVE_INFINITY) > now);
}

/**
 * The next generation, if it is due: active after KEY_LEAD_MS, and never while another key waits to become active.
 * `early` ignores the age of the current key.
 */
export function nextKey(
  keys: readonly KeyTimes[],
  now: number,
  { early }: { readonly early: boolean },
): KeyTimes | undefined {
  const newest = keys.at(-1);
  if (newest === undefined || newest.activeFrom > now) return undefined;
  const isDue = newest.activeFrom + KEY_SIGNS_FOR_MS - KEY_LEAD_MS <= now;
  return isDue || early ? { generation: newest.generation + 1, activeFrom: now + KEY_LEAD_MS } : undefined;
}
