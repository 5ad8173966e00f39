// Pictures that staff uploads: validated by their bytes, stored in R2, and only then added to the product.
import type * as z from "zod";
import { auditInsert } from "#shared/audit";
import type { Call } from "#shared/call";
import { IMAGE_TYPES, MAX_IMAGES_PER_PRODUCT, MAX_IMAGE_BYTES } from "#shared/contracts/catalog-staff";
import type {
  AddImageInput,
  ImageFile,
  ImageFileInput,
  ImageType,
  ManagedImage,
  ManagedImages,
  RemoveImageInput,
  UpdateImageInput,
} from "#shared/contracts/catalog-staff";
import { StaleWrite, UniqueViolation } from "#shared/database";
import { fail, invalidInput } from "#shared/errors";
import type { Outcome } from "#shared/errors";
import { newId } from "#shared/ids";
import { ok } from "#shared/result";
import { retryOrRefuse } from "#shared/retry";
import { LOOSE_OBJECTS_PER_SWEEP, LOOSE_OBJECT_TTL_MS, MAX_IMAGE_PIXELS } from "../constants.ts";
import { pictureOf, rearranged } from "../domain/image.ts";
import type { Picture } from "../domain/image.ts";
import { UNKNOWN_PRODUCT } from "../domain/product.ts";
import {
  addLooseObject,
  arrangeImages,
  claimLooseObjects,
  deleteImage,
  insertImage,
  readSameImage,
  removeLooseObjects,
  restoreLooseObject,
} from "../store/images.ts";
import type { ImageInsert } from "../store/images.ts";
import { readManaged } from "../store/managed.ts";
import type { CatalogDeps } from "./deps.ts";

const UNKNOWN_IMAGE = fail("not_found", "There is no such image.");
const UNSUPPORTED = fail("unsupported_media_type", "The file must be a complete PNG, JPEG, WebP or AVIF picture.");

const EXTENSIONS: Readonly<Record<ImageType, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/avif": "avif",
};
/** Content types of a client that does not know the type. */
const NO_TYPE: ReadonlySet<string> = new Set(["", "application/octet-stream"]);

function objectKey(productId: string, imageId: string): string {
  return `${productId}/${imageId}`;
}

function invalidFile(message: string): Outcome<never> {
  return invalidInput([{ path: "file", message }]);
}

