// Products, categories and brands: what the catalog Worker answers.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Availability } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { Amount, Currency } from "../money.ts";
import { Moment, PageQuery, pageOf, severalOf } from "../paging.ts";
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

const Place = z.string().trim().min(1).max(100);

/** Filters that the public list and staff's have in common. */
export const ProductFilters = {
  category: severalOf(Place, "Only products of this category or of those below it. An id or a slug."),
  brand: severalOf(Place, "Only products of this brand. An id or a slug."),
  sku: z.string().trim().min(1).max(64).optional().describe("Only the product with this SKU. Case does not matter."),
  updatedSince: Moment.optional().describe(
    "Only products changed at this time or later, the oldest change first. A product that changes meanwhile comes again, later. `nextCursor` is null only when nothing came: the last one stays good to ask with again.",
  ),
};

export const ListProductsInput = PageQuery.extend({
  q: z.string().trim().max(200).optional().describe("Full text over name, SKU, description, brand and category."),
  ...ProductFilters,
  minPrice: QueriedPrice.optional().meta({
    description: "Only products of this price or more, in minor units.",
    type: "integer",
    minimum: 0,
  }),
  maxPrice: QueriedPrice.optional().meta({
    description: "Only products of this price or less, in minor units.",
    type: "integer",
    minimum: 0,
  }),
  inStock: z
    .stringbool({ truthy: ["true", "1"], falsy: ["false", "0"], case: "sensitive" })
    .optional()
    .meta({
      description: "`true`: only products that can be ordered. `false`: only those that cannot.",
      type: "boolean",
    }),
  sort: z
    .enum(["relevance", "newest", "price", "-price", "name"])
    .optional()
    .describe(
      "The order of the list. `-price` is the highest price first. Left out: relevance when `q` is given, else newest.",
    ),
});

export const ProductImage = z
  .object({
    url: z.string().describe("Path or URL of the picture."),
    alt: z.string().describe("What it shows, in words."),
  })
  .meta({ id: "ProductImage", description: "A picture of a product." });

export const Product = z
  .object({
    id: z.string().describe("The product's id."),
    slug: z.string().describe("The product's name in URLs. It stays the same when the product is renamed."),
    sku: z.string().describe("The shop's own number of the product."),
    name: z.string().describe("The product's name."),
    description: z.string().describe("What the product is. Plain text, with line breaks."),
    price: Amount.describe("Price of one unit in minor units."),
    currency: Currency.describe("The currency of the price, ISO 4217."),
    brand: z
      .object({ id: z.string().describe("The brand's id."), name: z.string().describe("The brand's name.") })
      .describe("Who makes it."),
    category: z
      .object({
        id: z.string().describe("The category's id."),
        name: z.string().describe("The category's name."),
        path: z.string().describe('Names from the department down, joined by " / ".'),
      })
      .describe("Where it stands in the tree of categories."),
    images: z.array(ProductImage).describe("The pictures, in the order in which the shop shows them."),
    availability: Availability.describe("Whether the product is in stock."),
    weightGrams: z.int().describe("Weight of one unit with its packaging, in grams."),
    minOrderQuantity: z.int().describe("The fewest units that one order takes."),
    createdAt: z.iso.datetime().describe("When the product was made."),
    updatedAt: z.iso.datetime().describe("When staff last changed the product. Stock moves without it."),
  })
  .meta({ id: "Product", description: "A product as everyone sees it." });
export type Product = z.infer<typeof Product>;

export const ProductDetail = Product.extend({
  available: z.int().describe("Units that can be ordered now."),
}).meta({ id: "ProductDetail", description: "A product with the units that can be ordered." });
export type ProductDetail = z.infer<typeof ProductDetail>;

const FacetEntry = z
  .object({
    id: z.string().describe("The brand's or category's id."),
    name: z.string().describe("Its name."),
    count: z.int().describe("Products that match the search and have this value."),
  })
  .meta({ id: "FacetEntry", description: "A value to filter by, and how many products it leaves." });
export const Facets = z
  .object({
    brands: z.array(FacetEntry).describe("Brands of the products found, those with most products first."),
    categories: z.array(FacetEntry).describe("Categories of the products found, those with most products first."),
    price: z
      .object({
        min: Amount.describe("The lowest price in minor units."),
        max: Amount.describe("The highest price in minor units."),
      })
      .nullable()
      .describe("Lowest and highest price of the products found. Null when nothing matches."),
  })
  .meta({ id: "Facets", description: "What the search can be narrowed by." });
export type Facets = z.infer<typeof Facets>;

export const ProductPage = pageOf(Product)
  .extend({ facets: Facets.optional().describe("What the search can be narrowed by. With the first page only.") })
  .meta({ id: "ProductPage", description: "One page of products." });
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
    id: z.string().describe("The category's id."),
    slug: z.string().describe("The category's name in URLs."),
    name: z.string().describe("The category's name."),
    productCount: z.int().describe("Active products in it and in those below it."),
    get children() {
      return z.array(CategoryNode).describe("The categories right below it.");
    },
  })
  .meta({ id: "Category", description: "A category with those below it." });

export const Brand = z
  .object({
    id: z.string().describe("The brand's id."),
    slug: z.string().describe("The brand's name in URLs."),
    name: z.string().describe("The brand's name."),
    productCount: z.int().describe("Active products of the brand."),
  })
  .meta({ id: "Brand", description: "A brand." });
export type Brand = z.infer<typeof Brand>;

export const GetProductInput = z.object({ idOrSlug: z.string().min(1).max(200).describe("The product's id or slug.") });
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

export interface CatalogContract extends MessagingContract, CatalogStaffContract, CatalogTaxonomyContract {
  /** Active products by filters and full text. Fails with invalid_cursor. An unknown category or brand gives an empty list. */
  listProducts(call: Call, input: z.input<typeof ListProductsInput>): Promise<Outcome<ProductPage>>;
  /** One active product by id or slug. Fails with product_not_found. */
  getProduct(call: Call, input: z.input<typeof GetProductInput>): Promise<Outcome<ProductDetail>>;
  listCategories(call: Call): Promise<Outcome<{ readonly items: readonly CategoryNode[] }>>;
  listBrands(call: Call): Promise<Outcome<{ readonly items: readonly Brand[] }>>;
  /** Products of any status; ids that do not exist are left out. */
  pricedProducts(call: Call, input: z.input<typeof PricedProductsInput>): Promise<Outcome<readonly PricedProduct[]>>;
}
