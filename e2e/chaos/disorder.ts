// Every event and every webhook comes one to three times, each copy at a time of its own, so in any order: and each story ends
// as it does when everything comes once and in order.
import { isDeepStrictEqual } from "node:util";
import { ADDRESS, Client, orderReaches, pay, signIn } from "../../scripts/shop/client.ts";
import { ADMIN, BUYER, PATIENCE_MS } from "./constants.ts";
import { FLOWS, cartTokenOf } from "./flows.ts";
import type { Cast, Flow, Run } from "./flows.ts";
import { leftovers, livingIntents, pictureOf } from "./picture.ts";
import type { Picture } from "./picture.ts";
import { inParallel } from "./parallel.ts";
import { Pool } from "./pool.ts";
import { ChaosShop } from "./shop.ts";

/** Stories under way at once: enough that batches are mixed. */
const CONCURRENCY = 16;
/** Past the last late copy of a message (2 s) and its way. */
const LATE_MS = 3_000;

async function newOrder({ buyer }: Cast, { productId, key }: Run): Promise<{ readonly id: string }> {
  const body = { items: [{ productId, quantity: 2 }], shippingAddress: ADDRESS };
  return await buyer.expect(201, "POST", "/api/orders", body, { "idempotency-key": key });
}

/** Stories that wait for nothing: what follows overtakes what it follows from. */
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
      await orderReaches(cast.buyer, id, ({ status }) => status === "CONFIRMED", "is CONFIRMED", PATIENCE_MS);
      return 200;
    },
  },
];

export const STORIES: readonly Flow[] = [...FLOWS, ...HASTY];

interface Told {
  readonly flow: Flow;
  readonly picture: Picture;
}

class Stories {
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

  static async open(chaos: ChaosShop): Promise<Stories> {
    const guest = new Client(chaos.shop.send);
    const admin = await signIn(guest, ADMIN.email, ADMIN.password);
    const buyer = await signIn(guest, BUYER.email, BUYER.password);
    return new Stories(chaos, admin, buyer, await Pool.open(chaos.shop));
  }

  /** Tells the stories, several at once, and answers how each has ended once nothing can come any more that is `lateMs` late. */
  async tell(flows: readonly Flow[], lateMs: number): Promise<Told[]> {
    const runs = await inParallel(flows, CONCURRENCY, async (flow) => {
      const productId = await this.#pool.take(this.#admin);
      const run = { productId, key: `story-${productId}` };
      const cast = this.#castOf(run.key);
      await flow.prepare(cast, run);
      const status = await flow.act(cast, run);
      if (status >= 300) throw new Error(`${flow.name}: ${String(status)}`);
      return { flow, run };
    });
    await new Promise((resolve) => {
      setTimeout(resolve, lateMs);
    });
    await this.#chaos.still();
    await this.#chaos.rest();
    return await inParallel(runs, CONCURRENCY, async ({ flow, run }) => ({
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
  /** Stories that ended otherwise than in peace, and what must be nowhere. */
  readonly wrong: readonly unknown[];
}

/** Tells each story once in peace and then `count` of them in disorder, in one shop, and compares how they end. */
export async function disorder(
  count: number,
  seed: number,
  stories: readonly Flow[] = STORIES,
): Promise<DisorderResult> {
  const flows = Array.from({ length: count }, (_, index) => stories[index % stories.length]).filter(
    (flow) => flow !== undefined,
  );
  const chaos = await ChaosShop.open();
  try {
    const teller = await Stories.open(chaos);
    const clean = await teller.tell(stories, 0);
    const ends = new Map(clean.map(({ flow, picture }) => [flow.name, picture]));
    await chaos.kill();
    await chaos.start(0, seed);
    const told = await teller.tell(flows, LATE_MS);
    const doubled = [...(await livingIntents(chaos.shop))].filter(([, living]) => living > 1);
    return {
      orders: told.length,
      copies: chaos.copies,
      wrong: [
        ...told.flatMap(({ flow, picture }) => {
          const clean = ends.get(flow.name);
          return isDeepStrictEqual(picture, clean) ? [] : [{ story: flow.name, ended: picture, clean }];
        }),
        ...(await leftovers(chaos.shop)),
        ...doubled.map(([orderId]) => `${orderId} has two intents`),
      ],
    };
  } finally {
    await chaos.close();
  }
}
