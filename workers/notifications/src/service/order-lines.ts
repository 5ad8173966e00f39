// The lines of large orders, for messages. An event describes the first few lines of its order (docs/adr/031-large-orders.md); where a
// template shows more, orders is asked once for all orders of a queue batch. If orders does not answer, the events are retried.
import { systemCall } from "#shared/call";
import type { EventLine, OrderEventData } from "#shared/events/catalogue";
import { newId } from "#shared/ids";
import { MESSAGE_LINES } from "../constants.ts";
import { lacksLines } from "../domain/messages.ts";
import type { NotificationsDeps } from "./deps.ts";

type LinesByOrder = ReadonlyMap<string, readonly EventLine[]>;

/** Serves one queue batch. */
export class OrderLines {
  readonly #deps: NotificationsDeps;
  #wanted = new Set<string>();
  #reading: Promise<LinesByOrder> | undefined;

  constructor(deps: NotificationsDeps) {
    this.#deps = deps;
  }

  /** The event's data with as many lines as a message shows. An order that orders does not have keeps the event's own. */
  async complete(data: OrderEventData): Promise<OrderEventData> {
    if (!lacksLines(data)) return data;
    this.#wanted.add(data.orderId);
    this.#reading ??= this.#read();
    const excerpt = (await this.#reading).get(data.orderId);
    return excerpt === undefined ? data : { ...data, excerpt: [...excerpt] };
  }

  async #read(): Promise<LinesByOrder> {
    // The other handlers of the batch name their orders first.
    await Promise.resolve();
    const orderIds = [...this.#wanted];
    this.#wanted = new Set();
    this.#reading = undefined;
    const call = systemCall(this.#deps.worker, newId("req"));
    const read = await this.#deps.orders.firstLines(call, { orderIds, limit: MESSAGE_LINES });
    if (!read.ok) throw new Error(`orders refused: ${read.error.code}`);
    return new Map(read.value.map(({ orderId, lines }) => [orderId, lines]));
  }
}
