// A user's live feed: the sockets of all their devices, which are told of each change of their orders. It keeps nothing: who
// was not connected reads the order. See docs/adr/014-live-sockets.md.
import { DurableObject } from "cloudflare:workers";
import type { OrderUpdate } from "#shared/contracts/orders";
import { LiveSockets, socketPassOf } from "#shared/sockets";

/** The object's methods as the Worker calls them. */
export interface FeedObject {
  /** Serves the upgrade that the gateway has made. */
  fetch(request: Request): Promise<Response>;
  /** Tells the sockets there are, in this order. Nothing is stored: that an update is told once is the caller's to see to. */
  notify(input: { readonly now: number; readonly updates: readonly OrderUpdate[] }): Promise<void>;
}

export class LiveFeed extends DurableObject<NotificationsEnv> implements FeedObject {
  readonly #sockets = new LiveSockets(this.ctx);

  override async fetch(request: Request): Promise<Response> {
    const answer = this.#sockets.accept(socketPassOf(request), Date.now());
    await this.#arm();
    return answer;
  }

  async notify({ now, updates }: { readonly now: number; readonly updates: readonly OrderUpdate[] }): Promise<void> {
    for (const update of updates) this.#sockets.send(JSON.stringify(update), now);
    await Promise.resolve();
  }

  override async alarm(): Promise<void> {
    this.#sockets.closeExpired(Date.now());
    await this.#arm();
  }

  override webSocketMessage(socket: WebSocket): void {
    this.#sockets.refuseMessage(socket);
  }

  /** The alarm stands at the next token's end, and nowhere without sockets. */
  async #arm(): Promise<void> {
    const next = this.#sockets.nextExpiry();
    if (next !== undefined) await this.ctx.storage.setAlarm(next);
  }
}
