// Makes one part of the shop fail or hang, and sends one request of each kind. Requests that need the part get 503 in time; all others
// succeed. After the outage, an order that was requested during it exists exactly once, without manual repair.
import path from "node:path";
import type { CreatedOrder, Order } from "#shared/contracts/orders";
import type { Payment, PaymentIntent } from "#shared/contracts/payments";
import { PRODUCTION_WORKERS } from "../../scripts/local/workers.ts";
import { makeScratch } from "../../scripts/local/scratch.ts";
import { wrapped } from "../chaos/wrap.ts";
import {
  ADDRESS,
  Client,
  confirmPayment,
  confirmedOrder,
  levelOf,
  newBuyer,
  openShelf,
  orderReaches,
  signIn,
} from "../../scripts/shop/client.ts";
import type { Answer, Problem, Shelf } from "../../scripts/shop/client.ts";
import { UNHINDERED, runShop } from "../harness.ts";
import type { Shop } from "../harness.ts";
import type { Store } from "../sql.ts";

export type Part = "worker" | "database";
export type Fault = "throws" | "hangs";

/** What fails, how. */
export interface Outage {
  readonly worker: Store;
  readonly part: Part;
  readonly fault: Fault;
}

/** The gateway's timeout of 10 s for a Worker, and some time for a busy machine. */
const RESPONSE_WITHIN_MS = 12_000;
/** For what waits in the queue of password hashes, the timeout is 70 s (ADR 23); a part here hangs for 15. */
const HASHED_WITHIN_MS = 20_000;

/** A request, and its status without an outage. */
interface Probe {
  readonly name: string;
  /** The Workers that it needs. */
  readonly needs: readonly Store[];
  /** Those of them that need no database for it. */
  readonly withoutDatabase?: readonly Store[];
  readonly status: number;
  /** How long its answer may take. */
  readonly withinMs?: number;
  readonly send: (stage: Stage) => Promise<Answer<Problem>>;
}

/** What the requests are about. It exists before the outage. */
interface Stage {
  readonly buyer: Client;
  readonly order: Order;
  readonly productId: string;
}

/** A query that no cache has. */
const fresh = (): string => `q=${crypto.randomUUID().slice(0, 8)}`;

const PROBES: readonly Probe[] = [
  {
    name: "search",
    needs: ["catalog"],
    status: 200,
    send: ({ buyer }) => buyer.call("GET", `/api/products?${fresh()}`),
  },
  { name: "who am I", needs: ["accounts"], status: 200, send: ({ buyer }) => buyer.call("GET", "/api/auth/me") },
  {
    name: "sign in",
    needs: ["accounts"],
    status: 401,
    withinMs: HASHED_WITHIN_MS,
    send: ({ buyer }) => buyer.call("POST", "/api/auth/login", { email: "nobody@example.com", password: "x" }),
  },
  {
    name: "stock of a product",
    needs: ["inventory"],
    withoutDatabase: ["inventory"],
    status: 200,
    send: ({ buyer, productId }) => buyer.call("GET", `/api/inventory/${productId}`),
  },
  { name: "own orders", needs: ["orders"], status: 200, send: ({ buyer }) => buyer.call("GET", "/api/orders") },
  {
    name: "an order",
    needs: ["orders"],
    status: 200,
    send: ({ buyer, order }) => buyer.call("GET", `/api/orders/${order.id}`),
  },
  {
    name: "payments of an order",
    needs: ["orders", "payments"],
    status: 200,
    send: ({ buyer, order }) => buyer.call("GET", `/api/payments/order/${order.id}`),
  },
  {
    name: "messages",
    needs: ["notifications"],
    status: 200,
    send: ({ buyer }) => buyer.call("GET", "/api/notifications"),
  },
  {
    name: "a quote",
    needs: ["orders", "catalog"],
    withoutDatabase: ["orders"],
    status: 200,
    send: ({ buyer, productId }) =>
      buyer.call("POST", "/api/orders/quote", { items: [{ productId, quantity: 1 }], shippingAddress: ADDRESS }),
  },
  { name: "health", needs: [], status: 200, send: ({ buyer }) => buyer.call("GET", "/api/health") },
  { name: "the overview", needs: [], status: 200, send: ({ buyer }) => buyer.call("GET", "/api/account/overview") },
];

/** What is wrong with a response; undefined when it is right. */
function complaint(probe: Probe, { worker, part }: Outage, answer: Answer<Problem>, ms: number): string | undefined {
  const seen = `${probe.name}: ${String(answer.status)} ${answer.body.code} after ${ms.toFixed(0)} ms`;
  if (ms > (probe.withinMs ?? RESPONSE_WITHIN_MS)) return seen;
  const isNeeded =
    probe.needs.includes(worker) && !(part === "database" && probe.withoutDatabase?.includes(worker) === true);
  if (!isNeeded) return answer.status === probe.status ? undefined : seen;
  const isClear =
    answer.status === 503 && answer.body.code === "service_unavailable" && answer.headers.has("retry-after");
  return isClear ? undefined : seen;
}

export class ShopWithOutages {
  readonly #shop: Shop;
  readonly #admin: Client;
  readonly #shelf: Shelf;
  readonly #faults: Map<string, Fault>;
  readonly #remove: () => void;

  private constructor(shop: Shop, admin: Client, shelf: Shelf, faults: Map<string, Fault>, remove: () => void) {
    this.#shop = shop;
    this.#admin = admin;
    this.#shelf = shelf;
    this.#faults = faults;
    this.#remove = remove;
  }

