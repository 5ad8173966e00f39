// Prefixed, sortable ids: `ord_` and the 32 hex digits of a UUIDv7, so ids of one kind sort by the time they were made.
import { uuidv7 } from "uuidv7";
import * as z from "zod";

/**
 * user, product, category, brand, cart, line, order, payment, refund, event, notification, push subscription, image, ledger
 * entry, token family, audit entry, request (also what a sweep runs under).
 */
export type IdPrefix =
  | "usr"
  | "prd"
  | "cat"
  | "brd"
  | "crt"
  | "itm"
  | "ord"
  | "pay"
  | "rfd"
  | "evt"
  | "ntf"
  | "psh"
  | "img"
  | "txn"
  | "fam"
  | "aud"
  | "req";

export function newId<P extends IdPrefix>(prefix: P): `${P}_${string}` {
  return `${prefix}_${uuidv7().replaceAll("-", "")}`;
}

/** Not above any id of its kind that was made at or after this time, in milliseconds since the epoch. */
export function firstIdAt(prefix: IdPrefix, ms: number): string {
  return `${prefix}_${Math.max(0, ms).toString(16).padStart(12, "0")}`;
}

/**
 * Accepts what newId makes, the fixed ids of the seeds, and what else a client may take for an id of this kind, so that
 * `prd_does_not_exist` is answered as a product that is not there and not as a request that is not valid.
 */
export function idSchema(prefix: IdPrefix): z.ZodString {
  return z.string().regex(new RegExp(`^${prefix}_[0-9A-Za-z_-]{1,40}$`), `must be an id that starts with ${prefix}_`);
}
