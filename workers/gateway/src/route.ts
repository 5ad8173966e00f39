// How a route is written down, and the one order in which every request to it is checked: rate, access, path, query, cache,
// headers, body, and only then the handler. The OpenAPI document and the tests read the same description.
import { z } from "zod";
import type { Call } from "#shared/call";
import { PROBLEMS, invalidInput } from "#shared/errors";
import type { ErrorCode, Outcome } from "#shared/errors";
import { randomToken } from "#shared/hash";
import { networkOf } from "#shared/network";
import { ok } from "#shared/result";
import { parseInput } from "#shared/validation";
import { authorize } from "./access.ts";
import type { Access, Authorized, Identity } from "./access.ts";
import type { GatewayDeps } from "./deps.ts";
import type { LimitClass } from "./limits.ts";
import { checkDeclaredLength, readJson } from "./http/body.ts";
import { cartTokenOf, ifVersionOf } from "./http/headers.ts";
import { taggedResponse } from "./http/etag.ts";
import { preferredLocale } from "./http/locale.ts";
import { publicAnswer, publicResponse } from "./http/public-cache.ts";
import { noSuchThing } from "./http/path.ts";
import { parseQuery } from "./http/query.ts";
import { limitOrders, limitRequest } from "./http/rate-limit.ts";
import type { RateCount } from "./http/rate-limit.ts";

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

