// Who asks, and under which trace: the first argument of every RPC method.
import * as z from "zod";

export const Role = z.enum(["customer", "vendor", "admin"]).meta({
  id: "Role",
  description: "customer: buys. vendor: manages own products and their stock. admin: runs the shop.",
});
export type Role = z.infer<typeof Role>;

/**
 * `guest` has no account: a cart token or an order's own token, in the input, shows what is theirs.
 * `system` is a sweep, a consumer or a webhook.
 */
export const Actor = z.discriminatedUnion("role", [
  z.object({
    role: Role,
    id: z.string(),
    email: z.string(),
    name: z.string(),
    /** Whether the user has verified the e-mail address, as the access token says: up to 15 minutes old. */
    emailVerified: z.boolean(),
  }),
  z.object({ role: z.literal("guest"), id: z.literal("guest") }),
  z.object({ role: z.literal("system"), id: z.string() }),
]);
export type Actor = z.infer<typeof Actor>;

/** The languages that the shop speaks; the first is the default. */
export const LOCALES = ["en", "de"] as const;
export type Locale = (typeof LOCALES)[number];

export const Call = z.object({
  actor: Actor,
  requestId: z.string(),
  /** Runs from the HTTP request through every event it causes. */
  correlationId: z.string(),
  /** W3C trace context, passed on as it came. */
  traceparent: z.string().optional(),
  /** The client network of the HTTP request: see shared/network.ts. Absent where no client asked. */
  network: z.string().optional(),
  /** What the caller would rather read, of those that the shop speaks. Absent where nobody asked or no person calls. */
  locale: z.enum(LOCALES).optional(),
});
export type Call = z.infer<typeof Call>;

/** A signed-in person, whatever their role. */
export type User = Extract<Actor, { role: Role }>;

export function isUser(actor: Actor): actor is User {
  return actor.role !== "guest" && actor.role !== "system";
}

/** Whether the caller is signed in with a verified e-mail address. A guest never is, whatever address is typed. */
export function isProven(actor: Actor): boolean {
  return isUser(actor) && actor.emailVerified;
}

/** Whether the caller may do what admins may: an admin, or a part of the system such as a sweep. */
export function isAdmin(actor: Actor): boolean {
  return actor.role === "admin" || actor.role === "system";
}

/** The language to write to the caller in. */
export function localeOf({ locale }: Call): Locale {
  return locale ?? LOCALES[0];
}

/** The call of work that no person asked for: `name` says which part of the system acts. */
export function systemCall(name: string, correlationId: string): Call {
  return { actor: { role: "system", id: name }, requestId: correlationId, correlationId };
}
