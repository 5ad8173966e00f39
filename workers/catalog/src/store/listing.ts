// The public list and its facets, in SQL: keysets, the full-text index and the grouping are beyond what Drizzle says well.
// `status = 'active'` stands in every statement as text, because the partial indexes serve no bound parameter.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Facets } from "#shared/contracts/catalog";
import { inJson, readAll } from "#shared/database";
import type { Database } from "#shared/database";
import { MAX_FACET_ENTRIES, RELEVANCE_DEPTH } from "../constants.ts";
import type { After, ListingPlan, Sort } from "../domain/listing.ts";
import type { ProductRow } from "../domain/product.ts";

export interface ListedRow extends ProductRow {
  /** The place of its last change among all products' changes. */
  readonly changeSeq: number;
}

export interface ListingRows {
  /** One more than the limit when there are more. */
  readonly rows: readonly ListedRow[];
  /** Undefined unless asked for. */
  readonly facets: Facets | undefined;
}

/** A hit in the name or the SKU is worth more than one in the description. In the order of the index's columns. */
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

/** What every part of the answer obeys: the facets of a group ignore that group's own filter, but never these. */
function baseConditions({ search, inStockOnly, sku, updatedSince }: ListingPlan): SQL[] {
  return [
    ...(search.kind === "match" ? [sql`product_search MATCH ${search.expression}`] : []),
    sql`p.status = 'active'`,
    ...(inStockOnly ? [sql`p.availability <> 'out_of_stock'`] : []),
    ...(sku === undefined ? [] : [sql`p.sku = ${sku}`]),
    ...(updatedSince === undefined ? [] : [sql`p.change_seq >= ${updatedSince}`]),
  ];
}

/** Slugs hold no underscore and ids always do, so one text never names two rows. */
export function brandCondition({ brand }: Pick<ListingPlan, "brand">): SQL | undefined {
  return brand === undefined
    ? undefined
    : sql`p.brand_id IN (SELECT id FROM brands WHERE ${inJson(sql`id`, brand)} UNION ALL SELECT id FROM brands WHERE ${inJson(sql`slug`, brand)})`;
}

/** The category and all below it: one range of `id_path`, since "~" sorts after all that an id may hold. */
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

/** The order of the page, the condition that begins it, and how far it reaches. */
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
  const isBegun = after.kind === "key" && plan.sort !== "changed";
  const past = descending ? sql`<` : sql`>`;
  return {
    key: column,
    direction: descending ? sql`DESC` : sql`ASC`,
    where: isBegun ? [sql`(${column}, p.id) ${past} (${after.value}, ${after.id})`] : [],
    window: sql`LIMIT ${limit + 1}`,
  };
}

/** A feed goes on behind the place that was last seen, and does not read again what is before it. */
function begun(plan: ListingPlan, after: After): ListingPlan {
  return plan.sort === "changed" && after.kind === "key" ? { ...plan, updatedSince: Number(after.value) + 1 } : plan;
}

/** Picks the page by id first, so that sorting carries no descriptions and only the page's own rows are joined. */
function pageStatement(plan: ListingPlan, after: After, limit: number): SQL {
  const { key, direction, where, window } = ordering(plan, after, limit);
  const filters = [brandCondition(plan), categoryCondition(plan), priceCondition(plan)];
  const conditions = [...baseConditions(begun(plan, after)), ...filters.filter((part) => part !== undefined), ...where];
  return sql`WITH page AS MATERIALIZED (
      SELECT p.search_id, ${key} AS sort_key FROM ${source(plan)} WHERE ${sql.join(conditions, sql` AND `)}
      ORDER BY ${key} ${direction}, p.id ${direction} ${window}
    )
    SELECT p.id, p.slug, p.sku, p.name, p.description, p.price, p.currency,
      b.id AS brandId, b.name AS brandName, c.id AS categoryId, c.name AS categoryName, c.path AS categoryPath,
      p.availability, p.weight_grams AS weightGrams, p.min_order_quantity AS minOrderQuantity, p.created_at AS createdAt,
      p.updated_at AS updatedAt, p.change_seq AS changeSeq,
      (SELECT json_group_array(json_array(url, alt)) FROM
        (SELECT url, alt FROM product_images WHERE product_id = p.id ORDER BY position LIMIT 1)) AS images
    FROM page JOIN products p ON p.search_id = page.search_id
    JOIN brands b ON b.id = p.brand_id JOIN categories c ON c.id = p.category_id
    ORDER BY page.sort_key ${direction}, p.id ${direction}`;
}

interface FacetRow {
  readonly brands: string;
  readonly categories: string;
  readonly min: number | null;
  readonly max: number | null;
}

/**
 * Each group leaves its own filter out, so that one may choose again. What a search matches is found once and kept for the
 * groups; without one, three walks over the covering index of brands cost half of a copy of the whole table.
 */
function facetStatement(plan: ListingPlan): SQL {
  const always = sql`true`;
  const keep = plan.search.kind === "match" ? sql`MATERIALIZED` : sql`NOT MATERIALIZED`;
  return sql`WITH matched AS ${keep} (
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
    SELECT (SELECT json_group_array(json_object('id', id, 'name', name, 'count', count)) FROM brand_counts) AS brands,
      (SELECT json_group_array(json_object('id', id, 'name', name, 'count', count)) FROM category_counts) AS categories,
      (SELECT min(price) FROM matched WHERE in_brand AND in_category) AS min,
      (SELECT max(price) FROM matched WHERE in_brand AND in_category) AS max`;
}

function toFacets(row: FacetRow): Facets {
  return {
    brands: JSON.parse(row.brands) as Facets["brands"],
    categories: JSON.parse(row.categories) as Facets["categories"],
    price: row.min === null || row.max === null ? null : { min: row.min, max: row.max },
  };
}

/** One page, and with it the facets when they are asked for, in one round trip. */
export async function readListing(
  db: Database,
  plan: ListingPlan,
  after: After,
  limit: number,
  withFacets: boolean,
): Promise<ListingRows> {
  if (!withFacets) return { rows: await db.all<ListedRow>(pageStatement(plan, after, limit)), facets: undefined };
  const [rows, [facetRow]] = await readAll<[ListedRow, FacetRow]>(db, [
    pageStatement(plan, after, limit),
    facetStatement(plan),
  ]);
  return { rows, facets: facetRow === undefined ? undefined : toFacets(facetRow) };
}
