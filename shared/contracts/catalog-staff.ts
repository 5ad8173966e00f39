// What vendors and admins do with products: the calls that write, and the view that writing needs. A vendor reaches own products
// only; another's does not exist for them.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { Currency, amountFrom } from "../money.ts";
import { PageQuery, pageOf } from "../paging.ts";
import { UNPRINTABLE, code, line } from "../text.ts";
import { Product, ProductFilters, ProductId } from "./catalog.ts";
import { ExternalId, References, ShownReferences } from "./references.ts";

/** A picture may be this long (api.md). */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
/** More than any product page shows. */
export const MAX_IMAGES_PER_PRODUCT = 20;
export const IMAGE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/avif"] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

export const ProductStatus = z.enum(["active", "draft", "archived"]).meta({
  id: "ProductStatus",
  description: "active: in the shop. draft: not in the shop yet. archived: taken out of the shop.",
});
export type ProductStatus = z.infer<typeof ProductStatus>;

/** Lines and tabs are text here. */
const Description = z
  .string()
  .trim()
  .max(10_000)
  .refine((text) => !UNPRINTABLE.test(text.replaceAll(/[\n\r\t]/g, "")), "must not hold control characters");

export const AltText = line(200).describe("What a picture shows, in words.");

/** 1 at least: an order that costs nothing cannot be paid. */
const Price = amountFrom(1);
/** Ten tonnes; the weight of a full order still is an exact number of grams. */
const WeightGrams = z.int().min(0).max(10_000_000);

export const NewProduct = z
  .strictObject({
    name: line(160).describe("The product's name."),
    sku: code(64).describe("The shop's own number of the product. No other product may have it."),
    description: Description.describe("What the product is. Plain text, with line breaks."),
    price: Price.describe("Price of one unit in minor units, 1 or more."),
    currency: Currency.describe("The shop's currency, ISO 4217. Another is refused."),
    categoryId: idSchema("cat").describe("The category that it stands in."),
    brandId: idSchema("brd").describe("The brand that makes it."),
    weightGrams: WeightGrams.describe("Weight of one unit with its packaging, in grams."),
    minOrderQuantity: z.int().min(1).max(9_999).default(1).describe("The fewest units that one order takes."),
    status: ProductStatus.default("active").describe("Whether it is in the shop."),
    vendorId: idSchema("usr")
      .nullable()
      .optional()
      .describe("Whose product it is. Null: the shop's own. Only an admin says it: what a vendor makes is theirs."),
    ...References.shape,
  })
  .meta({ id: "NewProduct", description: "A product to make." });
export type NewProduct = z.infer<typeof NewProduct>;

/** What is left out stays as it is. Written anew, because a default would change what was left out. */
export const ProductChanges = NewProduct.extend({
  minOrderQuantity: z.int().min(1).max(9_999).describe("The fewest units that one order takes."),
  status: ProductStatus.describe("Whether it is in the shop."),
})
  .partial()
  .meta({ id: "ProductChanges", description: "What to change of a product. What is left out stays as it is." });
export type ProductChanges = z.infer<typeof ProductChanges>;

export const ManagedImage = z
  .object({
    id: z.string().describe("The picture's id."),
    url: z.string().describe("Path or URL of the picture."),
    alt: z.string().describe("What it shows, in words."),
    contentType: z
      .enum(IMAGE_TYPES)
      .nullable()
      .describe("The media type of an uploaded picture. Null for one that was not uploaded."),
    width: z.int().nullable().describe("Pixels across. Null for one that was not uploaded."),
    height: z.int().nullable().describe("Pixels down. Null for one that was not uploaded."),
    sizeBytes: z.int().nullable().describe("Bytes of the file. Null for one that was not uploaded."),
  })
  .meta({ id: "ManagedImage", description: "A picture as staff see it." });
export type ManagedImage = z.infer<typeof ManagedImage>;

export const ManagedProduct = Product.extend({
  images: z.array(ManagedImage).describe("The pictures, in the order in which the shop shows them."),
  status: ProductStatus.describe("Whether it is in the shop."),
  version: z.int().describe("Grows with every change. The same number is the ETag, for `If-Match`."),
  vendorId: z.string().nullable().describe("Whose product it is. Null: the shop's own."),
  available: z.int().describe("Units that can be ordered, as inventory last told."),
  ...ShownReferences.shape,
}).meta({ id: "ManagedProduct", description: "A product as its staff see it: in any status, and never from a cache." });
export type ManagedProduct = z.infer<typeof ManagedProduct>;

export const ManagedProductPage = pageOf(ManagedProduct).meta({
  id: "ManagedProductPage",
  description: "One page of products as staff see them.",
});
export type ManagedProductPage = z.infer<typeof ManagedProductPage>;

