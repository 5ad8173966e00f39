// The ledger's tables. Every Stripe object is one row with its unexpanded JSON, because calls read and write whole objects and never
// join two kinds.
import type { FormMap } from "./form.ts";
import { invalid, missing } from "./failure.ts";
import { optionalInteger, optionalText } from "./params.ts";

export const SCHEMA = `
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  parent TEXT,
  created INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent, kind, seq) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
  key TEXT PRIMARY KEY,
  request TEXT NOT NULL,
  request_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  body TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** `parent` is the intent of a charge, refund or dispute. */
export type Kind = "payment_intent" | "charge" | "refund" | "dispute" | "event";

export interface StripeObject {
  readonly id: string;
  readonly created: number;
}

export interface ListPage {
  readonly object: "list";
  readonly url: string;
  readonly has_more: boolean;
  readonly data: readonly StripeObject[];
}

/** The parameters of every list call. */
export const LIST_PARAMS = ["limit", "starting_after", "ending_before", "created", "expand"] as const;
const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 100;

const COMPARISONS: Readonly<Record<string, string>> = { gt: ">", gte: ">=", lt: "<", lte: "<=" };

export class Store {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  insert(kind: Kind, parent: string | null, object: StripeObject): void {
    this.#sql.exec(
      "INSERT INTO objects (id, kind, parent, created, data) VALUES (?, ?, ?, ?, ?)",
      object.id,
      kind,
      parent,
      object.created,
      JSON.stringify(object),
    );
  }

  update(object: StripeObject): void {
    this.#sql.exec("UPDATE objects SET data = ? WHERE id = ?", JSON.stringify(object), object.id);
  }

  find<T extends StripeObject>(kind: Kind, id: string): T | undefined {
    const [row] = this.#sql.exec<{ data: string }>("SELECT data FROM objects WHERE id = ? AND kind = ?", id, kind);
    return row === undefined ? undefined : (JSON.parse(row.data) as T);
  }

  /** @throws StripeFailure (404) for an unknown id. */
  get<T extends StripeObject>(kind: Kind, id: string, param?: string): T {
    const found = this.find<T>(kind, id);
    if (found === undefined) throw missing(kind, id, param);
    return found;
  }

  children<T extends StripeObject>(kind: Kind, parent: string): T[] {
    const query = "SELECT data FROM objects WHERE parent = ? AND kind = ? ORDER BY seq DESC";
    return Array.from(this.#sql.exec<{ data: string }>(query, parent, kind), ({ data }) => JSON.parse(data) as T);
  }

  /** One page, newest first, as Stripe pages (https://docs.stripe.com/api/pagination). `filter`: intents, or types of events. */
  list(kind: Kind, filter: readonly string[], params: FormMap, url: string): ListPage {
    const limit = optionalInteger(params, "limit") ?? DEFAULT_LIMIT;
    if (limit < 1 || limit > MAX_LIMIT) throw invalid("Limit must be between 1 and 100.", "limit");
    const backwards = optionalText(params, "ending_before") !== undefined;
    const conditions = ["kind = ?"];
    const values: (string | number)[] = [kind];
    if (filter.length > 0) {
      // Lists read backwards from the newest row and stop when the page is full, so kinds and event types need no index.
      const column = kind === "event" ? "data ->> '$.type'" : "parent";
      conditions.push(`(${filter.map((value) => `${column} ${value.includes("*") ? "GLOB" : "="} ?`).join(" OR ")})`);
      values.push(...filter);
    }
    for (const [param, comparison] of [
      ["starting_after", "<"],
      ["ending_before", ">"],
    ] as const) {
      const cursor = optionalText(params, param);
      if (cursor === undefined) continue;
      conditions.push(`seq ${comparison} ?`);
      values.push(this.#sequenceOf(kind, cursor, param));
    }
    for (const [comparison, seconds] of createdBounds(params)) {
      conditions.push(`created ${comparison} ?`);
      values.push(seconds);
    }
    const order = backwards ? "ASC" : "DESC";
    const query = `SELECT data FROM objects WHERE ${conditions.join(" AND ")} ORDER BY seq ${order} LIMIT ?`;
    const rows = this.#sql.exec<{ data: string }>(query, ...values, limit + 1).toArray();
    const page = rows.slice(0, limit).map(({ data }) => JSON.parse(data) as StripeObject);
    return { object: "list", url, has_more: rows.length > limit, data: backwards ? page.toReversed() : page };
  }

  #sequenceOf(kind: Kind, id: string, param: string): number {
    const [row] = this.#sql.exec<{ seq: number }>("SELECT seq FROM objects WHERE id = ? AND kind = ?", id, kind);
    if (row === undefined) throw missing(kind, id, param);
    return row.seq;
  }
}

function createdBounds(params: FormMap): (readonly [string, number])[] {
  const created = params["created"];
  if (created === undefined) return [];
  if (typeof created === "string") return [["=", optionalInteger(params, "created") ?? 0]];
  return Object.keys(created).map((name) => {
    const comparison = COMPARISONS[name];
    if (comparison === undefined || Array.isArray(created)) throw invalid(`Invalid created filter: ${name}`, "created");
    return [comparison, optionalInteger(created as FormMap, name) ?? 0] as const;
  });
}
