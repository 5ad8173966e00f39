// Products, categories and brands for everybody. These reads go through the short caches.
import * as z from "zod";
import {
  Brand,
  CategoryNode,
  GetProductInput,
  ListProductsInput,
  ProductDetail,
  ProductId,
  ProductPage,
} from "#shared/contracts/catalog";
import type { Call } from "#shared/call";
import type { Outcome } from "#shared/errors";
import { log } from "#shared/logger";
import { ok } from "#shared/result";
import type { GatewayDeps } from "../deps.ts";
import { isOtherId, noSuchThing } from "../http/path.ts";
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

type VisibleStock = Pick<ProductDetail, "available" | "availability">;

/** The current stock; undefined when inventory is down or does not know the product, so that the page works without it. */
async function currentStock(deps: GatewayDeps, call: Call, productId: string): Promise<VisibleStock | undefined> {
  try {
    const levels = await deps.inventory.availabilities(call, { productIds: [productId] });
    const level = levels.ok ? levels.value[0] : undefined;
    return level && { available: level.available, availability: level.status };
  } catch (error) {
    log("warn", "inventory does not answer; the catalog's figure is used", { error });
    return undefined;
  }
}

async function productDetail(deps: GatewayDeps, call: Call, idOrSlug: string): Promise<Outcome<ProductDetail>> {
  if (isOtherId("idOrSlug", idOrSlug)) return noSuchThing("idOrSlug");
  // With an id both calls run concurrently; a slug has to be resolved to one first.
  const early = ProductId.safeParse(idOrSlug).success ? currentStock(deps, call, idOrSlug) : undefined;
  const product = await deps.catalog.getProduct(call, { idOrSlug });
  if (!product.ok) return product;
  const stock = await (early ?? currentStock(deps, call, product.value.id));
  return ok({ ...product.value, ...stock });
}

const CategoryTree = z
  .object({ items: z.array(CategoryNode).describe("The departments, each with the categories below it.") })
  .meta({ id: "CategoryTree", description: "All categories." });
const BrandList = z
  .object({ items: z.array(Brand).describe("The brands by name.") })
  .meta({ id: "BrandList", description: "All brands." });

export const catalogRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/products",
    operationId: "listProducts",
    tag: "Catalog",
    summary: "Active products, by filters and full text",
    access: "public",
    limit: "read",
    query: ListProductsInput,
    cache: true,
    answers: { 200: ProductPage },
    errors: ["invalid_cursor"],
    handle: async ({ catalog }, { call, query }) => {
      // The contract takes the text of a query.
      const inStock = query.inStock === undefined ? undefined : String(query.inStock);
      return replyWith(200, await catalog.listProducts(call, { ...query, inStock }));
    },
  }),
  route({
    method: "get",
    path: "/api/products/{idOrSlug}",
    operationId: "getProduct",
    tag: "Catalog",
    summary: "One active product with the units that can be ordered now",
    access: "public",
    limit: "read",
    params: GetProductInput,
    cache: true,
    answers: { 200: ProductDetail },
    errors: ["product_not_found"],
    handle: async (deps, { call, params }) => replyWith(200, await productDetail(deps, call, params.idOrSlug)),
  }),
  route({
    method: "get",
    path: "/api/categories",
    operationId: "listCategories",
    tag: "Catalog",
    summary: "The tree of categories",
    access: "public",
    limit: "read",
    cache: true,
    answers: { 200: CategoryTree },
    errors: [],
    handle: async ({ catalog }, { call }) => replyWith(200, await catalog.listCategories(call)),
  }),
  route({
    method: "get",
    path: "/api/brands",
    operationId: "listBrands",
    tag: "Catalog",
    summary: "All brands",
    access: "public",
    limit: "read",
    cache: true,
    answers: { 200: BrandList },
    errors: [],
    handle: async ({ catalog }, { call }) => replyWith(200, await catalog.listBrands(call)),
  }),
];
