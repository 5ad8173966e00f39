// What vendors and admins do with products: the calls that write, and the view that writing needs. A vendor reaches own products
// only; another's does not exist for them.
import { z } from "zod";
import type { Call } from "../call.ts";
import type { Outcome } from "../errors.ts";
import { idSchema } from "../ids.ts";
import { Currency, MAX_AMOUNT_MINOR } from "../money.ts";
import { PageQuery, pageOf } from "../paging.ts";
import { UNPRINTABLE, code, line } from "../text.ts";
import { Product, ProductId } from "./catalog.ts";

/** A picture may be this long (api.md). */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
/** More than any product page shows. */
export const MAX_IMAGES_PER_PRODUCT = 20;
export const IMAGE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/avif"] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

export const ProductStatus = z.enum(["active", "draft", "archived"]);
export type ProductStatus = z.infer<typeof ProductStatus>;

/** Lines and tabs are text here. */
const Description = z
  .string()
  .trim()
  .max(10_000)
  .refine((text) => !UNPRINTABLE.test(text.replaceAll(/[\n\r\t]/g, "")), "must not hold control characters");

export const AltText = line(200);

/** 1 at least: an order that costs nothing cannot be paid. */
const Price = z.int().min(1).max(MAX_AMOUNT_MINOR);
/** Ten tonnes; the weight of a full order still is an exact number of grams. */
const WeightGrams = z.int().min(0).max(10_000_000);

export const NewProduct = z
  .object({
    name: line(160),
    sku: code(64),
    description: Description,
    /** Minor units. */
    price: Price,
    /** The shop's own; another is refused. */
    currency: Currency,
    categoryId: idSchema("cat"),
    brandId: idSchema("brd"),
    weightGrams: WeightGrams,
    minOrderQuantity: z.int().min(1).max(9_999).default(1),
    status: ProductStatus.default("active"),
    /** Whose product it is; null: the shop's own. Only an admin says it: what a vendor makes is theirs. */
    vendorId: idSchema("usr").nullable().optional(),
  })
  .meta({ id: "NewProduct" });
export type NewProduct = z.infer<typeof NewProduct>;

/** What is left out stays as it is. Written anew, because a default would change what was left out. */
export const ProductChanges = NewProduct.extend({
  minOrderQuantity: z.int().min(1).max(9_999),
  status: ProductStatus,
})
  .partial()
  .meta({ id: "ProductChanges" });
export type ProductChanges = z.infer<typeof ProductChanges>;

export const ManagedImage = z
  .object({
    id: z.string(),
    url: z.string(),
    alt: z.string(),
    /** Null of a picture that the shop draws itself. */
    contentType: z.enum(IMAGE_TYPES).nullable(),
    width: z.int().nullable(),
    height: z.int().nullable(),
    sizeBytes: z.int().nullable(),
  })
  .meta({ id: "ManagedImage" });
export type ManagedImage = z.infer<typeof ManagedImage>;

/** A product as its staff sees it: in any status, and never from a cache. */
export const ManagedProduct = Product.extend({
  images: z.array(ManagedImage),
  status: ProductStatus,
  /** Grows with every change; the answer's ETag, for If-Match. */
  version: z.int(),
  vendorId: z.string().nullable(),
  /** Units that can be ordered, as inventory last told. */
  available: z.int(),
  updatedAt: z.iso.datetime(),
}).meta({ id: "ManagedProduct" });
export type ManagedProduct = z.infer<typeof ManagedProduct>;

export const ManagedProductPage = pageOf(ManagedProduct).meta({ id: "ManagedProductPage" });
export type ManagedProductPage = z.infer<typeof ManagedProductPage>;

export const ListManagedInput = PageQuery.extend({
  /** All unless said. */
  status: ProductStatus.optional(),
  q: z.string().trim().max(200).optional(),
});

/** Undefined: whatever the present version is. */
const IfVersion = z.int().optional();
export const ManagedProductInput = z.object({ productId: ProductId });
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
export const RemoveImageInput = z.object({ productId: ProductId, imageId: ImageId });
/** What is left out stays as it is. A place past the last is the last. */
export const ImageChanges = z
  .object({ alt: AltText, position: z.int().min(1).max(MAX_IMAGES_PER_PRODUCT) })
  .partial()
  .meta({ id: "ImageChanges" });
export type ImageChanges = z.infer<typeof ImageChanges>;
export const UpdateImageInput = RemoveImageInput.extend({ changes: ImageChanges });
/** In the order in which the shop shows them. */
export const ManagedImages = z.object({ items: z.array(ManagedImage) }).meta({ id: "ManagedImages" });
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
   * sku_taken, idempotency_key_reused, validation_failed for an unknown category or brand or another currency, and forbidden when
   * a vendor names the vendor.
   */
  createProduct(
    call: Call,
    input: z.input<typeof CreateProductInput>,
  ): Promise<Outcome<{ readonly product: ManagedProduct; readonly replayed: boolean }>>;
  /**
   * Changes what is given, also of an archived product. What changes nothing writes nothing. Fails with product_not_found,
   * sku_taken, product_version_conflict, and validation_failed and forbidden as createProduct.
   */
  updateProduct(call: Call, input: z.input<typeof UpdateProductInput>): Promise<Outcome<ManagedProduct>>;
  /** Takes a product out of the shop; again changes nothing. Fails with product_not_found, product_version_conflict. */
  archiveProduct(call: Call, input: z.input<typeof ArchiveProductInput>): Promise<Outcome<ManagedProduct>>;
  /** One own product in any status. Fails with product_not_found. */
  managedProduct(call: Call, input: z.input<typeof ManagedProductInput>): Promise<Outcome<ManagedProduct>>;
  /** Own products in any status, newest first. Fails with invalid_cursor. */
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
