// The candidates of a list by words or by SKU. Words that match more products than are considered give the newest of them: the
// full-text index walks back from the last product, and never reads all matches.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import * as z from "zod";
import { inJson, select } from "#shared/database";
import type { Database, Query } from "#shared/database";
import { MAX_CANDIDATES, NAME_CANDIDATES, SEARCH_ROWS } from "../constants.ts";
import type { Candidate, CandidateSets, Candidates } from "../domain/candidates.ts";
import type { ListingPlan, Sort } from "../domain/listing.ts";
import { narrowed } from "../domain/search.ts";
import type { SearchFilters } from "../domain/search.ts";
import { IN_STOCK, allOf } from "./shelves.ts";
import type { NamedFilters } from "./shelves.ts";

/** Weights of the index's columns: a match in the name or the SKU counts more than one in the description. */
const RANK = sql`bm25(product_search, 10.0, 8.0, 1.0, 4.0, 3.0, 0.0)`;

const VALUE: Readonly<Record<Sort, SQL>> = {
  relevance: sql`0`,
  newest: sql`p.created_at`,
  price: sql`p.price`,
  "-price": sql`p.price`,
  name: sql`p.name`,
  changed: sql`p.change_seq`,
};

/** Rows of the full-text index, the newest first. */
export function newestMatches(expression: string, limit: number): SQL {
  return sql`SELECT rowid AS search_id FROM product_search WHERE product_search MATCH ${expression} ORDER BY rowid DESC LIMIT ${limit}`;
}

const NO_ROWS = sql`SELECT 0 AS search_id WHERE false`;

/** A category and all below it: one range of `id_path`, because "~" sorts after every character of an id. */
export function below(categories: readonly string[]): SQL {
  return sql`SELECT below.id FROM categories top
    JOIN categories below ON below.id_path >= top.id_path AND below.id_path < top.id_path || '~'
    WHERE ${inJson(sql`top.id`, categories)}`;
}

/** At most one product; its filters are read from the product itself. */
function ofSku(sku: string, expression: string | undefined, { categories, brands }: SearchFilters): SQL {
  return sql`SELECT p.search_id FROM products p WHERE ${allOf([
    sql`p.sku = ${sku}`,
    ...(categories === undefined ? [] : [sql`p.category_id IN (${below(categories)})`]),
    ...(brands === undefined ? [] : [inJson(sql`p.brand_id`, brands)]),
    ...(expression === undefined
      ? []
      : [sql`EXISTS (SELECT 1 FROM product_search WHERE rowid = p.search_id AND product_search MATCH ${expression})`]),
  ])}`;
}

type Found = Query<{ readonly found: string }>;

/** The candidates among rows of the full-text index, in their order, as JSON. */
function candidatesQuery(rows: SQL, sort: Sort): Found {
  return select(
    {
      found: sql<string>`json_group_array(json_array(p.search_id, p.id, ${VALUE[sort]}, p.price, p.brand_id, p.category_id, ${IN_STOCK}))`,
    },
    sql`FROM (${rows}) row CROSS JOIN products p ON p.search_id = row.search_id WHERE p.status = 'active'`,
  );
}

const Found = z.array(
  z.tuple([z.number(), z.string(), z.union([z.string(), z.number()]), z.number(), z.string(), z.string(), z.number()]),
);

function toCandidates(rows: readonly { readonly found: string }[], limit: number): Candidates {
  const found = rows
    .flatMap((row) => Found.parse(JSON.parse(row.found)))
    .map(([searchId, id, value, price, brandId, categoryId, inStock]) => ({
      searchId,
      id,
      value,
      price,
      brandId,
      categoryId,
      inStock: inStock === 1,
    }));
  return { found: found.slice(0, limit), more: found.length > limit };
}

/** Sorts by the rank of the words. Where too many match to be ranked, those with the words in their name come first. */
async function byRelevance(
  db: Database,
  candidates: Candidates,
  expression: string,
  filters: SearchFilters,
): Promise<Candidates> {
  if (candidates.found.length < 2) return candidates;
  if (candidates.more) {
    const inName = newestMatches(narrowed(expression, filters, { inNameOnly: true }), NAME_CANDIDATES);
    const named = toCandidates(await db.all(candidatesQuery(inName, "relevance")), NAME_CANDIDATES);
    const first = new Set(named.found.map(({ id }) => id));
    const rest = candidates.found.filter(({ id }) => !first.has(id));
    return { found: [...named.found, ...rest].slice(0, MAX_CANDIDATES), more: true };
  }
  const matches = sql`product_search MATCH ${narrowed(expression, filters)}`;
  const ranks = await db.all(
    select(
      { ranks: sql<string>`json_group_array(json_array(rowid, rank))` },
      sql`FROM (SELECT rowid, ${RANK} AS rank FROM product_search WHERE ${matches} ORDER BY rowid DESC LIMIT ${MAX_CANDIDATES})`,
    ),
  );
  const rankOf = new Map(
    ranks.flatMap((row) => z.array(z.tuple([z.number(), z.number()])).parse(JSON.parse(row.ranks))),
  );
  const place = ({ searchId }: Candidate): number => rankOf.get(searchId) ?? 0;
  return { ...candidates, found: candidates.found.toSorted((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1)) };
}

/** How many products each facet that ignores a filter considers: those that the candidates of the page leave rows for. */
function facetCandidates({ found }: Candidates, { categories, brands }: NamedFilters): number {
  const facets = [categories, brands].filter((filter) => filter !== undefined).length;
  return Math.floor((SEARCH_ROWS - 3 * found.length) / (2 * Math.max(1, facets)));
}

/** The candidates of a plan with words or a SKU; those for facets on request. */
export async function readCandidates(
  db: Database,
  plan: ListingPlan,
  named: NamedFilters,
  { withFacets }: { readonly withFacets: boolean },
): Promise<CandidateSets> {
  const { search, sku, sort } = plan;
  const { categories, brands } = named;
  const words = search.kind === "match" ? search.expression : undefined;
  const filters = { categories, brands, status: "active" };
  const candidates = (of: SearchFilters, limit: number): Found => {
    if (of.categories?.length === 0 || of.brands?.length === 0) return candidatesQuery(NO_ROWS, sort);
    if (sku === undefined && words !== undefined) {
      return candidatesQuery(newestMatches(narrowed(words, of), limit + 1), sort);
    }
    return candidatesQuery(ofSku(sku ?? "", words === undefined ? undefined : narrowed(words, {}), of), sort);
  };
  const found = toCandidates(await db.all(candidates(filters, MAX_CANDIDATES)), MAX_CANDIDATES);
  const limit = facetCandidates(found, named);
  const ofAll = async (of: SearchFilters, { isSame }: { readonly isSame: boolean }): Promise<Candidates | undefined> =>
    isSame || !withFacets ? undefined : toCandidates(await db.all(candidates({ ...filters, ...of }, limit)), limit);
  const [page, ofAllBrands, ofAllCategories] = await Promise.all([
    sort === "relevance" && words !== undefined ? byRelevance(db, found, words, filters) : found,
    ofAll({ brands: undefined }, { isSame: brands === undefined }),
    ofAll({ categories: undefined }, { isSame: categories === undefined }),
  ]);
  return { page, ofAllBrands: ofAllBrands ?? page, ofAllCategories: ofAllCategories ?? page };
}
