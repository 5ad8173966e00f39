// The contract of the catalog Worker for staff: creates, changes and lists products in any status. A vendor has access to own products
// only; any other is not found.
import * as z from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { Currency, amountFrom } from "../money.ts";
import { PageQuery, pageOf } from "../paging.ts";
import { UNPRINTABLE, code, line } from "../text.ts";
import { Product, ProductFilters, ProductId } from "./catalog.ts";
import { ExternalId, References, ShownReferences } from "./references.ts";

/** The largest upload. */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
/** More than any product page shows. */
export const MAX_IMAGES_PER_PRODUCT = 20;
export const IMAGE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/avif"] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

export const ProductStatus = z.enum(["active", "draft", "archived"]).meta({
  id: "ProductStatus",
  description: "active: in the shop. draft: not in the shop yet. archived: removed from the shop.",
});
export type ProductStatus = z.infer<typeof ProductStatus>;

/** Unlike a line of text it may have line breaks and tabs. */
const Description = z
  .string()
  .trim()
  .max(10_000)
  .refine((text) => !UNPRINTABLE.test(text.replaceAll(/[\n\r\t]/g, "")), "must not hold control characters");

export const AltText = line(200).describe("A text that describes the picture.");

/** At least 1, because an order that costs nothing cannot be paid. */
const Price = amountFrom(1);
/** At most ten tonnes, so that the weight of a full order is an exact number of grams. */
const WeightGrams = z.int().min(0).max(10_000_000);

export const NewProduct = z
  .strictObject({
    name: line(160).describe("The product's name."),
    sku: code(64).describe("The shop's own code of the product. It is unique."),
    description: Description.describe("A description in plain text, with line breaks."),
    price: Price.describe("Price of one unit in minor units, 1 or more."),
    currency: Currency.describe("The shop's currency, ISO 4217. Any other is refused."),
    categoryId: idSchema("cat").describe("The category of the product."),
    brandId: idSchema("brd").describe("The brand of the product."),
    weightGrams: WeightGrams.describe("Weight of one unit with its packaging, in grams."),
    minOrderQuantity: z.int().min(1).max(9_999).default(1).describe("The smallest quantity in an order."),
    status: ProductStatus.default("active").describe("Whether the product is in the shop."),
    vendorId: idSchema("usr")
      .nullable()
      .optional()
      .describe(
        "The vendor of the product. Null: the shop itself. Only an admin may set it; a product that a vendor creates is theirs.",
      ),
    ...References.shape,
  })
  .meta({ id: "NewProduct", description: "A product to create." });
export type NewProduct = z.infer<typeof NewProduct>;

/** Repeats the members with a default, which would change a product that leaves them out. */
export const ProductChanges = NewProduct.extend({
  minOrderQuantity: z.int().min(1).max(9_999).describe("The smallest quantity in an order."),
  status: ProductStatus.describe("Whether the product is in the shop."),
})
  .partial()
  .meta({ id: "ProductChanges", description: "The changes of a product. Members that are left out stay." });
export type ProductChanges = z.infer<typeof ProductChanges>;

export const ManagedImage = z
  .object({
    id: z.string().describe("The picture's id."),
    url: z.string().describe("Path or URL of the picture."),
    alt: z.string().describe("A text that describes the picture."),
    contentType: z
      .enum(IMAGE_TYPES)
      .nullable()
      .describe("The media type of an uploaded picture. Null for one that was not uploaded."),
    width: z.int().nullable().describe("Pixels across. Null for one that was not uploaded."),
    height: z.int().nullable().describe("Pixels down. Null for one that was not uploaded."),
    sizeBytes: z.int().nullable().describe("Bytes of the file. Null for one that was not uploaded."),
  })
  .meta({ id: "ManagedImage", description: "A picture as staff sees it." });
export type ManagedImage = z.infer<typeof ManagedImage>;

export const ManagedProduct = Product.extend({
  images: z.array(ManagedImage).describe("The pictures, in the order in which the shop shows them."),
  status: ProductStatus.describe("Whether the product is in the shop."),
  version: z.int().describe("Grows with every change. It is the ETag, for `If-Match`."),
  vendorId: z.string().nullable().describe("The vendor of the product. Null: the shop itself."),
  available: z.int().describe("Units that can be ordered, as last reported by inventory."),
  ...ShownReferences.shape,
}).meta({
  id: "ManagedProduct",
  description: "A product as its staff sees it: in any status, and never from a cache.",
});
export type ManagedProduct = z.infer<typeof ManagedProduct>;

