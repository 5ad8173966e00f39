// The public list and its facets. `status = 'active'` is literal text in every statement, because partial indexes serve no bound
// parameter. test/plans.test.ts checks the index of each filter.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { Facets } from "#shared/contracts/catalog";
import { Query, inJson, readAll, select } from "#shared/database";
import type { Database, RowOf } from "#shared/database";
import { MAX_FACET_ENTRIES, RELEVANCE_DEPTH } from "../constants.ts";
import type { After, ListingPlan, Sort } from "../domain/listing.ts";
import type { ProductRow } from "../domain/product.ts";
import { PRODUCT_FIELDS, PRODUCT_JOINS, imagesJson, p, withImages } from "./products.ts";

export interface ListedRow extends ProductRow {
  /** The position of the product's last change among all changes of products. */
  readonly changeSeq: number;
}

export interface ListingRows {
  /** One more than the limit when a next page exists. */
  readonly rows: readonly ListedRow[];
  /** Undefined unless requested. */
  readonly facets: Facets | undefined;
}

/** Weights of the index's columns: a match in the name or the SKU counts more than one in the description. */
const RANK = sql`bm25(product_search, 10.0, 8.0, 1.0, 4.0, 3.0)`;

const ORDER_COLUMN: Readonly<
  Record<Exclude<Sort, "relevance">, { readonly column: SQL; readonly descending: boolean }>
> = {
  newest: { column: sql`p.created_at`, descending: true },
  price: { column: sql`p.price`, descending: false },
  "-price": { column: sql`p.price`, descending: true },
  name: { column: sql`p.name`, descending: false },
  changed: { column: sql`p.change_seq`, descending: false },
};

function source({ search }: ListingPlan): SQL {
  return search.kind === "match"
    ? sql`product_search s CROSS JOIN products p ON p.search_id = s.rowid`
    : sql`products p`;
}

/** The conditions of the page and of all facets. A facet ignores its own filter, but never these. */
function baseConditions({ search, inStockOnly, sku, updatedSince }: ListingPlan): SQL[] {
  return [
    ...(search.kind === "match" ? [sql`product_search MATCH ${search.expression}`] : []),
    sql`p.status = 'active'`,
    ...(inStockOnly ? [sql`p.availability <> 'out_of_stock'`] : []),
    ...(sku === undefined ? [] : [sql`p.sku = ${sku}`]),
    ...(updatedSince === undefined ? [] : [sql`p.change_seq >= ${updatedSince}`]),
  ];
}

/** By ids or slugs. Ids have an underscore and slugs none, so that no text matches two brands. */
export function brandCondition({ brand }: Pick<ListingPlan, "brand">): SQL | undefined {
  return brand === undefined
    ? undefined
    : sql`p.brand_id IN (SELECT id FROM brands WHERE ${inJson(sql`id`, brand)} UNION ALL SELECT id FROM brands WHERE ${inJson(sql`slug`, brand)})`;
}

/** The category and all below it: one range of `id_path`, because "~" sorts after every character of an id. */
export function categoryCondition({ category }: Pick<ListingPlan, "category">): SQL | undefined {
  return category === undefined
    ? undefined
    : sql`p.category_id IN (SELECT below.id FROM categories top
        JOIN categories below ON below.id_path >= top.id_path AND below.id_path < top.id_path || '~'
        WHERE ${inJson(sql`top.id`, category)} OR ${inJson(sql`top.slug`, category)})`;
}

function priceCondition({ minPrice, maxPrice }: ListingPlan): SQL | undefined {
  const conditions = [
    ...(minPrice === undefined ? [] : [sql`p.price >= ${minPrice}`]),
    ...(maxPrice === undefined ? [] : [sql`p.price <= ${maxPrice}`]),
  ];
  return conditions.length === 0 ? undefined : sql.join(conditions, sql` AND `);
}

/** The order of a page, the condition that excludes earlier pages, and the LIMIT. */
function ordering(
  plan: ListingPlan,
  after: After,
  limit: number,
): { key: SQL; direction: SQL; where: readonly SQL[]; window: SQL } {
  if (plan.sort === "relevance") {
    const skipped = after.kind === "place" ? after.place : 0;
    const window = sql`LIMIT ${Math.min(limit + 1, RELEVANCE_DEPTH - skipped)} OFFSET ${skipped}`;
    return { key: RANK, direction: sql`ASC`, where: [], window };
  }
  const { column, descending } = ORDER_COLUMN[plan.sort];
  const hasKey = after.kind === "key" && plan.sort !== "changed";
  const past = descending ? sql`<` : sql`>`;
  return {
    key: column,
    direction: descending ? sql`DESC` : sql`ASC`,
    where: hasKey ? [sql`(${column}, p.id) ${past} (${after.value}, ${after.id})`] : [],
    window: sql`LIMIT ${limit + 1}`,
  };
}

