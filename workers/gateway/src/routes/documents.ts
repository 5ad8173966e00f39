// The description of the API: the OpenAPI document, and a page that shows it without internet access.
import * as z from "zod";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { GatewayDeps } from "../deps.ts";
import { conditionalResponse } from "../http/etag.ts";
import { openApiDocument } from "../openapi/document.ts";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

/** The page may load its own files, the document, and the images that Swagger UI embeds as data. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The files of assets/api/docs. No other asset is served. */
const PAGE_FILES = z.enum(["page.css", "page.js", "swagger-ui.css", "swagger-ui-bundle.js"]);

/** An asset with its type and tag, as a new answer: the headers of the binding's own are immutable. */
async function asset(deps: GatewayDeps, request: Request, path: string): Promise<Outcome<Response>> {
  const headers = new Headers();
  const tag = request.headers.get("if-none-match");
  if (tag !== null) headers.set("if-none-match", tag);
  const found = await deps.settings.assets.fetch(new URL(path, request.url).href, { headers });
  if (found.status !== 200 && found.status !== 304) return fail("not_found", "There is no such file.");
  const answer = new Response(found.body, { status: found.status });
  for (const name of ["content-type", "etag"]) {
    const value = found.headers.get(name);
    if (value !== null) answer.headers.set(name, value);
  }
  answer.headers.set("cache-control", "no-cache");
  answer.headers.set("content-security-policy", PAGE_POLICY);
  return ok(answer);
}

const ApiIndex = z
  .object({
    name: z.string().describe("The API's name."),
    docs: z.string().describe("Path of the page that shows the API."),
    openapi: z.string().describe("Path of the OpenAPI document."),
    health: z.string().describe("Path of the health check."),
  })
  .meta({ id: "ApiIndex", description: "Where the API is described." });

const INDEX = { name: "Tradepost", docs: "/api/docs", openapi: "/api/openapi.json", health: "/api/health" } as const;
/** The same links for programs (RFC 8631). */
const LINK = '</api/docs>; rel="service-doc", </api/openapi.json>; rel="service-desc"; type="application/json"';

/** The routes of a document that describes `described` and these routes themselves. */
export function documentRoutes(described: readonly Route[]): readonly Route[] {
  let document: { readonly text: string; readonly etag: string } | undefined;
  const routes: readonly Route[] = [
    // The shop has no pages of its own yet, so the root leads to the docs page.
    route({
      method: "get",
      path: "/",
      operationId: "openFrontDoor",
      tag: "Operations",
      summary: "Redirects to the page that shows the API",
      access: "public",
      limit: "read",
      answers: { 302: null },
      errors: [],
      handle: async () =>
        ok(
          new Response(null, {
            status: 302,
            headers: { location: INDEX.docs, link: LINK, "cache-control": "no-cache" },
          }),
        ),
    }),
    route({
      method: "get",
      path: "/api",
      operationId: "getApiIndex",
      tag: "Operations",
      summary: "Where the API is described",
      access: "public",
      limit: "read",
      answers: { 200: ApiIndex },
      errors: [],
      handle: async () => replyWith(200, ok(INDEX), { link: LINK }),
    }),
    route({
      method: "get",
      path: "/api/openapi.json",
      operationId: "getOpenApiDocument",
      tag: "Operations",
      summary: "This document",
      access: "public",
      limit: "read",
      answers: { 200: null, 304: null },
      mediaType: "application/json",
      errors: [],
      handle: async (_deps, { request }) => {
        document ??= await openApiDocument([...described, ...routes]);
        const headers = { etag: document.etag, "cache-control": "no-cache", "content-type": "application/json" };
        return ok(conditionalResponse(request, document.text, headers));
      },
    }),
    route({
      method: "get",
      path: "/api/docs",
      operationId: "getDocsPage",
      tag: "Operations",
      summary: "The API as a page",
      access: "public",
      limit: "read",
      anyQuery: true,
      answers: { 200: null, 304: null },
      mediaType: "text/html",
      errors: [],
      handle: async (deps, { request }) => await asset(deps, request, "/api/docs/"),
    }),
    route({
      method: "get",
      path: "/api/docs/{file}",
      operationId: "getDocsFile",
      tag: "Operations",
      summary: "A file of that page",
      access: "public",
      limit: "read",
      anyQuery: true,
      params: z.object({ file: PAGE_FILES.describe("The file's name.") }),
      answers: { 200: null, 304: null },
      mediaType: "*/*",
      errors: ["not_found"],
      handle: async (deps, { request, params }) => await asset(deps, request, `/api/docs/${params.file}`),
    }),
  ];
  return routes;
}
