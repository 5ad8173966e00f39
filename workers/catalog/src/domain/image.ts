// Pictures of products: the format of an uploaded file, and the order in which the shop shows them. The bytes alone decide the format.
// A file is accepted when its structure is valid from the first byte to the last; a script or an archive behind the end is not.
import type { ImageChanges, ImageType, ManagedImage } from "#shared/contracts/catalog-staff";
import { avifSize } from "./image/avif.ts";
import type { Size } from "./image/bytes.ts";
import { jpegSize } from "./image/jpeg.ts";
import { pngSize } from "./image/png.ts";
import { webpSize } from "./image/webp.ts";

export interface Picture extends Size {
  readonly contentType: ImageType;
}

type Reader = (view: DataView) => Size | undefined;

const READERS: readonly (readonly [ImageType, Reader])[] = [
  ["image/png", pngSize],
  ["image/jpeg", jpegSize],
  ["image/webp", webpSize],
  ["image/avif", avifSize],
];

/** A truncated file makes the reader read past its end. */
function readSize(read: Reader, view: DataView): Size | undefined {
  try {
    return read(view);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The format and size of a picture; undefined when the bytes are in none of the supported formats. */
export function pictureOf(bytes: Uint8Array): Picture | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [contentType, read] of READERS) {
    const size = readSize(read, view);
    if (size !== undefined) return size.width > 0 && size.height > 0 ? { contentType, ...size } : undefined;
  }
  return undefined;
}

/** A product's pictures after a change of one; undefined when it has no such picture. A position past the last is the last. */
export function rearranged(
  images: readonly ManagedImage[],
  imageId: string,
  { alt, position }: ImageChanges,
): readonly ManagedImage[] | undefined {
  const index = images.findIndex(({ id }) => id === imageId);
  const image = images[index];
  if (image === undefined) return undefined;
  const changed = alt === undefined ? image : { ...image, alt };
  const others = images.toSpliced(index, 1);
  return others.toSpliced(position === undefined ? index : position - 1, 0, changed);
}
