// The access matrix: every route with every kind of credential.
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import type { Role } from "#shared/call";
import { mayCall } from "../src/access.ts";
import type { Access } from "../src/access.ts";
import type { Route } from "../src/route.ts";
import { allRoutes } from "../src/routes.ts";
import { bearer, gateway, makeSigner, problemOf, signer, tokenFor } from "./support.ts";

const stranger = await makeSigner("key-1");

function base64Url(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const claims = {
  sub: "usr_1",
  role: "admin",
  email: "a@example.com",
  name: "A",
  iss: "https://tradepost.example",
  aud: "tradepost",
  exp: 4_000_000_000,
};

/** Credentials that are meant as a user's and are not good. */
const BAD_TOKENS: Readonly<Record<string, string>> = {
  expired: await tokenFor("admin", "usr_1", { expiresInSeconds: -10 }),
  "signed with another key": await tokenFor("admin", "usr_1", { signer: stranger }),
  "of an unknown key": await tokenFor("admin", "usr_1", { signer: await makeSigner("key-9") }),
  "of another audience": await tokenFor("admin", "usr_1", { audience: "other" }),
  "of another issuer": await tokenFor("admin", "usr_1", { issuer: "https://evil.example" }),
  "with a role there is not": await tokenFor("admin", "usr_1", { claims: { role: "root" } }),
  "with alg none": `${base64Url({ alg: "none", kid: "key-1" })}.${base64Url(claims)}.`,
  "with the public key as an HMAC secret": await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", kid: "key-1" })
    .sign(new TextEncoder().encode(signer.jwk.x)),
  "whose claims were changed": (await tokenFor("customer", "usr_1")).replace(/\.[^.]+\./, `.${base64Url(claims)}.`),
  "that is no token": "a.b.c",
  "without a dot and too short": "abc",
};

const ALL: readonly Access[] = [
  "public",
  "guest-or-user",
  "user",
  "order-token-or-user",
  "staff",
  "admin",
  "admin-or-metrics-token",
];
const ROLES: readonly Role[] = ["customer", "vendor", "admin"];

/** A path of the route whose ids cannot exist, so that a caller who is let in gets no further than the check of the path. */
async function ask(route: Route, authorization?: string): Promise<Response> {
  const path = route.path.replaceAll(/\{\w+\}/g, "x");
  const method = route.method.toUpperCase();
  const headers = authorization === undefined ? {} : { authorization };
  return await gateway()(path, { method, headers });
}

const routesWith = (accesses: readonly Access[]): readonly (readonly [string, Route])[] =>
  allRoutes
    .filter(({ access }) => accesses.includes(access))
    .map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const);

/** What access decided: not what became of the request after it. */
function verdict({ status }: Response): 401 | 403 | "let in" {
  return status === 401 || status === 403 ? status : "let in";
}

it("has a route of every kind", () => {
  expect(new Set(allRoutes.map(({ access }) => access))).toEqual(new Set(ALL));
});

describe("without credentials", () => {
  it.each(routesWith(["user", "order-token-or-user", "staff", "admin", "admin-or-metrics-token"]))(
    "%s is 401",
    async (_name, route) => {
      const response = await ask(route);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe('Bearer realm="tradepost"');
      expect(await problemOf(response)).toMatchObject({ code: "unauthenticated" });
    },
  );

  it.each(routesWith(["public", "guest-or-user"]))("%s accepts the request", async (_name, route) => {
    expect(verdict(await ask(route))).toBe("let in");
  });
});

