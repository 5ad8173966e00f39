// The seeded catalog: departments, categories, brands, products and images, the same on every run. Nothing is written here;
// the rows have the columns of migrations/product.
import { HANDLING, PACKAGING } from "./catalog/handling-and-packaging.ts";
import { FLUID, LABORATORY } from "./catalog/fluid-and-laboratory.ts";
import { CLEANING, OFFICE } from "./catalog/office-and-cleaning.ts";
import { composeProducts } from "./catalog/products.ts";
import type { ComposedProduct } from "./catalog/products.ts";
import { FASTENERS, SAFETY } from "./catalog/safety-and-fasteners.ts";
import { slugify } from "./catalog/text.ts";
import { ELECTRICAL, TOOLS } from "./catalog/tools-and-electrical.ts";
import { isGroup } from "./catalog/vocabulary.ts";
import type { Department, ProductCategory } from "./catalog/vocabulary.ts";
import type { PictureSubject } from "./pictures.ts";
import { SEED_NOW, between, mulberry32, shuffled } from "./random.ts";

export const SEED_CURRENCY = "USD";
/** The account vendor@example.com. */
export const SEED_VENDOR_ID = "usr_seed0002";

const DEPARTMENTS: readonly Department[] = [
  SAFETY,
  FASTENERS,
  TOOLS,
  ELECTRICAL,
  HANDLING,
  PACKAGING,
  OFFICE,
  CLEANING,
  FLUID,
  LABORATORY,
];
const PRODUCTS = 600;
/** Follows the product's name in the words of each of its pictures. */
export const IMAGE_VIEWS = ["", ", side view", ", detail"] as const;
/** One product in ten belongs to the vendor: 60 of 600. */
const VENDOR_EVERY = 10;
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;
/** Another number makes another catalog. */
const RANDOM_SEED = 20_261_101;

