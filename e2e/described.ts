// Checks every response that a test gets against the OpenAPI document: its status, its problem code, and its members.
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { saysMore } from "#shared/testkit/problems";
import { openApiDocument } from "../workers/gateway/src/openapi/document.ts";
import { Problem, problemMembers } from "../workers/gateway/src/openapi/problems.ts";
import type { Route } from "../workers/gateway/src/route.ts";
import { allRoutes } from "../workers/gateway/src/routes.ts";

interface Operation {
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const { paths } = JSON.parse((await openApiDocument(allRoutes)).text) as Document;

/** Paths without a parameter first, as the gateway matches them. */
const PATTERNS = Object.keys(paths)
  .toSorted((a, b) => Number(a.includes("{")) - Number(b.includes("{")))
  .map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`) }));

const ROUTES = new Map(allRoutes.map((route): [string, Route] => [`${route.method} ${route.path}`, route]));

function wrongProblem(text: string, { status, headers }: Response, described: string): string | undefined {
  if (headers.get("content-type") !== "application/problem+json") return "is not problem+json";
  if (headers.get("cache-control") !== "no-store") return "may be stored by caches";
  const body: unknown = JSON.parse(text);
  const common = Problem.safeParse(body);
  if (!common.success) return z.prettifyError(common.error);
  const problem = z.strictObject({ ...Problem.shape, ...problemMembers(common.data.code).shape }).safeParse(body);
  if (!problem.success) return z.prettifyError(problem.error);
  const { code, status: stated, requestId } = common.data;
  if (!saysMore(common.data)) return `says no more than its title: ${common.data.detail}`;
  if (stated !== status || requestId !== headers.get("x-request-id")) return "contradicts its own headers";
  return described.includes(`\`${code}\``) ? undefined : `has the code ${code}`;
}

function wrongBody(text: string, schema: z.ZodType): string | undefined {
  const body: unknown = JSON.parse(text);
  const parsed = schema.safeParse(body);
  if (!parsed.success) return z.prettifyError(parsed.error);
  // The schema drops unknown members.
  return isDeepStrictEqual(parsed.data, body) ? undefined : "has undescribed members";
}

/** How a response differs from the document. Undefined when it does not, or when the document has no such path. */
export async function undescribed(method: string, pathname: string, answer: Response): Promise<string | undefined> {
  const path = PATTERNS.find(({ pattern }) => pattern.test(pathname))?.path;
  if (path === undefined) return undefined;
  const name = method === "HEAD" ? "get" : method.toLowerCase();
  const { status } = answer;
  const complain = (what: string | undefined): string | undefined =>
    what && `${method} ${path}: ${String(status)} ${what}`;
  const operation = paths[path]?.[name];
  if (operation === undefined) return complain(status === 405 || method === "OPTIONS" ? undefined : "is not 405");
  const described = operation.responses[status];
  if (described === undefined) return complain("is not described");
  const schema = ROUTES.get(`${name} ${path}`)?.answers[status] ?? null;
  if (method === "HEAD" || (status < 400 && schema === null)) return undefined;
  const text = await answer.text();
  if (status >= 400) return complain(wrongProblem(text, answer, described.description));
  return complain(schema === null ? undefined : wrongBody(text, schema));
}
