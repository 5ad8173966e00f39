// Users as admins see them, and their roles.
import { ListUsersInput, RoleChange, User, UserInput, UserPage } from "#shared/contracts/accounts";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

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