/** What a route needs of the request beside its parsed input. */
export interface Incoming {
  readonly request: Request;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  readonly identity: Identity;
  /** What the request is counted by, for the answer's headers. */
  readonly rate: RateCount;
  /** Path parameters as they stand in the URL, decoded. */
  readonly rawParams: Readonly<Record<string, string>>;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

export interface Input<P, Q, B> extends Incoming {
  readonly call: Call;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** A guest's token of one order, on routes with access `order-token-or-user`. */
  readonly orderToken: string | undefined;
  /** A guest's, on routes that say `cart`; a user's cart is known by the user. */
  readonly cartToken: string | undefined;
  /** On routes that say `ifMatch`. */
  readonly ifVersion: number | undefined;
  /** On routes that say `idempotent`. */
  readonly idempotencyKey: string | undefined;
}

export interface Reply {
  readonly status: number;
  /** Left out: no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;
type Optional = z.ZodType | undefined;

export interface RouteSpec<P extends Optional, Q extends Optional, B extends Optional> {
  readonly method: Method;
  /** The call's name in clients: a verb and what it is about, `updateProductImage`. It never changes. */
  readonly operationId: string;
  /** As OpenAPI writes it: `/api/orders/{orderId}`. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  /** What a caller has to know beside the summary; who may call and how often is said for every route. */
  readonly description?: string;
  readonly access: Access;
  readonly limit: LimitClass;
  /** An id that does not parse cannot exist: the answer is 404, not 400. */
  readonly params?: P;
  /** Its members are the parameters that the call takes; without a schema it takes none. */
  readonly query?: Q;
  /** Passes over parameters that it does not know: pages, pictures and probes, whose URLs others write. */
  readonly anyQuery?: true;
  readonly body?: B;
  /** Takes files of these media types instead of JSON; the handler reads the body, with limits of its own. */
  readonly upload?: readonly string[];
  /** No body means `{}`. */
  readonly bodyOptional?: true;
  /** Honours Idempotency-Key. */
  readonly idempotent?: true;
  /** Honours If-Match with the version of the cart, or of what the route's own 412 names. */
  readonly ifMatch?: true;
  /** A read whose ETag is that version: for If-Match alone, since prices and stock move without it. */
  readonly versioned?: true;
  /** `own`: a guest without a cart token is given one. `accepted`: a guest's token is passed on. */
  readonly cart?: "own" | "accepted";
  /** A WebSocket: its token may come as a subprotocol. The schema is that of each message. */
  readonly socket?: z.ZodType;
  /** Counted per buyer too, unless proven: see limitOrders. */
  readonly limitByBuyer?: true;
  /** Public answers that the short caches keep, by path and query. */
  readonly cache?: true;
  /** Status to the schema of its body; null for none or for a body that is no JSON. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Of a body that no schema describes. */
  readonly mediaType?: string;
  readonly errors: readonly ErrorCode[];
  readonly handle: (
    deps: GatewayDeps,
    input: Input<Output<P>, Output<Q>, Output<B>>,
  ) => Promise<Outcome<Reply | Response>>;
}

/** A route whose types were checked where it was written. */
export interface Route extends Omit<RouteSpec<Optional, Optional, Optional>, "handle"> {
  readonly handle: (deps: GatewayDeps, input: Input<unknown, unknown, unknown>) => Promise<Outcome<Reply | Response>>;
}

export function route<P extends Optional = undefined, Q extends Optional = undefined, B extends Optional = undefined>(
  spec: RouteSpec<P, Q, B>,
): Route {
  return spec as unknown as Route;
}

/** Renders what a peer answered with one status. */
export function replyWith(
  status: number,
  outcome: Outcome<unknown>,
  headers: Readonly<Record<string, string>> = {},
): Outcome<Reply> {
  if (!outcome.ok) return outcome;
  return ok(status === 204 ? { status, headers } : { status, body: outcome.value, headers });
}

/** Says that an Idempotency-Key was seen before. */
export function replayedHeader(replayed: boolean): Record<string, string> {
  return replayed ? { "idempotency-replayed": "true" } : {};
}

function parseParams(route: Route, raw: Readonly<Record<string, string>>): Outcome<unknown> {
  if (route.params === undefined) return ok(undefined);
  const parsed = route.params.safeParse(raw);
  if (parsed.success) return ok(parsed.data);
  return noSuchThing(String(parsed.error.issues[0]?.path[0]));
}

function queryOf(route: Route, request: Request): Outcome<unknown> {
  return route.anyQuery === undefined ? parseQuery(route.query, new URL(request.url)) : ok(undefined);
}

/** What a call that takes no body may be sent all the same; anything in it would be lost. */
const NO_MEMBERS = z.strictObject({});

async function parseBody(route: Route, request: Request): Promise<Outcome<unknown>> {
  if (route.upload !== undefined) return ok(undefined);
  const length = await checkDeclaredLength(request);
  if (!length.ok) return length;
  if (route.method === "get") return ok(undefined);
  const json = await readJson(request, route.body === undefined || route.bodyOptional === true);
  if (!json.ok) return json;
  const parsed = parseInput(route.body ?? NO_MEMBERS, json.value);
  return parsed.ok && route.body === undefined ? ok(undefined) : parsed;
}

function idempotencyKeyOf(route: Route, request: Request): Outcome<string | undefined> {
  const key = request.headers.get("idempotency-key");
  if (route.idempotent === undefined || key === null) return ok(undefined);
  if (key.length >= 1 && key.length <= 255) return ok(key);
  return invalidInput([{ path: "Idempotency-Key", message: "must have 1 to 255 characters" }]);
}

/** What a version that is not the present one is called. */
function conflictOf({ errors }: Route): ErrorCode {
  return errors.find((code) => PROBLEMS[code].status === 412) ?? "cart_version_conflict";
}

interface ConditionHeaders {
  readonly cartToken: string | undefined;
  readonly ifVersion: number | undefined;
  readonly idempotencyKey: string | undefined;
}

function readHeaders(route: Route, { request }: Incoming, authorized: Authorized): Outcome<ConditionHeaders> {
  const isGuest = authorized.actor.role === "guest";
  const token = route.cart !== undefined && isGuest ? cartTokenOf(request) : ok(undefined);
  if (!token.ok) return token;
  const ifVersion = route.ifMatch === undefined ? ok(undefined) : ifVersionOf(request, conflictOf(route));
  if (!ifVersion.ok) return ifVersion;
  const idempotencyKey = idempotencyKeyOf(route, request);
  if (!idempotencyKey.ok) return idempotencyKey;
  const cartToken = token.value ?? (route.cart === "own" && isGuest ? randomToken() : undefined);
  return ok({ cartToken, ifVersion: ifVersion.value, idempotencyKey: idempotencyKey.value });
}

function callOf(incoming: Incoming, authorized: Authorized): Call {
  const { requestId, traceparent } = incoming;
  const locale = preferredLocale(incoming.request.headers.get("accept-language"));
  return {
    actor: authorized.actor,
    requestId,
    correlationId: requestId,
    network: networkOf(incoming.request),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(locale === undefined ? {} : { locale }),
  };
}

/** Whether the answers of a route are reads of JSON that may be kept: these have a tag of their text. */
export function isTagged({ method, versioned, answers }: Route): boolean {
  return method === "get" && versioned === undefined && (answers[200] ?? null) !== null;
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

async function parseAndHandle(
  route: Route,
  deps: GatewayDeps,
  incoming: Incoming,
  authorized: Authorized,
  params: unknown,
): Promise<Outcome<Reply | Response>> {
  const query = queryOf(route, incoming.request);
  if (!query.ok) return query;
  const headers = readHeaders(route, incoming, authorized);
  if (!headers.ok) return headers;
  const body = await parseBody(route, incoming.request);
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

/** The answer from the nearest cache, or of `handle`. Fails with validation_failed for a wrong query before it looks anywhere. */
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

/**
 * Takes a request through its route. What a check or the handler refuses comes
 * back as a failure; a throw is an outage or a bug.
 */
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