/** The data of a product that the seeds of other Workers use. */
export interface SeedProduct {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  /** Minor units of SEED_CURRENCY. */
  readonly price: number;
  readonly weightGrams: number;
  readonly minOrderQuantity: number;
  readonly vendorId: string | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The stock of a product, as the catalog shows it. */
export interface SeededStock {
  readonly availability: "in_stock" | "low_stock" | "out_of_stock";
  readonly available: number;
}

export type SeedRow = Readonly<Record<string, string | number | null>>;

export interface CatalogSeed {
  readonly categories: readonly SeedRow[];
  readonly brands: readonly SeedRow[];
  readonly products: readonly SeedRow[];
  readonly product_images: readonly SeedRow[];
}

interface Placed {
  readonly category: ProductCategory;
  readonly categoryId: string;
  readonly department: Department;
}

/** The rows of the category tree, parents first, and the ids of the product categories. */
function categoryTree(): { rows: SeedRow[]; placed: Placed[] } {
  const rows: SeedRow[] = [];
  const placed: Placed[] = [];
  const add = (name: string, position: number, parent: SeedRow | undefined): SeedRow => {
    const id = `cat_seed${String(rows.length + 1).padStart(2, "0")}`;
    const row = {
      id,
      parent_id: parent?.["id"] ?? null,
      slug: slugify(name),
      name,
      path: parent === undefined ? name : `${String(parent["path"])} / ${name}`,
      id_path: `${String(parent?.["id_path"] ?? "/")}${id}/`,
      position,
    };
    rows.push(row);
    return row;
  };
  DEPARTMENTS.forEach((department, position) => {
    const top = add(department.name, position + 1, undefined);
    department.children.forEach((child, place) => {
      const row = add(child.name, place + 1, top);
      if (!isGroup(child)) {
        placed.push({ category: child, categoryId: String(row["id"]), department });
        return;
      }
      child.categories.forEach((category, index) => {
        const below = add(category.name, index + 1, row);
        placed.push({ category, categoryId: String(below["id"]), department });
      });
    });
  });
  return { rows, placed };
}

const BRAND_NAMES = DEPARTMENTS.flatMap(({ brands }) => brands);

function brandId(name: string): string {
  return `brd_seed${String(BRAND_NAMES.indexOf(name) + 1).padStart(2, "0")}`;
}

interface NumberedProduct extends SeedProduct {
  readonly composed: ComposedProduct;
  readonly categoryId: string;
}

/** Composes the products of each category, shuffles them, and numbers them by the time of their creation, as real ids are. */
function numberedProducts(placed: readonly Placed[]): NumberedProduct[] {
  const random = mulberry32(RANDOM_SEED);
  const share = Math.floor(PRODUCTS / placed.length);
  const extra = PRODUCTS % placed.length;
  const composed = placed.flatMap(({ category, categoryId, department }, index) =>
    composeProducts(random, department, category, share + (index < extra ? 1 : 0)).map((product) => ({
      product,
      categoryId,
    })),
  );
  const step = Math.floor(YEAR_MS / PRODUCTS);
  return shuffled(random, composed).map(({ product, categoryId }, index) => ({
    id: `prd_seed${String(index + 1).padStart(4, "0")}`,
    sku: product.sku,
    name: product.name,
    price: product.price,
    weightGrams: product.weightGrams,
    minOrderQuantity: product.minOrderQuantity,
    vendorId: index % VENDOR_EVERY === VENDOR_EVERY / 2 ? SEED_VENDOR_ID : null,
    createdAt: SEED_NOW - YEAR_MS + index * step + between(random, 0, step - 1),
    composed: product,
    categoryId,
  }));
}

/** The products in the order of their ids, for the seeds that sell, stock or notify about them. */
export function seedProducts(): readonly SeedProduct[] {
  return numberedProducts(categoryTree().placed).map(
    ({ id, sku, name, price, weightGrams, minOrderQuantity, vendorId, createdAt }) => ({
      id,
      sku,
      name,
      price,
      weightGrams,
      minOrderQuantity,
      vendorId,
      createdAt,
    }),
  );
}

function productRow(product: NumberedProduct, stock: SeededStock): SeedRow {
  return {
    id: product.id,
    slug: slugify(product.name),
    sku: product.sku,
    name: product.name,
    description: product.composed.description,
    price: product.price,
    currency: SEED_CURRENCY,
    brand_id: brandId(product.composed.brand),
    category_id: product.categoryId,
    vendor_id: product.vendorId,
    weight_grams: product.weightGrams,
    min_order_quantity: product.minOrderQuantity,
    status: "active",
    version: 1,
    availability: stock.availability,
    available: stock.available,
    availability_sequence: 0,
    created_at: product.createdAt,
    updated_at: product.createdAt,
  };
}

/**
 * All rows of the catalog, each table after those it refers to.
 * @param stockOf what the seeded inventory has of a product; without it every product counts as well stocked.
 */
export function catalogSeed(
  stockOf: (productId: string) => SeededStock = () => ({ availability: "in_stock", available: 100 }),
): CatalogSeed {
  const { rows: categories, placed } = categoryTree();
  const products = numberedProducts(placed);
  return {
    categories,
    brands: BRAND_NAMES.map((name) => ({ id: brandId(name), slug: slugify(name), name })),
    products: products.map((product) => productRow(product, stockOf(product.id))),
    product_images: products.flatMap(({ id, name }) =>
      IMAGE_VIEWS.map((view, index) => ({
        product_id: id,
        position: index + 1,
        url: pictureUrl(id, index + 1),
        alt: `${name}${view}`,
      })),
    ),
  };
}

/** The public URL of one picture of a product; positions begin at 1. */
export function pictureUrl(productId: string, position: number): string {
  return `/images/products/${productId}/${position}.svg`;
}

/** What the pictures of each product show, in the order of the products. */
export function pictureSubjects(): readonly PictureSubject[] {
  const { rows, placed } = categoryTree();
  const slugs = new Map(placed.map(({ categoryId, department }) => [categoryId, slugify(department.name)]));
  const categories = new Map(rows.map((row) => [row["id"], row]));
  return numberedProducts(placed).map(({ id, name, sku, categoryId }) => ({
    productId: id,
    name,
    sku,
    categoryPath: String(categories.get(categoryId)?.["path"]),
    departmentSlug: String(slugs.get(categoryId)),
    categorySlug: String(categories.get(categoryId)?.["slug"]),
  }));
}
