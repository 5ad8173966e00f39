// Who may call a route. Every route names one of these levels, and this file decides by role who may call it. Whose resource it is, the Worker
// that owns the resource decides from the call's actor.
import type { Actor, Role, User } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { TokenFault } from "./http/tokens.ts";

/** What the Authorization header proves. `opaque`: a text that may be a guest's order token. `metrics`: METRICS_TOKEN. */
export type Identity =
  | { readonly kind: "none" }
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "opaque"; readonly token: string }
  | { readonly kind: "metrics" }
  | { readonly kind: "bad"; readonly fault: CredentialFault };

/** `scheme`: not Bearer. `header`: Bearer, but not followed by exactly one token. */
type CredentialFault = TokenFault | "scheme" | "header";

/** `public` ignores a bad token, so that a stale one does not block reading the catalog or signing in. */
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

export function mayCall(access: Access, role: Role): boolean {
  return (ROLES[access] as readonly Role[]).includes(role);
}

/** Fails with unauthenticated, or with forbidden when the role is not enough. */
export function authorize(access: Access, identity: Identity): Outcome<Authorized> {
  if (identity.kind === "user") {
    if (mayCall(access, identity.user.role)) return ok({ actor: identity.user });
    const roles = ROLES[access].map((role) => `${role}s`).join(" and ");
    return fail("forbidden", `This call is for ${roles}; you are signed in as a ${identity.user.role}.`);
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

const SIGN_IN = "sign in with POST /api/auth/login and send Authorization: Bearer <access token>";

/** What is wrong with the credentials and how to correct it. WWW-Authenticate repeats it, so it is ASCII without quotes. */
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
 * The WWW-Authenticate header of a 401 (RFC 6750, 3). It names no error where no bearer token was sent, `invalid_request` for a
 * malformed header, and `invalid_token` for a refused token.
 */
export function challengeFor(identity: Identity | undefined, detail: string): string {
  const realm = 'Bearer realm="tradepost"';
  const isBare = identity === undefined || identity.kind === "none" || identity.kind === "metrics";
  if (isBare || (identity.kind === "bad" && identity.fault === "scheme")) return realm;
  const error = identity.kind === "bad" && identity.fault === "header" ? "invalid_request" : "invalid_token";
  // Only the characters that the RFC allows in a description.
  return `${realm}, error="${error}", error_description="${detail.replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/g, " ")}"`;
}
