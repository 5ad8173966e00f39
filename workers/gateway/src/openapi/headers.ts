// The headers of requests and answers in the document. Those of many operations are components.
import type { Route } from "../route.ts";
import { isTagged } from "../route.ts";
import type { Json } from "./schemas.ts";

const TEXT = { type: "string" } as const;

/** The headers of many operations, by the names of their components. */
export const HEADERS = {
  RequestId: {
    description:
      "The request's id: the client's own `X-Request-Id` when it is well formed. Include it when you report a problem.",
    schema: TEXT,
  },
  RateLimitPolicy: {
    description:
      "The limits that counted the request: the name of each, its requests (q) and its window in seconds (w), for example " +
      '`"read";q=600;w=60`. Absent where nothing is limited.',
    schema: TEXT,
  },
  RateLimit: {
    description:
      'The limit that refused the request: 0 requests remain (r) for this many seconds (t), `"auth";r=0;t=60`.',
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

/** Of every answer. */
export const COMMON_HEADERS = references({ "X-Request-Id": "RequestId", "RateLimit-Policy": "RateLimitPolicy" });

/** Of a failure with this status, in addition. */
export const PROBLEM_HEADERS: Readonly<Record<number, Json>> = {
  401: references({ "WWW-Authenticate": "WwwAuthenticate" }),
  426: references({ Upgrade: "Upgrade" }),
  429: references({ RateLimit: "RateLimit", "Retry-After": "RetryAfter" }),
  503: references({ "Retry-After": "RetryAfter" }),
};

export function isRevalidated(route: Route): boolean {
  return isTagged(route) || route.answers[304] !== undefined;
}

/** Of a successful answer. */
export function answerHeadersOf(route: Route): Json {
  const isVersioned = route.versioned !== undefined || route.ifMatch !== undefined;
  const present = {
    ...(isRevalidated(route) ? { ETag: "The answer's tag, for `If-None-Match`." } : {}),
    ...(isVersioned ? { ETag: "The version, for `If-Match`." } : {}),
    ...(route.cart === "own"
      ? { "X-Cart-Token": "The token of a guest's cart. Send it with every later call for this cart." }
      : {}),
    ...(route.idempotent ? { "Idempotency-Replayed": "`true` when the key was used before. Absent otherwise." } : {}),
  };
  const own = Object.entries(present).map(([name, description]) => [name, { description, schema: TEXT }]);
  return { ...COMMON_HEADERS, ...Object.fromEntries(own) };
}

export function header(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: TEXT };
}

/** Of a request. */
export function requestHeadersOf(route: Route): Json[] {
  return [
    ...(route.idempotent
      ? [
          {
            ...header(
              "Idempotency-Key",
              "A text of your choice, 1 to 255 characters. The same key and body again give the same resource as it is now; another " +
                "body is 422 `idempotency_key_reused`.",
            ),
            schema: { type: "string", minLength: 1, maxLength: 255 },
          },
        ]
      : []),
    ...(route.ifMatch
      ? [
          header(
            "If-Match",
            "The ETag of the last answer. If it has changed since, the answer is 412 and nothing is written.",
          ),
        ]
      : []),
    ...(route.cart === undefined
      ? []
      : [header("X-Cart-Token", "The token of a guest's cart, from the first cart answer.")]),
    ...(route.socket === undefined
      ? []
      : [header("Sec-WebSocket-Protocol", "`bearer` or `cart`, then the token. The answer has the first alone.")]),
    ...(isRevalidated(route)
      ? [header("If-None-Match", "The ETag of the answer that the client has. 304 while it is unchanged.")]
      : []),
  ];
}
