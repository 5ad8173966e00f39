// The caps on open unpaid orders: which apply to a buyer, and what a buyer over a cap can do. store/caps.ts counts the orders.
import type { Call } from "#shared/call";
import { isProven, isUser } from "#shared/call";
import { fail } from "#shared/errors";
import type { Customer } from "#shared/events/catalogue";
import { formatMoney } from "#shared/money";

/** `guest`: one e-mail address in one client network. `network`: its guests and unproven accounts together. */
export type CapName = "guest" | "guestEmail" | "network" | "unprovenAccount" | "provenAccount";

export interface Cap {
  /** How many orders may be open and unpaid at a time. */
  readonly orders: number;
  /** What they may be worth together, in minor units; a buyer's only one may be worth more. */
  readonly value: number;
}

export type Caps = Readonly<Record<CapName, Cap>>;

/** Under which caps an order counts, and for whom. */
export interface CapScope {
  /** As `orders.buyer` is computed: the account, or a guest's e-mail address. */
  readonly buyer: string;
  /** Digest of the client network; null for a proven account, which is not counted by it. */
  readonly network: string | null;
  /** The caps that apply. The first is the buyer's own. */
  readonly caps: readonly [CapName, ...CapName[]];
}

/** A cap that one more order would exceed, by their number or their value. */
export interface Exceeded {
  readonly cap: CapName;
  readonly by: "orders" | "value";
}

/** Which caps apply to an order of this caller. */
export function capScopeOf({ actor }: Call, { email }: Customer, networkDigest: string): CapScope {
  if (!isUser(actor)) {
    return { buyer: `guest:${email}`, network: networkDigest, caps: ["guest", "guestEmail", "network"] };
  }
  return isProven(actor)
    ? { buyer: actor.id, network: null, caps: ["provenAccount"] }
    : { buyer: actor.id, network: networkDigest, caps: ["unprovenAccount", "network"] };
}

const WHO: Readonly<Record<CapName, string>> = {
  guest: "A guest",
  guestEmail: "The guests who give this e-mail address",
  network: "The guests and unverified accounts of one network",
  unprovenAccount: "An account whose e-mail address is not verified",
  provenAccount: "An account",
};

const SIGN_IN = "Pay or cancel one, or sign in and verify your e-mail address.";
const REMEDY: Readonly<Record<CapName, string>> = {
  guest: SIGN_IN,
  guestEmail: SIGN_IN,
  network: SIGN_IN,
  unprovenAccount: "Pay or cancel one, or verify your e-mail address.",
  provenAccount: "Pay or cancel one.",
};

/** The refusal of an order over a cap, with what the buyer can do. */
export function tooManyOpenOrders({ cap, by }: Exceeded, caps: Caps, currency: string): ReturnType<typeof fail> {
  const { orders, value } = caps[cap];
  const limit =
    by === "orders"
      ? `${String(orders)} unpaid orders at a time`
      : `several unpaid orders worth ${formatMoney(value, currency)} at most`;
  return fail("too_many_open_orders", `${WHO[cap]} may have ${limit}. ${REMEDY[cap]}`);
}