describe.each(Object.entries(BAD_TOKENS))("with a token %s", (_kind, token) => {
  it.each(routesWith(ALL.filter((access) => access !== "public")))("%s is 401", async (_name, route) => {
    const response = await ask(route, `Bearer ${token}`);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  it.each(routesWith(["public"]))("%s ignores a bad token", async (_name, route) => {
    expect(verdict(await ask(route, `Bearer ${token}`))).toBe("let in");
  });
});

it.each(routesWith(ALL.filter((access) => access !== "public")))(
  "%s refuses every other scheme",
  async (_name, route) => {
    expect((await ask(route, "Basic YTpi")).status).toBe(401);
    expect((await ask(route, "Bearer")).status).toBe(401);
    expect((await ask(route, `Bearer ${"x.".repeat(5_000)}`)).status).toBe(401);
  },
);

describe.each(ROLES)("as %s", (role) => {
  it.each(routesWith(ALL))("%s decides by the role", async (_name, route) => {
    const response = await ask(route, `Bearer ${await tokenFor(role)}`);
    expect(verdict(response)).toBe(mayCall(route.access, role) ? "let in" : 403);
  });
});

it("says why a request is refused", async () => {
  const headers = bearer(await tokenFor("customer"));
  const response = await gateway()("/api/inventory/low-stock", { headers });
  expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
});

it("keeps staff's routes from customers and admins' from vendors", () => {
  const names = (access: Access): string[] => routesWith([access]).map(([name]) => name);
  expect(names("staff")).toEqual([
    "GET /api/products/managed",
    "GET /api/products/managed/{productId}",
    "POST /api/products",
    "PATCH /api/products/{idOrSlug}",
    "DELETE /api/products/{idOrSlug}",
    "POST /api/products/{productId}/images",
    "PATCH /api/products/{productId}/images/{imageId}",
    "DELETE /api/products/{productId}/images/{imageId}",
    "PATCH /api/orders/{orderId}",
    "PUT /api/orders/{orderId}/tracking",
    "PATCH /api/orders/{orderId}/status",
    "GET /api/inventory",
    "GET /api/inventory/transactions",
    "GET /api/inventory/low-stock",
    "POST /api/inventory/{productId}/adjust",
    "POST /api/inventory/{productId}/count",
    "PUT /api/inventory/{productId}/threshold",
  ]);
  expect(names("admin")).toEqual([
    "GET /api/admin/users",
    "GET /api/admin/users/{userId}",
    "PATCH /api/admin/users/{userId}",
    "POST /api/categories",
    "PATCH /api/categories/{categoryId}",
    "DELETE /api/categories/{categoryId}",
    "POST /api/brands",
    "PATCH /api/brands/{brandId}",
    "DELETE /api/brands/{brandId}",
    "POST /api/orders/{orderId}/refunds",
    "POST /api/payments/{paymentId}/capture",
    "POST /api/payments/{paymentId}/refund",
    "GET /api/payments",
    "POST /api/inventory/reserve",
    "POST /api/inventory/release",
    "GET /api/admin/notifications",
    "POST /api/admin/notifications/{notificationId}/retry",
    "GET /api/admin/templates",
    "GET /api/admin/templates/{templateId}",
    "PUT /api/admin/templates/{templateId}",
    "GET /api/admin/templates/{templateId}/versions",
    "POST /api/admin/templates/{templateId}/preview",
    "GET /api/admin/overview",
    "GET /api/admin/events",
    "GET /api/admin/lag",
    "GET /api/admin/audit",
    "GET /api/admin/findings",
    "GET /api/admin/dead-letters",
    "POST /api/admin/dead-letters/replay",
    "POST /api/admin/dead-letters/{deadLetterId}/replay",
  ]);
  expect(names("admin-or-metrics-token")).toEqual(["GET /api/metrics"]);
});

describe("a guest's order token", () => {
  const token = "t".repeat(43);

  it.each(routesWith(["order-token-or-user"]))("opens %s", async (_name, route) => {
    expect(verdict(await ask(route, `Bearer ${token}`))).toBe("let in");
  });

  it.each(routesWith(["guest-or-user", "user", "staff", "admin", "admin-or-metrics-token"]))(
    "does not open %s",
    async (_name, route) => {
      expect((await ask(route, `Bearer ${token}`)).status).toBe(401);
    },
  );
});

it("accepts the scheme in any letter case", async () => {
  const response = await gateway()("/api/orders/x", {
    headers: { authorization: `bearer ${await tokenFor("customer")}` },
  });
  expect(response.status).toBe(404);
});

it("is 503 and not 401 when the keys cannot be read", async () => {
  const down = { accounts: { jwks: () => Promise.reject(new Error("down")) } };
  const headers = bearer(await tokenFor("customer"));
  expect((await gateway(down)("/api/orders/x", { headers })).status).toBe(503);
  expect((await gateway(down)("/api/products/x/y", { headers })).status).toBe(404);
});
