// How a route is described, and the one order in which every request to it is checked: rate, access, path, query, cache, headers,
// body, handler. The OpenAPI document and the tests read the same description.
import { z } from "zod";
import type { Call } from "#shared/call";
import { PROBLEMS } from "#shared/errors";
import type { ErrorCode, Outcome } from "#shared/errors";
import { randomToken } from "#shared/hash";
import { networkOf } from "#shared/network";
import { ok } from "#shared/result";
import { parseInput } from "#shared/validation";
import { authorize } from "./access.ts";
import type { Access, Authorized, Identity } from "./access.ts";
import type { GatewayDeps } from "./deps.ts";
import { checkDeclaredLength, readJson } from "./http/body.ts";
import { taggedResponse } from "./http/etag.ts";
import { cartTokenOf, idempotencyKeyOf, ifVersionOf, preferredLocale } from "./http/headers.ts";
import { noSuchThing } from "./http/path.ts";
import { publicAnswer, publicResponse } from "./http/public-cache.ts";
import { parseQuery } from "./http/query.ts";
import { limitOrders, limitRequest } from "./http/rate-limit.ts";
import type { LimitClass, RateCount } from "./http/rate-limit.ts";

export type Method = "get" | "post" | "patch" | "delete" | "put";
export type Tag =
  | "Accounts"
  | "Catalog"
  | "Cart"
  | "Orders"
  | "Payments"
  | "Inventory"
  | "Notifications"
  | "Operations";

/** A request before its input is parsed. */
export interface Incoming {
  readonly request: Request;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly identity: Identity;
  /** The limits that count the request; the answer's headers name them. */
  readonly rate: RateCount;
  /** Path parameters as in the URL, decoded. */
  readonly rawParams: Readonly<Record<string, string>>;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** What a handler gets. */
export interface Input<P, Q, B> extends Incoming {
  readonly call: Call;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** A guest's token of one order, on routes with access `order-token-or-user`. */
  readonly orderToken: string | undefined;
  /** A guest's, on routes with `cart`. A user's cart is found by the user. */
  readonly cartToken: string | undefined;
  /** On routes with `ifMatch`. */
  readonly ifVersion: number | undefined;
  /** On routes with `idempotent`. */
  readonly idempotencyKey: string | undefined;
}

export interface Reply {
  readonly status: number;
  /** Absent: no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;
type Optional = z.ZodType | undefined;

export interface RouteSpec<P extends Optional, Q extends Optional, B extends Optional> {
  readonly method: Method;
  /** The operation's name in clients, verb first: `updateProductImage`. It never changes. */
  readonly operationId: string;
  /** As in OpenAPI: `/api/orders/{orderId}`. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  /** What a caller has to know that the summary does not say. The document adds who may call and how often. */
  readonly description?: string;
  readonly access: Access;
  readonly limit: LimitClass;
  /** A parameter that does not parse cannot exist: the answer is 404, not 400. */
  readonly params?: P;
  /** Its members are the parameters. Without a schema the route takes none. */
  readonly query?: Q;
  /** Ignores unknown parameters: for pages, pictures and probes, whose URLs others write. */
  readonly anyQuery?: true;
  readonly body?: B;
  /** Takes files of these media types instead of JSON. The handler reads the body with limits of its own. */
  readonly upload?: readonly string[];
  /** No body means `{}`. */
  readonly bodyOptional?: true;
  /** Honours Idempotency-Key. */
  readonly idempotent?: true;
  /** Honours If-Match, with the version of the cart or of what the route's own 412 code names. */
  readonly ifMatch?: true;
  /** A read whose ETag is that version. It serves If-Match only, because prices and stock change without it. */
  readonly versioned?: true;
  /** `own`: a guest without a cart token gets a new one. `accepted`: a guest's token is only passed on. */
  readonly cart?: "own" | "accepted";
  /** A WebSocket: its token may come as a subprotocol. The schema is that of each message. */
  readonly socket?: z.ZodType;
  /** Counted by `limitOrders` too. */
  readonly limitByBuyer?: true;
  /** A public answer that the short caches keep, by path and query. */
  readonly cache?: true;
  /** Status to the schema of its body; null for none, or for a body that is not JSON. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Of a body without a schema. */
  readonly mediaType?: string;
  readonly errors: readonly ErrorCode[];
  readonly handle: (
    deps: GatewayDeps,
    input: Input<Output<P>, Output<Q>, Output<B>>,
  ) => Promise<Outcome<Reply | Response>>;
}

/** A route whose types were checked where it is written. */
export interface Route extends Omit<RouteSpec<Optional, Optional, Optional>, "handle"> {
  readonly handle: (deps: GatewayDeps, input: Input<unknown, unknown, unknown>) => Promise<Outcome<Reply | Response>>;
}

export function route<P extends Optional = undefined, Q extends Optional = undefined, B extends Optional = undefined>(
  spec: RouteSpec<P, Q, B>,
): Route {
  return spec as unknown as Route;
}

/** The reply for a peer's outcome: its value with this status, or its failure. */
export function replyWith(
  status: number,
  outcome: Outcome<unknown>,
  headers: Readonly<Record<string, string>> = {},
): Outcome<Reply> {
  if (!outcome.ok) return outcome;
  return ok(status === 204 ? { status, headers } : { status, body: outcome.value, headers });
}

/** Marks the answer to an Idempotency-Key that was used before. */
export function replayedHeader({ replayed }: { readonly replayed: boolean }): Record<string, string> {
  return replayed ? { "idempotency-replayed": "true" } : {};
}

/** Whether the route's answers are JSON reads without a version: those get a tag of their text. */
export function isTagged({ method, versioned, answers }: Route): boolean {
  return method === "get" && versioned === undefined && (answers[200] ?? null) !== null;
}

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
