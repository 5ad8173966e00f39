// Products, categories and brands, for everyone. These answers go through the short caches.
import { z } from "zod";
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
import { replyWith, route } from "../route.ts";
import type { Route } from "../route.ts";

type ShownStock = Pick<ProductDetail, "available" | "availability">;

/** Inventory's present figures; undefined when it is down or knows nothing of the product, so that the page still stands. */
async function presentStock(deps: GatewayDeps, call: Call, productId: string): Promise<ShownStock | undefined> {
  try {
    const levels = await deps.inventory.availabilities(call, { productIds: [productId] });
    const level = levels.ok ? levels.value[0] : undefined;
    return level && { available: level.available, availability: level.status };
  } catch (error) {
    log("warn", "inventory does not answer; showing the catalog's figure", { error });
    return undefined;
  }
}

async function productDetail(deps: GatewayDeps, call: Call, idOrSlug: string): Promise<Outcome<ProductDetail>> {
  // With an id both are asked at once; a slug must become one first.
  const early = ProductId.safeParse(idOrSlug).success ? presentStock(deps, call, idOrSlug) : undefined;
  const product = await deps.catalog.getProduct(call, { idOrSlug });
  if (!product.ok) return product;
  const stock = await (early ?? presentStock(deps, call, product.value.id));
  return ok({ ...product.value, ...stock });
}

export const catalogRoutes: readonly Route[] = [
  route({
    method: "get",
    path: "/api/products",
    tag: "Catalog",
    summary: "Active products, by filters and full text",
    access: "public",
    limit: "read",
    query: ListProductsInput,
    cache: Object.keys(ListProductsInput.shape),
    answers: { 200: ProductPage },
    errors: ["invalid_cursor"],
    handle: async ({ catalog }, { call, query }) => {
      // The contract takes what a query holds: text.
      const inStock = query.inStock === undefined ? undefined : String(query.inStock);
      return replyWith(200, await catalog.listProducts(call, { ...query, inStock }));
    },
  }),
  route({
    method: "get",
    path: "/api/products/{idOrSlug}",
    tag: "Catalog",
    summary: "One active product with the units that can be ordered now",
    access: "public",
    limit: "read",
    params: GetProductInput,
    cache: [],
    answers: { 200: ProductDetail },
    errors: ["product_not_found"],
    handle: async (deps, { call, params }) => replyWith(200, await productDetail(deps, call, params.idOrSlug)),
  }),
  route({
    method: "get",
    path: "/api/categories",
    tag: "Catalog",
    summary: "The tree of categories",
    access: "public",
    limit: "read",
    cache: [],
    answers: { 200: z.object({ items: z.array(CategoryNode) }) },
    errors: [],
    handle: async ({ catalog }, { call }) => replyWith(200, await catalog.listCategories(call)),
  }),
  route({
    method: "get",
    path: "/api/brands",
    tag: "Catalog",
    summary: "All brands",
    access: "public",
    limit: "read",
    cache: [],
    answers: { 200: z.object({ items: z.array(Brand) }) },
    errors: [],
    handle: async ({ catalog }, { call }) => replyWith(200, await catalog.listBrands(call)),
  }),
];
