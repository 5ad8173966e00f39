// No route ignores what a client sends: an unknown member at any depth of a body, and an unknown or repeated parameter, is 400 and
// named.
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { ok } from "#shared/result";
import { exampleInput, withUnknownMembers } from "#shared/testkit/examples";
import type { Route } from "../src/route.ts";
import { allRoutes } from "../src/routes.ts";
import { bearer, gateway, problemOf, tokenFor } from "./support.ts";
import type { Send } from "./support.ts";

const STRANGER = "nobodyKnowsThis";
/** Health, the page, pictures and figures: whoever asks for those writes the URL as they like. */
const FREE = ["/api/health", "/api/docs", "/api/docs/{file}", "/images/products/{productId}/{file}", "/api/metrics"];

const send: Send = gateway();
const authorization = bearer(await tokenFor("admin"));

const nameOf = ({ method, path }: Route): string => `${method.toUpperCase()} ${path}`;
const strict = allRoutes.filter(({ path }) => !FREE.includes(path));
const named = (routes: readonly Route[]): (readonly [string, Route])[] =>
  routes.map((route) => [nameOf(route), route] as const);

/** A path that passes the route's parameters, as far as their schema tells. */
function pathOf({ path, params }: Route): string {
  const values = params === undefined ? {} : (exampleInput(params) ?? {});
  return path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const known: Readonly<Record<string, string>> = { deadLetterId: "orders:evt_1", templateId: "welcome.email.en" };
    const value = values[name];
    return known[name] ?? (typeof value === "string" ? value : "none");
  });
}

/** The paths that the answer blames; it must be 400 validation_failed. */
async function blamed(response: Response): Promise<string[]> {
  const problem = await problemOf(response);
  expect(problem).toMatchObject({ status: 400, code: "validation_failed" });
  const errors = problem["errors"] as { path: string; message: string }[];
  for (const { path } of errors.slice(0, 5)) expect(problem["detail"]).toContain(path);
  return errors.map(({ path }) => path);
}

async function ask(route: Route, query: string, body?: unknown): Promise<Response> {
  const init = body === undefined ? {} : { json: body };
  return await send(`${pathOf(route)}${query}`, {
    method: route.method.toUpperCase(),
    headers: authorization,
    ...init,
  });
}

describe("a query", () => {
  it.each(named(strict))("of %s with an unknown parameter is refused", async (_name, route) => {
    expect(await blamed(await ask(route, `?${STRANGER}=1`))).toEqual([STRANGER]);
    expect(await blamed(await ask(route, `?utm_source=mail&${STRANGER}`))).toEqual(["utm_source", STRANGER]);
  });

  it.each(named(strict.filter(({ query }) => query !== undefined)))(
    "of %s with a parameter twice is refused, whatever its values",
    async (_name, route) => {
      const names = Object.keys((route.query as z.ZodObject).shape);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(await blamed(await ask(route, `?${name}=1&${name}=1`))).toContain(name);
    },
  );

  it("has an object schema on every route, so that its names are known", () => {
    expect(allRoutes.filter(({ query }) => query !== undefined && !(query instanceof z.ZodObject)).map(nameOf)).toEqual(
      [],
    );
  });

  it("may hold anything where others write the URL", () => {
    expect(allRoutes.filter(({ anyQuery }) => anyQuery === true).map(({ path }) => path)).toEqual(
      expect.arrayContaining(FREE),
    );
    expect(allRoutes.filter(({ anyQuery }) => anyQuery === true)).toHaveLength(FREE.length);
  });

  it("is refused for HEAD as for GET", async () => {
    expect((await send(`/api/brands?${STRANGER}=1`, { method: "HEAD" })).status).toBe(400);
  });
});

describe("a body", () => {
  const writes = allRoutes.filter(({ method, upload }) => method !== "get" && upload === undefined);

  it.each(named(writes.filter(({ body }) => body !== undefined)))(
    "of %s with an unknown member, however deep, is refused",
    async (_name, route) => {
      const example = exampleInput(route.body as z.ZodType);
      const places = withUnknownMembers(example, STRANGER).filter(({ path }) => !path.startsWith("variables."));
      expect(places.map(({ path }) => path)).toContain(STRANGER);
      for (const { path, value } of places) expect(await blamed(await ask(route, "", value))).toEqual([path]);
    },
  );

  it.each(named(writes.filter(({ body }) => body === undefined)))(
    "of %s, which takes none, is refused when there is something in it",
    async (_name, route) => {
      expect(await blamed(await ask(route, "", { [STRANGER]: 1 }))).toEqual([STRANGER]);
    },
  );

  it("of a call without one may be empty or {}, whatever its content type", async () => {
    const taking = gateway({ notifications: { readNotification: async () => ok({} as never) } });
    const path = "/api/notifications/ntf_1/read";
    const statuses = await Promise.all(
      [
        { body: "", headers: { "content-type": "application/x-www-form-urlencoded" } },
        { body: "", headers: { "content-type": "application/json" } },
        { json: {} },
        {},
      ].map(async (init) => {
        const { headers = {}, ...rest } = init as { headers?: Record<string, string> };
        return (await taking(path, { method: "POST", ...rest, headers: { ...headers, ...authorization } })).status;
      }),
    );
    expect(statuses).toEqual([200, 200, 200, 200]);
  });

  it("as a form with an unknown text, a second file or a text twice is refused", async () => {
    const picture = (): File => new File([new Uint8Array([1])], "x.png", { type: "image/png" });
    const post = async (...members: (readonly [string, string | File])[]): Promise<string[]> => {
      const body = new FormData();
      for (const [name, value] of members) {
        if (typeof value === "string") body.append(name, value);
        else body.append(name, value);
      }
      return await blamed(await send("/api/products/prd_1/images", { method: "POST", body, headers: authorization }));
    };
    expect(await post(["file", picture()], [STRANGER, "x"])).toEqual([STRANGER]);
    expect(await post(["file", picture()], ["picture", picture()])).toEqual(["file"]);
    expect(await post(["file", picture()], ["alt", "a"], ["alt", "b"])).toEqual(["alt"]);
  });

  it("as a form with a text in place of the file says so", async () => {
    const body = new FormData();
    body.append("file", "picture.png");
    const response = await send("/api/products/prd_1/images", { method: "POST", body, headers: authorization });
    expect(await problemOf(response)).toMatchObject({
      detail: "file: is a text, and must be a file; curl sends one as file=@picture.png.",
    });
  });

  it("is refused with every unknown member and every other error", async () => {
    const body = { email: "x", password: "y", a: 1, "b.c": 2 };
    expect(await blamed(await send("/api/auth/login", { method: "POST", json: body }))).toEqual(["email", "a", "b.c"]);
  });

  it("with a member named __proto__ is refused", async () => {
    const text = '{"email":"a@example.com","password":"x","__proto__":{"role":"admin"}}';
    const headers = { "content-type": "application/json" };
    expect(await blamed(await send("/api/auth/login", { method: "POST", body: text, headers }))).toEqual(["__proto__"]);
  });
});
