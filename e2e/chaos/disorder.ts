// Every event and webhook arrives one to three times, each copy with a delay of its own, so in any order. Each flow has to end as it does
// when everything arrives once and in order.
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { mapConcurrent } from "#shared/concurrency";
import { ADDRESS, Client, orderReaches, pay, signIn } from "../../scripts/shop/client.ts";
import { ADMIN, BUYER, TIMEOUT_MS } from "./constants.ts";
import { FLOWS, cartTokenOf } from "./flows.ts";
import type { Cast, Flow, Run } from "./flows.ts";
import { leftovers, openIntents, pictureOf } from "./picture.ts";
import type { Picture } from "./picture.ts";
import { Pool } from "./pool.ts";
import { ChaosShop } from "./shop.ts";

/** Flows in progress at the same time; enough that batches contain events of several. */
const CONCURRENCY = 16;
/** Longer than the longest delay of a copy (2 s). There is no condition to poll: a late copy changes nothing when all is right. */
const LAST_COPY_MS = 3_000;

async function newOrder({ buyer }: Cast, { productId, key }: Run): Promise<{ readonly id: string }> {
  const body = { items: [{ productId, quantity: 2 }], shippingAddress: ADDRESS };
  return await buyer.expect(201, "POST", "/api/orders", body, { "idempotency-key": key });
}

/** Flows that do not wait: their events overtake those that caused them. */
const HASTY: readonly Flow[] = [
  {
    name: "cancel at once",
    prepare: async () => {},
    async act(cast, run) {
      const { id } = await newOrder(cast, run);
      return (await cast.buyer.call("POST", `/api/orders/${id}/cancel`, {})).status;
    },
  },
  {
    name: "pay at once",
    prepare: async () => {},
    async act(cast, run) {
      const { id } = await newOrder(cast, run);
      await pay(cast.shop.send, cast.buyer, id);
      await orderReaches(cast.buyer, id, ({ status }) => status === "CONFIRMED", "is CONFIRMED", TIMEOUT_MS);
      return 200;
    },
  },
];

export const ALL_FLOWS: readonly Flow[] = [...FLOWS, ...HASTY];

interface Ended {
  readonly flow: Flow;
  readonly picture: Picture;
}

class Flows {
  readonly #chaos: ChaosShop;
  readonly #admin: Client;
  readonly #buyer: Client;
  readonly #pool: Pool;

  private constructor(chaos: ChaosShop, admin: Client, buyer: Client, pool: Pool) {
    this.#chaos = chaos;
    this.#admin = admin;
    this.#buyer = buyer;
    this.#pool = pool;
  }

  static async open(chaos: ChaosShop): Promise<Flows> {
    const guest = new Client(chaos.shop.send);
    const admin = await signIn(guest, ADMIN.email, ADMIN.password);
    const buyer = await signIn(guest, BUYER.email, BUYER.password);
    return new Flows(chaos, admin, buyer, await Pool.open(chaos.shop));
  }

  /** Runs the flows, several at a time, waits `lateMs` for late copies and until nothing changes, and returns how each ended. */
  async run(flows: readonly Flow[], lateMs: number): Promise<Ended[]> {
    const runs = await mapConcurrent(flows, { concurrency: CONCURRENCY }, async (flow) => {
      const productId = await this.#pool.take(this.#admin);
      const run = { productId, key: `flow-${productId}` };
      const cast = this.#castOf(run.key);
      await flow.prepare(cast, run);
      const status = await flow.act(cast, run);
      if (status >= 300) throw new Error(`${flow.name}: ${String(status)}`);
      return { flow, run };
    });
    await pause(lateMs);
    await this.#chaos.still();
    await this.#chaos.rest();
    return await mapConcurrent(runs, { concurrency: CONCURRENCY }, async ({ flow, run }) => ({
      flow,
      picture: await pictureOf(this.#chaos, this.#admin, run.productId),
    }));
  }

  #castOf(key: string): Cast {
    const { shop } = this.#chaos;
    const guest = new Client(shop.send, { "x-cart-token": cartTokenOf(key) });
    return { shop, admin: this.#admin, buyer: this.#buyer, guest };
  }
}

export interface DisorderResult {
  readonly orders: number;
  readonly copies: Readonly<Record<string, number>>;
  /** Flows that ended otherwise than without disorder, and leftovers. */
  readonly wrong: readonly unknown[];
}

/** Runs each flow once without disorder and then `count` of them with it, in one shop, and compares how they end. */
export async function disorder(
  count: number,
  seed: number,
  wanted: readonly Flow[] = ALL_FLOWS,
): Promise<DisorderResult> {
  const flows = Array.from({ length: count }, (_, index) => wanted[index % wanted.length]).filter(
    (flow) => flow !== undefined,
  );
  const chaos = await ChaosShop.open();
  try {
    const runner = await Flows.open(chaos);
    const clean = await runner.run(wanted, 0);
    const ends = new Map(clean.map(({ flow, picture }) => [flow.name, picture]));
    await chaos.kill();
    await chaos.start(0, seed);
    const ended = await runner.run(flows, LAST_COPY_MS);
    const doubled = [...(await openIntents(chaos.shop))].filter(([, open]) => open > 1);
    return {
      orders: ended.length,
      copies: chaos.copies,
      wrong: [
        ...ended.flatMap(({ flow, picture }) => {
          const clean = ends.get(flow.name);
          return isDeepStrictEqual(picture, clean) ? [] : [{ flow: flow.name, ended: picture, clean }];
        }),
        ...(await leftovers(chaos.shop)),
        ...doubled.map(([orderId]) => `${orderId} has two intents`),
      ],
    };
  } finally {
    await chaos.close();
  }
}
