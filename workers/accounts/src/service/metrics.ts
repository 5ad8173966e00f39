// The gauges of accounts: whether the signing keys rotate.
import { sql } from "drizzle-orm";
import type { MetricQuery } from "#shared/metrics";
import type { AccountsDeps } from "./deps.ts";

export function metrics(deps: AccountsDeps): readonly MetricQuery[] {
  const now = deps.now();
  return [
    {
      name: "tradepost_signing_key_age_seconds",
      help: "For how long the present signing key has been signing.",
      rows: sql`SELECT coalesce((${now} - max(active_from)) / 1000, 0) AS value FROM signing_keys WHERE active_from <= ${now}`,
    },
  ];
}