  static async open(): Promise<ShopWithOutages> {
    const faults = new Map<string, Fault>();
    const scratch = await makeScratch({ ...UNHINDERED, LOG_LEVEL: "off" }, { seed: true });
    const isOurs = (worker: string): boolean => PRODUCTION_WORKERS.some((name) => name === worker);
    const control = async (request: { readonly url: string }): Promise<Response> =>
      new Response(faults.get(new URL(request.url).pathname) ?? "none");
    try {
      const shop = await runShop(scratch, (worker, file, plain) =>
        isOurs(worker) && worker !== "gateway"
          ? wrapped(
              {
                entry: path.join(import.meta.dirname, "inside.ts"),
                options: { worker },
                bindings: { OUTAGES: control },
              },
              file,
              plain,
            )
          : plain,
      );
      const admin = await signIn(new Client(shop.send), "admin@example.com", "Admin123!");
      return new ShopWithOutages(shop, admin, await openShelf(admin), faults, scratch.remove);
    } catch (error) {
      scratch.remove();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#faults.clear();
    try {
      await this.#shop.close();
    } finally {
      this.#remove();
    }
  }

  /** Runs one outage from start to recovery. Returns all that was wrong. */
  async run(outage: Outage): Promise<string[]> {
    const productId = await this.#shelf.take(10);
    const { buyer } = await newBuyer(new Client(this.#shop.send));
    const order = await confirmedOrder(this.#shop.send, buyer, [{ productId, quantity: 1 }]);
    const stage: Stage = { buyer, order, productId };
    this.#faults.set(`/${outage.worker}/${outage.part}`, outage.fault);
    const key = crypto.randomUUID();
    const [complaints, placed] = await Promise.all([
      this.#sendEverything(stage, outage),
      this.#placeAndPay(stage, key),
    ]);
    this.#faults.clear();
    const wrong = complaints.concat(
      placed.status === 201 || placed.status === 503 ? [] : [`order: ${String(placed.status)}`],
    );
    return [...wrong, ...(await this.#recovers(stage, key, placed))];
  }

  async #sendEverything(stage: Stage, outage: Outage): Promise<string[]> {
    const complaints = await Promise.all(
      PROBES.map(async (probe) => {
        const startedAt = performance.now();
        const answer = await probe.send(stage);
        return complaint(probe, outage, answer, performance.now() - startedAt);
      }),
    );
    return complaints.filter((each) => each !== undefined);
  }

  async #placeAndPay({ buyer, productId }: Stage, key: string): Promise<Answer<CreatedOrder & Problem>> {
    const placed = await this.#place(buyer, productId, key);
    if (placed.status !== 201) return placed;
    const intent = await buyer.call<PaymentIntent>("POST", "/api/payments/intent", { orderId: placed.body.id });
    if (intent.status === 201) await confirmPayment(this.#shop.send, intent.body);
    return placed;
  }

  async #place(buyer: Client, productId: string, key: string): Promise<Answer<CreatedOrder & Problem>> {
    const body = { items: [{ productId, quantity: 2 }], shippingAddress: ADDRESS };
    return await buyer.call("POST", "/api/orders", body, { "idempotency-key": key });
  }

  /** The buyer repeats the order, pays it if that failed before, and finds it confirmed. There is no second order and no dead letter. */
  async #recovers({ buyer, productId }: Stage, key: string, before: Answer<CreatedOrder & Problem>): Promise<string[]> {
    await this.#sweep();
    const { status, body: order } = await this.#place(buyer, productId, key);
    if (status !== 201) return [`the repeated order: ${String(status)} ${order.code}`];
    if (before.status === 201 && before.body.id !== order.id) return [`two orders: ${before.body.id} and ${order.id}`];
    const { items } = await buyer.expect<{ items: Payment[] }>(200, "GET", `/api/payments/order/${order.id}`);
    if (items[0]?.status !== "AUTHORIZED") {
      const intent = await buyer.call<PaymentIntent>("POST", "/api/payments/intent", { orderId: order.id });
      await confirmPayment(this.#shop.send, intent.body);
    }
    await this.#sweep();
    await orderReaches(buyer, order.id, (each) => each.status === "CONFIRMED", "is CONFIRMED after the outage");
    const listed = await buyer.expect<{ items: Order[] }>(200, "GET", "/api/orders");
    const level = await levelOf(this.#admin, productId);
    const [dead] = await this.#deadLetters();
    return [
      ...(listed.items.length === 2 ? [] : [`${String(listed.items.length)} orders instead of 2`]),
      ...(level.reserved === 3 && level.onHand === 10 ? [] : [`stock: ${JSON.stringify(level)}`]),
      ...(dead === undefined ? [] : [`dead letter: ${dead}`]),
    ];
  }

  async #sweep(): Promise<void> {
    for (const worker of [...PRODUCTION_WORKERS.filter((name) => name !== "gateway"), "gateway"]) {
      await this.#shop.cron(worker);
    }
    await this.#shop.quiet();
  }

  async #deadLetters(): Promise<string[]> {
    const { items } = await this.#admin.expect<{ items: { type: string; error: string }[] }>(
      200,
      "GET",
      "/api/admin/dead-letters",
    );
    return items.map(({ type, error }) => `${type}: ${error}`);
  }
}
