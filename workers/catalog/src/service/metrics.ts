// The gauges of the catalog.
import { sql } from "drizzle-orm";
import type { MetricQuery } from "#shared/metrics";

export function metrics(): readonly MetricQuery[] {
  return [
    {
      name: "tradepost_products_active",
      help: "Products that the public sees.",
      rows: sql`SELECT products AS value FROM shelves WHERE category_id = '' AND brand_id = ''`,
    },
  ];
}
