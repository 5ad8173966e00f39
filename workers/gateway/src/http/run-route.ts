// The one order in which every request to a route is checked: rate, access, path, query, cache, headers, body, handler.
import * as z from "zod";
import type { Call } from "#shared/call";
import { PROBLEMS } from "#shared/errors";
import type { ErrorCode, Outcome } from "#shared/errors";
import { randomToken } from "#shared/hash";
import { networkOf } from "#shared/network";
import { ok } from "#shared/result";
import { parseInput } from "#shared/validation";
import { authorize } from "../access.ts";
import type { Authorized } from "../access.ts";
import type { GatewayDeps } from "../deps.ts";
import { isTagged } from "../route.ts";
import type { Incoming, Input, Reply, Route } from "../route.ts";
import { checkDeclaredLength, readJson } from "./body.ts";
import { taggedResponse } from "./etag.ts";
import { cartTokenOf, idempotencyKeyOf, ifVersionOf, preferredLocale } from "./headers.ts";
import { noSuchThing } from "./path.ts";
import { publicAnswer, publicResponse } from "./public-cache.ts";
import { parseQuery } from "./query.ts";
import { limitOrders, limitRequest } from "./rate-limit.ts";

/** Takes a request through its route. A refusal by a check or by the handler is a failure; a throw is an outage or a bug. */
export async function runRoute(route: Route, deps: GatewayDeps, incoming: Incoming): Promise<Outcome<Response>> {
  const { request, identity } = incoming;
  const limited = await limitRequest(incoming.rate, route.limit, identity, request);
  if (!limited.ok) return limited;
  const authorized = authorize(route.access, identity);
  if (!authorized.ok) return authorized;
  const params = parseParams(route, incoming.rawParams);
  if (!params.ok) return params;
  const handle = (): Promise<Outcome<Reply | Response>> =>
    parseAndHandle(route, deps, incoming, authorized.value, params.value);
  if (route.cache !== undefined) return await cachedResponse(route, deps, incoming, handle);
  const result = await handle();
  return result.ok ? ok(await render(route, request, result.value)) : result;
}

function parseParams(route: Route, raw: Readonly<Record<string, string>>): Outcome<unknown> {
  if (route.params === undefined) return ok(undefined);
  const parsed = route.params.safeParse(raw);
  if (parsed.success) return ok(parsed.data);
  return noSuchThing(String(parsed.error.issues[0]?.path[0]));
}

/** The answer from the nearest cache, else from `handle`. A wrong query fails with validation_failed before any cache is read. */
async function cachedResponse(
  route: Route,
  deps: GatewayDeps,
  { request, waitUntil }: Incoming,
  handle: () => Promise<Outcome<Reply | Response>>,
): Promise<Outcome<Response>> {
  const key = deps.cache.keyOf(request.url, (url) => parseQuery(route.query, url));
  if (!key.ok) return key;
  const options = { cache: deps.cache, now: deps.settings.now, waitUntil };
  const answer = await publicAnswer(key.value, options, async () => {
    const result = await handle();
    if (!result.ok) return result;
    return ok(result.value instanceof Response ? null : result.value.body);
  });
  return answer.ok ? ok(publicResponse(request, answer.value)) : answer;
}

async function parseAndHandle(
  route: Route,
  deps: GatewayDeps,
  incoming: Incoming,
  authorized: Authorized,
  params: unknown,
): Promise<Outcome<Reply | Response>> {
  const { request } = incoming;
  const query = route.anyQuery === undefined ? parseQuery(route.query, new URL(request.url)) : ok(undefined);
  if (!query.ok) return query;
  const headers = readHeaders(route, request, authorized);
  if (!headers.ok) return headers;
  const body = await parseBody(route, request);
  if (!body.ok) return body;
  const call = callOf(incoming, authorized);
  if (route.limitByBuyer !== undefined) {
    const limited = await limitOrders(incoming.rate, call, (body.value as { email?: string }).email);
    if (!limited.ok) return limited;
  }
  return await route.handle(deps, {
    ...incoming,
    ...headers.value,
    call,
    orderToken: authorized.orderToken,
    params,
    query: query.value,
    body: body.value,
  });
}

function readHeaders(
  route: Route,
  request: Request,
  { actor }: Authorized,
): Outcome<Pick<Input<unknown, unknown, unknown>, "cartToken" | "ifVersion" | "idempotencyKey">> {
  const isGuest = actor.role === "guest";
  const token = route.cart !== undefined && isGuest ? cartTokenOf(request) : ok(undefined);
  if (!token.ok) return token;
  const ifVersion = route.ifMatch === undefined ? ok(undefined) : ifVersionOf(request, versionConflictOf(route));
  if (!ifVersion.ok) return ifVersion;
  const idempotencyKey = route.idempotent === undefined ? ok(undefined) : idempotencyKeyOf(request);
  if (!idempotencyKey.ok) return idempotencyKey;
  const cartToken = token.value ?? (route.cart === "own" && isGuest ? randomToken() : undefined);
  return ok({ cartToken, ifVersion: ifVersion.value, idempotencyKey: idempotencyKey.value });
}

function versionConflictOf({ errors }: Route): ErrorCode {
  return errors.find((code) => PROBLEMS[code].status === 412) ?? "cart_version_conflict";
}

/** For a route without a body. Any member that was sent would be lost, so it is refused. */
const NO_MEMBERS = z.strictObject({});

async function parseBody(route: Route, request: Request): Promise<Outcome<unknown>> {
  if (route.upload !== undefined) return ok(undefined);
  const length = await checkDeclaredLength(request);
  if (!length.ok) return length;
  if (route.method === "get") return ok(undefined);
  const json = await readJson(request, { optional: route.body === undefined || route.bodyOptional === true });
  if (!json.ok) return json;
  const parsed = parseInput(route.body ?? NO_MEMBERS, json.value);
  return parsed.ok && route.body === undefined ? ok(undefined) : parsed;
}

function callOf({ request, requestId, traceparent }: Incoming, { actor }: Authorized): Call {
  const locale = preferredLocale(request.headers.get("accept-language"));
  return {
    actor,
    requestId,
    correlationId: requestId,
    network: networkOf(request),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(locale === undefined ? {} : { locale }),
  };
}

async function render(route: Route, request: Request, result: Reply | Response): Promise<Response> {
  if (result instanceof Response) return result;
  const { status, body } = result;
  if (body !== undefined && isTagged(route)) {
    return await taggedResponse(request, JSON.stringify(body), result.headers ?? {});
  }
  const headers = { "cache-control": "no-store", ...result.headers };
  if (body === undefined) return new Response(null, { status, headers });
  return new Response(JSON.stringify(body), { status, headers: { ...headers, "content-type": "application/json" } });
}