export const ListManagedInput = PageQuery.extend({
  status: ProductStatus.optional().describe("Only products in this status. Left out: all."),
  ...ProductFilters,
  externalId: ExternalId.optional().describe("Only the product that staff gave this external id."),
  q: z.string().trim().max(200).optional().describe("Full text over name, SKU, description, brand and category."),
});

/** Undefined: whatever the present version is. */
const IfVersion = z.int().optional();
export const ManagedProductInput = z.object({ productId: ProductId.describe("The product's id.") });
export const CreateProductInput = NewProduct.extend({ idempotencyKey: z.string().min(1).max(255).optional() });
export const UpdateProductInput = z.object({ productId: ProductId, changes: ProductChanges, ifVersion: IfVersion });
export const ArchiveProductInput = z.object({ productId: ProductId, ifVersion: IfVersion });

export const ImageId = idSchema("img");
export const AddImageInput = z.object({
  productId: ProductId,
  bytes: z.instanceof(Uint8Array),
  /** What the sender says it is; undefined when it says nothing. */
  declaredType: z.string().max(255).optional(),
  /** The product's name unless said. */
  alt: AltText.optional(),
});
export const RemoveImageInput = z.object({
  productId: ProductId.describe("The product's id."),
  imageId: ImageId.describe("The picture's id."),
});
export const ImageChanges = z
  .strictObject({
    alt: AltText.describe("What it shows, in words."),
    position: z
      .int()
      .min(1)
      .max(MAX_IMAGES_PER_PRODUCT)
      .describe("The place to move it to, from 1. A place past the last is the last."),
  })
  .partial()
  .meta({ id: "ImageChanges", description: "What to change of a picture. What is left out stays as it is." });
export type ImageChanges = z.infer<typeof ImageChanges>;
export const UpdateImageInput = RemoveImageInput.extend({ changes: ImageChanges });
export const ManagedImages = z
  .object({ items: z.array(ManagedImage).describe("The pictures, in the order in which the shop shows them.") })
  .meta({ id: "ManagedImages", description: "A product's pictures." });
export type ManagedImages = z.infer<typeof ManagedImages>;
export const ImageFileInput = z.object({ productId: ProductId, imageId: ImageId });

/** An uploaded picture's bytes. The stream has to be read or cancelled. */
export interface ImageFile {
  readonly contentType: ImageType;
  readonly sizeBytes: number;
  readonly body: ReadableStream<Uint8Array>;
}

export interface CatalogStaffContract {
  /**
   * A new product. Idempotent by key: the same key and body answers the same product as it is now, with `replayed`. Fails with
   * sku_taken, external_id_taken, idempotency_key_reused, validation_failed for an unknown category or brand or another currency, and forbidden when
   * a vendor names the vendor.
   */
  createProduct(
    call: Call,
    input: z.input<typeof CreateProductInput>,
  ): Promise<Outcome<{ readonly product: ManagedProduct; readonly replayed: boolean }>>;
  /**
   * Changes what is given, also of an archived product. What changes nothing writes nothing. Fails with product_not_found,
   * sku_taken, external_id_taken, product_version_conflict, and validation_failed and forbidden as createProduct.
   */
  updateProduct(call: Call, input: z.input<typeof UpdateProductInput>): Promise<Outcome<ManagedProduct>>;
  /** Takes a product out of the shop; again changes nothing. Fails with product_not_found, product_version_conflict. */
  archiveProduct(call: Call, input: z.input<typeof ArchiveProductInput>): Promise<Outcome<ManagedProduct>>;
  /** One own product in any status. Fails with product_not_found. */
  managedProduct(call: Call, input: z.input<typeof ManagedProductInput>): Promise<Outcome<ManagedProduct>>;
  /** Own products in any status, newest first; with `updatedSince` a feed of changes. Fails with invalid_cursor. */
  listManagedProducts(call: Call, input: z.input<typeof ListManagedInput>): Promise<Outcome<ManagedProductPage>>;
  /**
   * Keeps a picture behind the others. The same bytes again are the same picture, with `added` false. Fails with
   * product_not_found, unsupported_media_type, payload_too_large, validation_failed, too_many_images.
   */
  addImage(
    call: Call,
    input: z.input<typeof AddImageInput>,
  ): Promise<Outcome<{ readonly image: ManagedImage; readonly added: boolean }>>;
  /**
   * Changes a picture's words, or moves it to a place from 1 and the others up or down; answers all of them. What changes nothing
   * writes nothing. Fails with product_not_found, not_found.
   */
  updateImage(call: Call, input: z.input<typeof UpdateImageInput>): Promise<Outcome<ManagedImages>>;
  /** Takes a picture off its product. Fails with product_not_found, not_found. */
  removeImage(call: Call, input: z.input<typeof RemoveImageInput>): Promise<Outcome<null>>;
  /** The bytes of an uploaded picture, for everyone, whatever the product's status. Fails with not_found. */
  imageFile(call: Call, input: z.input<typeof ImageFileInput>): Promise<Outcome<ImageFile>>;
}
