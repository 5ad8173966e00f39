// Figures for operators: each Worker's gauges as queries over its own database, run together in one round trip. Rows are the truth,
// so nothing here is a counter; a query has to stay cheap with ten million orders, see docs/adr/018-operations.md.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { HANDLED } from "./operations.ts";
import type { Deps } from "./deps.ts";

/** One gauge. Names and labels follow https://prometheus.io/docs/concepts/data_model/ and never change their meaning. */
export interface Metric {
  /** `tradepost_…` */
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** A gauge as SQL: each row is a sample, its column `value` the figure and every other column a label. */
export interface MetricQuery {
  readonly name: string;
  readonly help: string;
  readonly rows: SQL;
}

type SampleRow = Readonly<Record<string, unknown>>;

/**
 * What every Worker tells: the state of its outbox, its inbox, its dead letters
 * and its findings. All of it is small or indexed.
 */
function messagingQueries(now: number): readonly MetricQuery[] {
  return [
    {
      name: "tradepost_outbox_unconfirmed_events",
      help: "Events that are not known to have reached all their consumers.",
      rows: sql`SELECT count(*) AS value FROM unconfirmed_events`,
    },
    {
      name: "tradepost_outbox_oldest_unconfirmed_seconds",
      help: "Age of the oldest of them; 0 without one.",
      rows: sql`SELECT coalesce((${now} - min(time)) / 1000, 0) AS value FROM unconfirmed_events`,
    },
    {
      name: "tradepost_inbox_failures",
      help: "Events that failed and are about to be tried again.",
      rows: sql`SELECT count(*) AS value FROM inbox_failures`,
    },
    {
      name: "tradepost_dead_letters",
      help: "Events given up: open ones wait for an operator, replayed ones are under way again.",
      rows: sql`SELECT state, sum(counted) AS value FROM (
          SELECT 'open' AS state, 0 AS counted UNION ALL SELECT 'replayed', 0
          UNION ALL SELECT iif(replayed_at IS NULL, 'open', 'replayed'), 1 FROM dead_letters
            WHERE NOT ${HANDLED})
        GROUP BY state`,
    },
    {
      name: "tradepost_findings_open",
      help: "What sweeps found amiss and could not mend, by kind.",
      rows: sql`SELECT kind, count(*) AS value FROM findings WHERE outcome = 'open' GROUP BY +kind`,
    },
  ];
}

function toSample(row: SampleRow): Metric["samples"][number] {
  const { value, ...labels } = row;
  return {
    value: Number(value),
    labels: Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, String(text)])),
  };
}

/** D1 tells it with every answer, so it costs no query. */
function databaseBytes(answers: readonly D1Result[]): Metric {
  return {
    name: "tradepost_database_bytes",
    help: "Size of the Worker's database, of which D1 allows 10 GB.",
    samples: answers.slice(0, 1).map(({ meta }) => ({ labels: {}, value: meta.size_after })),
  };
}

/** Runs what every Worker tells and `own` in one round trip. */
export async function readMetrics(deps: Deps, own: readonly MetricQuery[]): Promise<Metric[]> {
  const queries = [...messagingQueries(deps.now()), ...own];
  const answers = await deps.db.batch(queries.map(({ rows }) => rows));
  const figures = queries.map(({ name, help }, index) => ({
    name,
    help,
    samples: (answers[index]?.results ?? []).map(toSample),
  }));
  return [databaseBytes(answers), ...figures];
}
