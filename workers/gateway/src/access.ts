// Who may call a route: every route names one of these, and this is the one place that decides. Whose resource something is,
// the Worker that owns it decides from the call's actor.
import type { Actor, Role, User } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { TokenFault } from "./http/tokens.ts";

/**
 * What the Authorization header shows: nothing, a user's valid access token, an opaque text that may be a guest's order token, the
 * token that figures are read with, or something that is none of these.
 */
export type Identity =
  | { readonly kind: "none" }
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "opaque"; readonly token: string }
  | { readonly kind: "metrics" }
  | { readonly kind: "bad"; readonly fault: CredentialFault };

/** `scheme`: not Bearer. `header`: Bearer, but not one token after it. The others are the token's. */
type CredentialFault = TokenFault | "scheme" | "header";

/** `public` does not look at who asks, so that a stale token is no hindrance to reading the catalog or to signing in. */
export type Access =
  | "public"
  | "guest-or-user"
  | "user"
  | "order-token-or-user"
  | "staff"
  | "admin"
  | "admin-or-metrics-token";

const ROLES = {
  public: ["customer", "vendor", "admin"],
  "guest-or-user": ["customer", "vendor", "admin"],
  user: ["customer", "vendor", "admin"],
  "order-token-or-user": ["customer", "vendor", "admin"],
  staff: ["vendor", "admin"],
  admin: ["admin"],
  "admin-or-metrics-token": ["admin"],
} as const satisfies Record<Access, readonly Role[]>;

export interface Authorized {
  readonly actor: Actor;
  /** A guest's token of one order. */
  readonly orderToken?: string;
}

const GUEST: Actor = { role: "guest", id: "guest" };
const SIGN_IN = "sign in with POST /api/auth/login and send Authorization: Bearer <access token>";

/** What is wrong with what was sent, and what to do about it. ASCII without quotes, because WWW-Authenticate says the same. */
const FAULTS: Readonly<Record<CredentialFault, string>> = {
  scheme: `The Authorization header has another scheme than Bearer; ${SIGN_IN}.`,
  header: "The Authorization header is malformed: it must be Bearer, a blank and one token.",
  malformed: "The access token is malformed: it is no JWT. Send it as it was given.",
  expired: "The access token has expired; get a new one with POST /api/auth/refresh.",
  invalid: `The access token is not valid: it was not signed by this shop, or not for this API; ${SIGN_IN}.`,
};

function unauthenticated(access: Access, identity: Identity): Outcome<never> {
  if (identity.kind === "bad") return fail("unauthenticated", FAULTS[identity.fault]);
  if (identity.kind === "opaque") {
    return fail(
      "unauthenticated",
      `The token is no access token; an order's token opens its order only. Otherwise ${SIGN_IN}.`,
    );
  }
  const orToken = access === "order-token-or-user" ? ", or the token of the guest's order" : "";
  return fail("unauthenticated", `There is no access token: ${SIGN_IN}${orToken}.`);
}

/**
 * What WWW-Authenticate says of a request that needs a token (RFC 6750, 3). Without a bearer token in the request there is no
 * error to name; a malformed header is `invalid_request`, and a token that is not good is `invalid_token`.
 */
export function challengeFor(identity: Identity | undefined, detail: string): string {
  const realm = 'Bearer realm="tradepost"';
  const isBare = identity === undefined || identity.kind === "none" || identity.kind === "metrics";
  if (isBare || (identity.kind === "bad" && identity.fault === "scheme")) return realm;
  const error = identity.kind === "bad" && identity.fault === "header" ? "invalid_request" : "invalid_token";
  // The characters that the RFC allows in a description.
  return `${realm}, error="${error}", error_description="${detail.replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/g, " ")}"`;
}

export function mayCall(access: Access, role: Role): boolean {
  return (ROLES[access] as readonly Role[]).includes(role);
}

function rolesOf(access: Access): string {
  return ROLES[access].map((role) => `${role}s`).join(" and ");
}

/** Fails with unauthenticated, or with forbidden when the role is not enough. */
export function authorize(access: Access, identity: Identity): Outcome<Authorized> {
  if (identity.kind === "user") {
    return mayCall(access, identity.user.role)
      ? ok({ actor: identity.user })
      : fail("forbidden", `This call is for ${rolesOf(access)}; you are signed in as a ${identity.user.role}.`);
  }
  if (access === "public") return ok({ actor: GUEST });
  if (access === "guest-or-user" && identity.kind === "none") return ok({ actor: GUEST });
  if (access === "order-token-or-user" && identity.kind === "opaque") {
    return ok({ actor: GUEST, orderToken: identity.token });
  }
  if (access === "admin-or-metrics-token" && identity.kind === "metrics") {
    return ok({ actor: { role: "system", id: "metrics" } });
  }
  return unauthenticated(access, identity);
}
