// How a route is described. The router, the OpenAPI document and the tests read the same description; http/run-route.ts takes requests
// through it.
import type * as z from "zod";
import type { Call } from "#shared/call";
import type { ErrorCode, Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import type { Access, Identity } from "./access.ts";
import type { GatewayDeps } from "./deps.ts";
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
  /** An order of a guest or an unproven account is also limited by e-mail address and network: `limitOrders`. */
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