export const ManagedProductPage = pageOf(ManagedProduct).meta({
  id: "ManagedProductPage",
  description: "One page of products as staff sees them.",
});
export type ManagedProductPage = z.infer<typeof ManagedProductPage>;

export const ListManagedInput = PageQuery.extend({
  status: ProductStatus.optional().describe("Only products in this status. Default: all."),
  ...ProductFilters,
  externalId: ExternalId.optional().describe("Only the product with this external id."),
  q: z.string().trim().max(200).optional().describe("Full-text search in name, SKU, description, brand and category."),
});

/** Undefined: any version. */
const IfVersion = z.int().optional();
export const ManagedProductInput = z.object({ productId: ProductId.describe("The product's id.") });
export const CreateProductInput = NewProduct.extend({ idempotencyKey: z.string().min(1).max(255).optional() });
export const UpdateProductInput = z.object({ productId: ProductId, changes: ProductChanges, ifVersion: IfVersion });
export const ArchiveProductInput = z.object({ productId: ProductId, ifVersion: IfVersion });

export const ImageId = idSchema("img");
export const AddImageInput = z.object({
  productId: ProductId,
  bytes: z.instanceof(Uint8Array),
  /** The Content-Type that the client sent. */
  declaredType: z.string().max(255).optional(),
  /** Default: the product's name. */
  alt: AltText.optional(),
});
export const RemoveImageInput = z.object({
  productId: ProductId.describe("The product's id."),
  imageId: ImageId.describe("The picture's id."),
});
export const ImageChanges = z
  .strictObject({
    alt: AltText,
    position: z
      .int()
      .min(1)
      .max(MAX_IMAGES_PER_PRODUCT)
      .describe("The position to move it to, from 1. A position past the last is the last."),
  })
  .partial()
  .meta({ id: "ImageChanges", description: "The changes of a picture. Members that are left out stay." });
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
   * Creates a product. Idempotent by key: the same key and body returns the current state of the same product, with `replayed`.
   * Fails with sku_taken, external_id_taken, idempotency_key_reused, idempotency_in_progress, validation_failed for an unknown
   * category or brand or another currency, and forbidden when a vendor names the vendor.
   */
  createProduct(
    call: Call,
    input: z.input<typeof CreateProductInput>,
  ): Promise<Outcome<{ readonly product: ManagedProduct; readonly replayed: boolean }>>;
  /**
   * Changes the given members, also of an archived product. Equal values write nothing. Fails with product_not_found, sku_taken,
   * external_id_taken, product_version_conflict, and validation_failed and forbidden as createProduct.
   */
  updateProduct(call: Call, input: z.input<typeof UpdateProductInput>): Promise<Outcome<ManagedProduct>>;
  /** Removes a product from the shop. A repeated call changes nothing. Fails with product_not_found, product_version_conflict. */
  archiveProduct(call: Call, input: z.input<typeof ArchiveProductInput>): Promise<Outcome<ManagedProduct>>;
  /** One product in any status. Fails with product_not_found. */
  managedProduct(call: Call, input: z.input<typeof ManagedProductInput>): Promise<Outcome<ManagedProduct>>;
  /** Products in any status, newest first; with `updatedSince` a feed of changes. Fails with invalid_cursor. */
  listManagedProducts(call: Call, input: z.input<typeof ListManagedInput>): Promise<Outcome<ManagedProductPage>>;
  /**
   * Adds a picture behind the others. The same bytes again return the same picture, with `added` false. Fails with
   * product_not_found, unsupported_media_type, payload_too_large, validation_failed, too_many_images.
   */
  addImage(
    call: Call,
    input: z.input<typeof AddImageInput>,
  ): Promise<Outcome<{ readonly image: ManagedImage; readonly added: boolean }>>;
  /**
   * Changes a picture's text, or moves it to a position and shifts the others; returns all of them in order. Equal values write
   * nothing. Fails with product_not_found, not_found.
   */
  updateImage(call: Call, input: z.input<typeof UpdateImageInput>): Promise<Outcome<ManagedImages>>;
  /** Removes a picture from its product. Fails with product_not_found, not_found. */
  removeImage(call: Call, input: z.input<typeof RemoveImageInput>): Promise<Outcome<null>>;
  /** The bytes of an uploaded picture, for everybody, in any status of the product. Fails with not_found. */
  imageFile(call: Call, input: z.input<typeof ImageFileInput>): Promise<Outcome<ImageFile>>;
}
