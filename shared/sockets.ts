// Live sockets: how an upgrade travels from the gateway to the object that serves it, and what each such object does with its
// sockets. The objects hibernate between messages, so all they know of a socket is its attachment. See
// docs/adr/014-live-sockets.md.
import { z } from "zod";
import { Call } from "./call.ts";
import { CartToken } from "./contracts/orders.ts";

/** As a browser names them in `Sec-WebSocket-Protocol`, before the token: a user's access token, a guest's cart token. */
export const SOCKET_PROTOCOLS = ["bearer", "cart"] as const;
export type SocketProtocol = (typeof SOCKET_PROTOCOLS)[number];

/** Why the server ends a socket. Clients branch on these: api.md. */
export const SOCKET_CLOSE = {
  /** A message other than `ping` came; these sockets only tell (RFC 6455, 7.4.1). */
  policy: 1008,
  /** The token has expired: come again with a new one. */
  expired: 4401,
  /** The guest's cart was merged into a user's and has no more to tell. */
  ended: 4410,
  /** The same user or guest has opened newer ones, and as many as there may be. */
  displaced: 4429,
} as const;

/** Sockets of one cart, or of one user's feed: more than anybody has devices and tabs, and few enough to write to at once. */
export const MAX_SOCKETS = 20;
/** A cart token does not expire, and nothing should be open for ever: a guest's page comes again after a day. */
export const GUEST_SOCKET_MS = 24 * 60 * 60 * 1_000;

/** What the gateway has found out about an upgrade. */
export const SocketPass = z.object({
  call: Call,
  cartToken: CartToken.optional(),
  /** Until when the token is good, in milliseconds since the epoch. */
  expiresAt: z.int(),
  /** The subprotocol to choose; absent when the client named none and sent its token in a header. */
  protocol: z.enum(SOCKET_PROTOCOLS).optional(),
});
export type SocketPass = z.infer<typeof SocketPass>;

const PASS_HEADER = "x-tradepost-socket";

/**
 * The upgrade as it goes to a domain Worker. It is made anew and carries nothing that the client sent; its receiver is an
 * entrypoint that only a service binding reaches, so the pass needs no signature.
 */
export function socketRequest(pass: SocketPass): Request {
  // A name may hold any character, a header only some.
  const headers = { upgrade: "websocket", [PASS_HEADER]: encodeURIComponent(JSON.stringify(pass)) };
  return new Request("https://live.invalid/", { headers });
}

/** The pass of an upgrade that the gateway has made. Throws on any other request. */
export function socketPassOf(request: Request): SocketPass {
  return SocketPass.parse(JSON.parse(decodeURIComponent(request.headers.get(PASS_HEADER) ?? "")));
}

const Attachment = z.object({
  openedAt: z.int(),
  expiresAt: z.int(),
  /** The version that the socket was last told; 0 where versions are not counted. */
  version: z.int(),
});
type Attachment = z.infer<typeof Attachment>;

interface OpenSocket {
  readonly socket: WebSocket;
  readonly attachment: Attachment;
}

/** One socket that cannot be written to must not keep the message from the others. */
function sendOrEnd(socket: WebSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    socket.close(1011, "the message could not be sent");
  }
}

/** The sockets of one object. */
export class LiveSockets {
  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  get count(): number {
    return this.#open().length;
  }

  /** Takes a socket on and gives the answer to its upgrade. The oldest gives way when there are too many: it is likeliest dead. */
  accept(
    { expiresAt, protocol }: SocketPass,
    now: number,
    first?: { readonly text: string; readonly version: number },
  ): Response {
    const open = this.#open().toSorted((a, b) => a.attachment.openedAt - b.attachment.openedAt);
    for (const { socket } of open.slice(0, Math.max(open.length + 1 - MAX_SOCKETS, 0))) {
      socket.close(SOCKET_CLOSE.displaced, "newer sockets took the place");
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

  /** Whether some socket was last told an older version than this. */
  lacks(version: number): boolean {
    return this.#open().some(({ attachment }) => attachment.version < version);
  }

  /** Sends to every socket, or with a `version` to those that were told an older one. Expired ones are closed instead. */
  send(text: string, now: number, version?: number): void {
    this.closeExpired(now);
    for (const { socket, attachment } of this.#open()) {
      if (version === undefined || attachment.version < version) {
        sendOrEnd(socket, text);
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

  /** What a client says other than `ping` ends its socket: each message would wake the object. */
  refuseMessage(socket: WebSocket): void {
    socket.close(SOCKET_CLOSE.policy, "this socket only tells; send ping or nothing");
  }

  /** A socket that is closing stays in the runtime's list until the other side has answered. */
  #open(): OpenSocket[] {
    return this.#ctx
      .getWebSockets()
      .filter(({ readyState }) => readyState === WebSocket.OPEN)
      .map((socket) => ({ socket, attachment: Attachment.parse(socket.deserializeAttachment()) }));
  }
}
