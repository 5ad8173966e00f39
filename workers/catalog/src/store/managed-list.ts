// The list of products that staff sees. One index gives the order; filters that it does not serve are looked up for a bounded number of
// products, so that a page may be short.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { isAdmin } from "#shared/call";
import type { Call } from "#shared/call";
import type { ProductStatus } from "#shared/contracts/catalog-staff";
import { inJson, select } from "#shared/statement";
import type { Database } from "#shared/database";
import { MAX_CANDIDATES, SCANNED_ROWS } from "../constants.ts";
import type { After, ListingPlan } from "../domain/listing.ts";
import type { ManagedRow } from "../domain/managed.ts";
import { narrowed } from "../domain/search.ts";
import type { Search } from "../domain/search.ts";
import { mergeStreams } from "../domain/streams.ts";
import type { MergedPage, Stream } from "../domain/streams.ts";
import { ownedBy, selectManaged, toRow } from "./managed.ts";
import { below, matching, newestMatches } from "./search.ts";
import { allOf, namedFilters, toStreams, windowsOf } from "./shelves.ts";

export interface ManagedFilter extends Pick<ListingPlan, "category" | "brand"> {
  readonly status: ProductStatus | undefined;
  readonly search: Search;
  readonly sku: string | undefined;
  readonly externalId: string | undefined;
  /** Milliseconds since the epoch; makes the list a feed of changes. */
  readonly updatedSince: number | undefined;
  readonly after: After;
  readonly limit: number;
}

export interface ManagedPage extends MergedPage {
  /** Whether more products match the words than are considered. */
  readonly isCut: boolean;
}

/** Literal text, because partial indexes serve no bound parameter. */
const OF_STATUS: Readonly<Record<ProductStatus, SQL>> = {
  active: sql`p.status = 'active'`,
  draft: sql`p.status = 'draft'`,
  archived: sql`p.status = 'archived'`,
};

/** Where the products of a list come from: streams in its order, each of one `source.value`. */
interface Streams {
  readonly values: SQL;
  /** How many values at most. */
  readonly count: SQL | number;
  /** What the index of a stream serves. */
  readonly condition: SQL;
  readonly filters: readonly SQL[];
}

const ONE = { values: sql`SELECT 1 AS value`, count: 1 };

/** A vendor's own products, else those of brands, of categories or of a status. */
function streamsFor(call: Call, filter: ManagedFilter): Streams {
  const { categories, brands } = namedFilters(filter);
  const inCategories = categories === undefined ? undefined : below(categories);
  const ofStatus = filter.status === undefined ? [] : [OF_STATUS[filter.status]];
  const ofBrand = brands === undefined ? [] : [sql`p.brand_id IN (${brands})`];
  const ofCategory = inCategories === undefined ? [] : [sql`p.category_id IN (${inCategories})`];
  const isFeed = filter.updatedSince !== undefined;
  if (isFeed) return { ...ONE, condition: sql`true`, filters: [ownedBy(call), ...ofStatus, ...ofBrand, ...ofCategory] };
  if (!isAdmin(call.actor)) {
    return { ...ONE, condition: ownedBy(call), filters: [...ofStatus, ...ofBrand, ...ofCategory] };
  }
  if (brands !== undefined) {
    return {
      values: sql`SELECT id AS value FROM (${brands})`,
      count: filter.brand?.length ?? 1,
      condition: sql`p.brand_id = source.value`,
      filters: [...ofStatus, ...ofCategory],
    };
  }
  if (inCategories !== undefined) {
    const values = sql`SELECT DISTINCT id AS value FROM (${inCategories})`;
    const count = sql`(SELECT count(*) FROM (${values}))`;
    return { values, count, condition: sql`p.category_id = source.value`, filters: ofStatus };
  }
  return { ...ONE, condition: allOf(ofStatus), filters: [] };
}

interface Order {
  readonly value: SQL;
  readonly direction: SQL;
  readonly place: SQL;
}

function orderOf({ updatedSince, after }: ManagedFilter): Order {
  const isFirst = after.kind !== "key";
  if (updatedSince !== undefined) {
    const place = isFirst ? sql`p.change_seq >= ${updatedSince}` : sql`p.change_seq > ${after.value}`;
    return { value: sql`p.change_seq`, direction: sql`ASC`, place };
  }
  const place = isFirst ? sql`true` : sql`(p.created_at, p.id) < (${after.value}, ${after.id})`;
  return { value: sql`p.created_at`, direction: sql`DESC`, place };
}