/** A feed continues behind the last position of the previous page. */
function continued(plan: ListingPlan, after: After): ListingPlan {
  return plan.sort === "changed" && after.kind === "key" ? { ...plan, updatedSince: Number(after.value) + 1 } : plan;
}

const FIELDS = { ...PRODUCT_FIELDS, changeSeq: p.changeSeq, images: imagesJson(1) } as const;

/** Selects the ids of the page first, so that sorting carries no descriptions and only the rows of the page are joined. */
function pageQuery(plan: ListingPlan, after: After, limit: number): Query<RowOf<typeof FIELDS>> {
  const { key, direction, where, window } = ordering(plan, after, limit);
  const filters = [brandCondition(plan), categoryCondition(plan), priceCondition(plan)];
  const conditions = [
    ...baseConditions(continued(plan, after)),
    ...filters.filter((part) => part !== undefined),
    ...where,
  ];
  return select(
    FIELDS,
    sql`FROM (
      SELECT p.search_id, ${key} AS sort_key FROM ${source(plan)} WHERE ${sql.join(conditions, sql` AND `)}
      ORDER BY ${key} ${direction}, p.id ${direction} ${window}
    ) page JOIN products p ON p.search_id = page.search_id ${PRODUCT_JOINS}
    ORDER BY page.sort_key ${direction}, p.id ${direction}`,
  );
}

const FACETS = {
  brands: sql<string>`(SELECT json_group_array(json_object('id', id, 'name', name, 'count', count)) FROM brand_counts)`,
  categories: sql<string>`(SELECT json_group_array(json_object('id', id, 'name', name, 'count', count)) FROM category_counts)`,
  min: sql<number | null>`(SELECT min(price) FROM matched WHERE in_brand AND in_category)`,
  max: sql<number | null>`(SELECT max(price) FROM matched WHERE in_brand AND in_category)`,
} as const;

/**
 * Each facet ignores its own filter, so that the shopper can choose another value. The matches of a search are materialized once for
 * all facets. Without a search, three scans of the covering index of brands cost half of a copy of the table.
 */
function facetQuery(plan: ListingPlan): Query<RowOf<typeof FACETS>> {
  const always = sql`true`;
  const keep = plan.search.kind === "match" ? sql`MATERIALIZED` : sql`NOT MATERIALIZED`;
  const facets = select(FACETS, sql``);
  return new Query(
    sql`WITH matched AS ${keep} (
      SELECT p.brand_id, p.category_id, p.price, ${brandCondition(plan) ?? always} AS in_brand,
        ${categoryCondition(plan) ?? always} AS in_category, ${priceCondition(plan) ?? always} AS in_price
      FROM ${source(plan)} WHERE ${sql.join(baseConditions(plan), sql` AND `)}
    ),
    brand_counts AS (
      SELECT b.id, b.name, m.count FROM (
        SELECT brand_id, count(*) AS count FROM matched WHERE in_category AND in_price GROUP BY brand_id
      ) m JOIN brands b ON b.id = m.brand_id ORDER BY m.count DESC, b.name LIMIT ${MAX_FACET_ENTRIES}
    ),
    category_counts AS (
      SELECT c.id, c.name, m.count FROM (
        SELECT category_id, count(*) AS count FROM matched WHERE in_brand AND in_price GROUP BY category_id
      ) m JOIN categories c ON c.id = m.category_id ORDER BY m.count DESC, c.name LIMIT ${MAX_FACET_ENTRIES}
    )
    ${facets.getSQL()}`,
    facets.decode,
  );
}

function toFacets({ brands, categories, min, max }: RowOf<typeof FACETS>): Facets {
  const price = min === null || max === null ? null : { min, max };
  return Facets.parse({ brands: JSON.parse(brands), categories: JSON.parse(categories), price });
}

/** One page, and its facets on request, in one round trip. */
export async function readListing(
  db: Database,
  plan: ListingPlan,
  after: After,
  limit: number,
  { withFacets }: { readonly withFacets: boolean },
): Promise<ListingRows> {
  const page = pageQuery(plan, after, limit);
  if (!withFacets) return { rows: (await db.all(page)).map(withImages), facets: undefined };
  const { rows, facets } = await readAll(db, { rows: page, facets: facetQuery(plan) });
  return { rows: rows.map(withImages), facets: facets[0] && toFacets(facets[0]) };
}
