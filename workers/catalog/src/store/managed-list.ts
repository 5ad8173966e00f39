// The list of products that staff sees.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Call } from "#shared/call";
import type { ProductStatus } from "#shared/contracts/catalog-staff";
import type { Database } from "#shared/database";
import type { NumberThenId } from "#shared/paging";
import type { ManagedRow } from "../domain/managed.ts";
import type { Search } from "../domain/search.ts";
import { brandCondition, categoryCondition } from "./listing.ts";
import { ownedBy, selectManaged, toRow } from "./managed.ts";

/** Of the previous page's last product: its time and id, or in a feed its change's position. */
export type ManagedKey = NumberThenId | [changeSeq: number];

export interface ManagedFilter {
  readonly status: ProductStatus | undefined;
  readonly search: Search;
  readonly brand: readonly string[] | undefined;
  readonly category: readonly string[] | undefined;
  readonly sku: string | undefined;
  readonly externalId: string | undefined;
  /** Milliseconds since the epoch; makes the list a feed of changes. */
  readonly updatedSince: number | undefined;
  readonly after: ManagedKey | undefined;
  readonly limit: number;
}

/** Literal text, because partial indexes serve no bound parameter. */
const OF_STATUS: Readonly<Record<ProductStatus, SQL>> = {
  active: sql`p.status = 'active'`,
  draft: sql`p.status = 'draft'`,
  archived: sql`p.status = 'archived'`,
};

/** Up to `limit` products. Selects the ids of the page first, so that sorting carries no descriptions. */
export async function readManagedList(db: Database, call: Call, filter: ManagedFilter): Promise<ManagedRow[]> {
  const { status, search, sku, externalId, updatedSince, after, limit } = filter;
  const isFeed = updatedSince !== undefined;
  const start = isFeed ? sql`p.change_seq >= ${updatedSince}` : sql`true`;
  const past = isFeed
    ? sql`p.change_seq > ${after?.[0] ?? 0}`
    : sql`(p.created_at, p.id) < (${after?.[0] ?? 0}, ${after?.[1] ?? ""})`;
  const conditions = [
    ownedBy(call),
    ...(status === undefined ? [] : [OF_STATUS[status]]),
    ...(search.kind === "match"
      ? [sql`p.search_id IN (SELECT rowid FROM product_search WHERE product_search MATCH ${search.expression})`]
      : []),
    ...(sku === undefined ? [] : [sql`p.sku = ${sku}`]),
    ...(externalId === undefined ? [] : [sql`p.external_id = ${externalId}`]),
    ...[brandCondition(filter), categoryCondition(filter)].filter((part) => part !== undefined),
    after === undefined ? start : past,
  ];
  const order = isFeed ? sql`p.change_seq` : sql`p.created_at DESC, p.id DESC`;
  const page = sql`SELECT p.search_id FROM products p WHERE ${sql.join(conditions, sql` AND `)} ORDER BY ${order} LIMIT ${limit}`;
  return (await db.all(selectManaged(sql`WHERE p.search_id IN (${page}) ORDER BY ${order}`))).map(toRow);
}
