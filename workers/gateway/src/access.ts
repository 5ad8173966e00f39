// Who may call a route: every route names one of these, and this is the one place that decides. Whose resource something is,
// the Worker that owns it decides from the call's actor.
import type { Actor, Role, User } from "#shared/call";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";

/**
 * What the Authorization header shows: nothing, a user's valid access token, an opaque text that may be a guest's order token, the
 * token that figures are read with, or something that is none of these.
 */
export type Identity =
  | { readonly kind: "none" }
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "opaque"; readonly token: string }
  | { readonly kind: "metrics" }
  | { readonly kind: "bad" };

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
const UNAUTHENTICATED = fail("unauthenticated", "This needs a valid access token.");

export function mayCall(access: Access, role: Role): boolean {
  return (ROLES[access] as readonly Role[]).includes(role);
}

/** Fails with unauthenticated, or with forbidden when the role is not enough. */
export function authorize(access: Access, identity: Identity): Outcome<Authorized> {
  if (identity.kind === "user") {
    return mayCall(access, identity.user.role)
      ? ok({ actor: identity.user })
      : fail("forbidden", "Your role does not allow this.");
  }
  if (access === "public") return ok({ actor: GUEST });
  if (access === "guest-or-user" && identity.kind === "none") return ok({ actor: GUEST });
  if (access === "order-token-or-user" && identity.kind === "opaque") {
    return ok({ actor: GUEST, orderToken: identity.token });
  }
  if (access === "admin-or-metrics-token" && identity.kind === "metrics") {
    return ok({ actor: { role: "system", id: "metrics" } });
  }
  return UNAUTHENTICATED;
}
