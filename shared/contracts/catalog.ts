// Products, categories and brands: what the catalog Worker answers.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Availability } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { Amount, Currency } from "../money.ts";
import { PageQuery, pageOf } from "../paging.ts";
import type { CatalogStaffContract } from "./catalog-staff.ts";
import type { CatalogTaxonomyContract } from "./catalog-taxonomy.ts";
import type { MessagingContract } from "./messaging.ts";

export const ProductId = idSchema("prd");
/** The longest list of products asked for at once: the lines of one cart. */
export const MAX_PRODUCTS_AT_ONCE = 100;

/** A price in a query. `Number("")` is 0, and `maxPrice=` must not ask for what costs nothing. */
const QueriedPrice = z.preprocess(
  (value) => (typeof value === "string" && value.trim() === "" ? Number.NaN : value),
  z.coerce.number().pipe(Amount),
);

export const ListProductsInput = PageQuery.extend({
  q: z.string().trim().max(200).optional(),
  /** Id or slug; includes the categories below it. */
  category: z.string().min(1).max(100).optional(),
  brand: z.string().min(1).max(100).optional(),
  minPrice: QueriedPrice.optional(),
  maxPrice: QueriedPrice.optional(),
  inStock: z.stringbool({ truthy: ["true", "1"], falsy: ["false", "0"], case: "sensitive" }).optional(),
  /** Relevance when `q` is given, else newest, unless said. */
  sort: z.enum(["relevance", "newest", "price", "-price", "name"]).optional(),
});

export const ProductImage = z.object({ url: z.string(), alt: z.string() });

export const Product = z
  .object({
    id: z.string(),
    slug: z.string(),
    sku: z.string(),
    name: z.string(),
    description: z.string(),
    price: Amount,
    currency: Currency,
    brand: z.object({ id: z.string(), name: z.string() }),
    /** `path` runs from the department down: names joined by " / ". */
    category: z.object({ id: z.string(), name: z.string(), path: z.string() }),
    images: z.array(ProductImage),
    availability: Availability,
    weightGrams: z.int(),
    minOrderQuantity: z.int(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Product" });
export type Product = z.infer<typeof Product>;

export const ProductDetail = Product.extend({
  /** Units that can be ordered. The catalog gives what it last heard; the gateway puts inventory's present figure there. */
  available: z.int(),
}).meta({ id: "ProductDetail" });
export type ProductDetail = z.infer<typeof ProductDetail>;

const FacetEntry = z.object({ id: z.string(), name: z.string(), count: z.int() });
export const Facets = z.object({
  brands: z.array(FacetEntry),
  categories: z.array(FacetEntry),
  /** Null when nothing matches. */
  price: z.object({ min: Amount, max: Amount }).nullable(),
});
export type Facets = z.infer<typeof Facets>;

/** `facets` comes with the first page only. */
export const ProductPage = pageOf(Product).extend({ facets: Facets.optional() }).meta({ id: "ProductPage" });
export type ProductPage = z.infer<typeof ProductPage>;

export interface CategoryNode {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly productCount: number;
  readonly children: readonly CategoryNode[];
}
export const CategoryNode: z.ZodType<CategoryNode> = z
  .object({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    productCount: z.int(),
    get children() {
      return z.array(CategoryNode);
    },
  })
  .meta({ id: "Category" });

export const Brand = z
  .object({ id: z.string(), slug: z.string(), name: z.string(), productCount: z.int() })
  .meta({ id: "Brand" });
export type Brand = z.infer<typeof Brand>;

export const GetProductInput = z.object({ idOrSlug: z.string().min(1).max(200) });
export const PricedProductsInput = z.object({
  ids: z.array(ProductId).max(MAX_PRODUCTS_AT_ONCE),
  /** False lets the answer be up to two seconds old, for what is only shown; what is charged is always fresh. */
  fresh: z.boolean().default(true),
});

/** What another Worker needs of a product to sell it. */
export const PricedProduct = z.object({
  id: z.string(),
  sku: z.string(),
  name: z.string(),
  unitPrice: Amount,
  currency: Currency,
  imageUrl: z.string(),
  weightGrams: z.int(),
  minOrderQuantity: z.int(),
  status: z.enum(["active", "draft", "archived"]),
  vendorId: z.string().nullable(),
  availability: Availability,
});
export type PricedProduct = z.infer<typeof PricedProduct>;

export const ProductImageInput = z.object({
  productId: ProductId,
  /** From 1, as in the image's URL. */
  position: z.int().min(1).max(100),
});

/** What a picture of a product is drawn from. */
export const ProductImageSubject = z.object({
  name: z.string(),
  sku: z.string(),
  /** Names from the department down, joined by " / ". */
  categoryPath: z.string(),
  departmentSlug: z.string(),
  categorySlug: z.string(),
});
export type ProductImageSubject = z.infer<typeof ProductImageSubject>;

export interface CatalogContract extends MessagingContract, CatalogStaffContract, CatalogTaxonomyContract {
  /** Active products by filters and full text. Fails with invalid_cursor. An unknown category or brand gives an empty list. */
  listProducts(call: Call, input: z.input<typeof ListProductsInput>): Promise<Outcome<ProductPage>>;
  /** One active product by id or slug. Fails with product_not_found. */
  getProduct(call: Call, input: z.input<typeof GetProductInput>): Promise<Outcome<ProductDetail>>;
  listCategories(call: Call): Promise<Outcome<{ readonly items: readonly CategoryNode[] }>>;
  listBrands(call: Call): Promise<Outcome<{ readonly items: readonly Brand[] }>>;
  /** Products of any status; ids that do not exist are left out. */
  pricedProducts(call: Call, input: z.input<typeof PricedProductsInput>): Promise<Outcome<readonly PricedProduct[]>>;
  /** What `/images/products/<productId>/<position>.svg` shows. Fails with product_not_found when there is no such image. */
  productImage(call: Call, input: z.input<typeof ProductImageInput>): Promise<Outcome<ProductImageSubject>>;
}
