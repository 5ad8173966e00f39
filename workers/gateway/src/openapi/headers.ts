// What answers tell in their headers. Those of many operations stand among the components.
import type { Route } from "../route.ts";
import { isTagged } from "../route.ts";
import type { Json } from "./schemas.ts";

const TEXT = { type: "string" } as const;

/** Headers that answers of many operations carry, under their names among the components. */
export const HEADERS = {
  RequestId: {
    description:
      "The request's id: the client's own `X-Request-Id` when it was sane. Name it when you report a problem.",
    schema: TEXT,
  },
  RateLimitPolicy: {
    description:
      "The limits that the request was counted by: the name of each, its requests (q) and its window in seconds (w), for example " +
      '`"read";q=600;w=60`. Absent where nothing is limited.',
    schema: TEXT,
  },
  RateLimit: {
    description: 'The limit that refused the request: nothing is left (r) for so many seconds (t), `"auth";r=0;t=60`.',
    schema: TEXT,
  },
  RetryAfter: { description: "Seconds to wait before the next try.", schema: { type: "integer", minimum: 0 } },
  WwwAuthenticate: {
    description: "The Bearer scheme, and what is wrong with the token that was sent (RFC 6750, 3).",
    schema: TEXT,
  },
  Upgrade: { description: "`websocket`: the protocol that this path speaks.", schema: TEXT },
} as const;

function references(headers: Readonly<Record<string, keyof typeof HEADERS>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, component]) => [name, { $ref: `#/components/headers/${component}` }]),
  );
}

/** What every answer of a route carries. */
export const COMMON_HEADERS = references({ "X-Request-Id": "RequestId", "RateLimit-Policy": "RateLimitPolicy" });

/** What a failure of this status tells beside that. */
export const PROBLEM_HEADERS: Readonly<Record<number, Json>> = {
  401: references({ "WWW-Authenticate": "WwwAuthenticate" }),
  426: references({ Upgrade: "Upgrade" }),
  429: references({ RateLimit: "RateLimit", "Retry-After": "RetryAfter" }),
  503: references({ "Retry-After": "RetryAfter" }),
};

export function isRevalidated(route: Route): boolean {
  return isTagged(route) || route.answers[304] !== undefined;
}

/** What an answer that went well tells beside its body. */
export function answerHeadersOf(route: Route): Json {
  const isVersioned = route.versioned !== undefined || route.ifMatch !== undefined;
  const told = {
    ...(isRevalidated(route) ? { ETag: "The answer's tag, for `If-None-Match`." } : {}),
    ...(isVersioned ? { ETag: "The version, for `If-Match`." } : {}),
    ...(route.cart === "own" ? { "X-Cart-Token": "A guest's cart. Send it with every later call for this cart." } : {}),
    ...(route.idempotent ? { "Idempotency-Replayed": "`true` when the key was seen before. Absent otherwise." } : {}),
  };
  const own = Object.entries(told).map(([name, description]) => [name, { description, schema: TEXT }]);
  return { ...COMMON_HEADERS, ...Object.fromEntries(own) };
}

export function header(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: TEXT };
}

/** The headers that a request may send. */
export function requestHeadersOf(route: Route): Json[] {
  return [
    ...(route.idempotent
      ? [
          {
            ...header(
              "Idempotency-Key",
              "A text of your choice, 1 to 255 characters. The same key and body again gives the same resource as it is now; another " +
                "body is 422 `idempotency_key_reused`.",
            ),
            schema: { type: "string", minLength: 1, maxLength: 255 },
          },
        ]
      : []),
    ...(route.ifMatch
      ? [header("If-Match", "The ETag of the last answer. 412 when it has changed since; nothing is written then.")]
      : []),
    ...(route.cart === undefined ? [] : [header("X-Cart-Token", "A guest's cart, as the first cart answer told it.")]),
    ...(route.socket === undefined
      ? []
      : [header("Sec-WebSocket-Protocol", "`bearer` or `cart`, then the token; the answer names the first.")]),
    ...(isRevalidated(route)
      ? [header("If-None-Match", "The ETag of the answer that the client has. 304 while it is still the same.")]
      : []),
  ];
}
