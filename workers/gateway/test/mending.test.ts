// Failures that can be corrected from their text alone: real answers, and what each must say.
import { describe, expect, it } from "vitest";
import { fail } from "#shared/errors";
import { newId } from "#shared/ids";
import { saysMore } from "#shared/testkit/problems";
import type { Send } from "./support.ts";
import { bearer, gateway, makeSigner, problemOf, tokenFor } from "./support.ts";

const send: Send = gateway();
const customer = bearer(await tokenFor("customer"));
const admin = bearer(await tokenFor("admin"));
const stranger = await makeSigner("stranger");

type Init = Parameters<Send>[1];
const json = (method: string, body: unknown): Init => ({ method, json: body, headers: admin });

const PRODUCT = {
  name: "A",
  sku: "A-1",
  description: "",
  price: 100,
  currency: "USD",
  categoryId: "cat_1",
  brandId: "brd_1",
  weightGrams: 1,
};

describe("a failure's text", () => {
  it.each<readonly [string, Init, number, string]>([
    ["/api/orders", { headers: {} }, 401, "POST /api/auth/login"],
    ["/api/admin/users", { headers: customer }, 403, "for admins; you are signed in as a customer"],
    ["/api/orders/prd_1", { headers: customer }, 404, "an order's id begins with ord_"],
    ["/api/inventory/ord_1", { headers: admin }, 404, "a product's id begins with prd_"],
    ["/api/products/some-slug", json("PATCH", {}), 404, "a product's id begins with prd_"],
    ["/api/products/ord_1", {}, 404, "a product's id begins with prd_"],
    ["/api/payments/ord_1/capture", json("POST", {}), 404, "a payment's id begins with pay_"],
    ["/api/cart/items/prd_1", { method: "DELETE" }, 404, "a cart line's id begins with itm_"],
    ["/api/admin/templates/welcome", { headers: admin }, 404, "welcome.email.en"],
    ["/api/orders/", { headers: customer }, 404, "this one is /api/orders."],
    ["/api/products/prd_1/images/", { headers: customer }, 404, "this one is /api/products/prd_1/images."],
    ["/api/nothing/", {}, 404, "/api/openapi.json"],
    ["/nothing", {}, 404, "/api/docs"],
    ["/api/orders/quote", { headers: customer }, 405, "This path does not support GET; it takes POST, OPTIONS."],
    ["/api/auth/login", json("POST", {}), 400, "email: is required; password: is required."],
    [
      "/api/products",
      json("POST", { ...PRODUCT, price: 1.5 }),
      400,
      "price: must be an integer in minor units (cents)",
    ],
    [
      "/api/products",
      json("POST", { ...PRODUCT, price: "1" }),
      400,
      "price: must be an integer in minor units (cents)",
    ],
    [
      "/api/products",
      json("POST", { ...PRODUCT, price: 0 }),
      400,
      "price: must be an integer in minor units (cents), from 1",
    ],
    [
      "/api/products",
      json("POST", { ...PRODUCT, weightGrams: "1" }),
      400,
      "weightGrams: must be an integer, not a string",
    ],
    ["/api/products", json("POST", { ...PRODUCT, weightGrams: 0.5 }), 400, "weightGrams: must be an integer"],
    ["/api/products", json("POST", { ...PRODUCT, status: "gone" }), 400, "must be one of active, draft, archived"],
    ["/api/products", json("POST", { ...PRODUCT, brandId: "x" }), 400, "brandId: must be an id that starts with brd_"],
    ["/api/products", json("POST", { ...PRODUCT, name: "" }), 400, "name: must not be empty"],
    ["/api/products", json("POST", [PRODUCT]), 400, "input: must be an object, not an array"],
    ["/api/orders?limit=0", { headers: customer }, 400, "limit: must be at least 1"],
    ["/api/orders?limit=x", { headers: customer }, 400, "limit: must be an integer"],
    [
      "/api/orders?stauts=NEW",
      { headers: customer },
      400,
      "stauts: is no parameter of this call; it takes limit, cursor",
    ],
    ["/api/auth/login", { method: "POST", headers: { "content-type": "application/json" } }, 400, "The body is empty"],
    [
      "/api/auth/login",
      { method: "POST", body: "{}", headers: { "content-type": "text/plain" } },
      415,
      "application/json",
    ],
    ["/api/cart/clear", { method: "POST", headers: { "if-match": "x" } }, 412, "ETag"],
    ["/api/cart/live", { headers: {} }, 426, "WebSocket"],
  ])("of %s says what to do (%#)", async (path, init, status, text) => {
    const response = await send(path, init);
    const problem = await problemOf(response);
    expect([response.status, problem["detail"]]).toEqual([status, expect.stringContaining(text)]);
    expect(saysMore(problem as unknown as { title: string; detail: string }), JSON.stringify(problem)).toBe(true);
  });

  it("names five fields and counts the rest", async () => {
    const problem = await problemOf(await send("/api/products", json("POST", {})));
    expect(problem["errors"]).toHaveLength(8);
    expect(problem["detail"]).toMatch(/^name: is required; .*; and 3 more\.$/);
  });
});

