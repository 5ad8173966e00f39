// WebSockets: who opens one, and how its upgrade reaches the Worker that serves it. A browser cannot set headers on an upgrade, so the
// token comes as a subprotocol; in the URL it would end up in logs. See docs/adr/014-live-sockets.md.
import { decodeJwt } from "jose";
import { CartToken } from "#shared/contracts/carts";
import { fail } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { ok } from "#shared/result";
import { GUEST_SOCKET_MS, SOCKET_PROTOCOLS, socketRequest } from "#shared/sockets";
import type { SocketProtocol } from "#shared/sockets";
import { CLOCK_TOLERANCE_SECONDS, PEER_DEADLINE_MS } from "../constants.ts";
import type { Settings } from "../deps.ts";
import { PeerFailed, withDeadline } from "../peers.ts";
import type { Input } from "../route.ts";
import { bearerTokenOf } from "./authentication.ts";

const PROTOCOL_HEADER = "sec-websocket-protocol";

function protocolOf(text: string | null | undefined): SocketProtocol | undefined {
  return SOCKET_PROTOCOLS.find((name) => name === text);
}

/**
 * The upgrade with the token of its subprotocols (`bearer, <access token>` or `cart, <cart token>`) moved to the header where other
 * requests have it, so that the same checks apply. Only the chosen subprotocol is left. A program may send the headers itself.
 */
export function withSocketCredentials(request: Request): Request {
  const [kind, token = ""] = (request.headers.get(PROTOCOL_HEADER) ?? "").split(",").map((part) => part.trim());
  const protocol = protocolOf(kind);
  const headers = new Headers(request.headers);
  headers.delete(PROTOCOL_HEADER);
  if (protocol !== undefined) {
    headers.delete("authorization");
    headers.delete("x-cart-token");
    headers.set(PROTOCOL_HEADER, protocol);
    if (protocol === "bearer" && token !== "") headers.set("authorization", `Bearer ${token}`);
    if (protocol === "cart" && CartToken.safeParse(token).success) headers.set("x-cart-token", token);
  }
  return new Request(request, { headers });
}

/**
 * Whether the page is of an origin that is neither ours nor configured. CORS does not cover sockets, so they need a check of their
 * own. Programs send no Origin.
 */
function isForeign(request: Request, allowedOrigins: ReadonlySet<string>): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || allowedOrigins.has(origin)) return false;
  return !URL.canParse(origin) || new URL(origin).host !== new URL(request.url).host;
}

/** When the verified token expires, in milliseconds since the epoch. */
function expiryOf(request: Request, now: number): number {
  const token = bearerTokenOf(request.headers.get("authorization"));
  return token === undefined ? now + GUEST_SOCKET_MS : ((decodeJwt(token).exp ?? 0) + CLOCK_TOLERANCE_SECONDS) * 1_000;
}

/**
 * Passes an upgrade on to the Worker that serves it, as a new request: nothing that the client sent is forwarded. Fails with
 * upgrade_required, unauthenticated (a guest without a cart token) and forbidden (a foreign page).
 */
export async function openSocket(
  peer: Pick<Fetcher, "fetch">,
  settings: Settings,
  { request, call, cartToken }: Input<unknown, unknown, unknown>,
): Promise<Outcome<Response>> {
  if (request.method !== "GET" || request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return fail("upgrade_required", "This path accepts WebSocket upgrades only.");
  }
  if (call.actor.role === "guest" && cartToken === undefined) {
    return fail(
      "unauthenticated",
      "This needs a token among the subprotocols: `bearer, <access token>` or `cart, <cart token>`.",
    );
  }
  if (isForeign(request, settings.allowedOrigins)) return fail("forbidden", "Pages of this origin may not connect.");
  const protocol = protocolOf(request.headers.get(PROTOCOL_HEADER));
  const upgrade = socketRequest({
    call,
    cartToken,
    expiresAt: expiryOf(request, settings.now()),
    ...(protocol === undefined ? {} : { protocol }),
  });
  const answer = await withDeadline(Promise.resolve(peer.fetch(upgrade)), PEER_DEADLINE_MS).catch((error: unknown) => {
    throw new PeerFailed("a live socket was not served", { cause: error });
  });
  const { webSocket } = answer;
  if (webSocket === null) throw new PeerFailed(`a live socket was answered with ${String(answer.status)}`);
  const headers = protocol === undefined ? {} : { [PROTOCOL_HEADER]: protocol };
  // A new answer, because the headers of another Worker's answer are immutable.
  return ok(new Response(null, { status: 101, webSocket, headers }));
}