/** Validates the bytes. The declared type must agree with them or be absent. */
function validate(bytes: Uint8Array, declaredType: string | undefined): Outcome<Picture> {
  if (bytes.byteLength === 0) return invalidFile("is empty");
  if (bytes.byteLength > MAX_IMAGE_BYTES) {
    return fail("payload_too_large", `An image may have at most ${String(MAX_IMAGE_BYTES)} bytes.`);
  }
  const picture = pictureOf(bytes);
  if (picture === undefined) return UNSUPPORTED;
  const declared = (declaredType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (!NO_TYPE.has(declared) && declared !== picture.contentType) {
    return fail("unsupported_media_type", `The file is ${picture.contentType}, not ${declared.slice(0, 100)}.`);
  }
  return picture.width * picture.height > MAX_IMAGE_PIXELS
    ? invalidFile(`has more than ${String(MAX_IMAGE_PIXELS)} pixels`)
    : ok(picture);
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

type Added = Outcome<{ readonly image: ManagedImage; readonly added: boolean }>;

/** The outcome of an upload whose picture could not be written. Its object is loose again. */
async function notInserted(deps: CatalogDeps, insert: ImageInsert, error: unknown): Promise<Added> {
  if (!(error instanceof StaleWrite) && !(error instanceof UniqueViolation)) throw error;
  await restoreLooseObject(deps, insert.key);
  const { image, count } = await readSameImage(deps.db, insert.productId, insert.contentHash);
  if (image !== undefined) return ok({ image, added: false });
  if (count >= MAX_IMAGES_PER_PRODUCT) {
    return fail("too_many_images", `A product has at most ${String(MAX_IMAGES_PER_PRODUCT)} images.`);
  }
  throw error;
}

export async function addImage(
  deps: CatalogDeps,
  call: Call,
  { productId, bytes, declaredType, alt }: z.output<typeof AddImageInput>,
): Promise<Added> {
  const picture = validate(bytes, declaredType);
  if (!picture.ok) return picture;
  const { contentType, width, height } = picture.value;
  const id = newId("img");
  const key = objectKey(productId, id);
  if (!(await addLooseObject(deps, call, key, productId))) return UNKNOWN_PRODUCT;
  await deps.images.put(key, bytes, { httpMetadata: { contentType } });
  const now = deps.now();
  const insert: ImageInsert = {
    ...picture.value,
    id,
    key,
    productId,
    url: `/images/products/${productId}/${id}.${EXTENSIONS[contentType]}`,
    alt: alt ?? null,
    contentHash: await hashOf(bytes),
    sizeBytes: bytes.byteLength,
    now,
  };
  const details = { imageId: id, contentType, width, height, sizeBytes: bytes.byteLength };
  const audit = auditInsert(call, now, { action: "product.add_image", subject: productId, details });
  try {
    return ok({ image: await insertImage(deps, call, insert, audit), added: true });
  } catch (error) {
    return await notInserted(deps, insert, error);
  }
}

export async function updateImage(
  deps: CatalogDeps,
  call: Call,
  { productId, imageId, changes }: z.output<typeof UpdateImageInput>,
): Promise<Outcome<ManagedImages>> {
  return await retryOrRefuse(async () => {
    const row = await readManaged(deps.db, call, productId);
    if (row === undefined) return UNKNOWN_PRODUCT;
    const { images } = row;
    const items = rearranged(images, imageId, changes);
    const changed = items?.find(({ id }) => id === imageId);
    if (items === undefined || changed === undefined) return UNKNOWN_IMAGE;
    if (items.every(({ id, alt }, index) => id === images[index]?.id && alt === images[index].alt)) {
      return ok({ items: images });
    }
    const details = { imageId, ...changes };
    const audit = auditInsert(call, deps.now(), { action: "product.update_image", subject: productId, details });
    await arrangeImages(deps, row, items, changed, audit);
    return ok({ items: [...items] });
  });
}

export async function removeImage(
  deps: CatalogDeps,
  call: Call,
  { productId, imageId }: z.output<typeof RemoveImageInput>,
): Promise<Outcome<null>> {
  const details = { imageId };
  const audit = auditInsert(call, deps.now(), { action: "product.remove_image", subject: productId, details });
  try {
    await deleteImage(deps, call, productId, imageId, audit);
    return ok(null);
  } catch (error) {
    if (error instanceof StaleWrite) return UNKNOWN_IMAGE;
    throw error;
  }
}

export async function imageFile(
  deps: CatalogDeps,
  _call: Call,
  { productId, imageId }: z.output<typeof ImageFileInput>,
): Promise<Outcome<ImageFile>> {
  const object = await deps.images.get(objectKey(productId, imageId));
  if (object === null) return UNKNOWN_IMAGE;
  const contentType = IMAGE_TYPES.find((type) => type === object.httpMetadata?.contentType);
  if (contentType === undefined) throw new Error("an object in the bucket is not a picture");
  return ok({ contentType, sizeBytes: object.size, body: object.body });
}

/** Deletes loose objects; `everything` includes the recent ones. Returns how many. */
export async function purgeLooseObjects(
  deps: CatalogDeps,
  { everything }: { readonly everything: boolean },
): Promise<number> {
  const before = everything ? deps.now() : deps.now() - LOOSE_OBJECT_TTL_MS;
  const keys = await claimLooseObjects(deps, before, LOOSE_OBJECTS_PER_SWEEP);
  if (keys.length === 0) return 0;
  await deps.images.delete(keys);
  await removeLooseObjects(deps, keys);
  return keys.length;
}
