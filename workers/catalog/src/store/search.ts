// The candidates of a list by words or by SKU. Words that match more products than are considered give the newest of them: the
// full-text index walks back from the last product, and never reads all matches.
import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { select } from "#shared/statement";
import type { Database } from "#shared/database";
import { MAX_CANDIDATES, NAME_CANDIDATES, SEARCH_ROWS } from "../constants.ts";
import type { Candidate, CandidateSets, Candidates } from "../domain/candidates.ts";
import type { ListingPlan, Sort } from "../domain/listing.ts";
import { narrowed } from "../domain/search.ts";
import { IN_STOCK, allOf, namedFilters, parsed } from "./shelves.ts";
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

/** The words that stand for the ids of a statement, of which any will do. Without an id nothing matches, as no such word is "none". */
function anyOf(ids: SQL): SQL {
  return sql`(SELECT 'filters : (' || coalesce(group_concat('"' || replace(id, '_', '') || '9"', ' OR '), 'none') || ')' FROM (${ids}))`;
}

/** An expression together with filters by category and brand, so that the rarest of all words is looked up first. */
export function matching(expression: string, { categories, brands }: NamedFilters): SQL {
  const filters = [categories, brands].filter((ids) => ids !== undefined);
  return sql.join([sql`${expression}`, ...filters.map(anyOf)], sql` || ' AND ' || `);
}

/** Rows of the full-text index, the newest first. */
export function newestMatches(expression: SQL, limit: SQL | number): SQL {
  return sql`SELECT rowid AS search_id FROM product_search WHERE product_search MATCH ${expression} ORDER BY rowid DESC LIMIT ${limit}`;
}

/** The ids of categories and of all below them: one range of `id_path`, because "~" sorts after every character of an id. */
export function below(categories: SQL): SQL {
  return sql`SELECT below.id FROM categories top
    JOIN categories below ON below.id_path >= top.id_path AND below.id_path < top.id_path || '~'
    WHERE top.id IN (${categories})`;
}

/** At most one product; its filters are read from the product itself. */
function ofSku(sku: string, expression: string | undefined, { categories, brands }: NamedFilters): SQL {
  return sql`SELECT p.search_id FROM products p WHERE ${allOf([
    sql`p.sku = ${sku}`,
    ...(categories === undefined ? [] : [sql`p.category_id IN (${below(categories)})`]),
    ...(brands === undefined ? [] : [sql`p.brand_id IN (${brands})`]),
    ...(expression === undefined
      ? []
      : [sql`EXISTS (SELECT 1 FROM product_search WHERE rowid = p.search_id AND product_search MATCH ${expression})`]),
  ])}`;
}

type StoredCandidate = readonly [
  searchId: number,
  id: string,
  value: string | number,
  price: number,
  brandId: string,
  categoryId: string,
  inStock: number,
];

/** The candidates among rows of the full-text index, in their order, as JSON of StoredCandidate. */
function candidatesOf(rows: SQL, sort: Sort): SQL<string> {
  return sql<string>`(SELECT json_group_array(json_array(p.search_id, p.id, ${VALUE[sort]}, p.price, p.brand_id, p.category_id, ${IN_STOCK}))
    FROM (${rows}) row CROSS JOIN products p ON p.search_id = row.search_id WHERE p.status = 'active')`;
}

function toCandidates(json: string, limit: number): Candidates {
  const read = parsed<readonly StoredCandidate[]>(json);
  const found = read.slice(0, limit).map(([searchId, id, value, price, brandId, categoryId, inStock]) => ({
    searchId,
    id,
    value,
    price,
    brandId,
    categoryId,
    inStock: inStock === 1,
  }));
  return { found, more: read.length > limit };
}

