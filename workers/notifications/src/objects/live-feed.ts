// One user's live feed: the sockets of all their devices, which get every change of the user's orders. It stores nothing; a client
// that reconnects reads the order. See docs/adr/014-live-sockets.md.
import { DurableObject } from "cloudflare:workers";
import type { OrderUpdate } from "#shared/contracts/orders";
import { LiveSockets, socketPassOf } from "#shared/sockets";

/** The object's methods as the Worker calls them. */
export interface FeedObject {
  /** Accepts a socket upgrade that the gateway has authenticated. */
  fetch(request: Request): Promise<Response>;
  /** Sends the updates to every open socket, in order. A repeated call sends them again: callers deduplicate. */
  notify(input: { readonly now: number; readonly updates: readonly OrderUpdate[] }): Promise<void>;
}

export class LiveFeed extends DurableObject<NotificationsEnv> implements FeedObject {
  readonly #sockets = new LiveSockets(this.ctx);

  override async fetch(request: Request): Promise<Response> {
    const response = this.#sockets.accept(socketPassOf(request), Date.now());
    await this.#setAlarm();
    return response;
  }

  async notify({ now, updates }: { readonly now: number; readonly updates: readonly OrderUpdate[] }): Promise<void> {
    for (const update of updates) this.#sockets.send(JSON.stringify(update), now);
    await Promise.resolve();
  }

  override async alarm(): Promise<void> {
    this.#sockets.closeExpired(Date.now());
    await this.#setAlarm();
  }

  override webSocketMessage(socket: WebSocket): void {
    this.#sockets.refuseMessage(socket);
  }

  /** Wakes the object when the next token expires. Without sockets there is no alarm. */
  async #setAlarm(): Promise<void> {
    const next = this.#sockets.nextExpiry();
    if (next !== undefined) await this.ctx.storage.setAlarm(next);
  }
}
