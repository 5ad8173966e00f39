// The figures that triggers keep, each beside the query over all rows that it stands for.
import type { Shop } from "./harness.ts";
import type { Store } from "./sql.ts";

interface Kept {
  readonly store: Store;
  readonly kept: string;
  readonly rows: string;
}

const AVAILABILITY = "iif(available <= 0, 'out_of_stock', iif(available <= threshold, 'low_stock', 'in_stock'))";

const FIGURES: readonly Kept[] = [
  {
    store: "catalog",
    kept: "SELECT products FROM shelves WHERE category_id = '' AND brand_id = ''",
    rows: "SELECT count(*) FROM products WHERE status = 'active'",
  },
  {
    store: "orders",
    kept: "SELECT status, count FROM ended_orders WHERE count > 0",
    rows: "SELECT status, count(*) FROM orders WHERE status IN ('DELIVERED', 'CANCELLED') GROUP BY status",
  },
  {
    store: "payments",
    kept: "SELECT status, count FROM payment_counts WHERE count > 0",
    rows: `SELECT status, count(*) FROM payments
      WHERE status NOT IN ('CREATED', 'REQUIRES_ACTION', 'FAILED', 'AUTHORIZED') GROUP BY status`,
  },
  {
    store: "payments",
    kept: "SELECT day, currency, captured, refunded FROM revenue_days WHERE captured > 0",
    rows: `SELECT created_at / 86400000, currency, sum(amount_captured), sum(amount_refunded) FROM payments
      WHERE amount_captured > 0 GROUP BY 1, 2`,
  },
  {
    store: "inventory",
    kept: "SELECT availability, products, on_hand FROM stock_totals WHERE products > 0",
    rows: `SELECT ${AVAILABILITY}, count(*), sum(on_hand) FROM stock_levels GROUP BY 1`,
  },
];

/** Figures that differ from their rows. */
export async function driftedFigures({ query }: Pick<Shop, "query">): Promise<string[]> {
  const drifted = await Promise.all(
    FIGURES.map(async ({ store, kept, rows }) => {
      const differences = await query(
        store,
        `SELECT 'kept' AS side, * FROM (${kept} EXCEPT ${rows}) UNION ALL SELECT 'rows', * FROM (${rows} EXCEPT ${kept})`,
      );
      return differences.map((row) => `${store} keeps another figure: ${JSON.stringify(row)}`);
    }),
  );
  return drifted.flat();
}
