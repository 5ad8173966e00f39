// Users for admins: the list, one user with their orders, sessions and cart, and roles.
import * as z from "zod";
import type { Call } from "#shared/call";
import { ListUsersInput, RoleChange, User, UserInput, UserPage, UserSession } from "#shared/contracts/accounts";
import { Cart } from "#shared/contracts/carts";
import { CustomerTotals } from "#shared/contracts/orders-staff";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { GatewayDeps } from "../deps.ts";
import { PartialError, Parts } from "../parts.ts";
import { withDeadline } from "../peers.ts";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

const AdminUser = z
  .object({
    user: User.describe("The account."),
    orders: CustomerTotals.nullable().describe("Null when this part does not answer."),
    sessions: z
      .array(UserSession)
      .describe("Sign-ins that can still be refreshed, the latest used first; at most 100."),
    cart: Cart.nullable().describe("The cart as the user sees it. Null when this part does not answer."),
    partialErrors: z.array(PartialError).describe("The parts that are missing, and why. Empty when none is."),
  })
  .meta({ id: "AdminUser", description: "A user with their orders, sessions and cart." });

/** Reads the user first: without one there is no answer. */
async function adminUser(deps: GatewayDeps, call: Call, userId: string): Promise<Outcome<z.infer<typeof AdminUser>>> {
  const { partDeadlineMs } = deps.settings;
  const found = await withDeadline(deps.accounts.getUser(call, { userId }), partDeadlineMs);
  if (!found.ok) return found;
  const parts = new Parts(partDeadlineMs);
  const [orders, cart] = await Promise.all([
    parts.get("orders", () => deps.orders.customerTotals(call, { customerId: userId })),
    parts.get("cart", () => deps.orders.customerCart(call, { customerId: userId })),
  ]);
  const { user, sessions } = found.value;
  return ok({ user, orders, sessions: [...sessions], cart, partialErrors: parts.errors });
}

export const userRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/admin/users",
    operationId: "listUsers",
    tag: "Accounts",
    summary: "All users by e-mail, by its beginning and by role",
    access: "admin",
    limit: "read",
    query: ListUsersInput,
    answers: { 200: UserPage },
    errors: ["invalid_cursor"],
    handle: async ({ accounts }, { call, query }) => replyWith(200, await accounts.listUsers(call, query)),
  }),
  route({
    method: "get",
    path: "/api/admin/users/{userId}",
    operationId: "getUser",
    tag: "Accounts",
    summary: "A user with the totals of their orders, their sessions and their cart",
    access: "admin",
    limit: "read",
    params: UserInput,
    answers: { 200: AdminUser },
    errors: ["not_found"],
    handle: async (deps, { call, params }) => replyWith(200, await adminUser(deps, call, params.userId)),
  }),
  route({
    method: "patch",
    path: "/api/admin/users/{userId}",
    operationId: "updateUserRole",
    tag: "Accounts",
    summary: "Change a user's role and end their sessions; the last admin stays one",
    access: "admin",
    limit: "write",
    params: UserInput,
    body: RoleChange,
    answers: { 200: User },
    errors: ["not_found", "last_admin"],
    handle: async ({ accounts }, { call, params, body }) =>
      replyWith(200, await accounts.changeRole(call, { ...params, ...body })),
  }),
];
