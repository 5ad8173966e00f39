// The catalog's RPC surface. Every method is described in shared/contracts/catalog.ts.
import { z } from "zod";
import type { Call } from "#shared/call";
import { GetProductInput, ListProductsInput, PricedProductsInput, ProductImageInput } from "#shared/contracts/catalog";
import type {
  Brand,
  CatalogContract,
  CategoryNode,
  PricedProduct,
  ProductDetail,
  ProductImageSubject,
  ProductPage,
} from "#shared/contracts/catalog";
import type { Outcome } from "#shared/errors";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { sweep } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { CatalogDeps } from "./service/deps.ts";
import { metrics } from "./service/metrics.ts";
import { listProducts } from "./service/listing.ts";
import { getProduct, pricedProducts, productImage } from "./service/products.ts";
import { listBrands, listCategories } from "./service/taxonomy.ts";

const Base = domainWorker<CatalogEnv, CatalogDeps>({ createDeps, sweep, metrics });

export class CatalogRpc extends Base implements CatalogContract {
  listProducts(call: Call, input: z.input<typeof ListProductsInput>): Promise<Outcome<ProductPage>> {
    return serve(createDeps(this.env, this.ctx), "listProducts", call, ListProductsInput, input, listProducts);
  }

  getProduct(call: Call, input: z.input<typeof GetProductInput>): Promise<Outcome<ProductDetail>> {
    return serve(createDeps(this.env, this.ctx), "getProduct", call, GetProductInput, input, getProduct);
  }

  listCategories(call: Call): Promise<Outcome<{ readonly items: readonly CategoryNode[] }>> {
    return serve(createDeps(this.env, this.ctx), "listCategories", call, z.undefined(), undefined, listCategories);
  }

  listBrands(call: Call): Promise<Outcome<{ readonly items: readonly Brand[] }>> {
    return serve(createDeps(this.env, this.ctx), "listBrands", call, z.undefined(), undefined, listBrands);
  }

  pricedProducts(call: Call, input: z.input<typeof PricedProductsInput>): Promise<Outcome<readonly PricedProduct[]>> {
    return serve(createDeps(this.env, this.ctx), "pricedProducts", call, PricedProductsInput, input, pricedProducts);
  }

  productImage(call: Call, input: z.input<typeof ProductImageInput>): Promise<Outcome<ProductImageSubject>> {
    return serve(createDeps(this.env, this.ctx), "productImage", call, ProductImageInput, input, productImage);
  }
}
