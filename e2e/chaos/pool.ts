// Identical products, one for each run, so that the effects of runs can be told apart.
import type { Client } from "../../scripts/shop/client.ts";
import type { Shop } from "../harness.ts";

/** The stock of a product when a run takes it. */
const ON_HAND = 20;

/** Equal prices make equal amounts, and no minimum quantity excludes a product. */
const MAKE_EQUAL = "UPDATE products SET price = 2500, weight_grams = 400, min_order_quantity = 1";

export class Pool {
  readonly #left: { readonly id: string; readonly onHand: number }[];

  private constructor(left: { readonly id: string; readonly onHand: number }[]) {
    this.#left = left;
  }

  static async open(shop: Shop): Promise<Pool> {
    await shop.query("catalog", MAKE_EQUAL);
    // Products of no seeded order, because a picture contains all orders of a product.
    const sold = await shop.query<{ id: string }>("orders", "SELECT DISTINCT product_id AS id FROM order_items");
    const products = await shop.query<{ id: string }>("catalog", "SELECT id FROM products WHERE status = 'active'");
    return new Pool(
      await shop.query<{ id: string; onHand: number }>(
        "inventory",
        `SELECT product_id AS id, on_hand AS onHand FROM stock_levels
          WHERE reserved = 0 AND product_id IN (SELECT value FROM json_each(?1))
            AND product_id NOT IN (SELECT value FROM json_each(?2)) ORDER BY product_id`,
        JSON.stringify(products.map(({ id }) => id)),
        JSON.stringify(sold.map(({ id }) => id)),
      ),
    );
  }

  /** A product that no other run has. */
  async take(admin: Client): Promise<string> {
    const next = this.#left.pop();
    if (next === undefined) throw new Error("no product left");
    const delta = ON_HAND - next.onHand;
    const body = { delta, reason: "correction" };
    if (delta !== 0) await admin.expect(200, "POST", `/api/inventory/${next.id}/adjust`, body);
    return next.id;
  }
}
