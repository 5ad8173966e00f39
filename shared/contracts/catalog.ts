// The contract of the catalog Worker for everybody: products, categories and brands.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { Availability } from "../events/catalogue.ts";
import { idSchema } from "../ids.ts";
import { MAX_LINES } from "../limits.ts";
import { Amount, Currency } from "../money.ts";
import { Moment, PageQuery, pageOf, severalOf } from "../paging.ts";
import type { CatalogStaffContract } from "./catalog-staff.ts";
import type { CatalogTaxonomyContract } from "./catalog-taxonomy.ts";
import type { MessagingContract } from "./messaging.ts";

export const ProductId = idSchema("prd");

/** A price in a query. `maxPrice=` is refused, because `Number("")` is 0. */
const QueriedPrice = z.preprocess(
  (value) => (typeof value === "string" && value.trim() === "" ? Number.NaN : value),
  z.coerce.number().pipe(Amount),
);

const IdOrSlug = z.string().trim().min(1).max(100);

/** Filters of both the public list and that of staff. */
export const ProductFilters = {
  category: severalOf(IdOrSlug, "Only products of this category or of those below it, by id or slug."),
  brand: severalOf(IdOrSlug, "Only products of this brand, by id or slug."),
  sku: z.string().trim().min(1).max(64).optional().describe("Only the product with this SKU. Case does not matter."),
  updatedSince: Moment.optional().describe(
    "Only products changed at this time or later, the oldest change first. A product that changes again appears again, later. `nextCursor` is null only on an empty page: keep the last cursor and send it again later. With other filters a page may be empty and have a cursor: go on with it. With a `q` that matches more than 700 products it is refused.",
  ),
};

export const ListProductsInput = PageQuery.extend({
  q: z
    .string()
    .trim()
    .max(200)
    .optional()
    .describe(
      "Full-text search in name, SKU, description, brand and category. Of more than 700 matches it considers the newest.",
    ),
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
      description: "`true`: only products that can be ordered. `false` or left out: all.",
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
    alt: z.string().describe("A text that describes the picture."),
  })
  .meta({ id: "ProductImage", description: "A picture of a product." });

export const Product = z
  .object({
    id: z.string().describe("The product's id."),
    slug: z.string().describe("The product's name in URLs. It stays the same when the product is renamed."),
    sku: z.string().describe("The shop's own code of the product."),
    name: z.string().describe("The product's name."),
    description: z.string().describe("A description in plain text, with line breaks."),
    price: Amount.describe("Price of one unit in minor units."),
    currency: Currency.describe("The currency of the price, ISO 4217."),
    brand: z
      .object({ id: z.string().describe("The brand's id."), name: z.string().describe("The brand's name.") })
      .describe("The brand of the product."),
    category: z
      .object({
        id: z.string().describe("The category's id."),
        name: z.string().describe("The category's name."),
        path: z.string().describe('Names from the department down, joined by " / ".'),
      })
      .describe("The category of the product."),
    images: z.array(ProductImage).describe("The pictures, in the order in which the shop shows them."),
    availability: Availability.describe("Whether the product is in stock."),
    weightGrams: z.int().describe("Weight of one unit with its packaging, in grams."),
    minOrderQuantity: z.int().describe("The smallest quantity in an order."),
    createdAt: z.iso.datetime().describe("When the product was created."),
    updatedAt: z.iso.datetime().describe("When staff last changed the product. A change of stock does not count."),
  })
  .meta({ id: "Product", description: "A product as everyone sees it." });
export type Product = z.infer<typeof Product>;

export const ProductDetail = Product.extend({
  available: z.int().describe("Units that can be ordered."),
}).meta({ id: "ProductDetail", description: "A product with the number of units that can be ordered." });
export type ProductDetail = z.infer<typeof ProductDetail>;

const AtLeast = z.literal(true).optional();
const FacetEntry = z
  .object({
    id: z.string().describe("The brand's or category's id."),
    name: z.string().describe("Its name."),
    count: z.int().describe("Products that match the search and have this value."),
    atLeast: AtLeast.describe("Present where more products match than are counted: `count` is a lower bound."),
  })
  .meta({ id: "FacetEntry", description: "A value to filter by, and the number of products with it." });
export const Facets = z
  .object({
    brands: z.array(FacetEntry).describe("Brands of the found products, those with most products first."),
    categories: z.array(FacetEntry).describe("Categories of the found products, those with most products first."),
    price: z
      .object({
        min: Amount.describe("The lowest price in minor units."),
        max: Amount.describe("The highest price in minor units."),
        atLeast: AtLeast.describe(
          "Present where more products match than are considered: their prices may lie beyond both.",
        ),
      })
      .nullable()
      .describe("Lowest and highest price of the found products. Null when nothing matches."),
  })
  .meta({ id: "Facets", description: "Values to narrow the search by." });
export type Facets = z.infer<typeof Facets>;

export const ProductPage = pageOf(Product)
  .extend({ facets: Facets.optional().describe("Values to narrow the search by. On the first page only.") })
  .meta({
    id: "ProductPage",
    description:
      "One page of products. Stock, and prices in another order than theirs, are looked up for a part of the products at a time: a page by them may have fewer products than `limit`, even none, and a `nextCursor` to go on with.",
  });
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
      return z.array(CategoryNode).describe("The categories directly below it.");
    },
  })
  .meta({ id: "Category", description: "A category and those below it." });

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
  ids: z.array(ProductId).max(MAX_LINES),
  /** False allows an answer up to two seconds old. For prices that are displayed, never for prices that are charged. */
  fresh: z.boolean().default(true),
});

/** The data that another Worker needs to sell a product. */
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
  /** Active products by filters and full text. An unknown category or brand gives an empty list. Fails with invalid_cursor. */
  listProducts(call: Call, input: z.input<typeof ListProductsInput>): Promise<Outcome<ProductPage>>;
  /** One active product by id or slug. Fails with product_not_found. */
  getProduct(call: Call, input: z.input<typeof GetProductInput>): Promise<Outcome<ProductDetail>>;
  listCategories(call: Call): Promise<Outcome<{ readonly items: readonly CategoryNode[] }>>;
  listBrands(call: Call): Promise<Outcome<{ readonly items: readonly Brand[] }>>;
  /** Products in any status; unknown ids are left out. */
  pricedProducts(call: Call, input: z.input<typeof PricedProductsInput>): Promise<Outcome<readonly PricedProduct[]>>;
}
