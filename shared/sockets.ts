// Live sockets: how the gateway passes an upgrade to the object that serves it, and how such an object handles its sockets. The objects
// hibernate between messages, so a socket's state is in its attachment. See docs/adr/014-live-sockets.md.
import * as z from "zod";
import { Call } from "./call.ts";
import { CartToken } from "./contracts/carts.ts";

/** The name before the token in `Sec-WebSocket-Protocol`: `bearer` for an access token, `cart` for a guest's cart token. */
export const SOCKET_PROTOCOLS = ["bearer", "cart"] as const;
export type SocketProtocol = (typeof SOCKET_PROTOCOLS)[number];

/** Why the server closes a socket. Clients branch on these codes. */
export const SOCKET_CLOSE = {
  /** The client sent a message other than `ping` (RFC 6455, 7.4.1). */
  policy: 1008,
  /** The token has expired: reconnect with a new one. */
  expired: 4401,
  /** The guest's cart was merged into a user's. */
  ended: 4410,
  /** The same user or guest has opened MAX_SOCKETS newer sockets. */
  displaced: 4429,
} as const;

/** Sockets of one cart or one user's feed: more than anybody's devices and tabs, and few enough for one write to all. */
export const MAX_SOCKETS = 20;
/** A cart token does not expire, so a guest's socket ends after a day. */
export const GUEST_SOCKET_MS = 24 * 60 * 60 * 1_000;

/** What the gateway has verified about an upgrade. */
export const SocketPass = z.object({
  call: Call,
  cartToken: CartToken.optional(),
  /** When the token expires, in milliseconds since the epoch. */
  expiresAt: z.int(),
  /** The subprotocol to echo; absent when the client sent its token in a header. */
  protocol: z.enum(SOCKET_PROTOCOLS).optional(),
});
export type SocketPass = z.infer<typeof SocketPass>;

const PASS_HEADER = "x-tradepost-socket";

/**
 * The upgrade request for a domain Worker. It contains nothing that the client sent. Only a service binding reaches its receiver, so the
 * pass needs no signature.
 */
export function socketRequest(pass: SocketPass): Request {
  // The pass contains the user's name, which may have characters that a header cannot.
  const headers = { upgrade: "websocket", [PASS_HEADER]: encodeURIComponent(JSON.stringify(pass)) };
  return new Request("https://live.invalid/", { headers });
}

/** The pass of an upgrade from the gateway. Throws on any other request. */
export function socketPassOf(request: Request): SocketPass {
  return SocketPass.parse(JSON.parse(decodeURIComponent(request.headers.get(PASS_HEADER) ?? "")));
}

const Attachment = z.object({
  openedAt: z.int(),
  expiresAt: z.int(),
  /** The last version sent to the socket; 0 for objects without versions. */
  version: z.int(),
});
type Attachment = z.infer<typeof Attachment>;

interface OpenSocket {
  readonly socket: WebSocket;
  readonly attachment: Attachment;
}

/** Closes a socket that cannot be written to, so that the others still get the message. */
function sendOrClose(socket: WebSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    socket.close(1011, "the message could not be sent");
  }
}

/** The sockets of one Durable Object. */
export class LiveSockets {
  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  get count(): number {
    return this.#open().length;
  }

  /** Accepts a socket and returns the response to its upgrade. Above MAX_SOCKETS it closes the oldest, the one most likely dead. */
  accept(
    { expiresAt, protocol }: SocketPass,
    now: number,
    first?: { readonly text: string; readonly version: number },
  ): Response {
    const open = this.#open().toSorted((a, b) => a.attachment.openedAt - b.attachment.openedAt);
    for (const { socket } of open.slice(0, Math.max(open.length + 1 - MAX_SOCKETS, 0))) {
      socket.close(SOCKET_CLOSE.displaced, "newer sockets replaced this one");
    }
    const { 0: client, 1: server } = new WebSocketPair();
    // Answered by the runtime without waking the object.
    this.#ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    this.#ctx.acceptWebSocket(server);
    server.serializeAttachment({ openedAt: now, expiresAt, version: first?.version ?? 0 } satisfies Attachment);
    if (first !== undefined) server.send(first.text);
    const headers = protocol === undefined ? {} : { "sec-websocket-protocol": protocol };
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /** Whether the last version sent to some socket is older than this. */
  lacks(version: number): boolean {
    return this.#open().some(({ attachment }) => attachment.version < version);
  }

  /** Sends to every socket, or with `version` to those whose last version is older. Expired sockets are closed. */
  send(text: string, now: number, version?: number): void {
    this.closeExpired(now);
    for (const { socket, attachment } of this.#open()) {
      if (version === undefined || attachment.version < version) {
        sendOrClose(socket, text);
        if (version !== undefined) socket.serializeAttachment({ ...attachment, version } satisfies Attachment);
      }
    }
  }

  closeExpired(now: number): void {
    for (const { socket, attachment } of this.#open()) {
      if (attachment.expiresAt <= now) socket.close(SOCKET_CLOSE.expired, "the token has expired");
    }
  }

  closeAll(code: number, reason: string): void {
    for (const { socket } of this.#open()) socket.close(code, reason);
  }

  /** When the next token expires, or undefined without sockets. */
  nextExpiry(): number | undefined {
    const times = this.#open().map(({ attachment }) => attachment.expiresAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Closes a socket that sent something other than `ping`: each message wakes the object, which costs money. */
  refuseMessage(socket: WebSocket): void {
    socket.close(SOCKET_CLOSE.policy, "this socket accepts no message but ping");
  }

  /** The runtime also lists closing sockets until the client has confirmed. */
  #open(): OpenSocket[] {
    return this.#ctx
      .getWebSockets()
      .filter(({ readyState }) => readyState === WebSocket.OPEN)
      .map((socket) => ({ socket, attachment: Attachment.parse(socket.deserializeAttachment()) }));
  }
}