describe("a token", () => {
  const REALM = 'Bearer realm="tradepost"';
  const ask = async (authorization?: string): Promise<{ detail: unknown; challenge: string | null }> => {
    const response = await send("/api/orders", { headers: authorization === undefined ? {} : { authorization } });
    expect(response.status).toBe(401);
    const { detail } = await problemOf(response);
    return { detail, challenge: response.headers.get("www-authenticate") };
  };

  it("that is missing, or of another scheme, names no token error", async () => {
    const missing = await ask();
    expect(missing).toEqual({
      detail: expect.stringContaining("There is no access token") as unknown,
      challenge: REALM,
    });
    const basic = await ask("Basic YTpi");
    expect(basic).toEqual({
      detail: expect.stringContaining("another scheme than Bearer") as unknown,
      challenge: REALM,
    });
  });

  it.each(["Bearer", "Bearer  ", "bearer a b"])("in a malformed header %j is an invalid request", async (header) => {
    const { detail, challenge } = await ask(header);
    expect(detail).toContain("header is malformed");
    expect(challenge).toBe(`${REALM}, error="invalid_request", error_description="${String(detail)}"`);
  });

  it.each<readonly [string, () => Promise<string>, string]>([
    ["malformed", async () => "a.b.c", "is malformed"],
    ["too short", async () => "null", "is malformed"],
    ["far too long", async () => "x".repeat(5_000), "is malformed"],
    ["expired", async () => await tokenFor("customer", newId("usr"), { expiresInSeconds: -60 }), "has expired"],
    ["of another signer", async () => await tokenFor("customer", newId("usr"), { signer: stranger }), "is not valid"],
    ["of another API", async () => await tokenFor("customer", newId("usr"), { audience: "other" }), "is not valid"],
    ["of a guest's order", async () => "t".repeat(43), "is no access token"],
  ])("that is %s says so in the text and in the challenge", async (_name, token, text) => {
    const { detail, challenge } = await ask(`Bearer ${await token()}`);
    expect(detail).toContain(text);
    expect(challenge).toMatch(/^Bearer realm="tradepost", error="invalid_token", error_description="[^"\\]+"$/);
    expect(challenge).toContain(text);
  });

  it("that is valid is not blamed for a wrong password", async () => {
    const wrong = gateway({ accounts: { login: async () => fail("invalid_credentials", "The password is wrong.") } });
    const login = { method: "POST", json: { email: "a@example.com", password: "x" }, headers: customer };
    const response = await wrong("/api/auth/login", login);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, REALM]);
  });
});

describe("the root", () => {
  it("redirects to the docs page, and links the document for programs", async () => {
    const door = await send("/");
    expect([door.status, door.headers.get("location"), await door.text()]).toEqual([302, "/api/docs", ""]);
    const index = await send("/api");
    expect(index.status).toBe(200);
    expect(await index.json()).toEqual({
      name: "Tradepost",
      docs: "/api/docs",
      openapi: "/api/openapi.json",
      health: "/api/health",
    });
    for (const { headers } of [door, index]) expect(headers.get("link")).toContain('</api/docs>; rel="service-doc"');
  });

  it.each(["/", "/api"])("at %s answers HEAD and OPTIONS, and no other method", async (path) => {
    const head = await send(path, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([path === "/" ? 302 : 200, ""]);
    const options = await send(path, { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
    expect((await send(path, { method: "POST" })).status).toBe(405);
  });
});
