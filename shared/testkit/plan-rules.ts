// What the plan of a statement may do. Any other scan needs an entry in KNOWN with its reason.

/** A row of EXPLAIN QUERY PLAN. */
export interface PlanStep {
  readonly id: number;
  readonly parent: number;
  readonly detail: string;
}

/** Tables that do not grow with the shop: staff writes them, they have a row for each kind of thing, or they hold what failed or waits. */
const FIXED_TABLES = [
  "brands",
  "categories",
  "dead_letters",
  "digests",
  "ended_orders",
  "inbox_failures",
  "low_stock",
  "marks",
  "outbox_confirmed",
  "outbox_late",
  "payment_counts",
  "product_counts",
  "signing_keys",
  "stock_totals",
  "template_versions",
  "templates",
  "unconfirmed_events",
];

/** Partial indexes that hold what is open now. What is over leaves them. */
const OPEN_INDEXES = [
  "findings_open",
  "manual_reservations_open",
  "notifications_failed",
  "notifications_held_back",
  "notifications_held_back_about",
  "notifications_pending",
  "order_refunds_open",
  "orders_at_work",
  "orders_open_by_network",
  "orders_pending",
  "orders_unsettled",
  "payments_flagged",
  "payments_to_check",
  "refunds_to_attempt",
  "reservations_held",
  "reservations_counted",
  "stripe_events_to_process",
];

/** Statements that scan all the same, by a part of their text. */
const KNOWN: readonly { readonly statement: RegExp; readonly why: string }[] = [
  { statement: /WHERE false\b/, why: "reads nothing" },
  {
    statement: /^INSERT INTO payments .* FROM intent_keys/,
    why: "the foreign key's check, which runs only in a violated constraint",
  },
  {
    statement: /^DELETE FROM (?:refresh_tokens|token_families) WHERE expires_at/,
    why: "purged once an hour; sessions of 90 days",
  },
  { statement: /^DELETE FROM unproven_codes/, why: "purged once an hour; the codes of a day, which are capped" },
  { statement: /^DELETE FROM returned_holds/, why: "purged once an hour; the holds of an hour" },
  {
    statement: /^DELETE FROM stripe_events WHERE processed_at/,
    why: "purged once an hour; the events of the retention",
  },
  {
    statement: /^SELECT count\(\*\) AS value FROM carts$/,
    why: "carts expire, so they are as many as the shop is busy",
  },
  { statement: /^UPDATE stock_totals SET reserved/, why: "a sum over all levels, once an hour" },
  {
    statement: /FROM stock_levels WHERE sequence > 0 UNION SELECT product_id FROM reservations/,
    why: "an operator compares every product, which is what it is for",
  },
];

/** A virtual table, which is the index of a search, is always "scanned". */
const SCAN = /^SCAN (?<name>\S+)(?! VIRTUAL TABLE)(?: USING (?:COVERING )?INDEX (?<index>\S+))?/;
const SORT = /^USE TEMP B-TREE FOR (?!LAST)/;

/** The table of a name in the plan, which may be an alias; undefined for a subquery. */
function tableOf(name: string, text: string): string | undefined {
  const named = (table: string): boolean => new RegExp(`(?:FROM|JOIN|UPDATE|INTO)\\s+"?${table}"?\\b`, "i").test(text);
  const alias = new RegExp(`(?:FROM|JOIN|UPDATE)\\s+"?(\\w+)"?\\s+(?:AS\\s+)?"?${name}"?\\b`, "i").exec(text)?.[1];
  const ctes = [...text.matchAll(/\b(\w+) AS (?:NOT )?(?:MATERIALIZED )?\(/g)].map(([, cte]) => cte);
  const table = alias !== undefined && !/^(?:WHERE|SET|SELECT)$/i.test(alias) ? alias : name;
  return !/^\w+$/.test(table) || table === "json_each" || ctes.includes(table) || !named(table) ? undefined : table;
}

/** Whether a scan reads a table, or a partial index, that does not grow. */
function isBounded({ detail }: PlanStep, text: string): boolean {
  const { name = "", index } = SCAN.exec(detail)?.groups ?? {};
  const table = tableOf(name, text);
  return table === undefined || FIXED_TABLES.includes(table) || (index !== undefined && OPEN_INDEXES.includes(index));
}

/** The scans of a statement that are neither bounded nor known, as the plan words them. */
export function violationsOf(text: string, steps: readonly PlanStep[]): string[] {
  if (KNOWN.some(({ statement }) => statement.test(text.replaceAll(/\s+/g, " ")))) return [];
  // A page of a list follows an index, or the key, in its order until it is full. Before a sort, it reads all.
  const isPage = ({ parent }: PlanStep): boolean =>
    /\bLIMIT\b/i.test(text) && !steps.some((step) => step.parent === parent && SORT.test(step.detail));
  return steps
    .filter((step) => SCAN.test(step.detail) && !isBounded(step, text) && !isPage(step))
    .map(({ detail }) => detail);
}
