// What a picture is, by its own bytes: whatever a client calls it. A file is taken when its structure holds from the first byte to
// the last and tells its size in pixels; anything behind the end (a script, an archive) makes it no picture.
import type { ImageType } from "#shared/contracts/catalog-staff";
import { avifSize } from "./image/avif.ts";
import { jpegSize } from "./image/jpeg.ts";
import { pngSize } from "./image/png.ts";
import { webpSize } from "./image/webp.ts";

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

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

/** Reading past the end is how a truncated file shows. */
function tried(read: Reader, view: DataView): Size | undefined {
  try {
    return read(view);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The kind and size of a picture; undefined when these bytes are none of the kinds that the shop takes. */
export function pictureOf(bytes: Uint8Array): Picture | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [contentType, read] of READERS) {
    const size = tried(read, view);
    if (size !== undefined) return size.width > 0 && size.height > 0 ? { contentType, ...size } : undefined;
  }
  return undefined;
}