async function scan(
  db: Database,
  { values, count, condition, filters }: Streams,
  { value, direction, place }: Order,
  limit: number,
): Promise<Stream[]> {
  // D1 binds every number as a REAL.
  const share = sql`max(1, CAST(${SCANNED_ROWS} / max(1, ${count}) AS INTEGER) - 2)`;
  const entries = windowsOf(
    sql`(${values})`,
    filters.length === 0 ? sql`min(${limit}, ${share})` : share,
    sql`json_array(search_id, id, value, matches)`,
    sql`SELECT p.search_id, p.id, ${value} AS value, (${allOf(filters)}) IS TRUE AS matches FROM products p
      WHERE ${condition} AND ${place} ORDER BY ${value} ${direction}, p.id ${direction}`,
  );
  const rows = await db.all(select({ entries }, sql``));
  return rows.flatMap((row) => toStreams(row.entries));
}

/** The products that words, a SKU or an external id bring into consideration. */
async function candidates(db: Database, call: Call, filter: ManagedFilter, { value, place }: Order): Promise<Stream> {
  const { search, sku, externalId, status } = filter;
  const named = namedFilters(filter);
  const vendor = isAdmin(call.actor) ? undefined : call.actor.id;
  const words = search.kind === "match" ? search.expression : undefined;
  const isOne = sku !== undefined || externalId !== undefined;
  const conditions = [
    ownedBy(call),
    place,
    ...(status === undefined ? [] : [OF_STATUS[status]]),
    ...(named.brands === undefined ? [] : [sql`p.brand_id IN (${named.brands})`]),
    ...(named.categories === undefined ? [] : [sql`p.category_id IN (${below(named.categories)})`]),
    ...(isOne && words !== undefined
      ? [
          sql`EXISTS (SELECT 1 FROM product_search WHERE rowid = p.search_id AND product_search MATCH ${narrowed(words, {})})`,
        ]
      : []),
  ];
  const keys = [
    ...(sku === undefined ? [] : [sql`p.sku = ${sku}`]),
    ...(externalId === undefined ? [] : [sql`p.external_id = ${externalId}`]),
  ];
  const rows =
    isOne || words === undefined
      ? sql`products p WHERE ${allOf(keys)}`
      : sql`(${newestMatches(matching(narrowed(words, { vendor, status }), named), MAX_CANDIDATES + 1)}) found
          CROSS JOIN products p ON p.search_id = found.search_id`;
  const entries = sql<string>`json_array(json_array(${MAX_CANDIDATES}, json_group_array(json_array(p.search_id, p.id, ${value},
    (${allOf(conditions)}) IS TRUE))))`;
  const found = await db.all(select({ entries }, sql`FROM ${rows}`));
  const [stream] = found.flatMap((row) => toStreams(row.entries));
  if (stream === undefined) throw new Error("a list of candidates has one row");
  return stream;
}

/** Finds a page of staff's list. */
export async function findManaged(db: Database, call: Call, filter: ManagedFilter): Promise<ManagedPage> {
  const isFeed = filter.updatedSince !== undefined;
  const merging = { limit: filter.limit, descending: !isFeed };
  const order = orderOf(filter);
  if (filter.search.kind === "match" || filter.sku !== undefined || filter.externalId !== undefined) {
    const { entries, more } = await candidates(db, call, filter, order);
    return { ...mergeStreams([{ entries, more: false }], merging), isCut: more };
  }
  return { ...mergeStreams(await scan(db, streamsFor(call, filter), order, filter.limit), merging), isCut: false };
}

/** The products of a page, in its order. A product that has changed its vendor meanwhile is left out. */
export async function readManagedRows(db: Database, { actor }: Call, { entries }: MergedPage): Promise<ManagedRow[]> {
  const searchIds = entries.map(({ searchId }) => searchId);
  const rows = (await db.all(selectManaged(sql`WHERE ${inJson(sql`p.search_id`, searchIds)}`))).map(toRow);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return entries
    .flatMap(({ id }) => byId.get(id) ?? [])
    .filter(({ vendorId }) => isAdmin(actor) || vendorId === actor.id);
}
