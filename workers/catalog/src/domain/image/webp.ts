// WebP (RFC 9649): a RIFF file whose first chunk has the size: VP8 (lossy), VP8L (lossless) or VP8X (extended).
import { asciiAt } from "./bytes.ts";
import type { Size } from "./bytes.ts";

const CHUNK_HEADER_BYTES = 8;
const FIRST_CHUNK = 12;
/** Chunks with pixels: a still picture, or the frames of an animation. */
const PIXELS: ReadonlySet<string> = new Set(["VP8 ", "VP8L", "ANMF"]);
const VP8L_SIGNATURE = 0x2f;
/** A little-endian number of three bytes. */
const VP8_START_CODE = 0x2a019d;

function uint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16);
}

function firstChunkSize(view: DataView, data: number): Size | undefined {
  switch (asciiAt(view, FIRST_CHUNK, 4)) {
    case "VP8 ":
      if (uint24(view, data + 3) !== VP8_START_CODE) return undefined;
      return { width: view.getUint16(data + 6, true) & 0x3fff, height: view.getUint16(data + 8, true) & 0x3fff };
    case "VP8L": {
      if (view.getUint8(data) !== VP8L_SIGNATURE) return undefined;
      const bits = view.getUint32(data + 1, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return { width: uint24(view, data + 4) + 1, height: uint24(view, data + 7) + 1 };
    default:
      return undefined;
  }
}

/** The size of a complete WebP; undefined for any other file. @throws RangeError when the file is truncated. */
export function webpSize(view: DataView): Size | undefined {
  if (asciiAt(view, 0, 4) !== "RIFF" || asciiAt(view, 8, 4) !== "WEBP") return undefined;
  if (view.getUint32(4, true) + CHUNK_HEADER_BYTES !== view.byteLength) return undefined;
  let hasPixels = false;
  for (let offset = FIRST_CHUNK; offset !== view.byteLength;) {
    if (PIXELS.has(asciiAt(view, offset, 4))) hasPixels = true;
    const length = view.getUint32(offset + 4, true);
    // A chunk of odd length is followed by one byte of padding.
    offset += CHUNK_HEADER_BYTES + length + (length % 2);
  }
  return hasPixels ? firstChunkSize(view, FIRST_CHUNK + CHUNK_HEADER_BYTES) : undefined;
}
