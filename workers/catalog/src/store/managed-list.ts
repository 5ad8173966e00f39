// The list of products that staff sees. One index gives the order; filters that it does not serve are looked up for a bounded number of
// products, so that a page may be short.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { isAdmin } from "#shared/call";
import type { Call } from "#shared/call";
import type { ProductStatus } from "#shared/contracts/catalog-staff";
import { inJson, select } from "#shared/database";
import type { Database } from "#shared/database";
import { MAX_CANDIDATES, SCANNED_ROWS } from "../constants.ts";
import type { After } from "../domain/listing.ts";
import type { ManagedRow } from "../domain/managed.ts";
import { narrowed } from "../domain/search.ts";
import type { Search } from "../domain/search.ts";
import { mergeStreams } from "../domain/streams.ts";
import type { MergedPage, Stream } from "../domain/streams.ts";
import { ownedBy, selectManaged, toRow } from "./managed.ts";
import { below, newestMatches } from "./search.ts";
import { allOf, toStream, windowOf } from "./shelves.ts";
import type { NamedFilters } from "./shelves.ts";

export interface ManagedFilter {
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

/** Where the products of a list come from: streams in its order, each of one value. */
interface Source {
  readonly values: readonly string[];
  /** What the index of the source serves, for `stream.value`. */
  readonly condition: SQL;
  readonly filters: readonly SQL[];
}

async function idsBelow(db: Database, categories: readonly string[]): Promise<string[]> {
  const rows = await db.all(select({ id: sql<string>`id` }, sql`FROM (${below(categories)})`));
  return rows.map(({ id }) => id);
}

/** A vendor's own products, else those of brands, of categories or of a status. */
async function sourceOf(
  db: Database,
  call: Call,
  filter: ManagedFilter,
  { categories, brands }: NamedFilters,
): Promise<Source> {
  const inCategories = categories === undefined ? undefined : await idsBelow(db, categories);
  const ofStatus = filter.status === undefined ? [] : [OF_STATUS[filter.status]];
  const ofBrand = brands === undefined ? [] : [inJson(sql`p.brand_id`, brands)];
  const ofCategory = inCategories === undefined ? [] : [inJson(sql`p.category_id`, inCategories)];
  const isFeed = filter.updatedSince !== undefined;
  if (isFeed)
    return { values: [""], condition: sql`true`, filters: [ownedBy(call), ...ofStatus, ...ofBrand, ...ofCategory] };
  if (!isAdmin(call.actor)) {
    return {
      values: [call.actor.id],
      condition: sql`p.vendor_id = stream.value`,
      filters: [...ofStatus, ...ofBrand, ...ofCategory],
    };
  }
  if (brands !== undefined) {
    return { values: brands, condition: sql`p.brand_id = stream.value`, filters: [...ofStatus, ...ofCategory] };
  }
  if (inCategories !== undefined) {
    return { values: inCategories, condition: sql`p.category_id = stream.value`, filters: ofStatus };
  }
  return { values: [""], condition: allOf(ofStatus), filters: [] };
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

async function scan(db: Database, source: Source, { value, direction, place }: Order): Promise<Stream[]> {
  const window = windowOf(source.values, SCANNED_ROWS);
  const entries = sql<string>`(SELECT json_group_array(json_array(search_id, id, value, matches)) FROM (
    SELECT p.search_id, p.id, ${value} AS value, (${allOf(source.filters)}) IS TRUE AS matches FROM products p
    WHERE ${source.condition} AND ${place} ORDER BY ${value} ${direction}, p.id ${direction} LIMIT ${window + 1}))`;
  const rows = await db.all(select({ entries }, sql`FROM json_each(${JSON.stringify(source.values)}) stream`));
  return rows.map((row) => toStream(row.entries, window));
}

/** The products that words, a SKU or an external id bring into consideration. */
async function candidates(
  db: Database,
  call: Call,
  filter: ManagedFilter,
  { categories, brands }: NamedFilters,
  { value, place }: Order,
): Promise<Stream> {
  const { search, sku, externalId, status } = filter;
  const vendor = isAdmin(call.actor) ? undefined : call.actor.id;
  const words = search.kind === "match" ? search.expression : undefined;
  const isOne = sku !== undefined || externalId !== undefined;
  const conditions = [
    ownedBy(call),
    place,
    ...(status === undefined ? [] : [OF_STATUS[status]]),
    ...(brands === undefined ? [] : [inJson(sql`p.brand_id`, brands)]),
    ...(categories === undefined ? [] : [sql`p.category_id IN (${below(categories)})`]),
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
  const isEmpty = categories?.length === 0 || brands?.length === 0;
  const rows =
    isOne || words === undefined || isEmpty
      ? sql`products p WHERE ${isEmpty ? sql`false` : allOf(keys)}`
      : sql`(${newestMatches(narrowed(words, { categories, brands, vendor, status }), MAX_CANDIDATES + 1)}) found
          CROSS JOIN products p ON p.search_id = found.search_id`;
  const [row] = await db.all(
    select(
      {
        entries: sql<string>`json_group_array(json_array(p.search_id, p.id, ${value}, (${allOf(conditions)}) IS TRUE))`,
      },
      sql`FROM ${rows}`,
    ),
  );
  return toStream(row?.entries ?? "[]", MAX_CANDIDATES);
}

/** Finds a page of staff's list. */
export async function findManaged(
  db: Database,
  call: Call,
  filter: ManagedFilter,
  named: NamedFilters,
): Promise<ManagedPage> {
  const isFeed = filter.updatedSince !== undefined;
  const merging = { limit: filter.limit, descending: !isFeed };
  const order = orderOf(filter);
  if (filter.search.kind === "match" || filter.sku !== undefined || filter.externalId !== undefined) {
    const { entries, more } = await candidates(db, call, filter, named, order);
    return { ...mergeStreams([{ entries, more: false }], merging), isCut: more };
  }
  const source = await sourceOf(db, call, filter, named);
  return { ...mergeStreams(await scan(db, source, order), merging), isCut: false };
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
