// When a signing key signs, when it is published, and when the next one is made. Every decision follows from the times alone,
// so all isolates come to the same one. Times in milliseconds since the epoch.
import { KEY_KEEP_MS, KEY_LEAD_MS, KEY_SIGNS_FOR_MS } from "../constants.ts";

export interface KeyTimes {
  readonly generation: number;
  /** From here on this key signs, and the generation before it no longer does. */
  readonly activeFrom: number;
}

/** The key to sign with: the newest that is active. Keys come in order of generation. */
export function signingKeyOf<K extends KeyTimes>(keys: readonly K[], now: number): K | undefined {
  // The very first key signs at once, also by a clock that runs a little behind its maker's.
  return keys.findLast(({ activeFrom }) => activeFrom <= now) ?? keys[0];
}

/** When a key's last token has ended everywhere; undefined while it has no successor. */
function endOf(key: KeyTimes, keys: readonly KeyTimes[]): number | undefined {
  const successor = keys.find(({ generation }) => generation === key.generation + 1);
  return successor === undefined ? undefined : successor.activeFrom + KEY_KEEP_MS;
}

/** The keys that a token in use may be signed with, now or soon: previous, current and next. */
export function publishedKeys<K extends KeyTimes>(keys: readonly K[], now: number): K[] {
  return keys.filter((key) => (endOf(key, keys) ?? Number.POSITIVE_INFINITY) > now);
}

/**
 * The key to make now, if any: one generation ahead, active only after KEY_LEAD_MS. There is never more than one that waits.
 * `early` makes it whatever the age of the present one.
 */
export function nextKey(keys: readonly KeyTimes[], now: number, early: boolean): KeyTimes | undefined {
  const newest = keys.at(-1);
  if (newest === undefined || newest.activeFrom > now) return undefined;
  const due = newest.activeFrom + KEY_SIGNS_FOR_MS - KEY_LEAD_MS <= now;
  return due || early ? { generation: newest.generation + 1, activeFrom: now + KEY_LEAD_MS } : undefined;
}