/** Sorts by the rank of the words, if it was read. Where too many match to be ranked, those with the words in their name come first. */
function byRelevance(candidates: Candidates, ranks: string | null, inName: string | null): Candidates {
  if (ranks === null && inName === null) return candidates;
  if (inName !== null) {
    const named = toCandidates(inName, NAME_CANDIDATES);
    const first = new Set(named.found.map(({ id }) => id));
    const rest = candidates.found.filter(({ id }) => !first.has(id));
    return { found: [...named.found, ...rest].slice(0, MAX_CANDIDATES), more: true };
  }
  const rankOf = new Map(parsed<[number, number][]>(ranks ?? "[]"));
  const place = ({ searchId }: Candidate): number => rankOf.get(searchId) ?? 0;
  return { ...candidates, found: candidates.found.toSorted((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1)) };
}

type Ranking = Readonly<Record<"ranks" | "inName", SQL<string | null>>>;

/** What `byRelevance` needs: the ranks, because bm25 walks every match of every word, only where few match. */
function rankingOf(words: string, named: NamedFilters): Ranking {
  const isFew = sql`size <= ${MAX_CANDIDATES}`;
  const inName = narrowed(words, { status: "active" }, { inNameOnly: true });
  return {
    ranks: sql`iif(${isFew}, (SELECT json_group_array(json_array(rowid, rank)) FROM (SELECT rowid, ${RANK} AS rank
      FROM product_search WHERE product_search MATCH ${matching(narrowed(words, { status: "active" }), named)}
      ORDER BY rowid DESC LIMIT ${MAX_CANDIDATES})), NULL)`,
    inName: sql`iif(${isFew}, NULL, ${candidatesOf(newestMatches(matching(inName, named), NAME_CANDIDATES + 1), "relevance")})`,
  };
}

const NULL = sql<null>`NULL`;

/**
 * The candidates of a plan with words or a SKU; those for facets on request. One statement reads all. What it reads besides the
 * candidates of the page depends on their number, `size`: a facet that ignores a filter considers as many as these leave rows for.
 */
export async function readCandidates(
  db: Database,
  plan: ListingPlan,
  { withFacets }: { readonly withFacets: boolean },
): Promise<CandidateSets> {
  const { search, sku, sort } = plan;
  const named = namedFilters(plan);
  const words = search.kind === "match" ? search.expression : undefined;
  const expression = words === undefined ? undefined : narrowed(words, { status: "active" });
  const candidates = (filters: NamedFilters, limit: SQL | number): SQL<string> =>
    candidatesOf(
      sku === undefined && expression !== undefined
        ? newestMatches(matching(expression, filters), limit)
        : ofSku(sku ?? "", expression, filters),
      sort,
    );
  const facets = [named.categories, named.brands].filter((filter) => filter !== undefined).length;
  const share = sql<number>`(SELECT CAST((${SEARCH_ROWS} - 3 * min(size, ${MAX_CANDIDATES})) / ${2 * Math.max(1, facets)} AS INTEGER) FROM page)`;
  const ofFacet = (isFiltered: boolean, filters: NamedFilters): SQL<string | null> =>
    withFacets && isFiltered ? candidates(filters, sql`${share} + 1`) : NULL;
  const [row] = await db.all(
    select(
      {
        found: sql<string>`found`,
        share,
        ...(sort === "relevance" && words !== undefined ? rankingOf(words, named) : { ranks: NULL, inName: NULL }),
        ofAllBrands: ofFacet(named.brands !== undefined, { ...named, brands: undefined }),
        ofAllCategories: ofFacet(named.categories !== undefined, { ...named, categories: undefined }),
      },
      sql`FROM page`,
      sql`WITH page AS MATERIALIZED (SELECT found, json_array_length(found) AS size
        FROM (SELECT ${candidates(named, MAX_CANDIDATES + 1)} AS found))`,
    ),
  );
  if (row === undefined) throw new Error("a list of candidates has one row");
  const page = byRelevance(toCandidates(row.found, MAX_CANDIDATES), row.ranks, row.inName);
  const orPage = (json: string | null): Candidates => (json === null ? page : toCandidates(json, row.share));
  return { page, ofAllBrands: orPage(row.ofAllBrands), ofAllCategories: orPage(row.ofAllCategories) };
}
